/** Eight rooms of sixteen clients against a built server: every client's state equals the room's at the same tick. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type ClientRoom } from 'escapement/client';
import type Drift from './rooms/drift.js';
import type { HashMessage } from './rooms/drift.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

const ROOMS = 8;
const CLIENTS_PER_ROOM = 16;
const PLAY_MS = 20_000;
const INPUT_INTERVAL_MS = 33;

/** What one client saw: how many snapshots it could compare with the room's own hash, and what didn't fit. */
interface Witness {
  readonly room: ClientRoom<typeof Drift>;
  compared: number;
  readonly problems: string[];
}

let server: ServerProcess;

beforeAll(async () => {
  // All clients are one process: when the machine stalls it, they lag together, and none is to be skipped for that.
  const patience = ['--lag-limit-ms', '30000', '--ack-timeout-ms', '60000'];
  server = await ServerProcess.start({
    args: ['--rooms', ROOMS_FOLDER, '--shards', '2', '--log-level', 'warn', ...patience],
  });
});
afterAll(async () => {
  await server?.stop();
});

function watch(room: ClientRoom<typeof Drift>): Witness {
  const witness: Witness = { room, compared: 0, problems: [] };
  // The hash of a snapshot is sent one tick after it, on the same socket: nothing newer can have come between. Except at
  // first: messages that came with the join are held until its caller had a turn of the event loop to listen for them.
  let firstTick = Infinity;
  setTimeout(() => (firstTick = room.tick + 1), 0);
  room.onMessage('hash', ({ tick, hash }: HashMessage) => {
    if (tick < firstTick) return;
    witness.compared += 1;
    if (tick !== room.tick) witness.problems.push(`holds tick ${room.tick}, not ${tick}`);
    if (room.stateHash() !== hash) witness.problems.push(`tick ${tick}: ${room.stateHash()} is not ${hash}`);
  });
  room.onError((error) => witness.problems.push(String(error)));
  room.onLeave((code, reason) => {
    if (code !== 4000) witness.problems.push(`left with ${code} ${reason}`);
  });
  return witness;
}

it('128 clients in 8 rooms hold what their rooms hold, at every tick compared', { timeout: 90_000 }, async () => {
  const client = connect(server.url);
  const witnesses: Witness[] = [];
  for (let i = 0; i < ROOMS * CLIENTS_PER_ROOM; i += 1) {
    witnesses.push(watch(await client.joinOrCreate<typeof Drift>('drift', { name: `client ${i}` })));
  }
  const byRoom = new Map<string, Witness[]>();
  for (const witness of witnesses) byRoom.set(witness.room.id, [...(byRoom.get(witness.room.id) ?? []), witness]);
  expect([...byRoom.values()].map((each) => each.length)).toEqual(new Array(ROOMS).fill(CLIENTS_PER_ROOM));

  // Each new room went to the shard with less to do.
  expect((await server.metrics()).match(/^escapement_rooms\{.*$/gm)).toEqual([
    'escapement_rooms{shard="0"} 4',
    'escapement_rooms{shard="1"} 4',
  ]);

  let step = 0;
  const startTicks = witnesses.map(({ room }) => room.tick);
  const timer = setInterval(() => {
    step += 1;
    witnesses.forEach(({ room }, i) => {
      room.input({ dx: (step * 7 + i * 13) % 127, dy: ((step * 11 + i * 5) % 200) - 100, turn: step / 10, boost: step % 2 === 0 });
      if ((step + i) % 100 === 0) room.send('rename', `renamed ${step} ${'é'.repeat(i)}`);
    });
  }, INPUT_INTERVAL_MS);
  await new Promise((resolve) => setTimeout(resolve, PLAY_MS));
  clearInterval(timer);

  expect(witnesses.flatMap(({ problems }) => problems)).toEqual([]);
  witnesses.forEach(({ room, compared }, i) => {
    // One comparison per snapshot, less the few that were under way. A machine that stalls makes fewer ticks, not other ones.
    const snapshots = Math.floor((room.tick - startTicks[i]!) / 3);
    expect(compared).toBeGreaterThanOrEqual(snapshots - 5);
    expect(compared).toBeGreaterThan(100);
    expect(room.ackedInput).toBeGreaterThan(100);
    expect(room.stats.resyncs).toBe(0);
  });
  // Rooms differ from each other, so what agreed wasn't the hash of one same thing.
  expect(new Set([...byRoom.values()].map((each) => each[0]!.room.stateHash())).size).toBe(ROOMS);
  for (const [, members] of byRoom) expect(members[0]!.room.state.bodies.size).toBe(16 + CLIENTS_PER_ROOM);
  expect(await server.metric('escapement_snapshots_dropped_total')).toBe(0);
  expect(await server.metric('escapement_hook_errors_total')).toBe(0);

  await Promise.all(witnesses.map(({ room }) => room.leave()));
  await expect.poll(() => server.metric('escapement_rooms'), { timeout: 10_000 }).toBe(0);
  expect(await server.metric('escapement_clients')).toBe(0);
});
