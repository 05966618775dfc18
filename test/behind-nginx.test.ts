/** Behind a proxy as there are many: TLS, connections cut when idle or at its pleasure, addresses of clients in a header. */
import https from 'node:https';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { connect, type Client, type ClientRoom, type ConnectOptions, type JoinError } from 'escapement/client';
import { WebSocket } from 'ws';
import type Guarded from './rooms/guarded.js';
import type Keeper from './rooms/keeper.js';
import { once } from './support/fragile-client.js';
import { Nginx } from './support/nginx.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

/** Longer than the second between a client's pings, and shorter than the half between the quiet room's snapshots. */
const PATIENT_CUT_MS = 1800;
const HASTY_CUT_MS = 450;
const CONNECTIONS_MAX = 4;
/** Loopback addresses that are clients': the proxy's own is 127.0.0.1. */
const ADA = '127.0.0.2';
const BOB = '127.0.0.3';

type KeeperRoom = ClientRoom<typeof Keeper>;

let server: ServerProcess;
let nginx: Nginx;
let patient: string;
let hasty: string;

beforeAll(async () => {
  const limits = ['--limit-exempt-addresses', 'none', '--connections-per-address-max', `${CONNECTIONS_MAX}`];
  server = await ServerProcess.start({
    args: ['--rooms', ROOMS_FOLDER, '--trusted-proxies', '127.0.0.1', '--log-level', 'warn', ...limits],
  });
  const idleCutsMs = [PATIENT_CUT_MS, HASTY_CUT_MS];
  nginx = await Nginx.start({ program: inject('nginx'), serverUrl: server.url, idleCutsMs });
  [patient, hasty] = nginx.hosts as [string, string];
});
afterAll(async () => {
  await server?.stop();
  await nginx?.stop();
});

/** Somebody who comes through nginx from an address of its own, and trusts its certificate alone. */
class Visitor {
  readonly client: Client;
  readonly sockets: WebSocket[] = [];

  constructor(url: string, address = ADA, options: ConnectOptions = {}) {
    const { sockets } = this;
    const tls = { ca: nginx.certificates.pem('proxy'), localAddress: address, perMessageDeflate: false };
    class Socket extends WebSocket {
      constructor(target: string, protocols?: string | string[]) {
        super(target, protocols, tls);
        sockets.push(this);
      }
    }
    this.client = connect(url, { reconnect: { delayMs: 20, delayMaxMs: 200 }, ...options, WebSocket: Socket });
  }
}

/** An HTTP request through nginx. */
function ask(path: string, method = 'GET'): Promise<{ status: number; body: any }> {
  return new Promise((resolve, reject) => {
    const ca = nginx.certificates.pem('proxy');
    const request = https.request(`https://${patient}${path}`, { method, ca, localAddress: ADA, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode!, body: JSON.parse(text) as unknown }));
    });
    request.on('error', reject);
    request.end();
  });
}

/** Only a session that there is already is resumed: a join that the proxy cuts is tried again by the game. */
async function persist(join: () => Promise<KeeperRoom>): Promise<KeeperRoom> {
  for (;;) {
    try {
      return await join();
    } catch (error) {
      expect((error as JoinError).code).toBe(1006);
    }
  }
}

/** Talks to the room and counts what it says, whatever becomes of the sockets. */
class Talk {
  readonly heard: number[] = [];
  drops = 0;
  private sent = 0;

  constructor(private readonly room: KeeperRoom) {
    room.onMessage('number', (number: number) => this.heard.push(number));
    room.onDrop(() => (this.drops += 1));
  }

  say(): void {
    this.room.send('number', this.sent);
    this.sent += 1;
  }

  /** Expects that both sides have heard all that the other has said, once and in order. */
  async compare(): Promise<void> {
    const { room } = this;
    room.send('quiet');
    const answer = once<[any]>((callback) => room.onMessage('account', callback));
    room.send('account');
    const [account] = await answer;
    expect(account).toMatchObject({ heard: this.sent, faults: [] });
    await expect.poll(() => this.heard.length).toBe(account.sent);
    expect(this.heard).toEqual(this.heard.map((_, i) => i));
  }
}

it('a game is played over wss, through reloads of the proxy and crashes of its workers', async () => {
  const { client, sockets } = new Visitor(`wss://${patient}`);
  const room = await client.create<typeof Keeper>('keeper', { chatter: 1 });
  const { sessionId } = room;
  const talk = new Talk(room);
  const talking = setInterval(() => talk.say(), 20);
  for (const cut of [() => nginx.reload(), () => nginx.killWorkers(), () => nginx.reload(), () => nginx.killWorkers()]) {
    const seq = room.input({ amount: 1 });
    expect(seq).toBeGreaterThan(0);
    await expect.poll(() => room.ackedInput).toBeGreaterThanOrEqual(seq);
    const back = once<[]>(room.onReconnect.bind(room));
    cut();
    await back;
  }
  clearInterval(talking);
  await talk.compare();
  expect(talk.drops).toBeGreaterThanOrEqual(4);
  expect(sockets.length).toBeGreaterThan(talk.drops);
  expect(room.sessionId).toBe(sessionId);
  expect([...room.state.guests]).toMatchObject([{ session: sessionId, connected: 1 }]);
  expect(room.stats.resyncs).toBe(0);
  expect(await room.leave()).toBe(4000);
});

