/** Joins with names, ids and options that no client of ours sends: refused by pattern, and no room hears of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeJoin, JoinMethod, type JoinFrame } from '../src/protocol/client-frames.js';
import { PAYLOAD_DEPTH_MAX } from '../src/protocol/payload.js';
import { decodeRefused, ServerFrameKind, ServerFrameReader } from '../src/protocol/server-frames.js';
import { Bystanders } from './support/bystanders.js';
import { frameOf, RawSocket, type Ending } from './support/raw-socket.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

const BAD_NAME = { code: 4400, reason: 'join: a room name or id is 1 to 64 letters, digits, _ or -' };
const NAMES: readonly [string, string][] = [
  ['an empty name', ''],
  ['a name of 65 letters', 'a'.repeat(65)],
  ['a name of 3 kB', 'a'.repeat(3000)],
  ['a NUL', 'probe\0'],
  ['a line break', 'probe\r\nSet-Cookie: a=b'],
  ['escape codes', '\x1b[2J\x1b]0;owned\x07'],
  ['a path', '../probe'],
  ['a dot', 'probe.js'],
  ['a space', ' probe'],
  ['another script', 'рrobe'],
  ['invisible characters', 'probe\u200b'],
  ['a byte order mark', '\ufeffprobe'],
];
/** Words of JavaScript that are legal names, and must be no more than names of rooms that don't exist. */
const WORDS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'null', 'undefined', '0', '-1'];

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

type Answer = { joined: true } | { refused: { code: number; reason: string } } | { closed: Ending };

/** Asks for a seat on a connection of its own, which it then gives up. */
async function ask(join: Partial<JoinFrame>): Promise<Answer> {
  const raw = new RawSocket(server.url, frameOf(encodeJoin(join)));
  const frame = await raw.next();
  if (frame === null) return { closed: await raw.ended };
  expect(reader.read(frame)).toBe(0);
  raw.drop();
  if (reader.kind === ServerFrameKind.Refused) return { refused: decodeRefused(frame) };
  expect(reader.kind).toBe(ServerFrameKind.Joined);
  return { joined: true };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a room name or id', () => {
  it.each(NAMES)('with %s: 4400', async (_, name) => {
    for (const method of [JoinMethod.JoinOrCreate, JoinMethod.Create, JoinMethod.Join]) {
      expect(await ask({ method, room: name })).toEqual({ closed: BAD_NAME });
    }
    expect(await ask({ method: JoinMethod.JoinById, room: 'probe', roomId: name })).toEqual({ closed: BAD_NAME });
  });

  it('of 64 letters is only unknown', async () => {
    const room = 'a'.repeat(64);
    expect(await ask({ room })).toEqual({
      refused: { code: 4400, reason: expect.stringContaining(`there is no room type ${room}; this server has `) },
    });
  });

  it.each(WORDS)('%s is only unknown', async (name) => {
    expect(await ask({ room: name })).toMatchObject({ refused: { code: 4400 } });
    expect(await ask({ method: JoinMethod.Create, room: name })).toMatchObject({ refused: { code: 4400 } });
    expect(await ask({ method: JoinMethod.JoinById, roomId: name })).toEqual({
      refused: { code: 4010, reason: `there is no room ${name}` },
    });
  });

  it('after a refusal the connection may ask again, and gets its seat', async () => {
    const raw = new RawSocket(server.url, frameOf(encodeJoin({ room: 'nowhere' })));
    reader.read((await raw.next())!);
    expect(reader.kind).toBe(ServerFrameKind.Refused);
    raw.send(encodeJoin({ room: 'probe' }));
    reader.read((await raw.next())!);
    expect(reader.kind).toBe(ServerFrameKind.Joined);
    raw.drop();
  });
});

describe('options', () => {
  const nested = (depth: number): string => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;

  it.each([
    ['an own __proto__', '{"__proto__":{"failCreate":true}}', /__proto__/],
    ['a __proto__ further in', '{"a":[{"b":{"__proto__":1}}]}', /__proto__/],
    ['an escaped __proto__', '{"__pr\\u006fto__":1}', /__proto__/],
    ['a constructor', '{"constructor":{"prototype":{"x":1}}}', /constructor/],
    ['a prototype', '{"prototype":1}', /prototype/],
    ['nesting one too deep', nested(PAYLOAD_DEPTH_MAX + 1), /deeper than 32/],
    ['3 kB of nesting', '['.repeat(3000), /not JSON/],
    ['3 kB of nesting that is JSON', `${'['.repeat(1500)}${']'.repeat(1500)}`, /deeper than 32/],
    ['an array', '[]', /an array/],
    ['null', 'null', /null/],
    ['a number', '1', /a number/],
    ['a string', '"{}"', /a string/],
    ['NaN', '{"a":NaN}', /not JSON/],
    ['a number too great', '{"a":1e999}', /too great/],
    ['half a text', '{"a":"', /not JSON/],
    ['a second text', '{}{}', /not JSON/],
    ['a byte order mark', '\ufeff{}', /not JSON/],
    ['only a space', ' ', /not JSON/],
  ])('with %s: 4400', async (_, json, words) => {
    expect(await ask({ room: 'probe', options: bytes(json) })).toEqual({
      closed: { code: 4400, reason: expect.stringMatching(/^join options: /) },
    });
    const { closed } = (await ask({ room: 'probe', options: bytes(json) })) as { closed: Ending };
    expect(closed.reason).toMatch(words);
  });

  it.each([
    ['a lone continuation byte', [0x7b, 0x22, 0x80, 0x22, 0x3a, 0x31, 0x7d]],
    ['an overlong quote', [0x7b, 0xc0, 0xa2, 0x3a, 0x31, 0x7d]],
    ['half a surrogate pair', [0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]],
    ['zeros', [0, 0, 0, 0]],
  ])('with %s: 4400', async (_, octets) => {
    expect(await ask({ room: 'probe', options: Uint8Array.from(octets) })).toEqual({
      closed: { code: 4400, reason: expect.stringMatching(/^join options: payload .*not (UTF-8|JSON)/) },
    });
  });

  it('as deep as allowed, with odd keys and texts, reach the room', async () => {
    expect(await ask({ room: 'probe', options: bytes(nested(PAYLOAD_DEPTH_MAX)) })).toEqual({ joined: true });
    const odd = '{"":1,"toString":2,"hasOwnProperty":3,"name":"\\u0000\\r\\n\\u001b[2J\\ud800","then":4}';
    expect(await ask({ room: 'probe', options: bytes(odd) })).toEqual({ joined: true });
    expect(await ask({ room: 'probe', options: new Uint8Array() })).toEqual({ joined: true });
  });

  it('nothing of all that is in the prototype of objects now', async () => {
    // failCreate and failJoin would make the room refuse everybody.
    expect(await ask({ method: JoinMethod.Create, room: 'probe', options: bytes('{}') })).toEqual({ joined: true });
  });
});

it('a token of 3 kB of anything is no reason to fall over', async () => {
  expect(await ask({ room: 'probe', token: '\0\x1b[2J'.repeat(600) })).toEqual({ joined: true });
});

it('and nobody else has noticed anything', async () => {
  await bystanders.expectUnharmed();
});
