/** The README's game: under 40 lines, compiles under strict settings against the built package, and plays. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { connect } from '../src/client/node.js';
import { REPOSITORY, ServerProcess } from './support/server-process.js';

const FOLDER = `${REPOSITORY}test/.tmp/readme/`;
const LINES_MAX = 40;

function examples(): Map<string, string> {
  const readme = readFileSync(`${REPOSITORY}README.md`, 'utf8');
  const found = readme.matchAll(/<!-- example: (\S+) -->\n```ts\n([\s\S]*?)```/g);
  return new Map([...found].map(([, file, code]) => [file!, code!]));
}

it('compiles and plays as the README says', { timeout: 60_000 }, async () => {
  const files = examples();
  expect([...files.keys()]).toEqual(['rooms/dots.ts', 'play.ts', 'rooms/battle.ts']);
  const lines = [files.get('rooms/dots.ts'), files.get('play.ts')].join('').trimEnd().split('\n').length;
  expect(lines).toBeLessThan(LINES_MAX);

  rmSync(FOLDER, { recursive: true, force: true });
  for (const [file, code] of files) {
    mkdirSync(path.dirname(FOLDER + file), { recursive: true });
    writeFileSync(FOLDER + file, code);
  }
  const settings = { target: 'es2022', module: 'nodenext', strict: true, types: ['node'], outDir: 'out', rootDir: '.' };
  writeFileSync(`${FOLDER}tsconfig.json`, JSON.stringify({ compilerOptions: settings, include: ['**/*.ts'] }));
  const tsc = spawnSync(process.execPath, [`${REPOSITORY}node_modules/typescript/bin/tsc`, '-p', FOLDER], { encoding: 'utf8' });
  expect(tsc.stdout + tsc.stderr).toBe('');
  expect(tsc.status).toBe(0);

  const host = await ServerProcess.start({ args: ['--rooms', `${FOLDER}out/rooms`, '--log-level', 'silent'] });
  // The one change: the port, which is 2567 for people and a free one here.
  const play = readFileSync(`${FOLDER}out/play.js`, 'utf8').replace('ws://localhost:2567', host.url);
  writeFileSync(`${FOLDER}out/play.js`, play);
  const player = spawn(process.execPath, [`${FOLDER}out/play.js`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const rows: { tick: number; name: string; x: number; y: number }[] = [];
  await new Promise<void>((resolve) => {
    player.stdout.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.trim().split('\n')) {
        const [tick, name, x, y] = line.split(' ');
        rows.push({ tick: Number(tick), name: name!, x: Number(x), y: Number(y) });
      }
      if (rows.length >= 10) resolve();
    });
  });
  player.kill();

  // The room of "Who sees what": both are near, so each sees the other's unit, but nobody's secrets and cards but its own.
  const client = connect(host.url);
  const [first, second] = [await client.joinOrCreate('battle'), await client.joinOrCreate('battle')];
  await new Promise<void>((resolve) => second.onStateChange((state) => (state.units!.size === 2 ? resolve() : undefined)));
  expect([...second.state.units!].map((row: any) => row.ammo)).toEqual([0, 30]);
  expect(second.state.hands!.size).toBe(1);
  await Promise.all([first.leave(), second.leave()]);
  expect((await host.stop()).code).toBe(0);
  expect(rows.every(({ name, y }) => name === 'Ada' && y === 300)).toBe(true);
  // Ada steers to the right: 200 a second are 10 per snapshot of three ticks.
  expect(rows.at(-1)!.x).toBeGreaterThan(rows[0]!.x);
  expect(rows.at(-1)!.tick).toBeGreaterThan(rows[0]!.tick);
});