it('a proxy that cuts connections over which nothing comes for a moment: the session goes on each time', async () => {
  const room = await persist(() => new Visitor(`wss://${hasty}`).client.create<typeof Keeper>('whisper'));
  const talk = new Talk(room);
  for (let cuts = 1; cuts <= 4; cuts += 1) {
    await expect.poll(() => talk.drops, { timeout: 10_000 }).toBeGreaterThanOrEqual(cuts);
    talk.say(); // while away, mostly
    if (!room.isConnected) await once<[]>(room.onReconnect.bind(room));
    talk.say();
  }
  await talk.compare();
  expect(nginx.stderr).toContain('upstream timed out');
  expect(await room.leave()).toBe(4000);
});

it('pings keep a quiet connection, of a room or of a list of rooms, from being cut', async () => {
  const { client, sockets } = new Visitor(`wss://${patient}`);
  const room = await client.create<typeof Keeper>('whisper');
  const list = await client.watchRooms('whisper');
  expect([...list.rooms.keys()]).toContain(room.id);
  const snapshots = Math.ceil((3 * PATIENT_CUT_MS * room.snapshotRate) / 1000);
  await expect.poll(() => room.stats.snapshots, { timeout: 15_000 }).toBeGreaterThan(snapshots);
  expect(sockets).toHaveLength(2);
  expect([room.isConnected, list.isConnected]).toEqual([true, true]);
  list.close();
  await room.leave();
});

describe('a client’s address', () => {
  const address = async (room: ClientRoom<typeof Guarded>): Promise<string> => {
    const [auth] = await once<[any]>((callback) => room.onMessage('auth', callback));
    await room.leave();
    return auth.request.address;
  };

  it('is its own for onAuth, not the proxy’s', async () => {
    for (const each of [ADA, BOB]) {
      const { client } = new Visitor(`wss://${patient}`, each, { token: 'password' });
      expect(await address(await client.create<typeof Guarded>('guarded'))).toBe(each);
    }
  });

  it('counts for the limits: who has too many connections is told so, and nobody else', async () => {
    await expect.poll(() => server.metric('escapement_connections')).toBe(0);
    const { client } = new Visitor(`wss://${patient}`, ADA);
    const lists = await Promise.all(Array.from({ length: CONNECTIONS_MAX }, () => client.watchRooms()));
    const refused = await server.metric('escapement_handshakes_refused_total');
    await expect(new Visitor(`wss://${patient}`, ADA, { reconnect: false }).client.watchRooms()).rejects.toThrow();
    expect(await server.metric('escapement_handshakes_refused_total')).toBeGreaterThan(refused);
    const other = await new Visitor(`wss://${patient}`, BOB).client.watchRooms();
    for (const list of [...lists, other]) list.close();
    await expect.poll(() => server.metric('escapement_connections')).toBe(0);
  });
});

it('a seat that was asked for over HTTP has a wss URL, which leads to it through the proxy', async () => {
  const { status, body: seat } = await ask('/matchmake/joinOrCreate/lounge', 'POST');
  expect(status).toBe(200);
  expect(seat.url).toMatch(new RegExp(`^wss://${patient}(?:/|$)`));
  const room = await new Visitor(seat.url).client.consumeSeat(seat);
  expect([room.id, room.sessionId]).toEqual([seat.roomId, seat.sessionId]);
  expect((await ask('/rooms?type=lounge')).body).toMatchObject({ rooms: [{ roomId: room.id, clients: 1 }] });
  await room.leave();
  const used = await new Visitor(seat.url).client.joinWithTicket(seat.ticket).catch((error: JoinError) => error);
  expect(used).toMatchObject({ code: 4401 });
});

it('and when all have gone, nothing is left of them, and there was nothing to warn of', async () => {
  await expect.poll(() => server.metric('escapement_sessions'), { timeout: 15_000 }).toBe(0);
  await expect.poll(() => server.metric('escapement_rooms'), { timeout: 5000 }).toBe(0);
  expect(await server.metric('escapement_connections')).toBe(0);
  expect(server.stdout.split('\n').filter((line) => line.startsWith('{'))).toEqual([]);
  expect(server.stderr).toBe('');
});
