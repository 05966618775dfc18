/**
 * Bad input, row by row, against a live port, while others play on. Most rows are proven elsewhere:
 *
 * | input | proven in |
 * |---|---|
 * | wrong Origin, version or key at upgrade | bad-input-sockets |
 * | missing, expired, replayed, forged, wrong-room ticket | here; what it costs: tickets-are-not-forged |
 * | ticket for a room that moved | here, as far as one host goes: the room has ended |
 * | silent before authentication | bad-input-sockets; here for what isn't even a request |
 * | over the limit, fragments, ping flood; text, empty, short frames | bad-input-sockets, bad-input-frames |
 * | unknown message type, other version | bad-input-inputs, bad-input-sockets; here that both versions are named (with 426) |
 * | FlatBuffers: flips, truncations, bombs | bad-input-frames, verifier-refuses-hostile-frames, verifier-survives-mutation |
 * | NaN, infinities, extremes, sequence numbers | bad-input-inputs; here for counts of messages and for ratings |
 * | ids: prototypes, NUL, CRLF, escape codes, 10 MB | bad-input-joins; here for parties, tokens, tickets, lists, and the log |
 * | JSON bodies | http-gateway; here for filters of lists and for validators |
 * | forged X-Forwarded-For or PROXY header | client-addresses-are-not-forged, behind-nginx |
 * | over the rate | bad-input-sockets, limits-per-address; here for lists of rooms |
 */
import net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect } from 'escapement/client';
import { Tickets } from '../src/host/tickets.js';
import {
  encodeClientMessage, encodeJoin, encodePing, encodeResume, encodeWatch, JoinMethod,
} from '../src/protocol/client-frames.js';
import { ServerFrameKind } from '../src/protocol/server-frames.js';
import type Lounge from './rooms/lounge.js';
import { Bystanders } from './support/bystanders.js';
import { ask, askToJoin, askToResume, dropAll, kindOf, type Answer, type RawSeat } from './support/raw-seat.js';
import { askHttp, frameOf, RawSocket, upgradeRequest, type HttpAnswer } from './support/raw-socket.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

const ROOMS = ['drift', 'probe', 'lounge', 'ranked', 'strict', 'storm'];
const SEAT_TIMEOUT_MS = 1000;
const HOSTILE_WORDS: readonly [what: string, word: string][] = [
  ['with a NUL', 'a\0b'], ['with a line break', 'a\r\nSet-Cookie: x'], ['of escape codes', '\x1b[2J\x1b]0;owned\x07'],
  ['that is a path', '../../etc'], ['with a space', 'a b'], ['in another script', 'рarty'],
  ['that turns the direction of writing', '\u202e'], ['of 65 letters', 'x'.repeat(65)], ['of 3 kB', 'x'.repeat(3000)],
];
const BAD_TICKET = { refused: { code: 4401, reason: expect.stringContaining('ticket') } };
const BAD_TOKEN = { refused: { code: 4401, reason: 'the session is over or the token is not its newest: join again' } };

let server: ServerProcess;
let bystanders: Bystanders;

beforeAll(async () => {
  const rooms = Object.fromEntries(ROOMS.map((name) => [name, `${ROOMS_FOLDER}${name}.js`]));
  server = await ServerProcess.startEmbedded({
    rooms, seatTimeoutMs: SEAT_TIMEOUT_MS, reconnectGrace: 1, coalesceMs: 0, logLevel: 'debug',
  });
  bystanders = await Bystanders.join(server);
});
afterEach(dropAll);
afterAll(async () => {
  const { exitCode, signalCode } = server.child;
  expect([exitCode, signalCode], server.stderr).toEqual([null, null]);
  await bystanders.leave();
  await server.stop();
});

/** Everybody who was only here to attack goes, and nobody else has noticed anything. */
async function unharmed(): Promise<void> {
  dropAll();
  await bystanders.expectUnharmed();
}

/** A seat in a room of its own. */
async function sit(room: string): Promise<Extract<Answer, { seat: RawSeat }>> {
  const answer = await askToJoin(server.url, { method: JoinMethod.Create, room });
  if (!('seat' in answer)) throw new Error(JSON.stringify(answer));
  return answer;
}

interface Reservation {
  readonly ticket: string;
  readonly roomId: string;
  readonly sessionId: string;
}

async function reserve(path: string): Promise<Reservation> {
  const response = await fetch(`${server.url}/matchmake/${path}`, { method: 'POST' });
  expect(response.status).toBe(200);
  return (await response.json()) as Reservation;
}

