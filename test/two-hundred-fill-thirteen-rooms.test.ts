/** Rooms are made and found without twins, ghosts or clients who wait for ever, over real sockets. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type ClientRoom } from 'escapement/client';
import type Lounge from './rooms/lounge.js';
import type { LoungeOptions } from './rooms/lounge.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

type LoungeRoom = ClientRoom<typeof Lounge>;

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--shards', '2', '--log-level', 'fatal'] });
});
afterAll(async () => {
  expect((await server.stop()).code).toBe(0);
});

const join = (options: LoungeOptions = {}): Promise<LoungeRoom> =>
  connect(server.url).joinOrCreate<typeof Lounge>('lounge', { ...options });
async function listed(): Promise<{ roomId: string; clients: number }[]> {
  const { rooms } = (await (await fetch(`${server.url}/rooms`)).json()) as { rooms: { roomId: string; clients: number }[] };
  return rooms;
}

async function expectNothingLeft(): Promise<void> {
  await expect.poll(() => server.metric('escapement_rooms_by_state'), { timeout: 10_000 }).toBe(0);
  expect(await server.metric('escapement_sessions')).toBe(0);
  expect(await listed()).toEqual([]);
}

it('200 clients at once, rooms that are slow to create: 13 rooms, the last one half full', async () => {
  const rooms = await Promise.all(Array.from({ length: 200 }, () => join({ slowMs: 200 })));
  const counts = new Map<string, number>();
  for (const { id } of rooms) counts.set(id, (counts.get(id) ?? 0) + 1);
  expect([...counts.values()].sort((a, b) => a - b)).toEqual([8, ...Array<number>(12).fill(16)]);
  expect(await server.metric('escapement_rooms')).toBe(13);
  expect((await listed()).map(({ clients }) => clients).sort((a, b) => a - b)).toEqual([8, ...Array<number>(12).fill(16)]);
  await Promise.all(rooms.map((room) => room.leave()));
  await expectNothingLeft();
}, 60_000);

it('a creation that fails answers all who waited for it, and leaves nothing in the list', async () => {
  const answers = await Promise.allSettled(Array.from({ length: 20 }, () => join({ slowMs: 100, failCreate: true })));
  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 'rejected', reason: { code: 4002, message: expect.stringContaining('refused by the test') } });
  }
  await expectNothingLeft();
});

it('a client who goes while its room is created leaves no room behind', async () => {
  const client = connect(server.url, { joinTimeoutMs: 100 });
  await expect(client.joinOrCreate('lounge', { slowMs: 500 })).rejects.toMatchObject({ code: 4010 });
  await expectNothingLeft();
});

it('a join that meets the end of a room is answered with another room, or told to try again', async () => {
  for (let round = 0; round < 10; round += 1) {
    const first = await join();
    const over = new Promise((resolve) => first.onLeave(resolve));
    first.send('end');
    const others = await Promise.allSettled(Array.from({ length: 5 }, () => join()));
    expect(await over).toBe(4000);
    for (const other of others) {
      if (other.status === 'rejected') expect(other.reason).toMatchObject({ code: 4010, message: expect.stringContaining('has ended') });
    }
    const next = await join();
    expect(next.id).not.toBe(first.id);
    await Promise.all([next.leave(), ...others.map((other) => other.status === 'fulfilled' && other.value.leave())]);
  }
  await expectNothingLeft();
});

it('a room that ends as it is joined gives an answer, and isn’t joined for ever', async () => {
  const answer = await join({ endsInJoin: true }).catch((error: Error & { code: number }) => error);
  expect(answer).toBeInstanceOf(Error);
  await expectNothingLeft();
});

it('an onDispose that is slow or throws takes nobody with it', async () => {
  const [slow, failing] = await Promise.all([join({ mode: 'slow', slowDisposeMs: 500 }), join({ mode: 'failing', failDispose: true })]);
  await Promise.all([slow.leave(), failing.leave()]);
  const next = await join({ mode: 'slow' });
  expect(next.id).not.toBe(slow.id);
  await next.leave();
  await expectNothingLeft();
});

it('an empty room waits for its autoDispose, and takes newcomers meanwhile', async () => {
  const first = await join({ autoDispose: 2 });
  await first.leave();
  const second = await join();
  expect(second.id).toBe(first.id);
  await second.leave();
  await expectNothingLeft();
});

it('locked, private and full rooms aren’t found; private ones are by their id', async () => {
  const first = await join();
  first.send('lock');
  await expect.poll(async () => (await fetch(`${server.url}/rooms`)).text()).toContain('"locked":true');
  const second = await join();
  expect(second.id).not.toBe(first.id);
  await expect(connect(server.url).joinById(first.id)).rejects.toMatchObject({ code: 4010, message: expect.stringContaining('locked') });
  first.send('unlock');
  first.send('private', true);
  await expect.poll(async () => (await listed()).map(({ roomId }) => roomId)).toEqual([second.id]);
  const third = await connect(server.url).joinById<typeof Lounge>(first.id);
  expect(third.id).toBe(first.id);
  await Promise.all([first, second, third].map((room) => room.leave()));
  await expectNothingLeft();
});

it('rooms are chosen by mode, and the one of the highest level first', async () => {
  const low = await connect(server.url).create<typeof Lounge>('lounge', { mode: 'red', level: 1 });
  const high = await connect(server.url).create<typeof Lounge>('lounge', { mode: 'red', level: 2 });
  const blue = await join({ mode: 'blue', level: 9 });
  expect(new Set([low.id, high.id, blue.id]).size).toBe(3);
  const next = await join({ mode: 'red' });
  expect(next.id).toBe(high.id);
  await Promise.all([low, high, blue, next].map((room) => room.leave()));
  await expectNothingLeft();
});
