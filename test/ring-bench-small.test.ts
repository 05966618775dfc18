import { execFile } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Inside the repository, so that package.json makes its files modules. */
const out = `${root}test/.tmp/ring-bench`;

beforeAll(async () => {
  await mkdir(out, { recursive: true });
  // File by file, as `tsc -p bench` lays them out, because the runner and the bench find their parts by path.
  await build({
    entryPoints: ['run', 'goal', 'machine', 'ring', 'ring-thread'].map((name) => `${root}bench/${name}.ts`)
      .concat(['layout', 'producer', 'consumer'].map((name) => `${root}src/memory/ring-${name}.ts`)),
    outdir: out, outbase: root, format: 'esm', platform: 'node', target: 'node20',
  });
});

afterAll(() => rm(out, { recursive: true, force: true }));

function bench(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [`${out}/bench/run.js`, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

it('the ring bench in its small size carries every record, and reports', async () => {
  const { code, stdout, stderr } = await bench('ring', '--small', '--json', `${out}/report.json`);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const report = JSON.parse(await readFile(`${out}/report.json`, 'utf8'));
  expect(report).toMatchObject({
    bench: 'ring', small: true, seed: expect.any(Number), commit: expect.stringMatching(/^([0-9a-f]{40}|unknown)/),
    machine: { node: process.version, cpu: expect.any(String), cores: expect.any(Number), kernel: expect.any(String) },
  });
  const { recordsPerSec, postMessagePerSec, ratio } = report.metrics;
  expect(recordsPerSec).toBeGreaterThan(0);
  expect(ratio).toBeCloseTo(recordsPerSec / postMessagePerSec, 2);
  expect(report.goals).toMatchObject([
    { name: 'recordsPerSec', value: recordsPerSec, limit: 20_000_000, met: recordsPerSec >= 20_000_000 },
    { name: 'ratio', value: ratio, limit: 20, met: ratio >= 20 },
  ]);
  expect(stdout).toContain('postMessagePerSec');
}, 30_000);

it('the runner lists the benches', async () => {
  const { code, stdout } = await bench('list');
  expect(code).toBe(0);
  expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual([
    'ring', 'tick', 'latency', 'steady', 'micro', 'snapshot', 'interest', 'slow', 'arena', 'heavy', 'crowd', 'joins', 'memory', '',
  ]);
});

it('the runner says what is missing, and fails', async () => {
  const { code, stderr } = await bench('steady'); // not built above
  expect(code).toBe(1);
  expect(stderr).toContain('bench steady is missing');
});

it.each([[['rings'], 'no bench is called "rings"'], [[], '0 names given'], [['ring', '--large'], '--large']])(
  'the runner refuses %j with the usage',
  async (args, problem) => {
    const { code, stderr } = await bench(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(problem);
    expect(stderr).toContain('npm run bench -- list | all | NAME [--small] [--json FILE]');
  },
);