const take = (ticket: string): Promise<Answer> => askToJoin(server.url, { method: JoinMethod.Ticket, ticket });

it('a client of another version is told both', async () => {
  const offer = (protocol: string): Promise<HttpAnswer> =>
    askHttp(server.url, upgradeRequest({ 'Sec-WebSocket-Protocol': protocol }));
  const { status, text } = await offer('escapement.2');
  expect(status).toBe(426);
  expect(text).toContain('the client speaks escapement.2; expected the WebSocket subprotocol escapement.1');
  for (const hostile of ['<script>', 'x'.repeat(65)]) expect((await offer(hostile)).text).toContain('speaks none such;');
});

describe('a ticket', () => {
  /** Tickets that are no good, by what is wrong with them. */
  async function badTickets(): Promise<ReadonlyMap<string, string>> {
    const expired = await reserve('create/lounge');
    const before = await server.metric('escapement_seats_expired_total');
    await expect.poll(() => server.metric('escapement_seats_expired_total'), { timeout: 5000 }).toBeGreaterThan(before);
    const used = await reserve('create/lounge');
    const user = await take(used.ticket);
    expect(user).toHaveProperty('seat');
    const { ticket, roomId, sessionId } = await reserve('create/lounge');
    const middle = ticket.length >> 1;
    const flipped = ticket.slice(0, middle) + (ticket[middle] === 'A' ? 'B' : 'A') + ticket.slice(middle + 1);
    const own = new Tickets([{ id: 'k1', secret: Buffer.alloc(32, 7) }], 'host');
    return new Map([
      ['missing', ''],
      ['expired', expired.ticket],
      ['replayed', used.ticket],
      ['forged', flipped],
      ['signed by another', own.sign({ roomId, sessionId, expiresAtMs: Date.now() + 9000 })],
      ['for the room of others', own.sign({ roomId: bystanders.driftRoomId, sessionId, expiresAtMs: Date.now() + 9000 })],
      ['no text of ours', '\0\x1b[2J'],
      ['3 kB', 'A'.repeat(3000)],
    ]);
  }

  it('that is missing, expired, replayed, forged or for another room: the same words at the same cost', async () => {
    const tickets = await badTickets();
    const reasons = new Set<string>();
    const tookMs = new Map([...tickets.keys()].map((what) => [what, [] as number[]]));
    for (let round = 0; round < 15; round += 1) {
      for (const [what, ticket] of tickets) {
        const raw = await RawSocket.open(server.url);
        const startMs = performance.now();
        raw.send(encodeJoin({ method: JoinMethod.Ticket, ticket }));
        const frame = (await raw.next())!;
        tookMs.get(what)!.push(performance.now() - startMs);
        expect(kindOf(frame), what).toBe(ServerFrameKind.Refused);
        reasons.add(frame.toString('latin1'));
        raw.drop();
      }
    }
    expect(reasons.size).toBe(1);
    // The fastest of each: the others tell of the machine.
    const fastestMs = [...tookMs.values()].map((times) => Math.min(...times));
    expect(Math.max(...fastestMs) - Math.min(...fastestMs)).toBeLessThan(1);
    await unharmed();
  });

  it('whose room has ended: a seat in another one, once', async () => {
    const host = await connect(server.url).create<typeof Lounge>('lounge', { mode: 'ends' });
    const over = new Promise((resolve) => host.onLeave(resolve));
    const response = await fetch(`${server.url}/matchmake/joinOrCreate/lounge`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ mode: 'ends' }),
    });
    const any = (await response.json()) as Reservation;
    const byId = await reserve(`joinById/${host.id}`);
    expect([any.roomId, byId.roomId]).toEqual([host.id, host.id]);
    host.send('end');
    await over;
    const [first, second] = await Promise.all([take(any.ticket), take(any.ticket)]);
    const seats = [first, second].flatMap((answer) => ('seat' in answer ? [answer] : []));
    expect(seats).toHaveLength(1);
    expect(seats[0]!.joined.roomId).not.toBe(host.id);
    expect([first, second]).toContainEqual(BAD_TICKET);
    expect(await take(byId.ticket)).toMatchObject({ refused: { code: 4010, reason: expect.stringContaining('has ended') } });
    expect(await server.metric('escapement_sessions')).toBe(bystanders.count + 1);
    await unharmed();
  });
});

