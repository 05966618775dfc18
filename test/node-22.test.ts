/** The build, and the server it makes, on Node 22; and what other versions are told. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { expect, inject, it } from 'vitest';
import { connect } from 'escapement/client';
import type Arena from '../dist/demo/rooms/arena.js';
import { isSupportedNode, unsupportedNodeText } from '../src/node-support.js';
import { REPOSITORY, ServerProcess } from './support/server-process.js';

it('builds and plays on Node 22', { timeout: 120_000 }, async () => {
  const node22 = inject('node22');
  const outDir = `${REPOSITORY}dist/node-22`;
  rmSync(outDir, { recursive: true, force: true });
  const build = spawnSync(node22, [`${REPOSITORY}node_modules/typescript/bin/tsc`, '--outDir', outDir], {
    cwd: REPOSITORY,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${path.dirname(node22)}:${process.env.PATH}` },
  });
  expect(build.stdout + build.stderr).toBe('');
  expect(build.status).toBe(0);

  const server = await ServerProcess.start({
    node: node22,
    entry: `${outDir}/server.js`,
    args: ['--rooms', `${outDir}/demo/rooms`, '--log-level', 'warn'],
  });
  const room = await connect(server.url).joinOrCreate<typeof Arena>('arena', { name: 'Node 22' });
  const before = room.tick;
  room.input({ dx: 127 });
  await expect.poll(() => room.tick - before).toBeGreaterThan(30);
  expect(room.ackedInput).toBe(1);
  expect(room.state.players.size).toBe(16);
  expect(room.stats.resyncs).toBe(0);
  expect(await server.metrics()).toContain('version="v22.');
  await room.leave();
  expect((await server.stop()).code).toBe(0);
  rmSync(outDir, { recursive: true });
});

it('a version without a binary is told so in one line with the remedy', () => {
  // The real thing: the loader of uWebSockets.js looks for a binary of the version that process.versions names.
  const pretend = "Object.defineProperty(process.versions, 'modules', { value: '137' });"
    + "Object.defineProperty(process, 'version', { value: 'v24.1.0' });";
  const run = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, 'dist/server.js', '--port', '0', '--admin-port', '0'],
    { cwd: REPOSITORY, encoding: 'utf8' },
  );
  expect(run.status).toBe(1);
  expect(run.stderr.trim().split('\n')).toEqual([
    `escapement: ${unsupportedNodeText('v24.1.0', process.platform, process.arch)}`,
  ]);
});

it('knows the versions it runs on', () => {
  expect(['v20.19.0', 'v20.20.2', 'v22.0.0', 'v22.23.3'].map(isSupportedNode)).toEqual([true, true, true, true]);
  expect(['v18.20.0', 'v20.18.3', 'v21.7.3'].map(isSupportedNode)).toEqual([false, false, false]);
});
