/** A list of rooms over a socket: all of it once, then what changes. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { connect, type ClientRoom } from 'escapement/client';
import type Lounge from './rooms/lounge.js';
import { FragileClient } from './support/fragile-client.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--log-level', 'fatal'] });
});
afterAll(async () => {
  expect((await server.stop()).code).toBe(0);
});

const create = (mode: string): Promise<ClientRoom<typeof Lounge>> =>
  connect(server.url).create<typeof Lounge>('lounge', { mode });

it('rooms come, change and go in the list as they do on the server', async () => {
  const first = await create('red');
  const list = await connect(server.url).watchRooms('lounge');
  expect([...list.rooms.keys()]).toEqual([first.id]);
  expect(list.rooms.get(first.id)).toMatchObject({ type: 'lounge', clients: 1, maxClients: 16, locked: false, metadata: { mode: 'red' } });
  const seen: string[] = [];
  list.onAdd(({ roomId }) => seen.push(`add ${roomId}`));
  list.onChange(({ roomId, clients }) => seen.push(`change ${roomId} ${clients}`));
  list.onRemove(({ roomId }) => seen.push(`remove ${roomId}`));
  const second = await create('blue');
  await expect.poll(() => seen).toEqual([`add ${first.id}`, `add ${second.id}`]);
  const guest = await connect(server.url).joinById<typeof Lounge>(first.id);
  await expect.poll(() => seen.at(-1)).toBe(`change ${first.id} 2`);
  first.send('lock');
  await expect.poll(() => list.rooms.get(first.id)?.locked).toBe(true);
  second.send('private', true);
  await expect.poll(() => [...list.rooms.keys()]).toEqual([first.id]);
  expect(seen.at(-1)).toBe(`remove ${second.id}`);
  await Promise.all([first, second, guest].map((room) => room.leave()));
  await expect.poll(() => list.rooms.size).toBe(0);
  list.close();
  await expect.poll(() => server.metric('escapement_room_watchers')).toBe(0);
});

afterEach(async () => {
  await expect.poll(() => server.metric('escapement_rooms'), { timeout: 5000 }).toBe(0);
});

it('a list is filtered by fields, and comes back after a lost socket as the differences', async () => {
  const [red, blue] = await Promise.all([create('red'), create('blue')]);
  const fragile = new FragileClient(server.url);
  const list = await fragile.client.watchRooms('lounge', { mode: 'red' });
  expect([...list.rooms.keys()]).toEqual([red.id]);
  const seen: string[] = [];
  list.onAdd(({ roomId }) => seen.push(`add ${roomId}`));
  list.onRemove(({ roomId }) => seen.push(`remove ${roomId}`));
  fragile.cut();
  const redder = await create('red');
  await red.leave();
  await expect.poll(() => [...list.rooms.keys()], { timeout: 5000 }).toEqual([redder.id]);
  expect(seen.sort()).toEqual([`add ${red.id}`, `add ${redder.id}`, `remove ${red.id}`].sort());
  list.close();
  await Promise.all([blue.leave(), redder.leave()]);
});

it('GET /rooms answers the same once', async () => {
  const rooms = await Promise.all(['red', 'red', 'blue'].map(create));
  const list = await connect(server.url).listRooms('lounge', { mode: 'red' });
  expect(list.map(({ roomId }) => roomId).sort()).toEqual([rooms[0]!.id, rooms[1]!.id].sort());
  expect(await connect(server.url).listRooms('probe')).toEqual([]);
  await Promise.all(rooms.map((room) => room.leave()));
});
