/**
 * Who may see a row, or its secret fields.
 *
 * An audience is everyone but some, or nobody but some. Rows with the same audience share it, and with it the streams that
 * they are sent in: what it costs to keep things from players grows with the number of different audiences, not of rows.
 */
import type { Client } from '../client.js';

/** A set of clients that see alike: a team, an alliance, the spectators. A client that leaves the room leaves its groups. */
export class Group {
  private readonly members = new Set<Client>();

  /** @internal Made by the room's `group()`. */
  constructor(private readonly audiences: Audiences) {}

  get size(): number {
    return this.members.size;
  }

  has(client: Client): boolean {
    return this.members.has(client);
  }

  add(client: Client): this {
    if (!this.members.has(client)) {
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
    /** Everyone but `who`; or, when false, nobody but `who`. */
    readonly isEveryone: boolean,
    readonly who: ReadonlySet<Viewer>,
    /** Registry version at which it was made. */
    readonly since: number,
  ) {}

  includes(client: Client): boolean {
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
  private readonly groups: Group[] = [];
  private viewerCount = 0;
  private sweepAt = SWEEP_FROM;

  constructor() {
    this.of(true, new Set());
    this.of(false, new Set());
  }

  /** Whether any audience but the two constant ones was ever asked for. */
  get isUsed(): boolean {
    return this.byId.length > 2;
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
    const key = `${isEveryone ? '+' : '-'}${ids.join()}`;
    let audience = this.byKey.get(key);
    if (audience === undefined) {
      let id = this.byId.indexOf(undefined);
      if (id < 0) id = this.byId.length;
      this.version += 1;
      audience = new Audience(id, isEveryone, new Set(who), this.version);
      this.byId[id] = audience;
      this.byKey.set(key, audience);
    }
    return audience;
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
    const set = new Set(audience.who);
    for (const viewer of who) {
      if (removes) set.delete(viewer);
      else set.add(viewer);
    }
    return this.of(audience.isEveryone, set);
  }

  private viewerId(viewer: Viewer): number {
    let id = this.viewerIds.get(viewer);
    if (id === undefined) this.viewerIds.set(viewer, (id = this.viewerCount += 1));
    return id;
  }
}

/** The audience of each row of a facet. */
export class RowAudiences {
  private readonly ids: Uint16Array;
  /** Generation that each id was set for: a new row in the slot starts with the default. */
  private readonly generations: Uint16Array;
  /** Whether any row was ever set apart. */
  isUsed = false;

  constructor(
    capacity: number,
    /** Of rows that nothing was said about: EVERYONE or NOBODY. */
    readonly defaultId: number,
  ) {
    this.ids = new Uint16Array(capacity);
    this.generations = new Uint16Array(capacity);
  }

  of(slot: number, generation: number): number {
    return this.generations[slot] === generation ? this.ids[slot]! : this.defaultId;
  }

  set(slot: number, generation: number, id: number): void {
    this.generations[slot] = generation;
    this.ids[slot] = id;
    this.isUsed = true;
  }
}
