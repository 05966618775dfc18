/** A folder of reports as `npm run bench -- NAME --json FILE` writes them, read and checked, field by field. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { BenchReport } from '../run.js';

/** All that is wrong with a folder, a line each: file, field, what is there, what is expected; then the remedy. */
export class ReportFolderError extends Error {
  readonly code = 'ERR_BENCH_REPORTS';
}

/**
 * The reports of all JSON files of a folder: NAME.json with one, or an array of several as `all` writes it.
 * @throws ReportFolderError with every problem of every file.
 */
export function readReports(folder: string): BenchReport[] {
  let files: string[];
  try {
    files = readdirSync(folder).filter((file) => file.endsWith('.json')).sort();
  } catch (cause) {
    // The runner writes into folders and makes none, and finds out when the bench is over.
    const make = `mkdir -p ${folder}, then ${remedy(folder)}`;
    throw new ReportFolderError(`${folder} can't be read (${(cause as Error).message}); ${make}`, { cause });
  }
  if (files.length === 0) throw new ReportFolderError(`${folder} has no reports, NAME.json; ${remedy(folder)}`);

  const problems: string[] = [];
  const reports = new Map<string, { report: BenchReport; file: string }>();
  for (const file of files) {
    const at = path.join(folder, file);
    for (const { value, place } of documentsIn(at, problems)) {
      const name = path.basename(file, '.json');
      const found = problemsOf(value, place === at ? name : undefined);
      if (found.length > 0) {
        const bench = place === at ? name : benchNameIn(value);
        problems.push(...found.map((problem) => `${place}: ${problem}`), `  ${remedy(folder, bench)}`);
        continue;
      }
      const report = value as BenchReport;
      const other = reports.get(report.bench);
      if (other === undefined) reports.set(report.bench, { report, file: place });
      else problems.push(`${place}: bench is ${report.bench}, as in ${other.file}; expected one report of each; remove one`);
    }
  }
  if (problems.length > 0) throw new ReportFolderError(problems.join('\n'));
  return [...reports.values()].map(({ report }) => report);
}

function remedy(folder: string, bench = 'ring'): string {
  const isName = NAME.test(bench);
  const name = isName ? bench : 'NAME';
  return `write ${isName ? 'it' : 'them'} with: npm run bench -- ${name} --json ${path.join(folder, `${name}.json`)}`;
}

function benchNameIn(value: unknown): string | undefined {
  const bench = (value as { bench?: unknown } | null)?.bench;
  return typeof bench === 'string' ? bench : undefined;
}

function documentsIn(at: string, problems: string[]): { value: unknown; place: string }[] {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(at, 'utf8'));
  } catch (error) {
    problems.push(`${at}: is no JSON (${(error as Error).message})`, `  ${remedy(path.dirname(at), path.basename(at, '.json'))}`);
    return [];
  }
  return Array.isArray(value) ? value.map((each, i) => ({ value: each, place: `${at}[${i}]` })) : [{ value, place: at }];
}

const NAME = /^[a-z][a-z0-9-]*$/;

/** @param name what the file says the bench is; nothing when it holds several. */
function problemsOf(value: unknown, name: string | undefined): string[] {
  const check = new FieldCheck();
  if (!isObject(value)) {
    check.wrong('the report', value, 'an object (the runner writes null for a bench that was wrong)');
    return check.problems;
  }
  const { bench, small, machine, commit, seed, metrics, goals, notes } = value;
  const isNamed = check.expect('bench', bench, typeof bench === 'string' && NAME.test(bench), 'a name like ring');
  if (isNamed && name !== undefined) check.expect('bench', bench, bench === name, `${name}, as the file is called`);
  check.expect('small', small, small === false, 'false: the small size checks the bench and is not a measurement');
  if (!isObject(machine)) check.wrong('machine', machine, 'an object');
  else {
    for (const field of ['node', 'cpu', 'kernel']) check.text(`machine.${field}`, machine[field]);
    for (const field of ['cores', 'memoryMiB']) check.number(`machine.${field}`, machine[field]);
  }
  check.text('commit', commit);
  check.number('seed', seed);
  if (!isObject(metrics)) check.wrong('metrics', metrics, 'an object of numbers');
  else for (const [metric, number] of Object.entries(metrics)) check.number(`metrics.${metric}`, number);
  if (!Array.isArray(goals)) check.wrong('goals', goals, 'an array');
  else goals.forEach((goal: unknown, i) => check.goal(`goals[${i}]`, goal));
  const areNotes = notes === undefined || (Array.isArray(notes) && notes.every((note) => typeof note === 'string'));
  check.expect('notes', notes, areNotes, 'an array of strings, or nothing');
  return check.problems;
}

/** Collects what is wrong: whoever repairs a file wants to do it once. */
class FieldCheck {
  readonly problems: string[] = [];

  wrong(field: string, seen: unknown, expected: string): void {
    this.problems.push(`${field} is ${shown(seen)}; expected ${expected}`);
  }

  expect(field: string, seen: unknown, isRight: boolean, expected: string): boolean {
    if (!isRight) this.wrong(field, seen, expected);
    return isRight;
  }

  number(field: string, seen: unknown): boolean {
    return this.expect(field, seen, Number.isFinite(seen), 'a finite number (NaN and Infinity are written as null)');
  }

  text(field: string, seen: unknown): boolean {
    return this.expect(field, seen, typeof seen === 'string' && seen !== '', 'a string');
  }

  goal(field: string, goal: unknown): void {
    if (!isObject(goal)) return this.wrong(field, goal, 'an object');
    const { name, value, rule, limit, met } = goal;
    this.text(`${field}.name`, name);
    const isNumber = this.number(`${field}.value`, value);
    const isLimited = this.number(`${field}.limit`, limit);
    const holds = HOLDS.get(rule);
    this.expect(`${field}.rule`, rule, holds !== undefined, 'one of <=, >=, =');
    if (!isNumber || !isLimited || holds === undefined) return;
    // A page of met and not met is only worth reading when nobody can write `met` by hand.
    const isMet = holds(value as number, limit as number);
    this.expect(`${field}.met`, met, met === isMet, `${isMet}: ${String(value)} ${String(rule)} ${String(limit)} is ${isMet}`);
  }
}

const HOLDS: ReadonlyMap<unknown, (value: number, limit: number) => boolean> = new Map([
  ['<=', (value, limit) => value <= limit],
  ['>=', (value, limit) => value >= limit],
  ['=', (value, limit) => value === limit],
]);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const SHOWN_CHARACTERS = 60;

function shown(value: unknown): string {
  const text = value === undefined ? 'missing' : JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}
