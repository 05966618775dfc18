/**
 * Whatever a room does and whatever becomes of its clients, each of them holds what it may see, as it was at the tick that
 * it holds. Every sequence of spawns, writes, joins, skips and drains comes from a seed, which a failure names.
 *
 *   ESCAPEMENT_SEED='rings 157'    replays one sequence
 *   ESCAPEMENT_SEQUENCES=5000      runs so many of each kind of room
 */
import { afterAll, expect, it } from 'vitest';
import { SeededRandom } from './corpus/seeded-random.js';
import { LoopedRoom, type LoopedClient } from './support/looped-room.js';
import {
  closedText, NOTHING_CLOSED, openText, SNAPSHOT_RATE, World, WORLD_SIZE, type Sighting, type WorldGrid, type WorldOptions,
} from './support/watched-world.js';

const KINDS = ['plain', 'grid', 'rings', 'budget', 'hidden', 'hidden grid', 'hidden crowd'] as const;
type Kind = (typeof KINDS)[number];

const replayed = process.env.ESCAPEMENT_SEED;
/** 7 kinds: 10,010 sequences. Those of streams-arrive-as-sent.test.ts come on top. */
const SEQUENCES_BY_DEFAULT = 1430;
const sequencesOfKind = Number(process.env.ESCAPEMENT_SEQUENCES ?? SEQUENCES_BY_DEFAULT);
const FILE = 'test/snapshots-leave-clients-equal.test.ts';

/** A client lags after 7 ticks and is closed after 24; or does neither, so that a front which sleeps has its ring full. */
const PACES = [{ lagLimitMs: 350, ackTimeoutMs: 1200 }, { lagLimitMs: 5000, ackTimeoutMs: 9000 }];

/** Everything there was to see at one tick. */
interface Moment {
  readonly units: ReadonlyMap<number, Sighting>;
  readonly signs: string;
  /** Where each client looked, by its key. */
  readonly focus: ReadonlyMap<number, readonly [number, number]>;
}

/** How often things went wrong that a room is to get over; of use only where all of them happen. */
const trouble = { dropped: 0, skipped: 0, lagged: 0, tooSlow: 0, resyncs: 0 };

class Sequence {
  step = 0;
  private readonly random: SeededRandom;
  private readonly options: WorldOptions;
  private readonly moments = new Map<number, Moment>();
  /** By client, what a game that only listens to callbacks believes to be there. */
  private readonly heard = new Map<LoopedClient, Map<number, { row: object; text: string }>>();
  private loop!: LoopedRoom;
  private world!: World;
  private isFrontAsleep = false;
  private hasLost = false;
  /** Ticks since which nothing has changed. */
  private calmTicks = 0;

  constructor(private readonly kind: Kind, seed: number) {
    const random = (this.random = new SeededRandom(Math.imul(seed, 0x9e3779b1) ^ KINDS.indexOf(kind)));
    const capacity = 1 + random.below(random.below(3) === 0 ? 4 : 20);
    this.options = { capacity, grid: this.anyGrid(), hides: kind.startsWith('hidden') };
  }

  async run(): Promise<void> {
    const { random, kind } = this;
    const ringBytes = (this.options.capacity < 12 && this.clientsMax < 5 ? 4096 : 16_384) << (2 * random.below(2));
    this.loop = await LoopedRoom.create(World, this.options, { ringBytes, pace: PACES[random.below(2)]! });
    this.world = this.loop.room as World;
    for (let n = this.clientsMax >> 1; n > 0; n -= 1) await this.join();
    const steps = 10 + random.below(31);
    for (this.step = 1; this.step <= steps; this.step += 1) {
      for (let n = random.below(6); n > 0; n -= 1) await this.act();
      // So many audiences that those which no row has any more are looked for.
      for (let n = kind === 'hidden crowd' ? 12 : 0; n > 0; n -= 1) this.world.changeSight(random);
      this.move();
      this.tick();
    }
    this.settle();
    this.count();
  }

  // --- What happens --------------------------------------------------------------------------------------------------

