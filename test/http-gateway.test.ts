/** The way in over HTTP: what it answers, and what it refuses, with words, whatever is sent to it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PAYLOAD_DEPTH_MAX } from '../src/protocol/payload.js';
import { readBody } from '../src/front/http-body.js';
import { HttpExchange } from '../src/front/http-exchange.js';
import { clientUrl } from '../src/front/public-url.js';
import { LoneFront, RESERVED } from './support/lone-front.js';
import { askHttp } from './support/raw-socket.js';
import { REPOSITORY } from './support/server-process.js';

const PAYLOAD_BYTES_MAX = 4096;
const SEAT = '/matchmake/joinOrCreate/duel';

let lone: LoneFront;
beforeEach(async () => {
  lone = await LoneFront.listen({ origins: ['https://play.example.com'] });
});
afterEach(() => lone.close());

const post = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${lone.url}${path}`, { method: 'POST', ...init });

const json = (body: string): RequestInit => ({ body, headers: { 'Content-Type': 'application/json' } });

async function problemOf(response: Response): Promise<{ code: number; message: string; field?: string }> {
  expect(response.headers.get('content-type')).toBe('application/json');
  return ((await response.json()) as { error: { code: number; message: string; field?: string } }).error;
}

describe('a seat', () => {
  it('is reserved with options and token, and answered with all that a client needs', async () => {
    const response = await post(SEAT, {
      body: JSON.stringify({ mode: 'ranked', deep: [{ n: 1.5 }] }),
      headers: { 'Content-Type': 'application/json; charset=utf-8', Authorization: 'Bearer abc.def', 'User-Agent': 'test' },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({
      url: `ws://127.0.0.1:${lone.port}`, room: 'duel', roomId: 'room-1', sessionId: 'session-1', ticket: 'ticket-1',
      expiresAt: 1_800_000_000_000, expiresInMs: 15_000,
    });
    expect(lone.reservations).toEqual([
      {
        method: 0, type: 'duel', roomId: '', token: 'abc.def', options: { mode: 'ranked', deep: [{ n: 1.5 }] },
        request: { address: '127.0.0.1', origin: '', userAgent: 'test' },
      },
    ]);
  });

  it('may be asked for by each method, without body, type and token', async () => {
    for (const method of ['joinOrCreate', 'create', 'join', 'joinById']) {
      expect((await post(`/matchmake/${method}/some-name`)).status, method).toBe(200);
    }
    expect(lone.reservations.map(({ method, type, roomId, token, options }) => [method, type, roomId, token, options])).toEqual([
      [0, 'some-name', '', '', {}],
      [1, 'some-name', '', '', {}],
      [2, 'some-name', '', '', {}],
      [3, '', 'some-name', '', {}],
    ]);
  });

  it('that is refused by the host is answered with its status, code and words, now or later', async () => {
    for (const status of [400, 401, 403, 404, 409, 429, 503]) {
      lone.reserve = (_, answer) =>
        void setImmediate(() => answer({ ok: false, status, code: 4010, reason: `no: ${status}`, field: 'mode' }));
      const response = await post(SEAT);
      expect(response.status).toBe(status);
      expect(await problemOf(response)).toEqual({ code: 4010, message: `no: ${status}`, field: 'mode' });
      expect(response.headers.has('retry-after')).toBe(status === 429 || status === 503);
    }
  });

  it('whose client has gone harms nobody', async () => {
    let answer!: Parameters<LoneFront['reserve']>[1];
    const asked = new Promise<void>((resolve) => {
      lone.reserve = (_, given) => {
        answer = given;
        resolve();
      };
    });
    const socket = net.connect(lone.port, '127.0.0.1');
    socket.write(`POST ${SEAT} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await asked;
    socket.destroy();
    // By the time that a later request is answered, the front has seen the socket go.
    expect((await fetch(`${lone.url}/healthz`)).status).toBe(200);
    answer(RESERVED);
    lone.reserve = (_, later) => later(RESERVED);
    expect((await post(SEAT)).status).toBe(200);
  });
});

describe('a body', () => {
  it.each([
    ['a key __proto__', '{"a":1,"__proto__":{"x":1}}', '__proto__'],
    ['a key constructor, deep down', '{"fine":{},"bad":[{"constructor":1}]}', 'bad'],
    ['nesting', `{"ok":1,"deep":${'['.repeat(PAYLOAD_DEPTH_MAX)}${']'.repeat(PAYLOAD_DEPTH_MAX)}}`, 'deep'],
    ['a number that no double holds', '{"n":1e999}', 'n'],
    ['an array', '[]', undefined],
    ['null', 'null', undefined],
    ['a number', '7', undefined],
    ['text', '"text"', undefined],
    ['no JSON', '{"a":', undefined],
    ['two values', '{} {}', undefined],
    ['a byte order mark', '\ufeff{}', undefined],
  ])('with %s: 400, and the field when there is one', async (_, body, field) => {
    const response = await post(SEAT, json(body));
    expect(response.status).toBe(400);
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ code: 4400, message: expect.stringMatching(/^options: /) });
    expect(problem.field).toBe(field);
    expect(lone.reservations).toEqual([]);
  });

  it('that is no UTF-8: 400', async () => {
    const body = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
    expect((await post(SEAT, { body, headers: { 'Content-Type': 'application/json' } })).status).toBe(400);
  });

  it('of exactly the limit is taken; one byte more: 413 with the limit', async () => {
    const ofBytes = (bytes: number): string => `{"a":"${'x'.repeat(bytes - 8)}"}`;
    expect((await post(SEAT, json(ofBytes(PAYLOAD_BYTES_MAX)))).status).toBe(200);
    const response = await post(SEAT, json(ofBytes(PAYLOAD_BYTES_MAX + 1)));
    expect(response.status).toBe(413);
    expect(await problemOf(response)).toMatchObject({ code: 1009, message: expect.stringContaining('4096 bytes') });
  });

  it('that claims 10 MB is refused before any of it has come', async () => {
    const answer = await askHttp(lone.url, `POST ${SEAT} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n{`);
    expect(answer.status).toBe(413);
  });

  it('without a length is cut off at the limit', async () => {
    const head = `POST ${SEAT} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const answer = await askHttp(lone.url, `${head}${`800\r\n${'x'.repeat(0x800)}\r\n`.repeat(3)}`);
    expect(answer.status).toBe(413);
    expect(lone.reservations).toEqual([]);
  });

  it('in many pieces is put together', async () => {
    const socket = net.connect(lone.port, '127.0.0.1').setNoDelay(true);
    const body = JSON.stringify({ text: 'pieces' });
    socket.write(`POST ${SEAT} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`);
    for (const character of body) {
      socket.write(character);
      // A request in between shows that the front has read the piece.
      if (character === ':') expect((await fetch(`${lone.url}/healthz`)).status).toBe(200);
    }
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    expect(lone.reservations[0]!.options).toEqual({ text: 'pieces' });
  });

  it('that does not come to an end is cut off in time', async () => {
    lone.front.app.post('/slow', (res) => {
      const exchange = new HttpExchange(res, '');
      const never = (): void => exchange.json('unexpected');
      const tooSlow = (): void => exchange.problem({ status: 408, code: 4400, message: 'too slow' }, {}, true);
      readBody(exchange, 100, { complete: never, tooLarge: never, tooSlow }, 20);
    });
    expect((await askHttp(lone.url, 'POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{')).status).toBe(408);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'multipart/form-data; boundary=x'])(
    'of type %s: 415',
    async (type) => {
      const response = await post(SEAT, { body: '{}', headers: { 'Content-Type': type } });
      expect(response.status).toBe(415);
      expect((await problemOf(response)).message).toContain('application/json');
    },
  );
});

describe('a path', () => {
  it.each([
    ['another method of matchmaking', 'POST', '/matchmake/reconnect/duel', 404],
    ['a method named as a prototype', 'POST', '/matchmake/__proto__/duel', 404],
    ['a room name with a dot', 'POST', '/matchmake/create/a.b', 400],
    ['a room name that is escaped', 'POST', '/matchmake/create/%61rena', 400],
    ['an empty room name', 'POST', '/matchmake/create/', 404],
    ['a room name too long', 'POST', `/matchmake/create/${'a'.repeat(65)}`, 400],
    ['a part too many', 'POST', '/matchmake/create/duel/more', 404],
    ['GET instead of POST', 'GET', SEAT, 405],
    ['DELETE', 'DELETE', SEAT, 405],
    ['POST instead of GET', 'POST', '/rooms', 405],
    ['PUT', 'PUT', '/rooms', 405],
  ])('with %s: %s %s is %i', async (_, method, path, status) => {
    const response = await fetch(`${lone.url}${path}`, { method });
    expect(response.status).toBe(status);
    expect(await problemOf(response)).toMatchObject({ code: 4400, message: expect.any(String) });
    if (status === 405) expect(response.headers.get('allow')).toBe(path === '/rooms' ? 'GET, OPTIONS' : 'POST, OPTIONS');
    expect(lone.reservations).toEqual([]);
  });
});

it.each(['Basic abc', 'Bearer', 'Bearer ', 'Bearer a b', 'abc'])('the header Authorization: %j is 401', async (value) => {
  const response = await post(SEAT, { headers: { Authorization: value } });
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe('Bearer');
  expect(JSON.stringify(await problemOf(response))).not.toContain('abc');
});

describe('pages', () => {
  const allowed = { Origin: 'https://play.example.com' };

  it('of an allowed origin may ask and read, and no other', async () => {
    const response = await post(SEAT, { headers: allowed });
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBe('https://play.example.com');
    expect(response.headers.get('vary')).toBe('Origin');
    const refused = await fetch(`${lone.url}/rooms?limit=0`, { headers: allowed });
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://play.example.com');
    for (const origin of ['https://evil.example', 'null', 'http://play.example.com']) {
      const foreign = await post(SEAT, { headers: { Origin: origin } });
      expect(foreign.status).toBe(403);
      expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
      expect((await fetch(`${lone.url}/rooms`, { headers: { Origin: origin } })).status).toBe(403);
    }
    expect(lone.reservations).toHaveLength(1);
  });

  it('may ask whether they may', async () => {
    for (const [path, method] of [[SEAT, 'POST'], ['/rooms', 'GET']] as const) {
      const response = await fetch(`${lone.url}${path}`, { method: 'OPTIONS', headers: allowed });
      expect(response.status).toBe(204);
      expect(response.headers.get('access-control-allow-methods')).toBe(method);
      expect(response.headers.get('access-control-allow-headers')).toBe('Authorization, Content-Type');
      const foreign = await fetch(`${lone.url}${path}`, { method: 'OPTIONS', headers: { Origin: 'https://evil.example' } });
      expect(foreign.status).toBe(403);
    }
  });
});

describe('the list of rooms', () => {
  it('is asked for by type, number and fields', async () => {
    lone.rooms = [{ roomId: 'r', type: 'duel', clients: 1, maxClients: 2, locked: false, metadata: null }];
    const response = await fetch(`${lone.url}/rooms?type=duel&limit=20&mode=two%20words&level=7`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ rooms: lone.rooms });
    await fetch(`${lone.url}/rooms`);
    expect(lone.lists).toEqual([
      { type: 'duel', limit: 20, fields: { mode: 'two words', level: '7' } },
      { type: '', limit: 100, fields: {} },
    ]);
  });

  it.each([
    ['limit=0', 'limit'], ['limit=1001', 'limit'], ['limit=-1', 'limit'], ['limit=1e2', 'limit'], ['limit=', 'limit'],
    ['type=', 'type'], ['type=a%20b', 'type'], ['type=a&type=b', 'type'], ['mode=a&mode=b', 'mode'], ['__proto__=1', '__proto__'],
    ['constructor=1', 'constructor'], ['a.b=1', 'a.b'], [`x=${'y'.repeat(257)}`, 'x'],
    ['a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1', 'i'],
  ])('refuses %s and names the field', async (query, field) => {
    const response = await fetch(`${lone.url}/rooms?${query}`);
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toMatchObject({ code: 4400, field });
    expect(lone.lists).toEqual([]);
  });
});

describe('the URL that a client is told', () => {
  it.each([
    ['play.example.com', false, 'ws://play.example.com'],
    ['play.example.com:2567', true, 'wss://play.example.com:2567'],
    ['[2001:db8::1]:2567', false, 'ws://[2001:db8::1]:2567'],
    ['evil.example/path', false, 'ws://own:1'],
    ['a b', false, 'ws://own:1'],
    ['user@evil.example', false, 'ws://own:1'],
    ['', true, 'wss://own:1'],
  ])('for the Host %j', (host, isTls, url) => expect(clientUrl(undefined, host, isTls, 'own:1')).toBe(url));

  it('is the operator\'s when there is one', async () => {
    expect(clientUrl('wss://a.example', 'b.example', false, 'own:1')).toBe('wss://a.example');
  });

  it('is over TLS when a trusted proxy says that the client came so, and only then', async () => {
    const urlOf = async (): Promise<string> =>
      ((await (await post(SEAT, { headers: { 'X-Forwarded-Proto': 'https' } })).json()) as { url: string }).url;
    expect(await urlOf()).toBe(`ws://127.0.0.1:${lone.port}`);
    await lone.close();
    lone = await LoneFront.listen({ trustedProxies: ['127.0.0.1'] });
    expect(await urlOf()).toBe(`wss://127.0.0.1:${lone.port}`);
  });
});

it('static files answer HEAD as they answer GET, without the file', async () => {
  mkdirSync(`${REPOSITORY}test/.tmp`, { recursive: true });
  const publicDir = mkdtempSync(`${REPOSITORY}test/.tmp/public-`);
  writeFileSync(`${publicDir}/index.html`, '<p>hello');
  const withFiles = await LoneFront.listen({ publicDir });
  try {
    const head = await fetch(`${withFiles.url}/`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type'), head.headers.get('content-length')]).toEqual([
      200, 'text/html; charset=utf-8', '8',
    ]);
    expect((await fetch(`${withFiles.url}/nothing`, { method: 'HEAD' })).status).toBe(404);
    // The paths of the gateway come before the files.
    expect((await fetch(`${withFiles.url}${SEAT}`)).status).toBe(405);
    expect((await fetch(`${withFiles.url}/rooms`)).status).toBe(200);
  } finally {
    await withFiles.close();
    rmSync(publicDir, { recursive: true });
  }
});
