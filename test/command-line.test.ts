/** `node dist/server.js`: flags, exit codes, signals, and what it says when it can't start. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { connect } from 'escapement/client';
import { WebSocket } from 'ws';
import { SUBPROTOCOL } from '../src/protocol/version.js';
import { Certificates } from './support/certificates.js';
import { REPOSITORY, ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

mkdirSync(`${REPOSITORY}test/.tmp`, { recursive: true });
const folder = mkdtempSync(`${REPOSITORY}test/.tmp/command-line-`);
const files = new Certificates();
afterAll(() => {
  rmSync(folder, { recursive: true });
  files.remove();
});

async function run(args: readonly string[], env?: Record<string, string>): Promise<ServerProcess & { code: number | null }> {
  const server = ServerProcess.spawn({ args, env });
  const { code } = await server.exited;
  return Object.assign(server, { code });
}

/** A socket that asks for nothing. @param trusted certificate of the server, in PEM */
function openOver(url: string, trusted?: string): Promise<WebSocket> {
  const socket = new WebSocket(url, SUBPROTOCOL, { ca: trusted });
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}

it('--help names every flag with its environment variable and default, exit 0', async () => {
  const { code, stdout } = await run(['--help']);
  expect(code).toBe(0);
  const flags = [
    'port', 'host', 'shards', 'rooms', 'admin-port', 'admin-host', 'log-level', 'tls-cert', 'tls-key', 'trusted-proxies',
    'connections-per-address-max', 'handshakes-per-address-per-sec', 'reconnect-grace', 'drain-timeout-ms', 'jwt-jwks',
  ];
  for (const flag of flags) {
    expect(stdout).toContain(`--${flag}`);
    expect(stdout).toContain(flag.toUpperCase().replaceAll('-', '_'));
  }
  for (const word of ['--help', '--version', 'JWT_SECRET']) expect(stdout).toContain(word);
  expect(stdout).toContain('2567');
  expect(stdout).toContain('9567');
});

it('--version prints the version of the package, exit 0', async () => {
  const manifest = JSON.parse(readFileSync(`${REPOSITORY}package.json`, 'utf8')) as { version: string };
  const { code, stdout } = await run(['--version']);
  expect(code).toBe(0);
  expect(stdout.trim()).toBe(manifest.version);
});

it('lists every wrong value with the value, the limit and the remedy, exit 2', async () => {
  const { code, stderr } = await run(['--port', '99999', '--shards', 'many', '--prot', '1', '--rooms', '/nowhere'], {
    LOG_LEVEL: 'loud',
  });
  expect(code).toBe(2);
  expect(stderr).toMatch(/--port is "99999"; expected 0 to 65535/);
  expect(stderr).toMatch(/--shards is "many"; expected/);
  expect(stderr).toMatch(/--prot.*did you mean --port/);
  expect(stderr).toMatch(/--rooms is "\/nowhere"/);
  expect(stderr).toMatch(/LOG_LEVEL \(environment\) is "loud"/);
});

it('a certificate and a key that can not be used: what is wrong with them, exit 2', async () => {
  files.make('one');
  files.make('other');
  const { code, stderr } = await run(['--tls-cert', files.file('one.pem')], { TLS_KEY: files.file('other.key') });
  expect(code).toBe(2);
  expect(stderr).toMatch(/--tls-cert and TLS_KEY \(environment\): .* not of one pair/);
  expect((await run(['--tls-key', files.file('none.key')])).code).toBe(2);
});

