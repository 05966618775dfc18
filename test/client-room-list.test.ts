/** A list of rooms is complete when it is given out, is told of as differences, and outlives its connection. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connect, type ConnectOptions, type RoomFilter, type RoomList } from '../src/client/index.js';
import { ClientFrameKind, ClientFrameReader, decodeWatch } from '../src/protocol/client-frames.js';
import { encodePayload } from '../src/protocol/payload.js';
import { encodeRooms, type RoomInfoFrame } from '../src/protocol/room-list-frames.js';
import { encodePong, encodeRefused } from '../src/protocol/server-frames.js';
import { MemoryNetwork } from './support/memory-network.js';
import type { Peer } from './support/scripted-server.js';

const passed = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

function info(roomId: string, clients = 1, metadata?: unknown): RoomInfoFrame {
  const bytes = encodePayload(metadata).bytes;
  return { roomId, gone: false, room: 'arena', clients, clientsMax: 16, locked: false, createdMs: 1e12, metadata: bytes };
}
const gone = (roomId: string): RoomInfoFrame => ({ ...info(roomId), gone: true });

const whole = (...rooms: RoomInfoFrame[]): Uint8Array => encodeRooms({ rooms, complete: true, reset: true });
const news = (...rooms: RoomInfoFrame[]): Uint8Array => encodeRooms({ rooms, complete: true, reset: false });

describe('over the socket', () => {
  let network: MemoryNetwork;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
    network = new MemoryNetwork();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function watch(options: ConnectOptions = {}, room?: string, filter?: RoomFilter): Promise<RoomList> {
    return connect('ws://x', { WebSocket: network.WebSocket, random: () => 0.5, ...options }).watchRooms(room, filter);
  }

  /** A list of rooms a (1 client) and b, what is heard of it, and the server's end. */
  async function listed(options: ConnectOptions = {}): Promise<{ list: RoomList; heard: string[]; peer: Peer }> {
    const watching = watch(options);
    const peer = await network.peer();
    peer.send(whole(info('a'), info('b')));
    const list = await watching;
    const heard: string[] = [];
    list.onAdd((room) => heard.push(`+${room.roomId}`));
    list.onChange((room, before) => heard.push(`${room.roomId}: ${before.clients} to ${room.clients}`));
    list.onRemove((room) => heard.push(`-${room.roomId}`));
    list.onEnd((code, reason) => heard.push(`end ${code} ${reason}`));
    expect(heard.splice(0)).toEqual(['+a', '+b']);
    return { list, heard, peer };
  }

  test('is given out when the whole of it has come, in however many parts', async () => {
    const watching = watch({}, 'arena', { mode: 'duel', level: 3 });
    let isGiven = false;
    void watching.then(() => (isGiven = true));
    const peer = await network.peer();
    const frame = await peer.next();
    expect(frame.kind).toBe('Watch');
    const { room, filter } = decodeWatch(frame.bytes);
    expect([room, new TextDecoder().decode(filter)]).toEqual(['arena', '{"mode":"duel","level":3}']);
    peer.send(encodeRooms({ rooms: [info('a')], complete: false, reset: true }));
    peer.send(encodeRooms({ rooms: [info('b'), info('c')], complete: false, reset: false }));
    peer.send(encodeRooms({ rooms: [gone('b'), info('c', 2)], complete: false, reset: false }));
    await passed(0);
    expect(isGiven).toBe(false);
    peer.send(encodeRooms({ rooms: [info('d', 4, { map: 'ice' })], complete: true, reset: false }));
    const list = await watching;
    expect([...list.rooms.keys()]).toEqual(['a', 'c', 'd']);
    expect(list.rooms.get('c')!.clients).toBe(2);
    expect(list.rooms.get('d')).toEqual({
      roomId: 'd', type: 'arena', clients: 4, maxClients: 16, locked: false, createdAt: new Date(1e12), metadata: { map: 'ice' },
    });
    expect(list.rooms.get('a')!.metadata).toBe(null);
  });

  test('changes are told of, what is the same is not', async () => {
    const { list, heard, peer } = await listed();
    peer.send(news(info('a', 2), info('b'), info('c')));
    peer.send(news(gone('b'), gone('never was')));
    await passed(0);
    expect(heard).toEqual(['a: 1 to 2', '+c', '-b']);
    expect([...list.rooms.keys()]).toEqual(['a', 'c']);
  });

  test('a lost connection is replaced, and the new list told of as differences', async () => {
    const { list, heard, peer } = await listed();
    peer.socket.terminate();
    await passed(0);
    expect([list.isConnected, list.rooms.size, heard]).toEqual([false, 2, []]);
    await passed(76);
    const next = await network.peer();
    await passed(0);
    expect((await next.next()).kind).toBe('Watch');
    next.send(encodeRooms({ rooms: [info('b', 5)], complete: false, reset: true }));
    await passed(0);
    expect([list.isConnected, list.rooms.size, heard]).toEqual([false, 2, []]);
    next.send(encodeRooms({ rooms: [info('c')], complete: true, reset: false }));
    await passed(0);
    expect(heard).toEqual(['-a', 'b: 1 to 5', '+c']);
    expect(list.isConnected).toBe(true);
  });

  test('silence is noticed, as long as pings are not answered', async () => {
    const { list, peer } = await listed();
    const reader = new ClientFrameReader();
    let answers = true;
    peer.socket.on('message', (data: Buffer) => {
      if (reader.read(new Uint8Array(data)) !== 0 || reader.kind !== ClientFrameKind.Ping || !answers) return;
      peer.send(encodePong(reader.timeMs, 0));
    });
    await passed(60_000);
    expect([list.isConnected, network.wires.length]).toEqual([true, 1]);
    answers = false;
    await passed(6100);
    expect([list.isConnected, network.wires.length]).toEqual([false, 2]);
  });

  test('close() ends it, once', async () => {
    const { list, heard, peer } = await listed();
    list.close();
    list.close();
    peer.send(news(info('z')));
    await passed(60_000);
    expect(heard).toEqual(['end 4000 closed']);
    expect(list.rooms.size).toBe(2);
    expect(network.wires.length).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each<[string, (peer: Peer) => void, string]>([
    ['a refusal', (peer) => peer.send(encodeRefused(4401, 'not here')), 'end 4401 not here'],
    ['a shutdown', (peer) => peer.socket.close(4001, 'update'), 'end 4001 update'],
    ['noise', (peer) => peer.send(new Uint8Array(40).fill(0xff)), 'end 4400 malformed frame from the server'],
    ['metadata that is no JSON', (peer) => peer.send(news({ ...info('c'), metadata: Uint8Array.of(0x7b) })), 'end 4400 the list'],
  ])('%s ends it for good', async (_, act, words) => {
    const { heard, peer } = await listed();
    act(peer);
    await passed(60_000);
    expect(heard).toEqual([expect.stringContaining(words)]);
    expect(network.wires.length).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('without reconnection a loss ends it, and with it the end comes after a minute of trying', async () => {
    const first = await listed({ reconnect: false });
    first.peer.socket.terminate();
    await passed(0);
    expect(first.heard).toEqual(['end 1006 the connection was lost']);
    const second = await listed();
    network.mode = 'refuse';
    second.peer.socket.terminate();
    await passed(54_000);
    expect(second.heard).toEqual([]);
    await passed(7000);
    expect(second.heard).toEqual([expect.stringMatching(/^end 1006 no connection came about within 60000 ms/)]);
  });

  test('who waits for a list that does not come is told why', async () => {
    const full = { name: 'JoinError', code: 4010, message: expect.stringContaining('full') };
    const failing = expect(watch()).rejects.toMatchObject(full);
    (await network.peer()).send(encodeRefused(4010, 'full'));
    await passed(0);
    await failing;
    network.mode = 'hang';
    const late = expect(watch()).rejects.toMatchObject({ code: 4010, message: expect.stringContaining('after 10000 ms') });
    await passed(10_000);
    await late;
    expect(vi.getTimerCount()).toBe(0);
    await expect(watch({}, '', { a: {} as never })).rejects.toThrow('filter a is a object; expected text, number or boolean');
  });
});

describe('over HTTP', () => {
  let server: Server;
  let asked: string[];
  let answer: { status: number; body: string };
  const client = (): ReturnType<typeof connect> =>
    connect(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/games/`, { WebSocket: class {} as never });

  beforeEach(async () => {
    asked = [];
    server = createServer((request, response) => {
      asked.push(request.url!);
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  test('asks beside the socket for what is wanted, and gives rooms as the socket does', async () => {
    const room = { roomId: 'a', type: 'arena', clients: 1, maxClients: 16, locked: false, metadata: null };
    answer = { status: 200, body: JSON.stringify({ rooms: [{ ...room, createdAt: '2030-01-01T00:00:00.000Z' }] }) };
    const expected = [{ ...room, createdAt: new Date(Date.UTC(2030, 0, 1)) }];
    expect(await client().listRooms('arena', { mode: 'a b', level: 3, ranked: true })).toEqual(expected);
    expect(await client().listRooms()).toEqual(expected);
    expect(asked).toEqual(['/games/rooms?type=arena&mode=a+b&level=3&ranked=true', '/games/rooms']);
  });

  test.each([
    [{ status: 400, body: '{"error":{"code":4400,"message":"no room type duel"}}' }, 400, 'no room type duel'],
    [{ status: 200, body: '{}' }, 200, 'the answer is no list'],
    [{ status: 502, body: '<html>' }, 502, 'the answer is no list'],
  ])('what is no list is said to be none: %j', async (given, status, words) => {
    answer = given;
    await expect(client().listRooms()).rejects.toMatchObject({
      name: 'RoomListError', status, message: expect.stringContaining(words),
    });
  });

  test('a server that is not there is said to be not there', async () => {
    const away = connect('ws://127.0.0.1:1', { WebSocket: class {} as never });
    const words = expect.stringContaining('http://127.0.0.1:1/rooms');
    await expect(away.listRooms()).rejects.toMatchObject({ status: 0, message: words });
  });
});
