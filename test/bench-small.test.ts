/** Every bench in its small size, as `npm run bench` runs it: its own checks pass, its report has the agreed shape. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { REPOSITORY } from './support/server-process.js';

const RUN = `${REPOSITORY}dist/bench/bench/run.js`;
const folder = mkdtempSync(path.join(tmpdir(), 'escapement-bench-'));

execFileSync(`${REPOSITORY}node_modules/.bin/tsc`, ['-p', 'bench'], { cwd: REPOSITORY, stdio: 'inherit' });
const names = execFileSync(process.execPath, [RUN, 'list'], { encoding: 'utf8' })
  .trimEnd()
  .split('\n')
  .map((line) => line.split(' ', 1)[0]!);

afterAll(() => rmSync(folder, { recursive: true }));

it('the benches that the figures come from are there', () => {
  expect(names).toEqual([
    'ring', 'tick', 'latency', 'steady', 'micro', 'snapshot', 'interest', 'slow', 'arena', 'heavy', 'crowd', 'joins', 'memory',
  ]);
});

it.each(names)(
  '%s finds its small result right and reports it',
  async (name) => {
    const file = path.join(folder, `${name}.json`);
    // Rejects when the bench found its result wrong. Goals are not looked at: speed belongs to the machine.
    await promisify(execFile)(process.execPath, [RUN, name, '--small', '--json', file], { cwd: REPOSITORY });
    const report = JSON.parse(readFileSync(file, 'utf8'));
    expect(report).toMatchObject({ bench: name, small: true, seed: expect.any(Number), commit: expect.any(String) });
    expect(report.machine).toMatchObject({ node: process.version, cores: expect.any(Number), cpu: expect.any(String) });
    expect(Object.keys(report.metrics).length).toBeGreaterThan(0);
    for (const [metric, value] of Object.entries(report.metrics)) expect(value, metric).toBeTypeOf('number');
    expect(report.goals.length).toBeGreaterThan(0);
    for (const goal of report.goals) {
      expect(goal).toMatchObject({
        name: expect.any(String), value: expect.any(Number), limit: expect.any(Number), met: expect.any(Boolean),
      });
      expect(report.metrics).toHaveProperty(goal.name, goal.value);
    }
  },
  120_000,
);
