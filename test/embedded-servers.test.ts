/** createServer in a host program: several at once, routes beside ours, errors with a code. */
import { afterEach, expect, it } from 'vitest';
import { connect } from 'escapement/client';
// The built package, as a host program imports it: shards are threads and need compiled files.
import { createServer, type Server } from 'escapement';
import { ROOMS_FOLDER } from './support/setup.js';

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function make(options: Partial<Parameters<typeof createServer>[0]> = {}): Promise<Server> {
  const server = await createServer({
    rooms: { probe: new URL(`file://${ROOMS_FOLDER}probe.js`) },
    port: 0,
    adminPort: false,
    shards: 1,
    logLevel: 'silent',
    ...options,
  });
  servers.push(server);
  return server;
}

it('several servers live in one program and close one by one', async () => {
  const [first, second] = [await make(), await make()];
  const [firstAddress, secondAddress] = [await first.listen(), await second.listen()];
  expect(firstAddress.port).not.toBe(secondAddress.port);
  const inFirst = await connect(firstAddress.url).joinOrCreate('probe');
  const inSecond = await connect(secondAddress.url).joinOrCreate('probe');
  const left = new Promise<number>((resolve) => inFirst.onLeave((code) => resolve(code)));
  await first.close();
  expect(await left).toBe(4001);
  const echoed = new Promise((resolve) => inSecond.onMessage('echo', resolve));
  inSecond.send('echo', { still: 'here' });
  expect(await echoed).toEqual({ still: 'here' });
  await inSecond.leave();
});

it("a host program's own routes work beside ours", async () => {
  const server = await make();
  server.app.get('/api/version', (res) => {
    res.end('mine');
  });
  const { url } = await server.listen();
  expect(await (await fetch(`${url}/api/version`)).text()).toBe('mine');
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const room = await connect(url).create('probe');
  expect(room.name).toBe('probe');
  await room.leave();
});

it('wrong options are reported together, with a code', async () => {
  const wrong = createServer({ rooms: {}, port: -1, shards: 1.5 as number });
  await expect(wrong).rejects.toMatchObject({ code: 'ERR_ESCAPEMENT_CONFIG' });
  const { problems } = (await wrong.catch((error: unknown) => error)) as { problems: string[] };
  expect(problems.join('\n')).toMatch(/rooms/);
  expect(problems.join('\n')).toMatch(/port is -1/);
  expect(problems.join('\n')).toMatch(/shards is 1.5/);
});

it('a taken port rejects with a code, and close still works', async () => {
  const first = await make();
  const { port } = await first.listen();
  const second = await make({ port });
  await expect(second.listen()).rejects.toMatchObject({ code: 'ERR_ESCAPEMENT_LISTEN' });
});

it('a room module that fails rejects with a code and leaves nothing running', async () => {
  await expect(make({ rooms: { gone: new URL('file:///nowhere/gone.js') } })).rejects.toMatchObject({
    code: 'ERR_ESCAPEMENT_ROOMS',
  });
});
