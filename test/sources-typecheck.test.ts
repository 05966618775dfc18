/** The tests and their rooms are typed as strictly as the product, against the built package. */
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { REPOSITORY } from './support/server-process.js';

it.each(['test', 'bench'])('%s has no type errors', { timeout: 60_000 }, (folder) => {
  const tsc = `${REPOSITORY}node_modules/typescript/bin/tsc`;
  const run = spawnSync(process.execPath, [tsc, '-p', folder, '--noEmit'], { cwd: REPOSITORY, encoding: 'utf8' });
  expect(run.stdout + run.stderr).toBe('');
  expect(run.status).toBe(0);
});
