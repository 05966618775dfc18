/** A room's place at the client: inputs, messages, errors, and its end. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ClientRoom } from '../src/client/client-room.js';
import { connect } from '../src/client/node.js';
import { decodeClientMessage } from '../src/protocol/client-frames.js';
import { InputRecordCodec } from '../src/protocol/input-record.js';
import { decodePayload, encodePayload } from '../src/protocol/payload.js';
import { encodeDraining, encodePong, encodeRejected, encodeServerMessage } from '../src/protocol/server-frames.js';
import { Move, ScriptedServer, snapshotFrame, type Peer } from './support/scripted-server.js';

let server: ScriptedServer;
let peer: Peer;
let room: ClientRoom;
let nowMs = 0;

beforeEach(async () => {
  server = await ScriptedServer.start();
  nowMs = 1000;
  const arriving = server.peer();
  const joining = connect(server.url, { now: () => nowMs }).join('arena');
  peer = await arriving;
  await peer.next();
  peer.players.spawn({ name: 'Ann', health: 100 });
  peer.join();
  peer.send(message('early', 1));
  peer.send(message('early', 2));
  peer.keyframe(30);
  room = await joining;
});
afterEach(() => server.stop());

function message(type: string, payload: unknown): Uint8Array {
  const { encoding, bytes } = encodePayload(payload);
  return encodeServerMessage(type, encoding, bytes);
}

/** Resolves when the client has handled everything sent to it so far. */
async function settled(): Promise<void> {
  const mark = new Promise<void>((resolve) => {
    const off = room.onMessage('mark', () => {
      off();
      resolve();
    });
  });
  peer.send(message('mark', null));
  await mark;
}

const left = (): Promise<[number, string]> =>
  new Promise((resolve) => room.onLeave((code, reason) => resolve([code, reason])));

test('messages that came with the join reach the handlers registered after it, in order', async () => {
  const got: unknown[] = [];
  room.onMessage('early', (payload) => got.push(payload));
  await settled();
  expect(got).toEqual([1, 2]);
});

test('messages go to their type, or else to *, with JSON and bytes intact', async () => {
  const got: unknown[] = [];
  const off = room.onMessage<unknown>('chat', (payload) => got.push(['chat', payload]));
  room.onMessage('*', (type, payload) => got.push(['*', type, payload]));
  await settled();
  got.length = 0;
  peer.send(message('chat', { text: 'hällo', list: [1, null] }));
  peer.send(message('blob', Uint8Array.of(0, 255, 7)));
  peer.send(message('nothing', undefined));
  await settled();
  off();
  peer.send(message('chat', 'again'));
  await settled();
  expect(got).toEqual([
    ['chat', { text: 'hällo', list: [1, null] }],
    ['*', 'blob', Uint8Array.of(0, 255, 7)],
    ['*', 'nothing', undefined],
    ['*', 'chat', 'again'],
  ]);

  expect(room.send('chat', { to: 'all' })).toBe(true);
  expect(room.send('blob', Uint8Array.of(1, 2))).toBe(true);
  const sent = [await peer.next(), await peer.next()].map(({ bytes }) => decodeClientMessage(bytes));
  expect(sent.map(({ type, encoding, payload }) => [type, decodePayload(encoding, payload)])).toEqual([
    ['chat', { to: 'all' }],
    ['blob', Uint8Array.of(1, 2)],
  ]);
});

test('inputs are numbered from 1, packed, and say which tick the client holds', async () => {
  const codec = new InputRecordCodec(Move.fieldNames, Move.fieldList);
  expect(room.input({ dx: -5, fire: true })).toBe(1);
  peer.delta(33, 3, 1);
  await settled();
  expect(room.ackedInput).toBe(1);
  expect(room.input({})).toBe(2);
  const frames = [await peer.next(), await peer.next()];
  const records = frames.map(({ bytes, reader }) => {
    const record = {};
    expect(reader.bodyLength).toBe(codec.bytes);
    codec.readInto(bytes, reader.bodyOffset, record);
    return record;
  });
  expect(frames.map(({ reader }) => [reader.seq, reader.ackTick])).toEqual([
    [1, 30],
    [2, 33],
  ]);
  expect(records).toEqual([
    { dx: -5, aim: 0, fire: true },
    { dx: 0, aim: 0, fire: false },
  ]);
  expect(() => room.input({ dX: 1 })).toThrow('has no input field dX; it has dx, aim, fire');
});

test('acknowledgements of 16 bits are unwrapped against what was sent', async () => {
  for (let seq = 1; seq <= 70_000; seq += 1) room.input({ dx: seq & 1 });
  const acks: number[] = [];
  room.onStateChange(() => acks.push(room.ackedInput));
  [3, 65_535, 65_536, 69_999, 70_000].forEach((seq, i) => peer.delta(31 + i, 1, seq & 0xffff));
  await settled();
  // 3 is read as the newest number sent with those low 16 bits: 65,536 + 3.
  expect(acks).toEqual([65_539, 65_539, 65_539, 69_999, 70_000]);
});

