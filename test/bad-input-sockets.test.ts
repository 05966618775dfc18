/** Upgrades, framing and floods that no honest client produces: refused or absorbed, and nobody else notices. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  encodeClientMessage,
  encodeJoin,
  encodeLeave,
  encodePing,
  encodeResync,
  InputFrameWriter,
  JoinMethod,
} from '../src/protocol/client-frames.js';
import { ServerFrameKind, ServerFrameReader } from '../src/protocol/server-frames.js';
import { SeededRandom } from './corpus/seeded-random.js';
import { Bystanders } from './support/bystanders.js';
import { askHttp, frameOf, Opcode, RawSocket, upgradeRequest } from './support/raw-socket.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

const SEED = 20_260_203;
/** The server's default limit of a message. */
const PAYLOAD_BYTES_MAX = 4096;
/** Up to here the server reads on, to close with 1009 and say the limit. A longer one is cut off in its first bytes. */
const EXPLAINED_BYTES_MAX = 4 * PAYLOAD_BYTES_MAX;
/** What a socket ends with that got no close frame. uWebSockets.js sends none for what breaks RFC 6455. */
const CUT_OFF = { code: 1006, reason: '' };
/** Without a seat, 60 messages or pings a second, and twice that at once. */
const OVER_RATE = {
  code: 1008,
  reason: expect.stringMatching(/^over the rate: 24\d messages ahead of 60 a second; expected at most 120 ahead$/),
};
const NOT_JOINED = { code: 4401, reason: 'no join within 3000 ms' };

const JOIN = encodeJoin({ room: 'probe' });

let server: ServerProcess;
let bystanders: Bystanders;
beforeAll(async () => {
  server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--log-level', 'warn'] });
  bystanders = await Bystanders.join(server);
});
afterAll(async () => {
  await bystanders?.leave();
  await server?.stop();
});

const reader = new ServerFrameReader();

async function isAnswered(raw: RawSocket, kind: ServerFrameKind): Promise<boolean> {
  for (let frame = await raw.next(); frame !== null; frame = await raw.next()) {
    expect(reader.read(frame)).toBe(0);
    if (reader.kind === kind) return true;
  }
  return false;
}

/** An echo message that is so many bytes as a whole. */
function echoOf(bytes: number): Uint8Array {
  const payload = new Uint8Array(bytes - encodeClientMessage('echo', 1, new Uint8Array(4)).length + 4).fill(7);
  const frame = encodeClientMessage('echo', 1, payload);
  expect(frame.length).toBe(bytes);
  return frame;
}

describe('the upgrade', () => {
  it.each([
    ['another subprotocol', { 'Sec-WebSocket-Protocol': 'escapement.2' }, 426, 'subprotocol escapement.1'],
    ['no subprotocol', { 'Sec-WebSocket-Protocol': undefined }, 426, 'subprotocol escapement.1'],
    ['a name that contains ours', { 'Sec-WebSocket-Protocol': 'xescapement.1, escapement.10' }, 426, 'subprotocol'],
    ['another WebSocket version', { 'Sec-WebSocket-Version': '8' }, 426, 'Sec-WebSocket-Version: 13'],
    ['no WebSocket version', { 'Sec-WebSocket-Version': undefined }, 426, 'Sec-WebSocket-Version: 13'],
    ['a foreign Origin', { Origin: 'http://evil.example' }, 403, 'Origin'],
    ['an Origin that begins with ours', { Origin: 'http://localhost.evil.example' }, 403, 'Origin'],
    ['the Origin of a sandbox', { Origin: 'null' }, 403, 'Origin'],
    ['no key', { 'Sec-WebSocket-Key': undefined }, 400, 'Sec-WebSocket-Key'],
    ['a short key', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }, 400, 'Sec-WebSocket-Key'],
    ['a long key', { 'Sec-WebSocket-Key': 'A'.repeat(1000) }, 400, 'Sec-WebSocket-Key'],
    ['a key that is not base64', { 'Sec-WebSocket-Key': '!'.repeat(24) }, 400, 'Sec-WebSocket-Key'],
    ['no Host', { Host: undefined }, 400, ''],
    ['a header of 100 kB', { 'X-Big': 'a'.repeat(100_000) }, 431, ''],
  ])('with %s', async (_, headers, status, words) => {
    const answer = await askHttp(server.url, upgradeRequest(headers));
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(words);
  });

  it('is granted to the own page, and to programs, which send no Origin', async () => {
    expect((await askHttp(server.url, upgradeRequest({ Origin: 'http://localhost' }))).status).toBe(101);
    expect((await askHttp(server.url, upgradeRequest())).status).toBe(101);
  });

  it('has no other path', async () => {
    for (const path of ['/', '/ws/', '/ws2', '/ws/../../etc/passwd', '/%00', '/__proto__', `/${'a'.repeat(3000)}`]) {
      expect((await askHttp(server.url, upgradeRequest({}, path))).status, path).toBe(404);
    }
  });

  it('garbage instead of HTTP', async () => {
    const random = new SeededRandom(SEED);
    for (let run = 0; run < 200; run += 1) {
      const garbage = Buffer.concat([random.bytes(1 + random.below(500)), Buffer.from(' / HTTP/1.1\r\n\r\n\r\n')]);
      expect((await askHttp(server.url, garbage)).status).not.toBe(101);
    }
    await bystanders.expectUnharmed();
  });
});

