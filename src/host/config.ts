import { parseArgs } from 'node:util';
import { nearestName } from './nearest-name.js';
import { shown, type Candidate } from './option-check.js';
import { optionTable, type OptionDescriptor } from './option-table.js';
import { settleOptions, type OptionKey, type ServerConfig } from './server-options.js';

/** What a command line asks for. */
export type ParsedConfig =
  /** `demo` is true when no rooms were given and `config.rooms` is the bundled demo. */
  | { readonly kind: 'run'; readonly config: ServerConfig; readonly demo: boolean }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  /** Every problem found, one sentence each, with the value seen, the limit and the remedy. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

type FlagRow = OptionDescriptor & { readonly flag: string; readonly env: string; readonly valueName: string };

const flagRows = optionTable.filter((row): row is FlagRow => row.flag !== undefined);
const flagNames = [...flagRows.map(({ flag }) => flag), 'help', 'version'];

/** The room modules of the demo, beside this file in the built tree. */
const demoRooms: Readonly<Record<string, string>> = Object.freeze({
  arena: new URL('../demo/rooms/arena.js', import.meta.url).href,
  swarm: new URL('../demo/rooms/swarm.js', import.meta.url).href,
});

/**
 * Reads the command line and the environment. A flag beats its environment variable, which is then not even looked at;
 * an empty variable counts as not set. `--help` beats everything, `--version` everything else, so that both answer on
 * a command line that is otherwise wrong. Reads the rooms folder; touches nothing else outside its arguments.
 *
 * @param argv arguments without the program's name (`process.argv.slice(2)`)
 * @param cores cores that `--shards auto` counts
 */
export function parseConfig(argv: readonly string[], env: NodeJS.ProcessEnv, cores: number): ParsedConfig {
  const problems: string[] = [];
  const given = new Map<string, (string | undefined)[]>();
  readFlags(argv, given, problems);
  if (given.has('help')) return { kind: 'help', text: helpText() };
  if (given.has('version')) return { kind: 'version' };

  const candidates = new Map<OptionKey, Candidate>();
  for (const row of flagRows) {
    const values = given.get(row.flag);
    const variable = env[row.env];
    if (values !== undefined) {
      const value = flagValue(row, values, problems);
      if (value !== undefined) candidates.set(row.key, { where: `--${row.flag}`, value, isText: true });
    } else if (variable !== undefined && variable !== '') {
      candidates.set(row.key, { where: `${row.env} (environment)`, value: variable, isText: true });
    }
  }
  // A rooms flag without a value is a problem already; falling back keeps it from being reported twice.
  const demo = !candidates.has('rooms');
  if (demo) candidates.set('rooms', { where: 'demo', value: demoRooms, isText: false });

  const nameOf = (key: OptionKey): string => {
    const flag = flagRows.find((row) => row.key === key)?.flag;
    return candidates.get(key)?.where ?? (flag === undefined ? key : `--${flag}`);
  };
  const settled = settleOptions(candidates, cores, nameOf);
  problems.push(...settled.problems);
  return problems.length > 0
    ? { kind: 'invalid', problems: Object.freeze(problems) }
    : Object.freeze({ kind: 'run', config: settled.config, demo });
}

/** Collects the values of each flag in order, undefined for a missing one, and reports words that are no flag. */
function readFlags(argv: readonly string[], given: Map<string, (string | undefined)[]>, problems: string[]): void {
  const { tokens } = parseArgs({
    args: closeGaps(argv),
    options: {
      ...Object.fromEntries(flagRows.map(({ flag }) => [flag, { type: 'string', multiple: true } as const])),
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
    // Not strict: strict parsing throws at the first fault, and a person wants to hear of all of them at once.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  let unknownIndex = -2;
  for (const token of tokens) {
    if (token.kind === 'positional') {
      // The word after an unknown flag was meant as its value; a second complaint about it would only confuse.
      if (token.index !== unknownIndex + 1) {
        problems.push(`${shown(token.value)} is not expected here; expected flags only: remove it (see --help)`);
      }
    } else if (token.kind === 'option') {
      if (flagNames.includes(token.name)) {
        given.set(token.name, [...(given.get(token.name) ?? []), token.value]);
      } else {
        const near = nearestName(token.name, flagNames);
        problems.push(`${shown(token.rawName)} is no flag of this program: `
          + (near === undefined ? 'see --help' : `did you mean --${near}?`));
        if (token.value === undefined) unknownIndex = token.index;
      }
    }
  }
}

/**
 * `--port --host x` is a missing value, but to parseArgs it is the port "--host" and a stray word "x". So a flag that
 * is followed by another flag, or by nothing, gets an empty value here: `--port= --host x`.
 */
function closeGaps(argv: readonly string[]): string[] {
  const closed: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index]!;
    if (word === '--') return [...closed, ...argv.slice(index)];
    if (!flagRows.some(({ flag }) => word === `--${flag}`)) {
      closed.push(word);
    } else if (argv[index + 1] === undefined || argv[index + 1]!.startsWith('--')) {
      closed.push(`${word}=`);
    } else {
      closed.push(word, argv[index + 1]!);
      index += 1;
    }
  }
  return closed;
}

function flagValue(row: FlagRow, values: readonly (string | undefined)[], problems: string[]): string | undefined {
  if (values.length > 1) {
    problems.push(`--${row.flag} is given ${values.length} times (${values.map(shown).join(', ')}); expected once: `
      + 'keep one of them');
    return undefined;
  }
  const value = values[0];
  if (value === undefined || value === '') {
    problems.push(`--${row.flag} has no value; expected ${expectedOf(row)}: write --${row.flag} ${row.valueName}, `
      + `or leave it out for ${row.defaultText}`);
    return undefined;
  }
  return value;
}

/** The rooms of an embedded server are an object; on the command line they are a folder. */
function expectedOf(row: FlagRow): string {
  return row.key === 'rooms' ? 'a folder of compiled room modules' : row.expected;
}

function helpText(): string {
  const lines = flagRows.map((row) => [
    `--${row.flag} ${row.valueName}`, `${row.about} (${row.defaultText})`, row.env,
  ] as const);
  const flagWidth = Math.max(...lines.map(([flag]) => flag.length));
  const envWidth = Math.max(...lines.map(([, , env]) => env.length));
  const row = (flag: string, env: string, about: string): string =>
    `  ${flag.padEnd(flagWidth)}  ${env.padEnd(envWidth)}  ${about}`.trimEnd();
  return [
    'Usage: escapement [flags]',
    '',
    'Runs a room server for realtime multiplayer games. Defaults are in brackets; a flag beats its',
    'environment variable.',
    '',
    row('flag', 'environment', 'meaning'),
    ...lines.map(([flag, about, env]) => row(flag, env, about)),
    row('--help, -h', '', 'prints this'),
    row('--version', '', 'prints the version'),
    '',
    'Exit codes: 0 stopped by SIGTERM or SIGINT; 1 could not start, such as a taken port; 2 wrong flags.',
    '',
  ].join('\n');
}
