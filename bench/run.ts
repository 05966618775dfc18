/**
 * The bench runner.
 *
 * ```
 *   npm run bench -- list
 *   npm run bench -- ring [--small] [--json FILE]
 *   npm run bench -- all [--small] [--json FILE]
 * ```
 *
 * A bench that finds its own result wrong throws: exit code 1. A goal that is not met is printed and stays exit code 0,
 * because speed belongs to the machine. Wrong usage: exit code 2. `--json` writes one report, for `all` an array; a long
 * bench's figures are in it after each of its measurements.
 */
import { writeFileSync } from 'node:fs';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import type { Goal } from './goal.js';
import { describeCommit, describeMachine, type Machine } from './machine.js';

export interface BenchOptions {
  /** A size of a second or two that checks the bench rather than the machine. The tests run it. */
  readonly small: boolean;
  /**
   * For benches that take minutes, after each measurement: what is known by now is written where `--json` says, in place of
   * what was kept before. A run that is cut short, or ends wrong, leaves a report that says so, without goals. NaN is left
   * out.
   */
  keep(seed: number, metrics: Readonly<Record<string, number>>): void;
}

export interface BenchResult {
  readonly seed: number;
  /** Name, with the unit last, to number. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly goals: readonly Goal[];
  /** Sentences a reader needs to understand the numbers. */
  readonly notes?: readonly string[];
}

/** What each module of the table exports. */
export interface Bench {
  readonly name: string;
  /** One line for `list`. */
  readonly about: string;
  run(options: BenchOptions): Promise<BenchResult>;
}

export interface BenchReport extends BenchResult {
  readonly bench: string;
  readonly small: boolean;
  readonly machine: Machine;
  readonly commit: string;
}

/** Every bench, in the order of `all`. Each is the module of the same name beside this file. */
const BENCH_NAMES = [
  'ring', 'tick', 'latency', 'steady', 'micro', 'snapshot', 'interest', 'slow', 'arena', 'heavy', 'crowd', 'joins', 'memory',
];

/** One line in a quarter of a minute disturbs nothing that is measured. */
const PROGRESS_MS = 15_000;

const CUT_SHORT = 'CUT SHORT: not all was measured, and no goal was looked at';

const USAGE = 'npm run bench -- list | all | NAME [--small] [--json FILE]';

async function main(): Promise<number> {
  let args;
  try {
    args = parseArgs({
      allowPositionals: true,
      options: { json: { type: 'string' }, small: { type: 'boolean', default: false } },
    });
  } catch (error) {
    return usageError((error as Error).message);
  }
  const { positionals, values } = args;
  const [name] = positionals;
  if (positionals.length !== 1) {
    return usageError(`${positionals.length} names given; expected one of list, all, ${BENCH_NAMES.join(', ')}`);
  }
  if (name === 'list') return list();
  if (name !== 'all' && !BENCH_NAMES.includes(name)) {
    return usageError(`no bench is called ${JSON.stringify(name)}; expected list, all, ${BENCH_NAMES.join(', ')}`);
  }

  const machine = describeMachine();
  const commit = describeCommit();
  console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, ${machine.kernel}, commit ${commit}`);
  const reports: BenchReport[] = [];
  const isMany = name === 'all';
  if (values.json !== undefined) await mkdir(dirname(values.json), { recursive: true });
  let kept: BenchReport | null = null;
  const keep = (bench: string, seed: number, metrics: Readonly<Record<string, number>>): void => {
    const known = Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)));
    kept = { bench, small: values.small, machine, commit, seed, metrics: known, goals: [], notes: [CUT_SHORT] };
    if (values.json !== undefined) writeFileSync(values.json, textOf(isMany ? [...reports, kept] : kept));
  };
  let wrong = 0;
  for (const benchName of isMany ? BENCH_NAMES : [name]) {
    kept = null;
    try {
      const bench = await load(benchName);
      console.log(`\n${bench.name}: ${bench.about}${values.small ? ' (small size)' : ''}`);
      const { seed, metrics, goals, notes } = await withProgress(() => {
        return bench.run({ small: values.small, keep: (...known) => keep(bench.name, ...known) });
      });
      print({ seed, metrics, goals, notes });
      reports.push({ bench: bench.name, small: values.small, machine, commit, seed, metrics, goals, notes });
    } catch (error) {
      wrong++;
      console.error(`\n${benchName}: WRONG`, error);
      if (kept !== null) reports.push(kept);
    }
  }
  if (values.json !== undefined) {
    await writeFile(values.json, textOf(isMany ? reports : reports[0] ?? null));
    console.log(`\nwritten to ${values.json}`);
  }
  return wrong === 0 ? 0 : 1;
}

function textOf(report: BenchReport | readonly BenchReport[] | null): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}

/** Says now and then that the bench still runs: some take minutes. */
async function withProgress<T>(run: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const timer = setInterval(() => {
    console.log(`  … ${Math.round((performance.now() - startMs) / 1000)} s`);
  }, PROGRESS_MS);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}

async function list(): Promise<number> {
  for (const name of BENCH_NAMES) {
    const { about } = await load(name).catch((error: Error) => ({ about: error.message }));
    console.log(`${name.padEnd(10)}${about}`);
  }
  return 0;
}

async function load(name: string): Promise<Bench> {
  const file = new URL(`./${name}.js`, import.meta.url);
  try {
    await access(file);
  } catch (cause) {
    throw new Error(`bench ${name} is missing: no ${file.pathname}; write bench/${name}.ts and build`, { cause });
  }
  const bench = await import(file.href) as Bench;
  if (bench.name !== name || typeof bench.about !== 'string' || typeof bench.run !== 'function') {
    throw new Error(`bench/${name}.ts has to export name = '${name}', about and run`);
  }
  return bench;
}

function print({ seed, metrics, goals, notes }: BenchResult): void {
  const width = Math.max(...Object.keys(metrics).map((key) => key.length), ...goals.map((goal) => goal.name.length));
  for (const [key, value] of Object.entries(metrics)) {
    console.log(`  ${key.padEnd(width)}  ${readable(value).padStart(14)}`);
  }
  for (const goal of goals) {
    const figure = `${goal.name.padEnd(width)}  ${readable(goal.value).padStart(14)}`;
    console.log(`  ${figure} ${goal.rule} ${readable(goal.limit)}  ${goal.met ? 'met' : 'NOT MET'}`);
  }
  for (const note of notes ?? []) console.log(`  ${note}`);
  console.log(`  seed ${seed}`);
}

/** Four digits that count, thousands apart: 23,912,004 and 0.1234. */
function readable(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = Math.abs(value) >= 1000 ? 0 : 4;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

function usageError(problem: string): number {
  console.error(`${problem}\n${USAGE}`);
  return 2;
}

process.exitCode = await main();