describe('a message over the limit', () => {
  it('is not one of exactly the limit', async () => {
    const raw = new RawSocket(server.url, frameOf(JOIN));
    expect(await isAnswered(raw, ServerFrameKind.Joined)).toBe(true);
    expect(await isAnswered(raw, ServerFrameKind.Message)).toBe(true); // the room's welcome
    raw.send(echoOf(PAYLOAD_BYTES_MAX));
    expect(await isAnswered(raw, ServerFrameKind.Message)).toBe(true);
    raw.send(echoOf(PAYLOAD_BYTES_MAX + 4));
    expect(await raw.ended).toEqual({ code: 1009, reason: 'message of 4100 bytes; expected at most 4096' });
  });

  it.each([PAYLOAD_BYTES_MAX + 1, EXPLAINED_BYTES_MAX])('of %i bytes: 1009', async (bytes) => {
    for (const opcode of [Opcode.Binary, Opcode.Text]) {
      const raw = await RawSocket.open(server.url);
      raw.send(new Uint8Array(bytes), { opcode });
      expect(await raw.ended).toEqual({ code: 1009, reason: `message of ${bytes} bytes; expected at most 4096` });
    }
  });

  it('in fragments that are each below it: 1009', async () => {
    const raw = await RawSocket.open(server.url);
    raw.send(new Uint8Array(PAYLOAD_BYTES_MAX), { fin: false });
    raw.send(new Uint8Array(1), { opcode: Opcode.Continuation });
    expect(await raw.ended).toEqual({ code: 1009, reason: 'message of 4097 bytes; expected at most 4096' });
  });

  it.each([EXPLAINED_BYTES_MAX + 1, 2 ** 32 - 1])('of %i bytes is cut off before it is there', async (claimedBytes) => {
    const raw = await RawSocket.open(server.url);
    raw.send(new Uint8Array(10), { claimedBytes });
    expect(await raw.ended).toEqual(CUT_OFF);
  });

  it('in ever more fragments is cut off', async () => {
    const raw = await RawSocket.open(server.url);
    raw.send(new Uint8Array(1000), { fin: false });
    for (let sent = 0; sent < EXPLAINED_BYTES_MAX; sent += 1000) {
      raw.send(new Uint8Array(1000), { opcode: Opcode.Continuation, fin: false });
    }
    expect(await raw.ended).toEqual(CUT_OFF);
  });

  it('never finished, on many connections: memory flat', async () => {
    const all = await Promise.all(Array.from({ length: 500 }, () => RawSocket.open(server.url)));
    for (const raw of all) {
      raw.send(new Uint8Array(8000), { fin: false });
      raw.send(new Uint8Array(7000), { opcode: Opcode.Continuation, claimedBytes: 8000 });
    }
    // They have not joined, so the server ends them by itself.
    for (const raw of all) expect(await raw.ended).toEqual(NOT_JOINED);
    await bystanders.expectUnharmed();
  });
});

