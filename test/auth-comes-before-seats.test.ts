/** onAuth runs before a room is made or a seat taken; onDrop tells a lost socket from a leave. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type ClientRoom } from 'escapement/client';
import type Guarded from './rooms/guarded.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--shards', '2', '--log-level', 'warn'] });
});
afterAll(async () => {
  expect((await server.stop()).code).toBe(0);
});

type GuardedRoom = ClientRoom<typeof Guarded>;

const enter = (token?: string): Promise<GuardedRoom> =>
  connect(server.url, { token }).joinOrCreate<typeof Guarded>('guarded');
const heard = (room: GuardedRoom, type: string): Promise<any> => new Promise((resolve) => room.onMessage(type, resolve));

it('who may come in finds what onAuth returned at client.auth', async () => {
  const room = await enter('password');
  expect(await heard(room, 'auth')).toMatchObject({ user: 'Ada', request: { address: '127.0.0.1', origin: '' } });
  await room.leave();
});

it('who may not is refused with 4401, and no room was made for them', async () => {
  for (const token of [undefined, '', 'wrong']) {
    await expect(enter(token)).rejects.toMatchObject({ code: 4401, message: expect.stringContaining('not allowed') });
  }
  await expect(enter('explode')).rejects.toMatchObject({ code: 4401, message: expect.stringContaining('exploded') });
  await expect(enter('function')).rejects.toMatchObject({ code: 4401 });
  await expect.poll(() => server.metric('escapement_rooms'), { timeout: 10_000 }).toBe(0);
  const room = await enter('password');
  await expect(connect(server.url).joinById(room.id)).rejects.toMatchObject({ code: 4401 });
  const created = heard(room, 'created');
  room.send('created');
  expect(await created).toBeLessThanOrEqual(2);
  await room.leave();
});

it('a socket that is lost is dropped and then leaves; one that leaves only leaves', async () => {
  const witness = await enter('password');
  const drops: unknown[] = [];
  const leaves: { session: string; code: number }[] = [];
  witness.onMessage('drop', (drop: unknown) => drops.push(drop));
  witness.onMessage('leave', (leave: { session: string; code: number }) => leaves.push(leave));

  const polite = await enter('password');
  await polite.leave();
  await expect.poll(() => leaves).toEqual([{ session: polite.sessionId, code: 4000 }]);
  expect(drops).toEqual([]);

  // A process of its own that is killed: no close frame, no goodbye.
  const script = `import { connect } from 'escapement/client';
    const room = await connect(${JSON.stringify(server.url)}, { token: 'password' }).joinOrCreate('guarded');
    process.stdout.write(room.sessionId); process.kill(process.pid, 'SIGKILL');`;
  const { spawnSync } = await import('node:child_process');
  const lost = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect(lost.signal).toBe('SIGKILL');
  await expect.poll(() => drops).toEqual([{ session: lost.stdout, code: 1006 }]);
  await expect.poll(() => leaves.at(-1)).toEqual({ session: lost.stdout, code: 1006 });
  await witness.leave();
});
