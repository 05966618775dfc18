/**
 * A room for the property test, and what a naive model says of it: after every tick all its rows are written down with
 * who may see them, without cells, streams or deltas.
 */
import {
  angle, bool, fixed, float32, grid, int32, Room, secret, table, text, uint16, uint8, type Client, type Group,
} from '../../src/index.js';
import type { SeededRandom } from '../corpus/seeded-random.js';

export const WORLD_SIZE = 100;
export const SNAPSHOT_RATE = 20;

export interface WorldGrid {
  readonly cellSize: number;
  readonly radius: number;
  readonly rings: readonly { readonly radius: number; readonly rate: number }[];
  readonly snapshotBytesMax?: number;
}

export interface WorldOptions {
  readonly capacity: number;
  readonly grid: WorldGrid | null;
  /** Rows are hidden and fields are secret. */
  readonly hides: boolean;
}

const PUBLIC = {
  x: fixed(0, WORLD_SIZE, 1 / 8),
  y: fixed(0, WORLD_SIZE, 1 / 8),
  heading: angle(6),
  health: uint8,
  score: int32,
  speed: float32,
  asleep: bool,
  name: text(9),
};
const SECRET = { ammo: secret(uint16), plan: secret(text(6)) };
/** With `hides` off the fields are there all the same, so that rows are written alike. */
const OPEN = { ammo: uint16, plan: text(6) };

/** Who sees a row: everyone but these, or these only. */
interface Sight {
  everyone: boolean;
  readonly who: Set<Client | Group>;
}

/** One row as it was at one tick. */
export interface Sighting {
  readonly id: number;
  readonly x: number;
  readonly y: number;
  readonly open: string;
  readonly closed: string;
  /** Session keys of those who may see it, and of those who may see its secret fields too. */
  readonly seenBy: ReadonlySet<number>;
  readonly knownBy: ReadonlySet<number>;
}

export const NOTHING_CLOSED = '0 ""';

export class World extends Room {
  static override tickRate = SNAPSHOT_RATE;
  static override snapshotRate = SNAPSHOT_RATE;
  static override maxClients = 100;

  units: any;
  /** A table without a grid, for everyone. */
  signs = this.table(table({ text: text(5), value: uint8 }, { capacity: 3 }));
  options!: WorldOptions;
  readonly sights = new Map<number, { rows: Sight; secrets: Sight }>();
  readonly teams: Group[] = [];

  onCreate(options: WorldOptions): void {
    this.options = options;
    const { capacity, hides } = options;
    const fields = hides ? { ...PUBLIC, ...SECRET } : { ...PUBLIC, ...OPEN };
    this.units = this.table(table(fields, { capacity }), { visible: !this.startsHidden });
    if (options.grid !== null) this.interest = grid({ ...options.grid, table: this.units, x: 'x' as never, y: 'y' as never });
    if (hides) this.teams.push(this.group(), this.group());
  }

  get startsHidden(): boolean {
    return this.options.hides && this.options.capacity % 2 === 0;
  }

  spawn(random: SeededRandom): void {
    if (this.units.size === this.units.capacity) return;
    const unit = this.units.spawn({ x: random.below(WORLD_SIZE), y: random.below(WORLD_SIZE), name: `n${random.below(99)}` });
    unit.ammo = random.below(60_000);
    unit.plan = `p${random.below(9999)}`;
    this.sights.set(unit.id, {
      rows: { everyone: !this.startsHidden, who: new Set() },
      secrets: { everyone: false, who: new Set() },
    });
  }

