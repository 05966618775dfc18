/** A client whose socket is lost comes back to its seat, and neither side misses a message or hears one twice. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClientRoom } from 'escapement/client';
import { FragileClient, once } from './support/fragile-client.js';
import type Keeper from './rooms/keeper.js';
import type { KeeperOptions } from './rooms/keeper.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

type KeeperRoom = ClientRoom<typeof Keeper>;

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--shards', '2', '--log-level', 'warn'] });
});
afterAll(async () => {
  expect((await server.stop()).code).toBe(0);
});

interface Guest {
  readonly fragile: FragileClient;
  readonly room: KeeperRoom;
  readonly heard: number[];
}

/** @param comesBack whether the SDK resumes by itself */
async function enter(options: KeeperOptions = {}, comesBack = true): Promise<Guest> {
  const fragile = new FragileClient(server.url, comesBack ? {} : { reconnect: false });
  const room = await fragile.client.create<typeof Keeper>('keeper', { ...options });
  const heard: number[] = [];
  room.onMessage('number', (number: number) => heard.push(number));
  return { fragile, room, heard };
}

async function ask(room: KeeperRoom, type: string): Promise<any> {
  const answer = once((callback: (payload: unknown) => void) => room.onMessage(type, callback));
  room.send(type);
  return (await answer)[0];
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

it('the room hears onDrop and onReconnect, the client the same; session and seat are the old ones', async () => {
  const { fragile, room } = await enter();
  const { sessionId } = room;
  const [dropped, back] = [once(room.onDrop.bind(room)), once<[]>(room.onReconnect.bind(room))];
  fragile.cut();
  expect((await dropped)[0]).toBe(1006);
  expect(room.isConnected).toBe(false);
  await back;
  expect(room.isConnected).toBe(true);
  expect(room.sessionId).toBe(sessionId);
  expect(await ask(room, 'events')).toEqual(['join', 'drop 1006', 'reconnect']);
  expect([...room.state.guests]).toMatchObject([{ session: sessionId, connected: 1 }]);
  expect(fragile.sockets).toHaveLength(2);
  await room.leave();
});

it('messages of both sides come exactly once, in order, however often the socket is cut', async () => {
  const { fragile, room, heard } = await enter({ chatter: 2 });
  let sent = 0;
  const talk = setInterval(() => {
    for (let i = 0; i < 3; i += 1) room.send('number', sent++);
    room.input({ amount: 1 });
  }, 7);
  for (let cuts = 0; cuts < 8; cuts += 1) {
    const back = once<[]>(room.onReconnect.bind(room));
    fragile.cut();
    await back;
    await once(room.onStateChange.bind(room));
  }
  clearInterval(talk);
  room.send('quiet');
  const account = await ask(room, 'account');
  expect(account.faults).toEqual([]);
  expect(account.heard).toBe(sent);
  expect(sent).toBeGreaterThan(50);
  await expect.poll(() => heard.length).toBe(account.sent);
  expect(heard).toEqual(upTo(account.sent));
  await room.leave();
});

it('what is sent while the socket is gone is sent when it is back; inputs are not', async () => {
  const { fragile, room } = await enter();
  room.input({ amount: 1 });
  await expect.poll(() => room.ackedInput).toBe(1);
  const back = once<[]>(room.onReconnect.bind(room));
  fragile.cut();
  await once(room.onDrop.bind(room));
  for (let i = 0; i < 20; i += 1) expect(room.send('number', i)).toBe(true);
  expect(room.input({ amount: 1 })).toBe(0);
  await back;
  const account = await ask(room, 'account');
  expect(account).toMatchObject({ heard: 20, faults: [], steps: 1 });
  const seq = room.input({ amount: 1 });
  expect(seq).toBeGreaterThan(1);
  await expect.poll(() => room.ackedInput).toBe(seq);
  await room.leave();
});

it('a page that is loaded anew goes on with its stored token, once', async () => {
  const { fragile, room } = await enter({}, false);
  const token = room.reconnectionToken;
  const left = once(room.onLeave.bind(room));
  fragile.cut(); // the page is gone, and its SDK with it
  expect((await left)[0]).toBe(1006);
  const page = new FragileClient(server.url);
  const again = await page.client.reconnect<typeof Keeper>(token);
  expect(again.sessionId).toBe(room.sessionId);
  expect([...again.state.guests]).toMatchObject([{ session: room.sessionId }]);
  again.send('number', 0);
  expect(again.input({ amount: 1 })).toBe(1);
  expect(await ask(again, 'account')).toMatchObject({ heard: 1, faults: [] });
  await expect.poll(() => again.ackedInput).toBe(1);
  expect(again.reconnectionToken).not.toBe(token);
  await expect(new FragileClient(server.url).client.reconnect(token)).rejects.toMatchObject({ code: 4401 });
  await again.leave();
});

it('a new socket takes over from a half-dead one, whose late close does no harm', async () => {
  const { fragile, room } = await enter({ chatter: 1 });
  fragile.deafen();
  const page = new FragileClient(server.url);
  const again = await page.client.reconnect<typeof Keeper>(room.reconnectionToken);
  expect(await ask(again, 'events')).toEqual(['join', 'reconnect']);
  fragile.cut();
  for (let snapshots = 0; snapshots < 10; snapshots += 1) await once(again.onStateChange.bind(again));
  expect(await ask(again, 'events')).toEqual(['join', 'reconnect']);
  expect(again.isConnected).toBe(true);
  void room.leave();
  await again.leave();
});

it('allowReconnection in onDrop says how long; then onLeave runs and the token is of no use', async () => {
  const { fragile, room } = await enter({ graceSec: 0.3 }, false);
  const watcher = new FragileClient(server.url);
  const other = await watcher.client.joinById<typeof Keeper>(room.id);
  const token = room.reconnectionToken;
  fragile.cut();
  await expect.poll(() => ask(other, 'events'), { timeout: 5000 }).toEqual(['join', 'join', 'drop 1006', 'leave 1006', 'stayed away']);
  await expect(watcher.client.reconnect(token)).rejects.toMatchObject({ code: 4401 });
  await other.leave();
});

it('a client that is thrown out, or leaves while it is away, doesn’t come back', async () => {
  const { room } = await enter();
  const left = once(room.onLeave.bind(room));
  room.send('kick', 4321);
  expect(await left).toEqual([4321, 'kicked']);

  const { fragile, room: second } = await enter();
  fragile.cut();
  await once(second.onDrop.bind(second));
  expect(await second.leave()).toBe(4000);
  expect(fragile.sockets.length).toBeLessThanOrEqual(2);
});

it('a token is refused with the same words whatever is wrong with it', async () => {
  const { room } = await enter();
  const [roomId, sessionId, secret] = room.reconnectionToken.split('.') as [string, string, string];
  const wrong = [
    `${roomId}.${sessionId}.${'A'.repeat(secret.length)}`,
    `${roomId}.${sessionId}.${secret.slice(1)}`,
    `${roomId}.nobody.${secret}`,
  ];
  const reasons = new Set<string>();
  for (const token of wrong) {
    await new FragileClient(server.url).client.reconnect(token).then(
      () => expect.fail('came in'),
      (error: Error & { code: number }) => {
        expect(error.code).toBe(4401);
        reasons.add(error.message);
      },
    );
  }
  expect(reasons.size).toBe(1);
  expect(room.isConnected).toBe(true);
  await room.leave();
});

it('nothing is left of all this', async () => {
  await expect.poll(() => server.metric('escapement_sessions'), { timeout: 15_000 }).toBe(0);
  await expect.poll(() => server.metric('escapement_rooms_by_state'), { timeout: 5000 }).toBe(0);
}, 30_000);