test('deltas of one baseline after another apply, and callbacks see the new state', async () => {
  const seen: string[] = [];
  const { players } = room.state;
  players.onAdd((row) => seen.push(`+${row.name}`));
  players.onChange((row) => seen.push(`${row.name}:${row.health}`));
  players.onRemove((row) => seen.push(`-${row.name}`));
  room.onStateChange((state, tick) => seen.push(`${tick}: ${[...state.players].map((row) => row.name).join()}`));
  expect(seen).toEqual(['+Ann']);
  const [ann] = peer.players;
  const bob = peer.players.spawn({ name: 'Bob' });
  ann!.health = 90;
  peer.delta(33, 3);
  peer.players.despawn(bob);
  peer.delta(39, 6);
  await settled();
  expect(seen).toEqual(['+Ann', '+Bob', 'Ann:90', '33: Ann,Bob', '-Bob', '39: Ann']);
  expect(room.stats).toMatchObject({ snapshots: 3, keyframes: 1, resyncs: 0 });
  expect(peer.unread).toEqual([]);
});

test('a missing baseline is asked for twice a second at most, and a keyframe puts everything right', async () => {
  nowMs += 600;
  const hash = room.stateHash();
  const changes: number[] = [];
  room.onStateChange((_, tick) => changes.push(tick));
  const [ann] = peer.players;
  ann!.health = 50;
  peer.frame(false, 33, 3); // lost
  ann!.health = 40;
  peer.delta(36, 3);
  peer.delta(39, 3);
  const resync = await peer.next();
  expect([resync.kind, resync.reader.haveTick]).toEqual(['Resync', 30]);
  // This one's baseline is the tick held, but the room was told that it isn't.
  peer.send(peer.frame(false, 42, 12));
  await settled();
  expect(room.stateHash()).toBe(hash);
  expect(room.stats.resyncs).toBe(1);
  expect(peer.unread).toEqual([]);
  nowMs += 499;
  peer.delta(45, 3);
  await settled();
  expect(peer.unread).toEqual([]);
  nowMs += 1;
  peer.delta(48, 3);
  expect((await peer.next()).kind).toBe('Resync');
  peer.keyframe(51);
  peer.delta(54, 3);
  await settled();
  expect(room.stateHash()).toBe(peer.hash());
  expect(changes).toEqual([51, 54]);
  expect(room.stats).toMatchObject({ resyncs: 2, keyframes: 2, snapshots: 3 });
});

test.each<[string, (peer: Peer) => Uint8Array | string, string]>([
  ['text', () => 'hello', 'text instead of bytes'],
  ['nothing', () => new Uint8Array(0), 'malformed frame'],
  ['noise', () => new Uint8Array(64).fill(0x80), 'malformed frame'],
  ['a body cut short', (from) => from.frame(true, 33, 0).subarray(0, -1), 'malformed frame'],
  ['a body that lies', () => snapshotFrame(33, 0, 3, false, Uint8Array.of(1, 9)), 'malformed snapshot'],
  ['a keyframe that lies', () => snapshotFrame(33, 0, 0, true, Uint8Array.of(2, 1, 0)), 'malformed snapshot'],
])('%s is reported and asked again for, and changes nothing', async (_, bad, words) => {
  nowMs += 600;
  const errors: Error[] = [];
  room.onError((error) => errors.push(error));
  const hash = room.stateHash();
  peer.send(bad(peer));
  expect((await peer.next()).kind).toBe('Resync');
  await settled();
  expect(errors.map((error) => error.message)).toEqual([expect.stringContaining(words)]);
  expect(room.stateHash()).toBe(hash);
  expect(room.tick).toBe(30);
  peer.keyframe(36);
  await settled();
  expect(room.tick).toBe(36);
});

test('a payload that is no JSON is reported, and costs no keyframe', async () => {
  nowMs += 600;
  const errors: Error[] = [];
  room.onError((error) => errors.push(error));
  peer.send(encodeServerMessage('chat', 0, Uint8Array.of(0x7b)));
  await settled();
  expect(errors).toMatchObject([{ code: 'PAYLOAD_NOT_JSON' }]);
  expect(peer.unread).toEqual([]);
});

test('what the room rejects is reported with the field and the reason, and costs no keyframe', async () => {
  nowMs += 600;
  const errors: Error[] = [];
  room.onError((error) => errors.push(error));
  peer.send(encodeRejected('shoot', 'aim.angle', 'expected a number'));
  peer.send(encodeRejected('', 'dx', 'expected -127 to 127'));
  peer.send(encodeRejected('chat', '', 'expected a text'));
  await settled();
  expect(errors).toMatchObject([
    { name: 'RejectedError', type: 'shoot', field: 'aim.angle', reason: 'expected a number' },
    { type: '', field: 'dx' },
    { type: 'chat', field: '' },
  ]);
  expect(errors.map(({ message }) => message)).toEqual([
    'the room took no message shoot: aim.angle: expected a number',
    'the room took no input: dx: expected -127 to 127',
    'the room took no message chat: expected a text',
  ]);
  expect(peer.unread).toEqual([]);
});

