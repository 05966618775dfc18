/** A join resolves with a filled state, or rejects with a reason; whatever a server answers. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { JoinError } from '../src/client/client-errors.js';
import { connect } from '../src/client/node.js';
import { socketUrl } from '../src/client/server-url.js';
import { decodeJoin, JoinMethod } from '../src/protocol/client-frames.js';
import { encodeJoined, encodePong, encodeRefused, encodeServerMessage } from '../src/protocol/server-frames.js';
import { JOINED, ScriptedServer, type Peer } from './support/scripted-server.js';

let server: ScriptedServer;
beforeEach(async () => {
  server = await ScriptedServer.start();
});
afterEach(() => server.stop());

async function joinError(promise: Promise<unknown>): Promise<JoinError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(JoinError);
  return error as JoinError;
}

test('resolves after Joined and the first keyframe, with the state filled', async () => {
  const arriving = server.peer();
  const client = connect(server.url, { token: 'secret' });
  let isResolved = false;
  const joining = client.joinOrCreate('arena', { name: 'Ann' }).then((room) => {
    isResolved = true;
    return room;
  });
  const peer = await arriving;
  expect(peer.socket.protocol).toBe('escapement.1');
  const join = await peer.next();
  expect(join.kind).toBe('Join');
  const request = decodeJoin(join.bytes);
  expect({ ...request, options: new TextDecoder().decode(request.options) }).toEqual({
    method: JoinMethod.JoinOrCreate,
    room: 'arena',
    roomId: '',
    token: 'secret',
    options: '{"name":"Ann"}',
    ticket: '',
    rating: 0,
    party: '',
    partySize: 0,
  });
  const ann = peer.players.spawn({ x: 7.5, name: 'Ann' });
  peer.join();
  peer.send(encodePong(0, 0));
  await new Promise((resolve) => peer.socket.once('pong', resolve).ping());
  expect(isResolved).toBe(false);
  peer.keyframe(41);
  const room = await joining;
  expect(room).toMatchObject({ id: 'r1', name: 'arena', sessionId: 's1', tickRate: 60, snapshotRate: 20, tick: 41 });
  expect(room.state.players.get(ann.id)).toMatchObject({ x: 7.5, name: 'Ann', health: 0, id: ann.id });
  expect(room.stateHash()).toBe(peer.hash());
  expect(room.stats).toMatchObject({ snapshots: 1, keyframes: 1, resyncs: 0 });
});

test.each([
  ['create', JoinMethod.Create, 'arena', ''],
  ['join', JoinMethod.Join, 'arena', ''],
  ['joinById', JoinMethod.JoinById, '', 'arena'],
] as const)('%s asks for what it says', async (method, wireMethod, room, roomId) => {
  const arriving = server.peer();
  const joining = connect(server.url)[method]('arena');
  const peer = await arriving;
  expect(decodeJoin((await peer.next()).bytes)).toMatchObject({ method: wireMethod, room, roomId });
  peer.join();
  peer.keyframe(1);
  await joining;
});

test.each<[string, (peer: Peer) => void, number, string]>([
  ['a refusal', (peer) => peer.send(encodeRefused(4401, 'the room is full')), 4401, 'the room is full'],
  ['a close', (peer) => peer.socket.close(4001, 'bye'), 4001, 'the join was done: bye'],
  ['a lost connection', (peer) => peer.socket.terminate(), 1006, 'the connection was lost'],
  ['text', (peer) => peer.send('hello'), 4400, 'sent text'],
  ['noise', (peer) => peer.send(new Uint8Array(40).fill(0xff)), 4400, 'answer is malformed'],
  ['messages first', (peer) => peer.send(encodeServerMessage('hi', 0, new Uint8Array(0))), 4400, 'before its answer'],
  ['state first', (peer) => peer.keyframe(1), 4400, 'before its answer'],
  [
    'a table no room could declare',
    (peer) => peer.send(encodeJoined({ ...JOINED, tables: [{ ...JOINED.tables[0]!, capacity: 1e9 }] })),
    4400,
    'capacity is 1000000000',
  ],
  [
    'two tables of one name',
    (peer) => peer.send(encodeJoined({ ...JOINED, tables: [JOINED.tables[0]!, JOINED.tables[0]!] })),
    4400,
    'two tables named players',
  ],
  [
    'tables beyond all memory',
    (peer) =>
      peer.send(
        encodeJoined({
          ...JOINED,
          tables: Array.from({ length: 60 }, (_, t) => ({ ...JOINED.tables[0]!, name: `t${t}`, capacity: 65535 })),
        }),
      ),
    4400,
    'at most 67108864',
  ],
])('%s rejects the join and closes the socket', async (_, answer, code, words) => {
  const arriving = server.peer();
  const failing = joinError(connect(server.url).join('arena'));
  const peer = await arriving;
  const closed = new Promise((resolve) => peer.socket.once('close', resolve));
  await peer.next();
  answer(peer);
  const error = await failing;
  expect(error.code).toBe(code);
  expect(error.message).toContain(words);
  await closed;
});

test.each([
  ['an answer', false],
  ['the first keyframe', true],
])('gives up when %s never comes', async (missing, answers) => {
  const arriving = server.peer();
  const failing = joinError(connect(server.url, { joinTimeoutMs: 60 }).join('arena'));
  const peer = await arriving;
  const closed = new Promise((resolve) => peer.socket.once('close', resolve));
  if (answers) peer.join();
  const error = await failing;
  expect(error.code).toBe(4010);
  expect(error.message).toContain(`waiting for ${missing}`);
  await closed;
});

test('a server that is not there is said to be not there', async () => {
  const { url } = server;
  await server.stop();
  const error = await joinError(connect(url).join('arena'));
  expect(error.code).toBe(1006);
  expect(error.message).toContain(`cannot connect to ${url.replace('http', 'ws')}/ws`);
  server = await ScriptedServer.start();
});

test('options that JSON cannot express reject before any socket is opened', async () => {
  await expect(connect(server.url).join('arena', { size: 1n })).rejects.toMatchObject({ code: 'PAYLOAD_NOT_ENCODABLE' });
});

test('urls are taken as people have them', () => {
  expect(socketUrl('http://localhost:2567')).toBe('ws://localhost:2567/ws');
  expect(socketUrl('https://play.example/')).toBe('wss://play.example/ws');
  expect(socketUrl(new URL('ws://[::1]:2567/?a=1#b'))).toBe('ws://[::1]:2567/ws');
  expect(socketUrl('wss://play.example/games/ws')).toBe('wss://play.example/games/ws');
  expect(socketUrl('wss://play.example/games/')).toBe('wss://play.example/games/ws');
  expect(() => socketUrl('localhost:2567')).toThrow("expected 'ws://host:port'");
  expect(() => socketUrl('play.example')).toThrow('not a URL');
  expect(() => socketUrl('constructor://x')).toThrow('not for sockets');
  expect(() => socketUrl()).toThrow("needs the server's URL");
});

test.each<[object, string]>([
  [{ joinTimeoutMs: 0 }, 'joinTimeoutMs is 0; expected more than 0'],
  [{ reconnect: true }, 'reconnect is true; expected false or {'],
  [{ reconnect: { delayMs: 0 } }, 'reconnect.delayMs is 0; expected 1 to 60000 milliseconds'],
  [{ reconnect: { delayMs: 200, delayMaxMs: 199 } }, 'reconnect.delayMaxMs is 199; expected 200 to 600000 milliseconds'],
  [{ reconnect: { giveUpAfterMs: NaN } }, 'reconnect.giveUpAfterMs is NaN; expected 1 to 2147483647 milliseconds'],
])('options that make no sense are refused with what was expected: %j', (options, words) => {
  expect(() => connect('ws://x', options)).toThrow(words);
});