  private async act(): Promise<void> {
    const { random, world, loop } = this;
    const client = loop.clients[random.below(Math.max(1, loop.clients.length))];
    const isRare = random.below(2) === 0;
    switch (random.below(20)) {
      case 0:
      case 1:
        for (let n = isRare ? 1 : random.below(9); n > 0; n -= 1) world.spawn(random);
        return;
      case 2:
        return void world.units.despawn(world.anyUnit(random) ?? 0);
      case 3:
      case 4:
        return world.write(world.anyUnit(random), random);
      case 5:
        return world.teleport(world.anyUnit(random), random);
      case 6: // messages wait for room in the ring, and snapshots are dropped while any does
        return isRare ? world.writeSign(random) : world.broadcast('shout', new Uint8Array(random.below(1500)));
      case 7:
        return loop.clients.length < this.clientsMax ? this.join() : undefined;
      case 8:
        return client !== undefined && isRare ? loop.leave(client) : undefined;
      case 9:
        return client === undefined ? undefined : void (client.isSilent = !client.isSilent);
      case 10:
        return client === undefined ? undefined : void (client.isStuck = true);
      case 11:
        return client?.isStuck === true ? client.unstick() : undefined;
      case 12:
        this.isFrontAsleep = !this.isFrontAsleep && isRare;
        return;
      case 13:
        if (client === undefined || !isRare) return;
        this.hasLost = client.losesNext = true;
        return;
      case 14:
        // One client, or all at once: that is far more to send than with the snapshot before.
        for (const { seat } of isRare ? loop.clients : []) {
          if (seat !== undefined && (this.step % 2 === 0 || seat === client!.seat)) loop.runner.resync(seat);
        }
        return;
      case 15: // what keyframes of other rooms have taken
        return isRare ? loop.keyframeBudget.take(random.below(10) * 1024 * 1024) : undefined;
      case 16:
        return this.look(client);
      default:
        if (!this.options.hides) return;
        if (random.below(4) === 0) world.changeTeam(random);
        else world.changeSight(random);
    }
  }

  private get clientsMax(): number {
    return this.kind === 'hidden crowd' ? 12 : 4;
  }

  private async join(): Promise<void> {
    await this.loop.join((client) => {
      const room = client.room!;
      const { units } = room.state;
      const heard = new Map<number, { row: object; text: string }>();
      this.heard.set(client, heard);
      const hear = (row: any): void => void heard.set(row.id, { row, text: openText(row, this.options) + closedText(row) });
      units.onAdd((row: any) => {
        if (heard.has(row.id)) throw new Error(`row ${row.id} was added twice`);
        hear(row);
      });
      units.onChange((row: any) => {
        if (heard.get(row.id)?.row !== row) throw new Error(`row ${row.id} has changed, and is another object`);
        hear(row);
      });
      units.onRemove((row: any) => {
        if (!heard.delete(row.id)) throw new Error(`row ${row.id} was removed, and never added`);
      });
      room.onStateChange((_, tick) => this.check(client, tick));
      if (this.random.below(4) > 0) this.look(client);
    });
  }

  private look(client: LoopedClient | undefined): void {
    const { random, world } = this;
    const seat = client?.seat;
    if (seat === undefined || this.options.grid === null) return;
    const unit = world.anyUnit(random);
    if (unit !== undefined && random.below(3) > 0) seat.follow(unit);
    else seat.lookAt(random.below(WORLD_SIZE), random.below(WORLD_SIZE));
  }

  /** Most units go on as they went; some turn round, and so cross a border to and fro. */
  private move(): void {
    for (const unit of this.world.units) {
      if (unit.index % 5 === 0) continue;
      const direction = (unit.index * 7 + (this.step >> (unit.index % 4))) & 3;
      unit.x += direction === 0 ? 3 : direction === 2 ? -3 : 0;
      unit.y += direction === 1 ? 5 : direction === 3 ? -5 : 0;
      unit.heading += 0.1;
    }
  }

  private tick(): void {
    const { loop, world } = this;
    loop.runTick();
    if (loop.failure !== undefined) throw loop.failure;
    const focus = new Map(world.clients.map((client) => [client.sessionKey, [client.lookX, client.lookY] as const]));
    this.moments.set(loop.tick, { units: world.sightings(), signs: signsText(world.signs), focus });
    if (!this.isFrontAsleep) loop.drain();
    for (const client of loop.clients) {
      if (client.errors.length > 0) throw client.errors[0];
      client.listen();
    }
  }

  /** Nothing happens any more: everyone comes to hold what there is. */
  private settle(): void {
    const { loop } = this;
    this.isFrontAsleep = false;
    loop.nowMs += 1000; // as much as was ever taken from the budget of keyframes
    loop.drain();
    for (const client of loop.clients) {
      client.isSilent = client.losesNext = false;
      client.unstick();
      client.listen();
      // A frame that was lost shows with the next delta, and none comes for who lags. No TCP connection loses frames.
      if (client.seat?.lagging === true) loop.runner.resync(client.seat);
    }
    for (this.calmTicks = 1; this.calmTicks <= this.settleTicks; this.calmTicks += 1) this.tick();
    for (const client of loop.clients) {
      const { tick, stats, state } = client.room!;
      if (tick !== loop.tick) throw new Error(`client ${client.key} still holds ${tick} at ${loop.tick}`);
      if (!this.hasLost && stats.resyncs > 0) throw new Error(`client ${client.key} lost its baseline`);
      const heard = this.heard.get(client)!;
      if (heard.size !== state.units.size) throw new Error(`${heard.size} rows were heard of, and there are ${state.units.size}`);
      for (const row of state.units) {
        const text = openText(row, this.options) + closedText(row);
        if (heard.get(row.id)?.text !== text) throw new Error(`what was heard of row ${row.id} isn't ${text}`);
      }
    }
  }