describe('a token to come back with', () => {
  it('that is forged, cut, missing, of another session, of nobody or hostile: the same words', async () => {
    const [first, second] = [await sit('storm'), await sit('storm')];
    const { sessionId, resumeToken: token } = first.joined;
    const other = second.joined;
    const bad = [
      { sessionId, token: 'A'.repeat(token.length) }, { sessionId, token: '-'.repeat(22) }, { sessionId, token: '' },
      { sessionId, token: token.slice(1) }, { sessionId, token: `${token}A` }, { sessionId, token: other.resumeToken },
      { sessionId: other.sessionId, token }, { sessionId: 'nobody', token }, { sessionId: '', token: '' },
      { sessionId: '__proto__', token }, { sessionId: '\0\r\n\x1b[2J', token: '\ud83d\ude00'.repeat(11) },
      { sessionId: 'x'.repeat(3000), token }, { sessionId, token: 'x'.repeat(3000) },
    ];
    for (const each of bad) {
      for (const anew of [false, true]) expect(await askToResume(server.url, { ...each, anew })).toEqual(BAD_TOKEN);
    }
    // Nobody was thrown out by all that.
    for (const { seat } of [first, second]) {
      seat.say('account', 1);
      expect(await seat.hear('account')).toMatchObject({ question: 1 });
    }
    await unharmed();
  });

  it('is no good once the next has arrived, and until then never to a page that another has replaced', async () => {
    const { joined, seat } = await sit('storm');
    const { sessionId, resumeToken: first } = joined;
    const page = await askToResume(server.url, { sessionId, token: first, anew: true });
    if (!('seat' in page)) throw new Error(JSON.stringify(page));
    expect(await seat.raw.ended).toMatchObject({ code: 4000, reason: expect.stringContaining('taken over') });
    // The new page hasn't shown yet that its token arrived: the old one is good for another page, not for the old page.
    expect(await askToResume(server.url, { sessionId, token: first })).toEqual(BAD_TOKEN);
    page.seat.raw.send(encodePing(1, 0));
    await page.seat.next(ServerFrameKind.Pong);
    expect(await askToResume(server.url, { sessionId, token: first, anew: true })).toEqual(BAD_TOKEN);
    const third = await askToResume(server.url, { sessionId, token: page.joined.resumeToken, anew: true });
    expect(third).toHaveProperty('joined.sessionId', sessionId);
    await unharmed();
  });

  it.each([
    ['a Resume', encodeResume({ sessionId: 's', token: 't', received: 0, anew: false })],
    ['a Watch', encodeWatch({ room: '', filter: new Uint8Array(0) })],
  ])('or a list of rooms, asked for while a join is under way: 4400 (%s)', async (_, frame) => {
    const join = encodeJoin({ room: 'probe', method: JoinMethod.Create, options: Buffer.from('{"slowMs":200}') });
    const raw = new RawSocket(server.url, Buffer.concat([frameOf(join), frameOf(frame)]));
    expect(await raw.ended).toEqual({ code: 4400, reason: 'the join is not done yet' });
    await unharmed();
  });

  it('may be tried in vain eight times on one connection', async () => {
    const raw = await RawSocket.open(server.url);
    const frame = encodeResume({ sessionId: 's', token: 't', received: 0, anew: true });
    for (let tries = 0; tries < 8; tries += 1) {
      raw.send(frame);
      expect(kindOf((await raw.next())!)).toBe(ServerFrameKind.Refused);
    }
    expect(await raw.ended).toMatchObject({ code: 1008 });
  });
});

describe('a count of messages received', () => {
  const COUNTS = [2 ** 32 - 1, 2 ** 31, 2 ** 31 - 1, 1_000_000, 0, 3, 1, 0];

  /** Makes the room say `from` to `to - 1`. */
  async function echo(seat: RawSeat, from: number, to: number): Promise<void> {
    for (let number = from; number < to; number += 1) seat.say('echo', number);
    for (let number = from; number < to; number += 1) expect(await seat.hear('echo')).toBe(number);
  }

  it('that is ahead of what was sent, or goes backwards, is ignored: what is kept comes again', async () => {
    const { joined, seat } = await sit('probe');
    await echo(seat, 0, 5);
    for (const received of COUNTS) seat.raw.send(encodePing(1, 0, received));
    for (const _ of COUNTS) await seat.next(ServerFrameKind.Pong);
    seat.raw.drop();
    // 3 of 6 are known to have come: the room's welcome, and two numbers.
    const { sessionId } = joined;
    const back = await askToResume(server.url, { sessionId, token: joined.resumeToken, received: 3 });
    if (!('seat' in back)) throw new Error(JSON.stringify(back));
    for (const number of [2, 3, 4]) expect(await back.seat.hear('echo')).toBe(number);
    await echo(back.seat, 5, 8);
    await unharmed();
  });

  it.each([2 ** 32 - 1, 2 ** 31, 1_000_000])('of %i in a Resume harms nobody', async (received) => {
    const { joined, seat } = await sit('probe');
    await echo(seat, 0, 3);
    seat.raw.drop();
    const { sessionId, resumeToken: token } = joined;
    const back = await askToResume(server.url, { sessionId, token, received });
    // Whoever says so is either sent all that is kept, or told that it can't go on.
    if ('seat' in back) {
      back.seat.say('echo', 'here');
      expect([0, 'here']).toContain(await back.seat.hear('echo'));
    } else {
      expect(back).toMatchObject({ refused: { code: 1013, reason: expect.stringContaining('join again') } });
    }
    await unharmed();
  });
});