  /** Hides, shows, reveals or conceals one row. Rows are either for single clients or for teams, lest both say a client. */
  changeSight(random: SeededRandom): void {
    const unit = this.anyUnit(random);
    if (unit === undefined) return;
    const viewers: readonly (Client | Group)[] = unit.index % 2 === 0 ? this.teams : this.clients;
    const who = random.below(3) === 0 ? [] : viewers.filter(() => random.below(3) === 0);
    const { rows, secrets } = this.sights.get(unit.id)!;
    const shows = random.below(2) === 0;
    const isSecret = random.below(2) === 0;
    const sight = isSecret ? secrets : rows;
    if (isSecret) shows ? this.reveal(unit, ...who) : this.conceal(unit, ...who);
    else shows ? this.show(unit, ...who) : this.hide(unit, ...who);
    if (who.length === 0) {
      sight.everyone = shows;
      sight.who.clear();
    }
    for (const viewer of who) {
      if (sight.everyone === shows) sight.who.delete(viewer);
      else sight.who.add(viewer);
    }
  }

  changeTeam(random: SeededRandom): void {
    const client = this.clients[random.below(this.clients.length)];
    if (client === undefined) return;
    for (const team of this.teams) team.delete(client);
    const next = random.below(3);
    if (next < 2) this.teams[next]!.add(client);
  }

  anyUnit(random: SeededRandom): any {
    const count: number = this.units.size;
    let left = count === 0 ? -1 : random.below(count);
    for (const unit of this.units) if (left-- === 0) return unit;
    return undefined;
  }

  write(unit: any, random: SeededRandom): void {
    if (unit === undefined) return;
    const numbers = [0, -1, 7, 255, 256, 1e9, -1e9, 2 ** 31, -(2 ** 31), NaN, random.below(1000) / 7];
    const number = numbers[random.below(numbers.length)]!;
    const name = ['', 'ä', 'x'.repeat(12), `n${random.below(99)}`][random.below(4)];
    switch (random.below(9)) {
      case 0:
        return void (unit.heading += number);
      case 1:
        return void (unit.health = number);
      case 2:
        return void (unit.score = number);
      case 3:
        return void (unit.score += 1);
      case 4:
        return void (unit.speed = number);
      case 5:
        return void (unit.asleep = !unit.asleep);
      case 6:
        return void (unit.name = name);
      case 7:
        return void (unit.ammo = number);
      default:
        unit.plan = `p${random.below(99)}`;
    }
  }

  teleport(unit: any, random: SeededRandom): void {
    if (unit === undefined) return;
    unit.x = random.below(WORLD_SIZE + 20) - 10;
    if (random.below(2) === 0) unit.y = random.below(WORLD_SIZE);
  }

  writeSign(random: SeededRandom): void {
    const { signs } = this;
    const sign = signs.at(random.below(signs.capacity));
    if (sign === undefined && signs.size < signs.capacity) signs.spawn({ value: random.below(256) });
    else if (sign !== undefined && random.below(3) === 0) signs.despawn(sign);
    else if (sign !== undefined) sign.text = `t${random.below(999)}`;
  }

  /** All rows as they are now. */
  sightings(): Map<number, Sighting> {
    const all = new Map<number, Sighting>();
    for (const unit of this.units) {
      const { rows, secrets } = this.sights.get(unit.id)!;
      const seenBy = this.viewers(rows);
      const knownBy = this.options.hides ? this.viewers(secrets) : seenBy;
      all.set(unit.id, { id: unit.id, x: unit.x, y: unit.y, open: openText(unit, this.options), closed: closedText(unit), seenBy, knownBy });
    }
    return all;
  }

  private viewers({ everyone, who }: Sight): Set<number> {
    const seen = new Set<number>();
    for (const client of this.clients) {
      const isNamed = who.has(client) || this.teams.some((team) => who.has(team) && team.has(client));
      if (isNamed !== everyone) seen.add(client.sessionKey);
    }
    return seen;
  }
}

/** What those who see a row see of it. */
export function openText(unit: any, { hides }: WorldOptions): string {
  const { x, y, heading, health, score, speed, asleep, name } = unit;
  const text = `${x} ${y} ${heading} ${health} ${score} ${speed} ${asleep} ${name}`;
  return hides ? text : `${text} ${closedText(unit)}`;
}

export function closedText(unit: any): string {
  return `${unit.ammo} "${unit.plan}"`;
}
