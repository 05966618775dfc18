/**
 * Who may see a row, or its secret fields.
 *
 * An audience is everyone but some, or nobody but some. Rows with the same audience share it, and with it the streams that
 * they are sent in: what it costs to keep things from players grows with the number of different audiences, not of rows.
 */
import type { Table } from '../../state/table.js';
import type { Client } from '../client.js';

/** A set of clients that see alike: a team, an alliance, the spectators. A client that leaves the room leaves its groups. */
export class Group {
  private readonly members = new Set<Client>();

  /** @internal Made by the room's `group()`. */
  constructor(
    /** @internal */
    readonly audiences: Audiences,
  ) {}

  get size(): number {
    return this.members.size;
  }

  has(client: Client): boolean {
    return this.members.has(client);
  }

  /** A client that has left the room isn't added. */
  add(client: Client): this {
    if (typeof client?.sessionId !== 'string') throw new TypeError('group.add(client): expected a client of the room');
    if (!this.members.has(client) && client.state !== 'left') {
      this.members.add(client);
      this.audiences.version += 1;
    }
    return this;
  }

  delete(client: Client): boolean {
    const was = this.members.delete(client);
    if (was) this.audiences.version += 1;
    return was;
  }

  [Symbol.iterator](): IterableIterator<Client> {
    return this.members[Symbol.iterator]();
  }
}

export type Viewer = Client | Group;

export class Audience {
  /** No row has it any more, and its id may be another's. */
  hasEnded = false;

  constructor(
    readonly id: number,
    /** Its description: equal ones are one. */
    readonly key: string,
    /** Everyone but `who`; or, when false, nobody but `who`. */
    readonly isEveryone: boolean,
    readonly who: ReadonlySet<Viewer>,
    /** Who belongs to this belongs to that one too; null: whoever. */
    readonly within: Audience | null,
    /** Registry version at which it was made. */
    readonly since: number,
  ) {}

  includes(client: Client): boolean {
    if (this.within !== null && !this.within.includes(client)) return false;
    for (const viewer of this.who) {
      if (viewer === client || (viewer instanceof Group && viewer.has(client))) return !this.isEveryone;
    }
    return this.isEveryone;
  }
}

/** Ids that are always there. */
export const EVERYONE = 0;
export const NOBODY = 1;

/** How many audiences there may be before those that no row has are looked for. */
const SWEEP_FROM = 64;

/** A room's audiences. */
export class Audiences {
  /** Raised when an audience is made or a group changes: what a client may see has to be looked at again. */
  version = 1;
  private readonly byId: (Audience | undefined)[] = [];
  private readonly byKey = new Map<string, Audience>();
  private readonly viewerIds = new Map<Viewer, number>();
  /** What `bothOf` has found. */
  private readonly pairs = new Map<number, number>();
  private readonly groups: Group[] = [];
  private viewerCount = 0;
  private sweepAt = SWEEP_FROM;

  constructor() {
    this.of(true, new Set());
    this.of(false, new Set());
  }

  get all(): readonly (Audience | undefined)[] {
    return this.byId;
  }

  /** Whether a sweep is worth its while. */
  get isCrowded(): boolean {
    return this.byKey.size > this.sweepAt;
  }

  get(id: number): Audience {
    return this.byId[id]!;
  }

  group(): Group {
    const group = new Group(this);
    this.groups.push(group);
    return group;
  }

  /** The audience of that description: one and the same for equal ones. */
  of(isEveryone: boolean, who: ReadonlySet<Viewer>): Audience {
    const ids = [...who].map((viewer) => this.viewerId(viewer)).sort((a, b) => a - b);
    return this.intern(`${isEveryone ? '+' : '-'}${ids.join()}`, isEveryone, who, null);
  }

  /** Id of the audience of those who belong to both. */
  bothOf(one: number, other: number): number {
    const pair = one * 65536 + other;
    let id = this.pairs.get(pair);
    if (id === undefined) this.pairs.set(pair, (id = this.both(this.get(one), this.get(other)).id));
    return id;
  }

