/** Rooms that fail in odd ways cost their own clients something, and nobody else anything. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect, type ClientRoom } from 'escapement/client';
import type Faulty from './rooms/faulty.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

type FaultyRoom = ClientRoom<typeof Faulty>;

let server: ServerProcess;
const rooms: FaultyRoom[] = [];

beforeAll(async () => {
  server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--shards', '1', '--log-level', 'fatal'] });
});
beforeEach(async () => {
  await Promise.all(rooms.splice(0).map((room) => room.leave()));
  await expect.poll(() => server.metric('escapement_rooms'), { timeout: 10_000 }).toBe(0);
});
afterAll(async () => {
  expect((await server.stop()).code).toBe(0);
});

async function create(options: Record<string, unknown> = {}): Promise<FaultyRoom> {
  const room = await connect(server.url).create<typeof Faulty>('faulty', options);
  rooms.push(room);
  return room;
}

async function joinById(id: string): Promise<FaultyRoom> {
  const room = await connect(server.url).joinById<typeof Faulty>(id);
  rooms.push(room);
  return room;
}

const left = (room: FaultyRoom): Promise<{ code: number; reason: string }> =>
  new Promise((resolve) => room.onLeave((code, reason) => resolve({ code, reason })));
const answer = (room: FaultyRoom, type: string): Promise<unknown> =>
  new Promise((resolve) => room.onMessage(type, resolve));
const ticksOn = async (room: FaultyRoom): Promise<void> => {
  const { tick } = room;
  await expect.poll(() => room.tick).toBeGreaterThan(tick + 3);
};

describe.each(['proxy', 'bare', 'getter', 'symbol'])('a thrown %s', (odd) => {
  it('in onCreate and onJoin refuses, with an answer', async () => {
    await expect(create({ odd, where: 'create' })).rejects.toMatchObject({ code: 4002 });
    await expect(create({ odd, where: 'join' })).rejects.toMatchObject({ code: 4401 });
  });

  it('in onTick ends that room alone', async () => {
    const [failing, other] = [await create(), await create()];
    const gone = left(failing);
    failing.send('odd-tick', odd);
    expect((await gone).code).toBe(4002);
    await ticksOn(other);
  });
});

it('an async onTick that rejects ends that room alone', async () => {
  const [failing, other] = [await create(), await create()];
  const gone = left(failing);
  failing.send('reject-tick');
  expect(await gone).toMatchObject({ code: 4002, reason: 'the room failed in onTick' });
  await ticksOn(other);
});

it('options that convert to nothing take no rows', async () => {
  const room = await create();
  for (let i = 0; i < 20; i += 1) {
    const hostile = connect(server.url).joinById(room.id, { name: { toString: 1, valueOf: 1 } });
    await expect(hostile).rejects.toMatchObject({ code: 4401 });
  }
  const honest = await joinById(room.id);
  expect(honest.state.rows.size).toBe(2);
});

it('metadata that can not be copied, and disconnect() in onCreate, refuse the room', async () => {
  await expect(create({ metadata: 'function' })).rejects.toThrow(/could not be cloned/);
  await expect(create({ endInCreate: true })).rejects.toThrow(/disconnect\(\) in onCreate/);
});

it('every client can be sent away in one loop', async () => {
  const first = await create();
  const others = await Promise.all(Array.from({ length: 5 }, () => joinById(first.id)));
  const gone = [first, ...others].map(left);
  first.send('kick-all');
  expect(await Promise.all(gone)).toEqual(new Array(6).fill({ code: 4000, reason: 'all out' }));
});

it('what a client sent before it left is heard', async () => {
  const room = await create({ keepOpen: true });
  for (let i = 0; i < 10; i += 1) {
    const guest = await connect(server.url).joinById<typeof Faulty>(room.id);
    guest.send('save');
    await guest.leave();
  }
  const saved = answer(room, 'saved');
  room.send('saved');
  expect(await saved).toBe(10);
  room.send('auto-dispose', true);
});

it('a change of autoDispose counts', async () => {
  const room = await create({ keepOpen: true });
  const { id } = room;
  await room.leave();
  const again = await joinById(id);
  again.send('auto-dispose', true);
  await ticksOn(again);
  await again.leave();
  await expect(connect(server.url).joinById(id)).rejects.toMatchObject({ code: 4010 });
});

it('an ending room takes nobody, and the next join gets another one', async () => {
  const room = await create({ keepOpen: true });
  const gone = left(room);
  room.send('end');
  await gone;
  const next = await connect(server.url).joinOrCreate<typeof Faulty>('faulty');
  rooms.push(next);
  expect(next.id).not.toBe(room.id);
});

it('a close code that no socket can have is refused to the room', async () => {
  const room = await create();
  const errors = await server.metric('escapement_hook_errors_total');
  room.send('bad-code');
  await expect.poll(() => server.metric('escapement_hook_errors_total')).toBe(errors + 1);
  await ticksOn(room);
});

it('a message too large for the ring is refused to the room, with the remedy', async () => {
  const room = await create();
  const errors = await server.metric('escapement_hook_errors_total');
  room.send('big', 3 * 1024 * 1024);
  await expect.poll(() => server.metric('escapement_hook_errors_total')).toBe(errors + 1);
  const big = answer(room, 'big');
  room.send('big', 1024 * 1024);
  expect((await big as string).length).toBe(1024 * 1024);
});

it('a shard whose thread ends is started anew: its clients are told, and the next join plays', async () => {
  const room = await create();
  const gone = left(room);
  room.send('die');
  expect((await gone).code).toBe(4002);
  const client = connect(server.url);
  // Until the new thread is there a join is refused with "try again"; it never hangs.
  let next: FaultyRoom | undefined;
  await expect
    .poll(async () => {
      next ??= await client.joinOrCreate<typeof Faulty>('faulty').catch((error: { code: number }) => {
        expect(error.code).toBe(4010);
        return undefined;
      });
      return next;
    }, { timeout: 10_000 })
    .toBeDefined();
  rooms.push(next!);
  await ticksOn(next!);
});

it('close waits for rooms that are ending', async () => {
  const own = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--shards', '1', '--log-level', 'fatal'] });
  const room = await connect(own.url).create<typeof Faulty>('faulty');
  await room.leave(); // its onDispose takes 200 ms
  expect((await own.stop()).code).toBe(0);
  expect(own.stdout).toContain('disposed at last');
});
