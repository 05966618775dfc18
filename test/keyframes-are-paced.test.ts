/** Hundreds who join a large room at once have their keyframes one after the other, and nobody's ticks wait for that. */
import { connect } from 'escapement/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeJoin, JoinMethod } from '../src/protocol/client-frames.js';
import { ServerFrameKind, ServerFrameReader, SnapshotKind } from '../src/protocol/server-frames.js';
import { KeyframeBudget } from '../src/shard/keyframe-budget.js';
import type Horde from './rooms/horde.js';
import { frameOf, RawSocket } from './support/raw-socket.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

const MIB = 1024 * 1024;
/** What is handed over at once, and in a second. */
const BURST_BYTES = MIB;
const BYTES_PER_SEC = 64 * MIB;

describe('the budget', () => {
  it('admits as many as fit, and the one that takes it over its end', () => {
    const budget = new KeyframeBudget();
    expect(budget.admit(3, 300_000)).toBe(3);
    expect(budget.admit(3, 300_000)).toBe(1);
    expect(budget.isOpen).toBe(false);
    expect(budget.admit(3, 300_000)).toBe(0);
  });

  it('admits one of any size, which is then paid off', () => {
    const budget = new KeyframeBudget();
    budget.refill(1000);
    expect(budget.admit(5, 9 * MIB)).toBe(1);
    // 8 MiB are owed: an eighth of a second.
    budget.refill(1124);
    expect(budget.isOpen).toBe(false);
    budget.refill(1126);
    expect(budget.isOpen).toBe(true);
  });

  it('fills up with time, to its burst and no further', () => {
    const budget = new KeyframeBudget();
    budget.refill(0);
    budget.take(BURST_BYTES);
    budget.refill(1);
    expect(budget.admit(1000, 1024)).toBe(Math.ceil(BYTES_PER_SEC / 1000 / 1024));
    budget.refill(100_000);
    expect(budget.admit(10_000, 1024)).toBe(BURST_BYTES / 1024);
  });

  it('gives out no more than its rate over any time', () => {
    const budget = new KeyframeBudget();
    let bytes = 0;
    for (let tick = 0; tick <= 600; tick += 1) {
      budget.refill((tick * 1000) / 60);
      bytes += 200_000 * budget.admit(100, 200_000);
    }
    expect(bytes).toBeLessThanOrEqual(10 * BYTES_PER_SEC + BURST_BYTES + 200_000);
    expect(bytes).toBeGreaterThan(0.85 * 10 * BYTES_PER_SEC);
  });

  it('takes nothing for nobody', () => {
    const budget = new KeyframeBudget();
    expect(budget.admit(0, 1e9)).toBe(0);
    expect(budget.admit(5, 0)).toBe(5);
    expect(budget.isOpen).toBe(true);
  });
});

describe('400 joins at once', () => {
  const JOINS = 400;
  let server: ServerProcess;

  beforeAll(async () => {
    // Raw sockets acknowledge nothing, and are to be kept for all that.
    const patience = ['--lag-limit-ms', '30000', '--ack-timeout-ms', '60000'];
    server = await ServerProcess.start({
      args: ['--rooms', ROOMS_FOLDER, '--shards', '1', '--log-level', 'warn', ...patience],
    });
  });
  afterAll(async () => {
    await server?.stop();
  });

  /** Resolves with the tick and the size of the first snapshot. */
  async function firstSnapshot(socket: RawSocket): Promise<{ tick: number; bytes: number }> {
    const reader = new ServerFrameReader();
    for (;;) {
      const frame = await socket.next();
      if (frame === null) throw new Error(`closed: ${JSON.stringify(await socket.ended)}`);
      expect(reader.read(frame)).toBe(0);
      if (reader.kind !== ServerFrameKind.Snapshot) continue;
      expect(reader.snapshotKind).toBe(SnapshotKind.Keyframe);
      return { tick: reader.tick, bytes: reader.bodyLength };
    }
  }

  it('are all answered, few at a time, and cost nobody a tick or a snapshot', { timeout: 60_000 }, async () => {
    const witness = await connect(server.url).create<typeof Horde>('horde');
    const ticks: number[] = [];
    witness.onStateChange((_, tick) => ticks.push(tick));
    const before = { keyframes: await server.metric('escapement_keyframes_total'), skipped: await skipped(), dropped: await dropped() };

    const join = frameOf(encodeJoin({ method: JoinMethod.JoinById, roomId: witness.id }));
    const sockets = Array.from({ length: JOINS }, () => new RawSocket(server.url, join));
    const keyframes = await Promise.all(sockets.map(firstSnapshot));
    const after = { keyframes: await server.metric('escapement_keyframes_total'), skipped: await skipped(), dropped: await dropped() };
    for (const socket of sockets) socket.drop();

    const byTick = new Map<number, number>();
    for (const { tick } of keyframes) byTick.set(tick, (byTick.get(tick) ?? 0) + 1);
    const bytes = keyframes[0]!.bytes;
    expect(bytes).toBeGreaterThan(50_000);
    // Those of one tick are one, encoded once.
    expect(after.keyframes - before.keyframes).toBe(byTick.size);
    const perTickMax = Math.ceil(BURST_BYTES / bytes);
    expect(Math.max(...byTick.values())).toBeLessThanOrEqual(perTickMax);
    expect(byTick.size).toBeGreaterThanOrEqual(JOINS / perTickMax);
    // The machine's own stalls may cost some: five ticks are a twelfth of a second.
    expect(after.skipped - before.skipped).toBeLessThanOrEqual(5);
    expect(after.dropped - before.dropped).toBeLessThanOrEqual(3);
    expect(witness.stats.resyncs).toBe(0);
    expect(witness.stats.keyframes).toBe(1);
    expect(ticks.length).toBeGreaterThan(byTick.size);
    await witness.leave();
  });

  const skipped = (): Promise<number> => server.metric('escapement_ticks_skipped_total');
  const dropped = (): Promise<number> => server.metric('escapement_snapshots_dropped_total');
});
