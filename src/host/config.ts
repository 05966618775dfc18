import { parseArgs } from 'node:util';
import { nearestName } from './nearest-name.js';
import { shown, type Candidate } from './option-check.js';
import { jwtSettings } from './jwt-settings.js';
import type { OptionDescriptor } from './option-row.js';
import { optionTable } from './option-table.js';
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

/** What can be set from outside: options, and the parts of `auth` that are no program. */
interface Setting {
  /** Without: by the environment only. */
  readonly flag?: string;
  readonly env: string;
  readonly valueName: string;
  readonly about: string;
  readonly expected: string;
  readonly expectedText?: string;
  readonly defaultText: string;
}

const settings: readonly Setting[] = [...flagRows, ...jwtSettings];
const flags = settings.flatMap(({ flag }) => (flag === undefined ? [] : [flag]));
const flagNames = [...flags, 'help', 'version'];

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
  const read = (setting: Setting): Candidate | undefined => readSetting(setting, given, env, problems);
  for (const row of flagRows) {
    const candidate = read(row);
    if (candidate !== undefined) candidates.set(row.key, candidate);
  }
  const jwt = jwtSettings.flatMap((setting) => {
    const candidate = read(setting);
    return candidate === undefined ? [] : [{ part: setting.part, candidate }];
  });
  if (jwt.length > 0) {
    const value = { jwt: Object.fromEntries(jwt.map(({ part, candidate }) => [part, candidate.value])) };
    candidates.set('auth', { where: 'auth', value, isText: false });
  }
  // A rooms flag without a value is a problem already; falling back keeps it from being reported twice.
  const demo = !candidates.has('rooms');
  if (demo) candidates.set('rooms', { where: 'demo', value: demoRooms, isText: false });

  const nameOf = (key: OptionKey): string => {
    const flag = flagRows.find((row) => row.key === key)?.flag;
    return candidates.get(key)?.where ?? (flag === undefined ? key : `--${flag}`);
  };
  const settled = settleOptions(candidates, cores, nameOf);
  // The user knows the parts of auth by the names of their flags and variables.
  const jwtNames = jwt.map(({ candidate }) => candidate.where).join(', ');
  for (const problem of settled.problems) {
    const part = jwt.find((each) => problem.startsWith(`auth.jwt.${each.part}`));
    if (part !== undefined) problems.push(problem.replace(`auth.jwt.${part.part}`, part.candidate.where));
    else problems.push(problem.replace(/^auth\.jwt/, jwtNames));
  }
  return problems.length > 0
    ? { kind: 'invalid', problems: Object.freeze(problems) }
    : Object.freeze({ kind: 'run', config: settled.config, demo });
}

/** What is given for a setting; undefined: nothing that can be used. */
function readSetting(
  setting: Setting,
  given: ReadonlyMap<string, (string | undefined)[]>,
  env: NodeJS.ProcessEnv,
  problems: string[],
): Candidate | undefined {
  const values = setting.flag === undefined ? undefined : given.get(setting.flag);
  if (values !== undefined) {
    const value = flagValue(setting, values, problems);
    return value === undefined ? undefined : { where: `--${setting.flag}`, value, isText: true };
  }
  const variable = env[setting.env];
  if (variable === undefined || variable === '') return undefined;
  return { where: `${setting.env} (environment)`, value: variable, isText: true };
}

/** Collects the values of each flag in order, undefined for a missing one, and reports words that are no flag. */
function readFlags(argv: readonly string[], given: Map<string, (string | undefined)[]>, problems: string[]): void {
  const { tokens } = parseArgs({
    args: closeGaps(argv),
    options: {
      ...Object.fromEntries(flags.map((flag) => [flag, { type: 'string', multiple: true } as const])),
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
    if (!flags.some((flag) => word === `--${flag}`)) {
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

function flagValue(setting: Setting, values: readonly (string | undefined)[], problems: string[]): string | undefined {
  const { flag, valueName, expected, expectedText = expected, defaultText } = setting;
  if (values.length > 1) {
    problems.push(`--${flag} is given ${values.length} times (${values.map(shown).join(', ')}); expected once: `
      + 'keep one of them');
    return undefined;
  }
  const value = values[0];
  if (value === undefined || value === '') {
    problems.push(`--${flag} has no value; expected ${expectedText}: write --${flag} ${valueName}, `
      + `or leave it out for ${defaultText}`);
    return undefined;
  }
  return value;
}

function helpText(): string {
  const names = settings.map(({ flag, valueName }) => (flag === undefined ? '' : `--${flag} ${valueName}`));
  const width = Math.max(...names.map((name) => name.length));
  const entry = (name: string, env: string, about: string): string =>
    `  ${`${name.padEnd(width)}  ${env}`.trimEnd()}\n      ${about}`;
  return [
    'Usage: escapement [flags]',
    '',
    'Runs a room server for realtime multiplayer games. Defaults are in brackets; a flag beats its',
    'environment variable.',
    '',
    `  ${'flag'.padEnd(width)}  environment`,
    ...settings.map(({ env, about, defaultText }, index) => entry(names[index]!, env, `${about} (${defaultText})`)),
    entry('--help, -h', '', 'prints this'),
    entry('--version', '', 'prints the version'),
    '',
    'With TLS, SIGHUP reads the certificate and key again.',
    'Exit codes: 0 stopped by SIGTERM or SIGINT; 1 could not start, such as a taken port; 2 wrong flags.',
    '',
  ].join('\n');
}