describe('a list of rooms', () => {
  const watch = (filter: string | Uint8Array, room = ''): Uint8Array => encodeWatch({ room, filter: Buffer.from(filter) });

  it.each([
    ['an array', '[]', /an array/], ['null', 'null', /null/], ['no JSON', '{', /not JSON/],
    ['__proto__', '{"__proto__":{"mode":"x"}}', /__proto__/], ['constructor', '{"constructor":1}', /constructor/],
    ['an object as a value', '{"mode":{"$ne":1}}', /filter mode: expected/],
    ['an array as a value', '{"mode":[1]}', /filter mode: expected/],
    ['a long value', `{"mode":"${'x'.repeat(257)}"}`, /at most 256/], ['a number too great', '{"mode":1e999}', /too great/],
    ['nine fields', '{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1}', /9 fields; expected at most 8/],
    ['nesting', `{"a":${'['.repeat(1500)}${']'.repeat(1500)}}`, /deeper than 32/],
    ['no UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), /not UTF-8/],
  ])('with %s for a filter: 4400, and what was expected', async (_, filter, words) => {
    const { closed } = (await ask(server.url, watch(filter))) as Extract<Answer, { closed: unknown }>;
    expect(closed).toEqual({ code: 4400, reason: expect.stringMatching(/^watch: /) });
    expect(closed.reason).toMatch(words);
  });

  it('of a room type with a hostile name: 4400; of one that isn’t there: empty', async () => {
    for (const [, word] of HOSTILE_WORDS) {
      const closed = { code: 4400, reason: expect.stringMatching(/^watch: a room name/) };
      expect(await ask(server.url, watch('', word))).toEqual({ closed });
    }
    for (const field of ['', '\u001b[2J', '€'.repeat(64)]) {
      const closed = { code: 4400, reason: expect.stringMatching(/^watch: a field of the filter/) };
      expect(await ask(server.url, watch(JSON.stringify({ [field]: '1' }), 'lounge'))).toEqual({ closed });
    }
    for (const filter of ['{"hasOwnProperty":"1"}', '{"toString":null}', '{"a":"\\u0000\\u001b[2J"}']) {
      const raw = new RawSocket(server.url, frameOf(watch(filter, 'constructor')));
      expect(kindOf((await raw.next())!)).toBe(ServerFrameKind.Rooms);
      raw.drop();
    }
    await unharmed();
  });

  it('asked for 10,000 times over one connection: 1008', async () => {
    const raw = await RawSocket.open(server.url);
    raw.write(Buffer.concat(new Array<Buffer>(10_000).fill(frameOf(watch('{"mode":"x"}', 'lounge')))));
    expect(await raw.ended).toMatchObject({ code: 1008 });
    await expect.poll(() => server.metric('escapement_room_watchers')).toBe(0);
    await unharmed();
  });
});

describe('a place in a queue', () => {
  const queue = (more: object): Promise<Answer> => askToJoin(server.url, { method: JoinMethod.Queue, room: 'ranked', ...more });

  it.each([NaN, Infinity, -Infinity])('for a rating of %f: refused before anybody reads it', async (rating) => {
    expect(await queue({ rating })).toEqual({ closed: { code: 4400, reason: expect.stringContaining('NaN or infinite') } });
  });

  it.each([1e300, -1e300, 1e13])('for a rating of %f: 4400 with the limits', async (rating) => {
    expect(await queue({ rating })).toEqual({ refused: { code: 4400, reason: expect.stringContaining('from -1e12 to 1e12') } });
  });

  it.each(HOSTILE_WORDS)('for a party %s: 4400', async (_, party) => {
    const reason = 'join: a party is a word of at most 64 letters, digits, _ or -';
    expect(await queue({ party, partySize: 2 })).toEqual({ closed: { code: 4400, reason } });
  });

  it('for a party that can’t be, or in a room without a queue: 4400 and why', async () => {
    const refused = (words: string): object => ({ refused: { code: 4400, reason: expect.stringContaining(words) } });
    expect(await queue({ party: 'p', partySize: 255 })).toEqual(refused('at most 2'));
    expect(await queue({ party: '', partySize: 2 })).toEqual(refused('party is empty'));
    expect(await queue({ room: 'probe' })).toEqual(refused('has no queue'));
  });

  it('for parties named like prototypes is a place like any other', async () => {
    const frames = ['__proto__', 'constructor', 'toString'].map((party) =>
      encodeJoin({ method: JoinMethod.Queue, room: 'ranked', party, partySize: 2 }),
    );
    const waiting = frames.map((frame) => new RawSocket(server.url, frameOf(frame)));
    for (const raw of waiting) expect(kindOf((await raw.next())!)).toBe(ServerFrameKind.Queued);
    expect(await server.metric('escapement_queue_players')).toBe(waiting.length);
    for (const raw of waiting) raw.drop();
    await expect.poll(() => server.metric('escapement_queue_players')).toBe(0);
    await unharmed();
  });
});

describe('a message that a validator looks at', () => {
  const fine = { name: 'Ada', at: { x: 1 }, items: [] };

  it.each<[string, unknown, string]>([
    ['nothing', undefined, ''], ['null', null, ''], ['a number', 7, ''], ['an array', [fine], ''],
    ['bytes', new Uint8Array(9), 'name'],
    ['a field missing', { name: 'Ada', items: [] }, 'at'], ['a field of another type', { ...fine, name: 7 }, 'name'],
    ['a number out of range, further in', { ...fine, at: { x: -1e300 } }, 'at.x'],
    ['something wrong in a list', { ...fine, items: [{ count: 1 }, { count: 0.5 }] }, 'items.1.count'],
    ['3 kB of text', { ...fine, name: '\x1b[2J'.repeat(300) }, 'name'],
    ['a list too long', { ...fine, items: new Array(200).fill({ count: 1 }) }, 'items'],
  ])('and is %s: it is told which field is wrong, and the handler doesn’t run', async (_, payload, field) => {
    const { seat } = await sit('strict');
    seat.say('order', payload);
    expect(await seat.rejection()).toEqual({ type: 'order', field, reason: expect.stringMatching(/\S/) });
    seat.say('orders');
    expect(await seat.hear('orders')).toBe(0);
    seat.say('order', fine);
    seat.say('orders');
    expect(await seat.hear('orders')).toBe(1);
  });

  it('and has keys that no validator should see: 4400 before', async () => {
    const { seat } = await sit('strict');
    seat.raw.send(encodeClientMessage('order', 0, Buffer.from('{"name":"Ada","at":{"x":1,"__proto__":{}},"items":[]}')));
    expect(await seat.raw.ended).toEqual({ code: 4400, reason: expect.stringMatching(/^message payload: .*__proto__/) });
    await unharmed();
  });
});

it('2,000 connections that never ask for anything whole: closed, and others come in meanwhile', async () => {
  const { port, hostname } = new URL(server.url);
  const body = 'POST /matchmake/create/lounge HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{';
  const beginnings = ['', 'G', 'GET /ws HTTP/1.1\r\nHost: x\r\n', body];
  const ended = Array.from({ length: 2000 }, (_, i) => {
    const socket = net.connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.on('end', () => socket.destroy());
    socket.resume().write(beginnings[i % beginnings.length]!);
    return new Promise((resolve) => socket.on('close', resolve));
  });
  const room = await connect(server.url).create('lounge');
  await room.leave();
  await Promise.all(ended);
  await unharmed();
});

it('and the log has nothing of it that a terminal would act on, no secret, and no long line', async () => {
  const lines = server.stdout.split('\n');
  expect(lines.length).toBeGreaterThan(100);
  for (const line of lines) {
    expect(line).toMatch(/^[\x20-\x7e\u00a0-\u2027\u2030-\uffff]*$/);
    expect(Buffer.byteLength(line)).toBeLessThan(1024);
    if (line.startsWith('{')) JSON.parse(line);
  }
  const { ticket } = await reserve('create/lounge');
  const { joined, seat } = await sit('storm');
  await take(ticket);
  await askToResume(server.url, { sessionId: joined.sessionId, token: joined.resumeToken });
  seat.raw.drop();
  await expect.poll(() => server.stdout).toContain(joined.sessionId);
  expect(server.stdout).not.toContain(ticket);
  expect(server.stdout).not.toContain(joined.resumeToken);
  expect(server.stderr).toBe('');
});