  // --- What must be true ---------------------------------------------------------------------------------------------

  private check(client: LoopedClient, tick: number): void {
    const moment = this.moments.get(tick)!;
    const { units, signs } = client.room!.state;
    const text = signsText(signs);
    if (text !== moment.signs) throw new Error(`signs are ${text}, and should be ${moment.signs}`);
    for (const unit of units) this.checkHeld(client, tick, moment, unit);
    for (const sighting of moment.units.values()) {
      if (this.mustHold(client, moment, sighting) && !units.has(sighting.id)) {
        throw new Error(`row ${sighting.id} at ${sighting.x}, ${sighting.y} is missing`);
      }
    }
  }

  private checkHeld({ key }: LoopedClient, tick: number, moment: Moment, unit: any): void {
    const now = moment.units.get(unit.id);
    const isSeen = now !== undefined && now.seenBy.has(key);
    const open = openText(unit, this.options);
    if (this.options.hides && isSeen) {
      const closed = closedText(unit);
      const expected = now.knownBy.has(key) ? now.closed : NOTHING_CLOSED;
      if (closed !== expected) throw new Error(`row ${unit.id} has secrets ${closed}, and should have ${expected}`);
    }
    if (isSeen && now.open === open) {
      if (!this.mayHold(moment, key, unit)) throw new Error(`row ${unit.id} at ${unit.x}, ${unit.y} is too far away`);
      return;
    }
    // Its numbers are those of one moment. A keyframe of a cell further out has newer texts than those who know it hold.
    let hasTexts = false;
    for (let then = tick; then > 0 && then >= tick - this.staleTicksMax; then -= 1) {
      const old = this.moments.get(then)!.units.get(unit.id);
      // Who has just come, to the room or to a team, is sent what those in it hold: of a cell further out an older value.
      if (old === undefined || !(isSeen || old.seenBy.has(key))) continue;
      hasTexts ||= textsOf(old.open) === textsOf(open);
      if (hasTexts && numbersOf(old.open) === numbersOf(open)) return;
    }
    if (isSeen) throw new Error(`row ${unit.id} is ${open}, and should be ${now.open}`);
    throw new Error(`row ${unit.id} is ${now === undefined ? 'gone' : 'hidden'}, and held`);
  }

  /** Where cells wait for bytes only in the end; otherwise at least what is within the radius. */
  private mustHold({ key }: LoopedClient, { focus }: Moment, { x, y, seenBy }: Sighting): boolean {
    const { grid } = this.options;
    if (!seenBy.has(key)) return false;
    if (grid === null) return true;
    if (grid.snapshotBytesMax !== undefined && !this.isSettled) return false;
    const [lookX, lookY] = focus.get(key)!;
    const farthest = grid.rings.at(-1);
    return Math.hypot(x - lookX, y - lookY) <= (this.isSettled && farthest !== undefined ? farthest.radius : grid.radius);
  }

  /** No row beyond the leave radius and one cell, and what the focus may move between two looks. */
  private mayHold({ focus }: Moment, key: number, { x, y }: { x: number; y: number }): boolean {
    const { grid } = this.options;
    if (grid === null || (grid.rings.length > 0 && !this.isSettled)) return true;
    const [lookX, lookY] = focus.get(key)!;
    const leaveRadius = (grid.rings.at(-1)?.radius ?? grid.radius) + grid.cellSize / 2;
    return Math.hypot(x - lookX, y - lookY) <= leaveRadius + 2 * grid.cellSize;
  }

  /** How old a row's values may be. */
  private get staleTicksMax(): number {
    const { grid } = this.options;
    if (grid === null || this.isSettled) return 0;
    if (grid.snapshotBytesMax !== undefined) return Infinity;
    return grid.rings.length === 0 ? 0 : SNAPSHOT_RATE / grid.rings.at(-1)!.rate + this.loop.snapshotsDropped;
  }

