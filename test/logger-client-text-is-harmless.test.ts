import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, describe, expect, test } from 'vitest';
import { createLogger, lineWriter, loggable } from '../src/host/logger.js';
import { createShardLogger } from '../src/shard/shard-logger.js';

/** Everything a terminal could act on: C0 but for newline, DEL, C1, separators, direction overrides. */
const TERMINAL = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const HOSTILE = 'a\x1b[31mred\x9b2J\r\nforged\x00\x7f\u2028\u202e\u2066z';

interface Collected { lines: string[]; destination: { write(line: string): void }; pretty: boolean }

function collect(pretty = false): Collected {
  const lines: string[] = [];
  return { lines, destination: { write: (line) => void lines.push(line) }, pretty };
}

describe('loggable', () => {
  test('leaves plain text alone', () => {
    for (const text of ['', 'Ada', 'C:\\games', '日本語 ü 🎲', 'x'.repeat(256)]) expect(loggable(text)).toBe(text);
  });

  test('escapes what a terminal or a log reader would act on', () => {
    expect(loggable(HOSTILE)).toBe(
      'a\\x1b[31mred\\x9b2J\\x0d\\x0aforged\\x00\\x7f\\u2028\\u202e\\u2066z',
    );
    expect(loggable('\ud83d!\udfb2')).toBe('\\ud83d!\\udfb2');
  });

  test('cuts at the limit in bytes, on whole characters, and shows the cut', () => {
    expect(loggable('x'.repeat(257))).toBe(`${'x'.repeat(253)}…`);
    for (const character of ['x', 'ü', '日', '🎲', '\x1b', '\u202e']) {
      for (let bytesMax = 3; bytesMax <= 40; bytesMax += 1) {
        const cut = loggable(character.repeat(100), bytesMax);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(bytesMax);
        expect(cut).toMatch(/^((\\x1b)*|(\\u202e)*|(x|ü|日|🎲)*)…$/u);
      }
    }
  });

  test('looks no further than it must', () => {
    let seen = 0;
    const endless = { *[Symbol.iterator]() { for (;;) { seen += 1; yield 'x'; } } };
    expect(loggable(endless as unknown as string)).toHaveLength(254);
    expect(seen).toBe(257);
  });
});

describe('the main logger', () => {
  test('writes one JSON object per line with level, ISO time, pid and fields', () => {
    const { lines, ...options } = collect();
    createLogger({ level: 'info', ...options }).info({ room: 'r1' }, 'created');
    expect(lines).toHaveLength(1);
    const { time, ...line } = JSON.parse(lines[0]!) as Record<string, unknown>;
    expect(line).toEqual({ level: 30, pid: process.pid, room: 'r1', msg: 'created' });
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test('writes nothing below its level', () => {
    const { lines, ...options } = collect();
    createLogger({ level: 'warn', ...options }).info('quiet');
    createLogger({ level: 'silent', ...options }).fatal('quiet');
    expect(lines).toEqual([]);
  });

  test.each([false, true])('is safe even for text nobody escaped (pretty: %s)', (pretty) => {
    const { lines, ...options } = collect(pretty);
    const logger = createLogger({ level: 'info', ...options });
    logger.info({ name: HOSTILE, [HOSTILE]: 1 }, HOSTILE);
    logger.error(new Error(HOSTILE));
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).not.toMatch(TERMINAL);
    if (!pretty) {
      for (const line of lines) expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(JSON.parse(lines[0]!)).toMatchObject({ name: HOSTILE, [HOSTILE]: 1, msg: HOSTILE });
    }
  });

  test('prints for people when asked', () => {
    const { lines, ...options } = collect(true);
    createLogger({ level: 'info', ...options }).info({ room: 'r1' }, 'created');
    expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: created\n {4}room: "r1"\n$/);
  });
});

describe('a shard\'s lines', () => {
  test('arrive on the main logger\'s destination as they were made', () => {
    const { lines, ...options } = collect();
    const main = createLogger({ level: 'info', ...options });
    const shard = createShardLogger(lineWriter(main), 'debug', { shard: 2 });
    shard.debug('up');
    main.info('between');
    shard.child({ room: 'r1' }).warn({ tick: 9 }, HOSTILE);
    shard.trace('below the level');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: 20, pid: process.pid, shard: 2, msg: 'up' },
      { level: 30, msg: 'between' },
      { level: 40, shard: 2, room: 'r1', tick: 9, msg: HOSTILE },
    ]);
    for (const line of lines) expect(line).not.toMatch(TERMINAL);
  });
});

describe('stdout', () => {
  const folder = mkdtempSync(join(tmpdir(), 'escapement-logger-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('has every line, also when the process exits at once', async () => {
    const outfile = join(folder, 'logs.mjs');
    await build({
      stdin: {
        contents: `import { createLogger } from './src/host/logger.js';
          const logger = createLogger({ level: 'info' });
          for (let n = 0; n < 2000; n += 1) logger.info({ n }, 'line');
          process.exit(3);`,
        resolveDir: process.cwd(),
      },
      outfile, bundle: true, platform: 'node', format: 'esm',
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    });
    const { status, stdout } = spawnSync(process.execPath, [outfile], { encoding: 'utf8', timeout: 30_000 });
    const lines = stdout.trimEnd().split('\n');
    expect(status).toBe(3);
    const numbers = lines.map((line) => (JSON.parse(line) as { n: number }).n);
    expect(numbers).toEqual(Array.from({ length: 2000 }, (_, n) => n));
  });
});