describe('framing', () => {
  it.each([
    ['a continuation of nothing', frameOf('abc', { opcode: Opcode.Continuation })],
    ['reserved bits', frameOf('abc', { reserved: 1 })],
    ['a compressed message that nobody agreed on', frameOf('abc', { reserved: 4 })],
    ['an unknown opcode', frameOf('abc', { opcode: 3 })],
    ['an unknown control opcode', frameOf('abc', { opcode: 11 })],
    ['a ping of 126 bytes', frameOf(new Uint8Array(126), { opcode: Opcode.Ping })],
    ['a ping in fragments', frameOf('abc', { opcode: Opcode.Ping, fin: false })],
    ['a text that is not UTF-8', frameOf(Uint8Array.from([0xc0, 0x80]), { opcode: Opcode.Text })],
  ])('%s is cut off', async (_, bytes) => {
    const raw = await RawSocket.open(server.url);
    raw.write(bytes);
    expect(await raw.ended).toEqual(CUT_OFF);
  });

  it('a legal message may come in fragments, with pings between, and in single bytes', async () => {
    const third = Math.floor(JOIN.length / 3);
    const pieces = Buffer.concat([
      frameOf(JOIN.subarray(0, third), { fin: false }),
      frameOf('ping', { opcode: Opcode.Ping }),
      frameOf('', { opcode: Opcode.Continuation, fin: false }),
      frameOf(JOIN.subarray(third), { opcode: Opcode.Continuation }),
    ]);
    const raw = await RawSocket.open(server.url);
    for (const byte of pieces) {
      raw.write(Uint8Array.of(byte));
      await raw.flushed();
    }
    expect(await isAnswered(raw, ServerFrameKind.Joined)).toBe(true);
    expect(raw.pongs).toBe(1);
    raw.drop();
  });

  it('random bytes where frames belong', async () => {
    const random = new SeededRandom(SEED + 1);
    for (let run = 0; run < 300; run += 1) {
      const raw = await RawSocket.open(server.url);
      raw.write(random.bytes(1 + random.below(300)));
      await raw.flushed();
      raw.drop(run % 2 === 0);
    }
    await bystanders.expectUnharmed();
  });
});

/** The frame `count` times, as few large writes. */
async function flood(raw: RawSocket, frame: Buffer, count: number): Promise<void> {
  const batch = Buffer.concat(new Array<Buffer>(1000).fill(frame));
  for (let sent = 0; sent < count; sent += 1000) {
    raw.write(batch);
    await raw.flushed();
  }
}

describe('a flood', () => {
  it('of 100,000 empty fragments', async () => {
    const raw = await RawSocket.open(server.url);
    raw.send('', { fin: false });
    await flood(raw, frameOf('', { opcode: Opcode.Continuation, fin: false }), 100_000);
    raw.send('', { opcode: Opcode.Continuation });
    expect(await raw.ended).toMatchObject({ code: 4400 });
    await bystanders.expectUnharmed();
  });

  it('of 100,000 WebSocket pings: some are answered', async () => {
    const raw = await RawSocket.open(server.url);
    await flood(raw, frameOf('0123456789', { opcode: Opcode.Ping }), 100_000);
    expect(await raw.ended).toEqual(OVER_RATE);
    expect(raw.pongs).toBeGreaterThanOrEqual(240);
    expect(raw.pongs).toBeLessThan(1000);
    await bystanders.expectUnharmed();
  });

  it('of 100,000 WebSocket pongs that nobody asked for', async () => {
    const raw = await RawSocket.open(server.url);
    await flood(raw, frameOf('0123456789', { opcode: Opcode.Pong }), 100_000);
    expect(await raw.ended).toEqual(OVER_RATE);
    await bystanders.expectUnharmed();
  });

  it('of pings whose answers nobody reads', async () => {
    const raw = await RawSocket.open(server.url);
    raw.stopReading();
    await flood(raw, frameOf(new Uint8Array(125), { opcode: Opcode.Ping }), 100_000);
    raw.goOnReading();
    expect(await raw.ended).toEqual(OVER_RATE);
    await bystanders.expectUnharmed();
  });

  it('of our own pings whose answers nobody reads', async () => {
    const raw = await RawSocket.open(server.url);
    raw.stopReading();
    await flood(raw, frameOf(encodePing(1, 0)), 200_000);
    raw.goOnReading();
    expect(await raw.ended).toEqual(OVER_RATE);
    await bystanders.expectUnharmed();
  });
});