  /** In so many ticks all rings have had their turn, and all cells that waited for bytes. */
  private get settleTicks(): number {
    const { grid } = this.options;
    if (grid === null) return 6;
    return grid.snapshotBytesMax === undefined ? 24 : 45;
  }

  private get isSettled(): boolean {
    return this.calmTicks >= this.settleTicks - 1;
  }

  private anyGrid(): WorldGrid | null {
    const { kind, random } = this;
    if (kind === 'plain' || kind === 'hidden' || (kind === 'hidden crowd' && random.below(2) === 0)) return null;
    const isRinged = kind === 'rings' || (kind !== 'grid' && random.below(2) === 0);
    const far = [{ radius: 60, rate: 5 }, { radius: 85, rate: 2 }];
    return {
      cellSize: [8, 20, 33][random.below(3)]!,
      radius: 15 + random.below(20),
      rings: isRinged ? far.slice(0, 1 + random.below(2)) : [],
      snapshotBytesMax: kind === 'budget' || (kind.startsWith('hidden') && random.below(2) === 0) ? 64 + random.below(100) : undefined,
    };
  }

  private count(): void {
    const { loop } = this;
    trouble.dropped += loop.snapshotsDropped;
    trouble.skipped += loop.snapshotsSkipped;
    trouble.lagged += loop.snapshotsLagged;
    trouble.tooSlow += loop.tooSlow;
    for (const { room } of loop.clients) trouble.resyncs += room!.stats.resyncs;
  }
}

const TEXT_WORDS = [7, 9];
const numbersOf = (open: string): string => open.split(' ').filter((_, i) => !TEXT_WORDS.includes(i)).join();
const textsOf = (open: string): string => open.split(' ').filter((_, i) => TEXT_WORDS.includes(i)).join();

function signsText(signs: Iterable<any>): string {
  let text = '';
  for (const sign of signs) text += `${sign.id} ${sign.text} ${sign.value};`;
  return text;
}

/** Of as many sequences as run by default. */
const TROUBLE_AT_LEAST = 300;

afterAll(() => {
  if (replayed !== undefined || sequencesOfKind < SEQUENCES_BY_DEFAULT) return;
  for (const [name, count] of Object.entries(trouble)) expect(count, name).toBeGreaterThan(TROUBLE_AT_LEAST);
});

it.each(KINDS)('%s rooms', { timeout: 300_000 }, async (kind) => {
  const [, replayedKind, replayedSeed] = /^(.*) (\d+)$/.exec(replayed ?? '') ?? [];
  if (replayed !== undefined && replayedKind !== kind) return;
  const first = replayed === undefined ? 1 : Number(replayedSeed);
  const last = replayed === undefined ? sequencesOfKind : first;
  for (let seed = first; seed <= last; seed += 1) {
    const sequence = new Sequence(kind, seed);
    try {
      await sequence.run();
    } catch (error) {
      const replay = `ESCAPEMENT_SEED='${kind} ${seed}' npx vitest run --config test/vitest.config.ts ${FILE}`;
      throw new Error(`${kind} rooms, seed ${seed}, step ${sequence.step}: ${(error as Error).stack}\nreplay: ${replay}`);
    }
  }
});

it('a snapshot that is larger than expected, and finds the ring too full, costs no more than baselines', async () => {
  let lost = 0;
  for (let shoutBytes = 0; shoutBytes < 4000; shoutBytes += 50) {
    const grid = { cellSize: 20, radius: 150, rings: [] };
    const options: WorldOptions = { capacity: 60, grid, hides: false };
    const loop = await LoopedRoom.create(World, options, { ringBytes: 16_384, pace: PACES[1]! });
    const world = loop.room as World;
    const client = await loop.join(({ seat }) => seat!.lookAt(50, 50));
    world.units.spawn({});
    const tick = (): void => {
      loop.runTick();
      loop.drain();
      client.listen();
    };
    for (let n = 0; n < 3; n += 1) tick();
    expect(client.seat!.inStep).toBe(true);
    // The ring has a little room left, and nothing waits for it.
    for (const bytes of [6000, 6000, shoutBytes]) world.broadcast('shout', new Uint8Array(bytes));
    while (world.units.size < 60) world.units.spawn({ x: world.random() * 100, y: world.random() * 100, name: 'a long one' });
    loop.runTick();
    if (!client.seat!.inStep) lost += 1;
    loop.drain();
    for (let n = 0; n < 3; n += 1) tick();
    expect(client.errors).toEqual([]);
    expect(client.seat!.inStep).toBe(true);
    expect([...client.room!.state.units].map((row: any) => row.toJSON())).toEqual([...world.units].map((row: any) => row.toJSON()));
  }
  expect(lost).toBeGreaterThan(5);
});
