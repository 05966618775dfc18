/** What a room's hooks and methods promise, seen from real clients of a built server. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { connect, type ClientRoom } from 'escapement/client';
import { encodeJoin, encodeLeave, JoinMethod } from '../src/protocol/client-frames.js';
import type Probe from './rooms/probe.js';
import { frameOf, RawSocket } from './support/raw-socket.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

let server: ServerProcess;
const rooms: ClientRoom<typeof Probe>[] = [];

beforeAll(async () => {
  server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--log-level', 'fatal', '--reconnect-grace', '0'] });
});
beforeEach(async () => {
  await Promise.all(rooms.splice(0).map((room) => room.leave()));
  await expect.poll(() => server.metric('escapement_rooms')).toBe(0);
});
afterAll(async () => {
  expect((await server.stop()).code).toBe(0);
});

async function join(options: Record<string, unknown> = {}): Promise<ClientRoom<typeof Probe>> {
  const room = await connect(server.url).joinOrCreate<typeof Probe>('probe', options);
  rooms.push(room);
  return room;
}

const next = (room: ClientRoom<typeof Probe>, type: string): Promise<any> =>
  new Promise((resolve) => {
    const off = room.onMessage(type, (payload: unknown) => {
      off();
      resolve(payload);
    });
  });
const left = (room: ClientRoom<typeof Probe>): Promise<{ code: number; reason: string }> =>
  new Promise((resolve) => room.onLeave((code, reason) => resolve({ code, reason })));

it('messages sent in onJoin arrive, after the join', async () => {
  const room = await join();
  expect(await next(room, 'welcome')).toBe(room.sessionId);
});

it('messages carry JSON and bytes, in order', async () => {
  const room = await join();
  const seen: unknown[] = [];
  room.onMessage('echo', (payload: unknown) => seen.push(payload));
  const payloads = [1, 'é\u2028', null, { deep: [{ er: true }] }, Uint8Array.of(0, 255, 7)];
  for (const payload of payloads) room.send('echo', payload);
  await expect.poll(() => seen.length).toBe(payloads.length);
  expect(seen).toEqual(payloads);
});

it('broadcast reaches everybody, or all but one', async () => {
  const [first, second] = [await join(), await join()];
  expect(second.id).toBe(first.id);
  const heard = next(second, 'all');
  let echoed = false;
  first.onMessage('all', () => (echoed = true));
  first.send('all', 'hello');
  expect(await heard).toBe('hello');
  first.send('echo', 'after');
  await next(first, 'echo');
  expect(echoed).toBe(false);
});

it('inputs are read in order, once each, and acknowledged', async () => {
  const room = await join();
  const sent = Array.from({ length: 40 }, (_, i) => i - 20);
  for (const amount of sent) room.input({ amount });
  await expect.poll(() => room.ackedInput).toBe(sent.length);
  room.send('seen');
  expect(await next(room, 'seen')).toEqual(sent);
  const mark = [...room.state.marks].find(({ session }) => session === room.sessionId)!;
  expect(mark.count).toBe(sent.length);
});

it('a full room is not joined: the next client opens another one', async () => {
  const joined = [];
  for (let i = 0; i < 5; i += 1) joined.push(await join());
  expect(new Set(joined.slice(0, 4).map(({ id }) => id)).size).toBe(1);
  expect(joined[4]!.id).not.toBe(joined[0]!.id);
});

it('join, create and joinById do what they say', async () => {
  const client = connect(server.url);
  await expect(client.join('probe')).rejects.toMatchObject({ code: 4010 });
  const created = await client.create<typeof Probe>('probe');
  const found = await client.join<typeof Probe>('probe');
  const byId = await client.joinById<typeof Probe>(created.id);
  rooms.push(created, found, byId);
  expect(found.id).toBe(created.id);
  expect(byId.id).toBe(created.id);
  const other = await client.create<typeof Probe>('probe');
  rooms.push(other);
  expect(other.id).not.toBe(created.id);
  await expect(client.joinById('nowhere')).rejects.toMatchObject({ code: 4010 });
  await expect(client.joinOrCreate('chess')).rejects.toThrow(/there is no room type chess.*probe/);
});

it('a locked room takes nobody', async () => {
  const first = await join();
  first.send('lock');
  first.send('echo', 1);
  await next(first, 'echo');
  const second = await join();
  expect(second.id).not.toBe(first.id);
  await expect(connect(server.url).joinById(first.id)).rejects.toThrow(/locked/);
});

it('many clients that ask at once while onCreate is slow share rooms', async () => {
  const joined = await Promise.all(Array.from({ length: 8 }, () => join({ slowMs: 100 })));
  expect(new Set(joined.map(({ id }) => id)).size).toBe(2);
});

it('an onCreate that throws refuses whoever asked, and leaves no room', async () => {
  await expect(join({ failCreate: true })).rejects.toThrow(/creation refused by the test/);
  expect(await server.metric('escapement_rooms')).toBe(0);
  await join();
});

it('an onJoin that throws refuses that client alone', async () => {
  const stays = await join();
  await expect(join({ failJoin: true })).rejects.toThrow(/no entry for the test/);
  stays.send('tick');
  expect((await next(stays, 'tick')).clients).toBe(1);
});

it('a handler that throws costs nobody anything', async () => {
  const room = await join();
  room.send('throw-in-handler');
  room.send('reject');
  room.send('echo', 'alive');
  expect(await next(room, 'echo')).toBe('alive');
});

it.each(['throw-in-tick', 'throw-in-timer'])('%s: that room is closed with 4002, its shard-mates miss no tick', async (type) => {
  const [failing, other] = [await join(), await connect(server.url).create<typeof Probe>('probe')];
  rooms.push(other);
  const gone = left(failing);
  const ticksBefore: number[] = [];
  other.onStateChange((_, tick) => ticksBefore.push(tick));
  failing.send(type);
  const { code, reason } = await gone;
  expect(code).toBe(4002);
  expect(reason).toBe(type === 'throw-in-tick' ? 'the room failed in onTick' : 'the room failed in a timer');
  // One snapshot per tick at 30 Hz in this room: a missed tick would be a gap between two of them.
  const seen = ticksBefore.length;
  await expect.poll(() => ticksBefore.length).toBeGreaterThan(seen + 10);
  for (let i = 1; i < ticksBefore.length; i += 1) expect(ticksBefore[i]! - ticksBefore[i - 1]!).toBe(1);
});

it('client.leave() from the room closes with its code and reason', async () => {
  const room = await join();
  const gone = left(room);
  room.send('kick');
  expect(await gone).toEqual({ code: 4000, reason: 'kicked' });
});

it('onLeave is told the code that a client left with, or 1006 when it vanished', async () => {
  const room = await join();
  const leaveCodes = async (): Promise<number[]> => {
    room.send('leave-codes');
    return next(room, 'leave-codes');
  };
  const rawJoin = frameOf(encodeJoin({ method: JoinMethod.JoinById, roomId: room.id }));
  const raw = new RawSocket(server.url, rawJoin);
  await raw.next();
  raw.send(encodeLeave(4321));
  expect(await raw.ended).toEqual({ code: 4321, reason: 'left' });
  await expect.poll(leaveCodes).toEqual([4321]);
  await (await connect(server.url).joinById(room.id)).leave();
  await expect.poll(leaveCodes).toEqual([4321, 4000]);
  const vanishing = new RawSocket(server.url, rawJoin);
  await vanishing.next();
  vanishing.drop();
  await expect.poll(leaveCodes).toEqual([4321, 4000, 1006]);
});

it('timers of the room, of Node, and promises all run', async () => {
  const room = await join();
  const heard = new Set<string>();
  room.onMessage('timer', (which: string) => heard.add(which));
  room.send('timers');
  await expect.poll(() => [...heard].sort()).toEqual(['game', 'node', 'promise']);
});

it('compute() runs a job in another thread and brings its result back', async () => {
  const room = await join();
  room.send('compute', 12);
  expect(await next(room, 'computed')).toMatchObject({ value: 144, isMainThread: false });
});

it('an unknown message type closes with 4400', async () => {
  const room = await join();
  const gone = left(room);
  room.send('nonsense', 1);
  const { code, reason } = await gone;
  expect(code).toBe(4400);
  expect(reason).toContain('nonsense');
});