describe('a flood from a seat', () => {
  const MESSAGES = /^over the rate: 48\d messages ahead of 120 a second; expected at most 240 ahead$/;
  const BYTES = /^over the rate: 6\d{4} bytes ahead of 16384 a second; expected at most 32768 ahead$/;
  /** A drifter's input: two int8, an angle and a bool. */
  const INPUT = new InputFrameWriter(4);
  const rename = (name: string): Uint8Array => encodeClientMessage('rename', 0, Buffer.from(JSON.stringify(name)));

  /** A seat in the drifters' room. */
  async function joinDrifters(): Promise<RawSocket> {
    const join = encodeJoin({ method: JoinMethod.JoinById, roomId: bystanders.driftRoomId });
    const raw = new RawSocket(server.url, frameOf(join));
    expect(await isAnswered(raw, ServerFrameKind.Joined)).toBe(true);
    return raw;
  }

  it.each([
    ['inputs', INPUT.write(1, 1).slice(), MESSAGES, 240],
    ['messages', rename('flood'), MESSAGES, 240],
    ['long messages', rename('flood'.repeat(800)), BYTES, 8],
    ['resyncs', encodeResync(0), MESSAGES, 240],
  ])('of 50,000 %s: dropped, then 1008, and its neighbours miss nothing', async (_, frame, reason, burst) => {
    const overRate = await server.metric('escapement_frames_over_rate_total');
    const raw = await joinDrifters();
    await flood(raw, frameOf(frame), 50_000);
    expect(await raw.ended).toEqual({ code: 1008, reason: expect.stringMatching(reason) });
    const dropped = (await server.metric('escapement_frames_over_rate_total')) - overRate;
    expect(dropped).toBeGreaterThanOrEqual(burst);
    expect(dropped).toBeLessThan(burst * 4);
    expect(await server.metric('escapement_ring_drops_total')).toBe(0);
    await bystanders.expectUnharmed();
  });

  it('that ends with a Leave: obeyed', async () => {
    const raw = await joinDrifters();
    raw.write(Buffer.concat([...new Array<Buffer>(400).fill(frameOf(encodePing(1, 0))), frameOf(encodeLeave(4321))]));
    expect(await raw.ended).toEqual({ code: 4321, reason: 'left' });
    await bystanders.expectUnharmed();
  });
});

describe('a socket that never joins', () => {
  it('is closed after three seconds, whatever else it says', async () => {
    const silent = await RawSocket.open(server.url);
    const pinging = await RawSocket.open(server.url);
    const slow = await RawSocket.open(server.url);
    slow.write(frameOf(JOIN).subarray(0, 20));
    const timer = setInterval(() => pinging.send(encodePing(1, 0)), 100);
    expect(await Promise.all([silent.ended, pinging.ended, slow.ended])).toEqual([NOT_JOINED, NOT_JOINED, NOT_JOINED]);
    clearInterval(timer);
    await bystanders.expectUnharmed();
  });

  it('may ask for rooms that do not exist eight times, then it is closed', async () => {
    const raw = await RawSocket.open(server.url);
    for (let i = 0; i < 8; i += 1) {
      raw.send(encodeJoin({ room: `nothing-${i}` }));
      expect(await isAnswered(raw, ServerFrameKind.Refused)).toBe(true);
    }
    expect(await raw.ended).toEqual({ code: 1008, reason: '8 refused joins on one connection' });
  });
});