it('over TLS the URL is https, and SIGHUP brings a new certificate: open sockets stay', async () => {
  files.make('first');
  files.make('second');
  files.use('first');
  const server = await ServerProcess.start({ args: ['--tls-cert', files.certFile, '--tls-key', files.keyFile] });
  expect(server.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  const early = await openOver(server.socketUrl, files.pem('first'));
  const logged = (text: string): Promise<void> => expect.poll(() => server.stdout).toContain(text);
  writeFileSync(files.certFile, 'half a cert');
  server.child.kill('SIGHUP');
  await logged('TLS certificate and key were not replaced');
  files.use('second');
  server.child.kill('SIGHUP');
  await logged('TLS certificate and key were read again');
  await expect(openOver(server.socketUrl, files.pem('first'))).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  const late = await openOver(server.socketUrl, files.pem('second'));
  for (const socket of [early, late]) {
    const pong = new Promise((resolve) => socket.once('pong', resolve));
    socket.ping();
    await pong;
    socket.terminate();
  }
  expect((await server.stop()).code).toBe(0);
});

it('a server can be started again at once on the port of one that closed its clients', async () => {
  const first = await ServerProcess.start({ args: ['--log-level', 'silent'] });
  const port = new URL(first.url).port;
  await first.stop();
  for (let start = 0; start < 2; start += 1) {
    const args = ['--port', port, '--host', '127.0.0.1', '--admin-port', '0', '--log-level', 'silent'];
    const server = ServerProcess.spawn({ args });
    await server.ready();
    const socket = await openOver(server.socketUrl);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    expect((await server.stop()).code).toBe(0);
    expect(await closed).toBe(4001);
  }
});

it('a taken port: a clear message, exit 1', async () => {
  const holder = createTcpServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const port = String((holder.address() as AddressInfo).port);
  const game = await run(['--port', port, '--host', '127.0.0.1', '--admin-port', '0', '--log-level', 'silent']);
  expect(game.code).toBe(1);
  expect(game.stderr).toContain(`127.0.0.1:${port}`);
  expect(game.stderr).toMatch(/taken/);
  const admin = await run(['--port', '0', '--host', '127.0.0.1', '--admin-port', port, '--log-level', 'silent']);
  expect(admin.code).toBe(1);
  expect(admin.stderr).toContain(`127.0.0.1:${port}`);
  holder.close();
});

it('two servers can not share a port by accident', async () => {
  const first = await ServerProcess.start({ args: ['--log-level', 'silent'] });
  const port = new URL(first.url).port;
  const second = await run(['--port', port, '--host', '127.0.0.1', '--admin-port', '0', '--log-level', 'silent']);
  expect(second.code).toBe(1);
  expect((await first.stop()).code).toBe(0);
});

it('room modules that fail to load are all named, exit 1', async () => {
  writeFileSync(path.join(folder, 'broken.js'), 'export default class {');
  writeFileSync(path.join(folder, 'nothing.js'), 'export const room = 1;');
  writeFileSync(path.join(folder, 'plain.js'), 'export default class Plain {}');
  writeFileSync(
    path.join(folder, 'racing.js'),
    "import { Room } from 'escapement'; export default class extends Room { static tickRate = 0; static maxClients = -1; }",
  );
  const { code, stderr } = await run(['--port', '0', '--admin-port', '0', '--rooms', folder, '--log-level', 'silent']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/room broken: .*broken\.js/);
  expect(stderr).toMatch(/room nothing: its module's default export is missing; expected a class that extends Room/);
  expect(stderr).toMatch(/room plain: its module's default export is the function or class Plain/);
  expect(stderr).toMatch(/room racing: tickRate is 0; expected a whole number from 1 to 240/);
  expect(stderr).toMatch(/room racing: maxClients is -1; expected/);
});

it('a room compiled to CommonJS is told so, with the remedy', async () => {
  const commonJs = path.join(folder, 'commonjs');
  mkdirSync(commonJs);
  writeFileSync(path.join(commonJs, 'package.json'), '{ "type": "commonjs" }');
  writeFileSync(path.join(commonJs, 'dots.js'), 'exports.__esModule = true; exports.default = class Dots {};');
  const { code, stderr } = await run(['--port', '0', '--admin-port', '0', '--rooms', commonJs, '--log-level', 'silent']);
  expect(code).toBe(1);
  expect(stderr).toContain('room dots: its module was compiled to CommonJS; put "type": "module" into package.json');
});

it.each(['SIGTERM', 'SIGINT'] as const)('%s: clients are told with 4001, exit 0', async (signal) => {
  const server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--log-level', 'warn'] });
  const room = await connect(server.url).joinOrCreate('probe');
  const left = new Promise<{ code: number; reason: string }>((resolve) =>
    room.onLeave((code, reason) => resolve({ code, reason })),
  );
  // Twice, as Ctrl-C under npm does.
  server.child.kill(signal);
  const { code } = await server.stop(signal);
  expect(await left).toEqual({ code: 4001, reason: 'the server is shutting down' });
  expect(code).toBe(0);
});

it('clients in the middle of sending are told too', async () => {
  const server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--log-level', 'warn'] });
  const rooms = await Promise.all(Array.from({ length: 32 }, () => connect(server.url).joinOrCreate('drift')));
  const codes = rooms.map((room) => new Promise<number>((resolve) => room.onLeave((code) => resolve(code))));
  const timer = setInterval(() => rooms.forEach((room) => room.input({ dx: 1 })), 5);
  await expect.poll(() => rooms[0]!.ackedInput).toBeGreaterThan(10);
  expect((await server.stop()).code).toBe(0);
  expect(await Promise.all(codes)).toEqual(new Array(32).fill(4001));
  clearInterval(timer);
});

it('prints exactly one ready line with the URL, and answers on it', async () => {
  const server = await ServerProcess.start({ args: ['--log-level', 'silent'] });
  expect(server.stdout.trim().split('\n')).toHaveLength(1);
  const health = (await (await fetch(`${server.url}/healthz`)).json()) as { status: string };
  expect(health.status).toBe('ok');
  const page = await fetch(`${server.url}/`);
  expect(page.headers.get('content-type')).toContain('text/html');
  expect((await fetch(`${server.url}/../package.json`)).status).toBe(404);
  expect((await fetch(`${server.adminUrl}/healthz`)).status).toBe(200);
  await server.stop();
});