test('a room that is about to end says so while it goes on', async () => {
  const told: unknown[] = [];
  room.onShutdown((reason, deadlineMs) => told.push(reason, deadlineMs, room.isConnected));
  peer.send(encodeDraining('update to 1.2', 30_000));
  await settled();
  expect(told).toEqual(['update to 1.2', 30_000, true]);
});

test("the game's own exceptions are reported and stop nothing", async () => {
  const errors: Error[] = [];
  const seen: string[] = [];
  const oops = (what: string) => (): void => {
    seen.push(what);
    throw new Error(what);
  };
  room.onError(oops('in onError'));
  room.onError((error) => errors.push(error));
  const toConsole = vi.spyOn(console, 'error').mockImplementation(() => {});
  room.state.players.onAdd(oops('add'));
  room.state.players.onChange(oops('change'));
  room.state.players.onRemove(oops('remove'));
  room.onStateChange(oops('state'));
  room.onMessage('chat', oops('chat'));
  room.onMessage('chat', () => seen.push('other chat'));
  const [ann] = peer.players;
  ann!.health = 1;
  peer.delta(33, 3);
  peer.players.despawn(ann!);
  peer.delta(36, 3);
  peer.send(message('chat', 0));
  await settled();
  const kinds = ['add', 'change', 'state', 'remove', 'state', 'chat'];
  expect(errors.map((error) => error.message)).toEqual(kinds);
  expect(seen.filter((what) => what !== 'in onError')).toEqual([...kinds, 'other chat']);
  expect(toConsole).toHaveBeenCalledTimes(kinds.length); // what onError's own callback threw
  toConsole.mockRestore();
  expect(room.stateHash()).toBe(peer.hash());
});

test('while nobody listens, errors go to the console', async () => {
  const toConsole = vi.spyOn(console, 'error').mockImplementation(() => {});
  peer.send('hello');
  await settled();
  expect(toConsole).toHaveBeenCalledWith(expect.objectContaining({ code: 'ERR_ESCAPEMENT_FRAME' }));
  toConsole.mockRestore();
});

test('ping is measured at once and smoothed, and lateness comes with it', async () => {
  const ping = peer.nextPing();
  nowMs = 5000;
  const { timeMs, ackTick } = await ping;
  expect(ackTick).toBe(30);
  nowMs = timeMs + 40;
  peer.send(encodePong(timeMs, 1500));
  await settled();
  expect(room.ping).toBe(40);
  expect(room.stats.serverLatenessMs).toBe(1.5);
  nowMs = timeMs + 90;
  peer.send(encodePong(timeMs, 0));
  peer.send(encodePong(timeMs + 1e9, 0)); // from the future: not a time of ours
  await settled();
  expect(room.ping).toBe(50);
});

test.each<[string, (from: Peer) => void, number, string, boolean]>([
  ['a lost connection that nothing resumes', (from) => from.socket.terminate(), 1006, 'the connection was lost', true],
  ['a shutdown', (from) => from.socket.close(4001, 'update'), 4001, 'update', false],
  ['a server that goes away', (from) => from.socket.close(1001), 1001, 'closed with code 1001', true],
  ['a room that lets the client go', (from) => from.socket.close(4000), 4000, 'left on purpose', false],
])('%s ends the place once, with a reason', async (_, end, code, reason, isDrop) => {
  const events: unknown[] = [];
  room.onDrop((...args) => events.push(['drop', ...args]));
  room.onLeave((...args) => events.push(['leave', ...args]));
  const over = left();
  end(peer);
  await over;
  expect(events).toEqual([...(isDrop ? [['drop', code, reason]] : []), ['leave', code, reason]]);
  expect(room.input({ dx: 1 })).toBe(0);
  expect(room.send('chat')).toBe(false);
  expect(await room.leave()).toBe(code);
});

test('leaving says so, freezes the state, and resolves when the server has closed', async () => {
  const drop = vi.fn();
  room.onDrop(drop);
  const over = left();
  const leaving = room.leave();
  expect(room.leave()).toBe(leaving);
  const frame = await peer.next();
  expect([frame.kind, frame.reader.code]).toEqual(['Leave', 4000]);
  peer.delta(33, 3);
  peer.socket.close(4000, 'left');
  expect(await leaving).toBe(4000);
  expect(await over).toEqual([4000, 'left']);
  expect(room.tick).toBe(30);
  expect(drop).not.toHaveBeenCalled();
});

test('leaving a server that no longer answers resolves all the same', async () => {
  peer.socket.pause();
  expect(await room.leave()).toBe(4000);
});
