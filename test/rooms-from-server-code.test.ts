/** `server.rooms`: the program that embeds a server makes rooms, finds them, calls them and hands out seats. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createServer } from 'escapement';
import { connect } from 'escapement/client';
import type Lounge from './rooms/lounge.js';
import { once } from './support/fragile-client.js';
import { ROOMS_FOLDER } from './support/setup.js';

let server: Awaited<ReturnType<typeof createServer>>;
let url = '';

beforeAll(async () => {
  const rooms = { lounge: `${ROOMS_FOLDER}lounge.js` };
  server = await createServer({
    rooms, port: 0, adminPort: false, host: '127.0.0.1', shards: 2, logLevel: 'fatal', seatTimeoutMs: 1000,
    auth: (token) => (token === 'no' ? null : { token }),
  });
  ({ url } = await server.listen());
});
afterAll(async () => {
  await server.close();
});

it('creates a room that waits for its players, and finds it', async () => {
  const info = await server.rooms.create('lounge', { mode: 'made' });
  expect(info).toMatchObject({ type: 'lounge', clients: 0, maxClients: 16, locked: false, metadata: { mode: 'made' } });
  expect(server.rooms.query({ type: 'lounge', mode: 'made' })).toEqual([info]);
  expect(server.rooms.query({ mode: 'other' })).toEqual([]);
  const room = await connect(url).joinById<typeof Lounge>(info.roomId);
  await room.leave();
  await expect.poll(() => server.rooms.query({ all: true })).toEqual([]);
});

it('a room that nobody comes to ends by itself', async () => {
  await server.rooms.create('lounge');
  await expect.poll(() => server.rooms.query({ all: true }), { timeout: 5000 }).toEqual([]);
});

it('calls a public method and gets what it returns, or why not', async () => {
  const { roomId } = await server.rooms.create('lounge');
  expect(await server.rooms.call(roomId, 'greet', 'Ada')).toBe('hello Ada, there are 0 here');
  for (const [method, words] of [
    ['fail', 'the call failed by the test'],
    ['nothing', 'nothing'],
    ['onCreate', 'onCreate'],
    ['constructor', 'constructor'],
    ['__proto__', '__proto__'],
    ['unsendable', 'unsendable'],
  ] as const) {
    await expect(server.rooms.call(roomId, method), method).rejects.toMatchObject({
      code: 'ERR_ESCAPEMENT_ROOM',
      message: expect.stringContaining(words),
    });
  }
  await expect(server.rooms.call('nowhere', 'greet')).rejects.toMatchObject({ message: expect.stringContaining('no such room') });
  await expect(server.rooms.create('nothing')).rejects.toMatchObject({ message: expect.stringContaining('lounge') });
  await expect(server.rooms.create('lounge', { failCreate: true })).rejects.toMatchObject({
    message: expect.stringContaining('creation refused by the test'),
  });
  await server.rooms.call(roomId, 'disconnect');
});

it('broadcasts to the clients of the rooms that fit', async () => {
  const red = await connect(url).create('lounge', { mode: 'red' });
  const blue = await connect(url).create('lounge', { mode: 'blue' });
  let blueHeard = false;
  blue.onMessage('news', () => (blueHeard = true));
  const news = once((callback: (payload: unknown) => void) => red.onMessage('news', callback));
  expect(server.rooms.broadcast('news', { at: 5 }, { mode: 'red' })).toBe(1);
  expect(await news).toEqual([{ at: 5 }]);
  const end = once((callback: (payload: unknown) => void) => blue.onMessage('end', callback));
  expect(server.rooms.broadcast('end')).toBe(2);
  await end;
  expect(blueHeard).toBe(false);
  await Promise.all([red.leave(), blue.leave()]);
});

it('hands out a seat whose ticket a player takes', async () => {
  const seat = await server.rooms.joinOrCreate('lounge', { mode: 'seat' }, { user: 'Ada' });
  const room = await connect(url).joinWithTicket(seat.ticket);
  expect(room.id).toBe(seat.roomId);
  await room.leave();
  await expect(server.rooms.join('lounge', { mode: 'nobody' })).rejects.toMatchObject({ closeCode: 4010 });
});

it('asks the server’s own auth before anything else', async () => {
  await expect(connect(url, { token: 'no' }).joinOrCreate('lounge')).rejects.toMatchObject({ code: 4401 });
  expect(server.rooms.query({ all: true })).toEqual([]);
});
