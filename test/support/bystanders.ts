/**
 * Well-behaved clients that play on while others misbehave: two in a `drift` room, whose every snapshot they compare
 * with the room's own hash, and four in a `probe` room, which they fill.
 */
import { readFileSync } from 'node:fs';
import { connect, type ClientRoom } from 'escapement/client';
import { expect } from 'vitest';
import { CloseCode } from '../../src/protocol/close-codes.js';
import type Drift from '../rooms/drift.js';
import type { HashMessage } from '../rooms/drift.js';
import type Probe from '../rooms/probe.js';
import type { ServerProcess } from './server-process.js';

const PROBE_HZ = 30;
const PROBE_SEATS = 4;
const INPUT_INTERVAL_MS = 33;
/** Share of its deadlines that a room runs even on a machine whose every core others are using too. */
const TICKED_SHARE_MIN = 0.75;
/** Two isolates let garbage of thousands of joins lie for a while: about 80 MiB at most, however long it goes on. */
const GROWTH_BYTES_MAX = 128 * 1024 * 1024;
/** What a log must not hold: what nobody caught, and what ends a thread. */
const ALARMING = /unhandled|uncaught|TypeError|ReferenceError|"level":60/i;

/** The probe room's tick as told by itself, some time between asking and hearing. */
interface TickReading {
  readonly askedMs: number;
  readonly heardMs: number;
  readonly tick: number;
  /** Ticks that all rooms of the server had skipped before asking, and after hearing. */
  readonly skippedBefore: number;
  readonly skippedAfter: number;
}

export class Bystanders {
  private compared = 0;
  private readonly problems: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private before!: { reading: TickReading; compared: number; hookErrors: number; residentBytes: number };

  private constructor(
    private readonly server: ServerProcess,
    private readonly drifters: readonly ClientRoom<typeof Drift>[],
    private readonly probers: readonly ClientRoom<typeof Probe>[],
  ) {}

  /** Joins them and begins to play. No attacker gets a seat beside the probers: their room is full. */
  static async join(server: ServerProcess): Promise<Bystanders> {
    const client = connect(server.url, { reconnect: false });
    const first = await client.create<typeof Drift>('drift', { name: 'first' });
    const second = await client.joinById<typeof Drift>(first.id, { name: 'second' });
    const probers = [await client.create<typeof Probe>('probe')];
    while (probers.length < PROBE_SEATS) probers.push(await client.joinById<typeof Probe>(probers[0]!.id));
    const all = new Bystanders(server, [first, second], probers);
    all.play();
    await all.begin();
    return all;
  }

  get count(): number {
    return this.drifters.length + this.probers.length;
  }

  /** The drift room, which has seats for others. */
  get driftRoomId(): string {
    return this.drifters[0]!.id;
  }

  /** Starts a new account: what comes after is compared with now. */
  async begin(): Promise<void> {
    this.before = {
      reading: await this.readTick(),
      compared: this.compared,
      hookErrors: await this.server.metric('escapement_hook_errors_total'),
      residentBytes: this.residentBytes(),
    };
  }

  /**
   * Waits until nobody else is connected, then holds the server to what it owes those who did nothing wrong since the
   * last account, and starts a new one.
   */
  async expectUnharmed(): Promise<void> {
    const { server, before } = this;
    await expect.poll(() => server.metric('escapement_connections'), { timeout: 10_000 }).toBe(this.count);
    await expect.poll(() => server.metric('escapement_clients'), { timeout: 10_000 }).toBe(this.count);
    await expect.poll(() => server.metric('escapement_rooms'), { timeout: 10_000 }).toBe(2);
    expect(server.child.exitCode).toBeNull();
    expect(this.problems).toEqual([]);
    await expect.poll(() => this.compared, { timeout: 10_000 }).toBeGreaterThan(before.compared);
    for (const room of [...this.drifters, ...this.probers]) expect(room.stats.resyncs).toBe(0);
    expect(await server.metric('escapement_hook_errors_total')).toBe(before.hookErrors);
    expect(server.stderr).toBe('');
    expect(server.stdout).not.toMatch(ALARMING);
    this.expectTicks(before.reading, await this.readTick());
    expect(this.residentBytes() - before.residentBytes).toBeLessThan(GROWTH_BYTES_MAX);
    await this.begin();
  }

  async leave(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all([...this.drifters, ...this.probers].map((room) => room.leave()));
  }

  /**
   * A deadline is either run or counted as skipped, so the two together follow the clock exactly. Each reading holds
   * for some moment between asking and hearing: the bounds leave that much, and a tick at either end.
   */
  private expectTicks(from: TickReading, to: TickReading): void {
    const leastTicks = ((to.askedMs - from.heardMs) / 1000) * PROBE_HZ - 2;
    const mostTicks = ((to.heardMs - from.askedMs) / 1000) * PROBE_HZ + 2;
    const ran = to.tick - from.tick;
    expect(ran).toBeLessThanOrEqual(mostTicks);
    expect(ran + to.skippedAfter - from.skippedBefore).toBeGreaterThanOrEqual(leastTicks);
    expect(ran).toBeGreaterThanOrEqual(leastTicks * TICKED_SHARE_MIN);
  }

  private async readTick(): Promise<TickReading> {
    const room = this.probers[0]!;
    const skippedBefore = await this.server.metric('escapement_ticks_skipped_total');
    const askedMs = performance.now();
    const tick = await new Promise<number>((resolve) => {
      const stop = room.onMessage('tick', (answer: { tick: number }) => {
        stop();
        resolve(answer.tick);
      });
      room.send('tick');
    });
    const heardMs = performance.now();
    const skippedAfter = await this.server.metric('escapement_ticks_skipped_total');
    return { askedMs, heardMs, tick, skippedBefore, skippedAfter };
  }

  private residentBytes(): number {
    const status = readFileSync(`/proc/${this.server.child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
  }

  private play(): void {
    for (const room of this.drifters) this.watch(room);
    for (const room of this.probers) {
      room.onError((error) => this.problems.push(String(error)));
      room.onLeave((code, reason) => this.left('probe', code, reason));
    }
    let step = 0;
    this.timer = setInterval(() => {
      step += 1;
      const push = { dx: (step % 200) - 100, dy: (step % 90) - 45, turn: step / 10, boost: true };
      for (const room of this.drifters) room.input(push);
      for (const room of this.probers) room.input({ amount: (step % 3) - 1 });
    }, INPUT_INTERVAL_MS);
  }

  private left(who: string, code: number, reason: string): void {
    if (code !== CloseCode.Consented) this.problems.push(`${who} was closed with ${code} ${reason}`);
  }

  private watch(room: ClientRoom<typeof Drift>): void {
    const firstTick = room.tick;
    // The hash of a snapshot comes one tick after it, on the same socket: nothing newer can have come between.
    room.onMessage('hash', ({ tick, hash }: HashMessage) => {
      if (tick < firstTick) return;
      this.compared += 1;
      if (tick !== room.tick) this.problems.push(`holds tick ${room.tick}, not ${tick}`);
      else if (room.stateHash() !== hash) this.problems.push(`tick ${tick}: ${room.stateHash()} is not ${hash}`);
    });
    room.onError((error) => this.problems.push(String(error)));
    room.onLeave((code, reason) => this.left('drift', code, reason));
  }
}