  private both(one: Audience, other: Audience): Audience {
    if (one.id === NOBODY || other.id === NOBODY) return this.get(NOBODY);
    if (one.id === EVERYONE || one === other) return other;
    if (other.id === EVERYONE) return one;
    return this.intern(`${one.key}&${other.key}`, one.isEveryone, one.who, other);
  }

  /** The audience that differs from this one in that `who` see. */
  with(audience: Audience, who: readonly Viewer[]): Audience {
    return this.changed(audience, who, audience.isEveryone);
  }

  /** The audience that differs from this one in that `who` don't see. */
  without(audience: Audience, who: readonly Viewer[]): Audience {
    return this.changed(audience, who, !audience.isEveryone);
  }

  /** Ends the audiences whose ids `isInUse` doesn't know. Returns those ids. */
  sweep(isInUse: ReadonlySet<number>): number[] {
    const ended: number[] = [];
    this.pairs.clear();
    for (const [key, audience] of this.byKey) {
      if (audience.id <= NOBODY || isInUse.has(audience.id)) continue;
      this.byKey.delete(key);
      this.byId[audience.id] = undefined;
      audience.hasEnded = true;
      ended.push(audience.id);
    }
    this.sweepAt = Math.max(SWEEP_FROM, 2 * this.byKey.size);
    if (ended.length > 0) this.version += 1;
    return ended;
  }

  /** The client has left the room. */
  forget(client: Client): void {
    for (const group of this.groups) group.delete(client);
    this.viewerIds.delete(client);
  }

  private changed(audience: Audience, who: readonly Viewer[], removes: boolean): Audience {
    const set = new Set<Viewer>();
    for (const viewer of audience.who) if (viewer instanceof Group || viewer.state !== 'left') set.add(viewer);
    for (const viewer of who) {
      if (removes) set.delete(viewer);
      else set.add(viewer);
    }
    return this.of(audience.isEveryone, set);
  }

  private intern(key: string, isEveryone: boolean, who: ReadonlySet<Viewer>, within: Audience | null): Audience {
    let audience = this.byKey.get(key);
    if (audience === undefined) {
      let id = this.byId.indexOf(undefined);
      if (id < 0) id = this.byId.length;
      this.version += 1;
      audience = new Audience(id, key, isEveryone, new Set(who), within, this.version);
      this.byId[id] = audience;
      this.byKey.set(key, audience);
    }
    return audience;
  }

  private viewerId(viewer: Viewer): number {
    let id = this.viewerIds.get(viewer);
    if (id === undefined) this.viewerIds.set(viewer, (id = this.viewerCount += 1));
    return id;
  }
}

const NO_IDS = new Uint16Array(0);
const NO_SPAWNS = new Uint32Array(0);

/** The audience of each row of a facet. Takes no memory for its rows until one is set apart, as in most tables none is. */
export class RowAudiences {
  private ids = NO_IDS;
  /** Which of the slot's rows each id was set for: a new row in the slot starts with the default. */
  private setFor = NO_SPAWNS;
  /** Whether any row was ever set apart. */
  isUsed = false;

  constructor(
    private readonly table: Table,
    /** Of rows that nothing was said about: EVERYONE or NOBODY. */
    readonly defaultId: number,
  ) {}

  of(slot: number): number {
    return this.isUsed && this.setFor[slot] === this.table.spawns[slot] ? this.ids[slot]! : this.defaultId;
  }

  set(slot: number, id: number): void {
    if (!this.isUsed) {
      this.ids = new Uint16Array(this.table.capacity);
      this.setFor = new Uint32Array(this.table.capacity);
    }
    this.setFor[slot] = this.table.spawns[slot]!;
    this.ids[slot] = id;
    this.isUsed = true;
  }
}
