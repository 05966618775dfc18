/** TLS: 1.2 or newer, and a new certificate without anybody losing a connection. */
import { writeFileSync } from 'node:fs';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { tlsProblem } from '../src/front/tls-files.js';
import { SUBPROTOCOL } from '../src/protocol/version.js';
import { Certificates } from './support/certificates.js';
import { LoneFront } from './support/lone-front.js';

const files = new Certificates();
beforeAll(() => {
  files.make('first');
  files.make('second');
});
afterAll(() => files.remove());

let lone: LoneFront;
afterEach(() => lone?.close());

function listen(port = 0): Promise<LoneFront> {
  files.use('first');
  return LoneFront.listen({ tlsCert: files.certFile, tlsKey: files.keyFile }, port);
}

/** A TLS handshake. @returns the name in the certificate, or the error's code. */
function shake(options: tls.ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve) => {
    const ca = [files.pem('first'), files.pem('second')];
    const socket = tls.connect({ port: lone.port, host: '127.0.0.1', ca, ...options }, () => {
      resolve(socket.getPeerCertificate().subject.CN as string);
      socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
  });
}

function open(trusted: string): Promise<WebSocket> {
  const socket = new WebSocket(`wss://127.0.0.1:${lone.port}/ws`, SUBPROTOCOL, { ca: files.pem(trusted) });
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Whether the server still answers on a socket. */
function answers(socket: WebSocket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('pong', () => resolve(true));
    socket.once('close', () => resolve(false));
    socket.ping();
  });
}

/** OpenSSL's own default refuses the old versions already in the client; this lets it try. */
const OLD = { ciphers: 'DEFAULT:@SECLEVEL=0' };

it.each(['TLSv1', 'TLSv1.1'] as const)('%s is refused', async (version) => {
  lone = await listen();
  expect(await shake({ ...OLD, minVersion: version, maxVersion: version })).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
});

it.each(['TLSv1.2', 'TLSv1.3'] as const)('%s is taken', async (version) => {
  lone = await listen();
  expect(await shake({ minVersion: version, maxVersion: version })).toBe('first');
});

it('plain HTTP gets no answer, and harms nobody', async () => {
  lone = await listen();
  await expect(fetch(`http://127.0.0.1:${lone.port}/healthz`)).rejects.toThrow();
  expect(await shake()).toBe('first');
});

describe('a new certificate', () => {
  it('is what new connections get, with a server name or without, and open sockets stay', async () => {
    lone = await listen();
    const early = await open('first');
    files.use('second');
    expect(await shake(), 'not before it is told').toBe('first');
    expect(await lone.front.reloadTls()).toBeNull();
    for (let i = 0; i < 10; i += 1) {
      expect(await shake()).toBe('second');
      expect(await shake({ servername: 'localhost' })).toBe('second');
    }
    expect(await answers(early)).toBe(true);
    await expect(open('first')).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    const late = await open('second');
    expect(await answers(late)).toBe(true);
    early.close();
    late.close();
  });

  it('comes with every route, those of the program that embeds the server too', async () => {
    lone = await listen();
    lone.front.app.get('/mine', (res) => {
      res.end('mine');
    });
    const ask = (path: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const ca = [files.pem('first'), files.pem('second')];
        const socket = tls.connect({ port: lone.port, host: '127.0.0.1', ca }, () =>
          socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
        );
        socket.once('data', (data) => {
          resolve(String(data).split('\r\n\r\n')[1]!);
          socket.destroy();
        });
        socket.once('error', reject);
      });
    for (let reload = 0; reload < 3; reload += 1) {
      expect(await ask('/mine')).toBe('mine');
      expect(await ask('/healthz')).toBe('{"status":"ok"}');
      expect(await ask('/rooms')).toBe('{"rooms":[]}');
      expect(await lone.front.reloadTls()).toBeNull();
    }
  });

  it('that can not be used changes nothing, and says why', async () => {
    lone = await listen();
    files.use('second', 'first');
    expect(await lone.front.reloadTls()).toMatch(/not of one pair; expected the key that the certificate was issued for$/);
    writeFileSync(files.certFile, 'no certificate');
    expect(await lone.front.reloadTls()).toMatch(/live\.pem: not in the right form; expected a certificate in PEM/);
    expect(await shake()).toBe('first');
    files.use('second');
    expect(await lone.front.reloadTls()).toBeNull();
    expect(await shake()).toBe('second');
  });

  it('told of many times at once, is what the port ends up with', async () => {
    lone = await listen();
    files.use('second');
    const early = await open('first');
    expect(await Promise.all([1, 2, 3, 4, 5].map(() => lone.front.reloadTls()))).toEqual([null, null, null, null, null]);
    for (let i = 0; i < 10; i += 1) expect(await shake()).toBe('second');
    expect(await answers(early)).toBe(true);
    early.close();
  });

  it('that comes while the server closes leaves nothing listening', async () => {
    lone = await listen();
    const reloading = lone.front.reloadTls();
    await lone.close();
    await reloading;
    expect(await shake()).toBe('ECONNREFUSED');
    lone = await listen();
  });
});

it('without TLS there is nothing to replace, and it says so', async () => {
  lone = await LoneFront.listen();
  expect(await lone.front.reloadTls()).toMatch(/no TLS/);
});

describe('the port', () => {
  it('is nobody else\'s while a server has it, with TLS or without', async () => {
    lone = await listen();
    for (const second of [await listen(lone.port), await LoneFront.listen({}, lone.port)]) {
      expect(second.port).toBe(0);
      await second.close();
    }
    await lone.close();
    const plain = await LoneFront.listen({}, lone.port);
    expect(plain.port).toBe(lone.port);
    const second = await LoneFront.listen({}, plain.port);
    expect(second.port).toBe(0);
    await second.close();
    lone = plain;
  });

  it('can be had again at once after a server that closed its clients', async () => {
    const first = await LoneFront.listen();
    const again = await LoneFront.listen({}, first.port);
    expect(again.port).toBe(0);
    await again.close();
    await first.close();
    // The one that has clients is on a port that was asked for.
    const second = await LoneFront.listen({}, first.port);
    const socket = new WebSocket(`ws://127.0.0.1:${second.port}/ws`, SUBPROTOCOL);
    await new Promise((resolve) => socket.once('open', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await second.close();
    expect(await closed).toBe(4001);
    lone = await LoneFront.listen({}, second.port);
    expect(lone.port).toBe(second.port);
  });
});

describe('files', () => {
  it.each([
    ['no such file', 'none.pem', 'first.key', /none\.pem: there is no such file/],
    ['a folder', '.', 'first.key', /a folder; expected a certificate/],
    ['a key as certificate', 'first.key', 'first.key', /expected a certificate in PEM/],
    ['a certificate as key', 'first.pem', 'first.pem', /expected a private key in PEM/],
    ['two of different pairs', 'first.pem', 'second.key', /not of one pair/],
  ])('%s: a problem with the remedy', (_, certificate, key, problem) =>
    expect(tlsProblem({ certFile: files.file(certificate), keyFile: files.file(key) })).toMatch(problem),
  );

  it('that fit are none', () =>
    expect(tlsProblem({ certFile: files.file('first.pem'), keyFile: files.file('first.key') })).toBeNull());
});
