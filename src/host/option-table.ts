import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { logLevels } from './logger.js';
import {
  isLoopback, isPowerOfTwo, refuse, Refused, shown, wholeNumber, type Candidate, type Checked,
} from './option-check.js';
import { acceptRooms, readRoomFolder } from './room-modules.js';
import type { OptionKey, ServerConfig } from './server-options.js';

/** One option. Flags, environment, help text and validation of every option come from its row and nowhere else. */
export interface OptionDescriptor<K extends OptionKey = OptionKey> {
  readonly key: K;
  /** Flag without its dashes, environment variable, and what the help calls the value; absent: embedded use only. */
  readonly flag?: string;
  readonly env?: string;
  readonly valueName?: string;
  /** What it is, for the help text. */
  readonly about: string;
  /** The limit and the remedy, as every problem ends. */
  readonly expected: string;
  readonly remedy: string;
  /** The default in words, and the value of it; no value: the option is required. */
  readonly defaultText: string;
  fallback?(cores: number): ServerConfig[K];
  check(candidate: Candidate, cores: number): Checked<ServerConfig[K]>;
}

type Row<K extends OptionKey> = Omit<OptionDescriptor<K>, 'check' | 'fallback'>;

function option<K extends OptionKey>(
  row: Row<K>,
  fallback: ((cores: number) => ServerConfig[K]) | undefined,
  accept: (candidate: Candidate, cores: number) => Checked<ServerConfig[K]> | undefined,
): OptionDescriptor<K> {
  return {
    ...row,
    fallback,
    check: (candidate, cores) => {
      const value = accept(candidate, cores);
      return value === undefined ? refuse(candidate.where, candidate.value, row.expected, row.remedy) : value;
    },
  };
}

type NumberKey = {
  [K in OptionKey]: ServerConfig[K] extends number ? K : never;
}[OptionKey];

interface NumberRow {
  readonly about: string;
  readonly min: number;
  readonly max: number;
  readonly fallback: number;
  readonly unit: string;
  readonly flag?: string;
  readonly env?: string;
  readonly remedy?: string;
  readonly expected?: string;
  readonly accepts?: (value: number) => boolean;
}

function number<K extends NumberKey>(key: K, row: NumberRow): OptionDescriptor<K> {
  const { min, max, fallback } = row;
  return option<K>(
    {
      key, flag: row.flag, env: row.env, valueName: row.flag === undefined ? undefined : 'N', about: row.about,
      expected: row.expected ?? `${min} to ${max}${row.unit}`,
      remedy: row.remedy ?? `choose a value in that range, or leave it out for ${fallback}`,
      defaultText: String(fallback),
    },
    () => fallback as ServerConfig[K],
    (candidate) => {
      const value = wholeNumber(candidate, min, max);
      return value !== undefined && (row.accepts?.(value) ?? true) ? (value as ServerConfig[K]) : undefined;
    },
  );
}

const RING_BYTES_MIN = 64 * 1024;
const RING_BYTES_MAX = 256 * 1024 * 1024;
const SHARDS_MAX = 64;

/**
 * A client that sends no inputs acknowledges every 250 ms, at the next snapshot: of 20 a second up to 300 ms later. 500
 * leave 200 for the way there and back, so that nobody lags who is merely far away.
 */
const LAG_LIMIT_MS_MIN = 500;

function ringBytes(key: 'ingressRingBytes' | 'egressRingBytes', about: string, fallback: number) {
  return number(key, {
    about, min: RING_BYTES_MIN, max: RING_BYTES_MAX, fallback, unit: ' bytes', accepts: isPowerOfTwo,
    expected: `a power of two from ${RING_BYTES_MIN} to ${RING_BYTES_MAX} bytes`,
    remedy: `choose one, such as ${fallback * 2}, or leave it out for ${fallback}`,
  });
}

/** Every option, in the order of the help text. */
export const optionTable: readonly OptionDescriptor[] = [
  number('port', {
    flag: 'port', env: 'PORT', about: 'port of the game, 0 for any free one', min: 0, max: 65535, fallback: 2567,
    unit: '', remedy: 'choose a free port, or leave it out for 2567',
  }),
  option<'host'>(
    {
      key: 'host', flag: 'host', env: 'HOST', valueName: 'ADDRESS', about: 'address to listen on',
      expected: 'an IP address or host name of this machine',
      remedy: 'use 127.0.0.1 for this machine only, or leave it out for 0.0.0.0 (every address)',
      defaultText: '0.0.0.0',
    },
    () => '0.0.0.0',
    ({ value }) => acceptHost(value),
  ),
  option<'shards'>(
    {
      key: 'shards', flag: 'shards', env: 'SHARDS', valueName: 'N',
      about: 'threads that run rooms; auto is one for each core but one, at least 1',
      expected: `"auto" or 1 to ${SHARDS_MAX}`,
      remedy: 'choose at most one for each core, or leave it out for auto', defaultText: 'auto',
    },
    autoShards,
    (candidate, cores) => candidate.value === 'auto' ? autoShards(cores) : wholeNumber(candidate, 1, SHARDS_MAX),
  ),
  option<'rooms'>(
    {
      key: 'rooms', flag: 'rooms', env: 'ROOMS', valueName: 'PATH',
      about: 'folder of compiled rooms; each file is a room of that name',
      expected: 'an object of room modules by room name',
      remedy: 'give at least one, such as { arena: new URL(\'./arena.js\', import.meta.url) }',
      defaultText: 'the bundled demo',
    },
    undefined,
    ({ value, where, isText }) => isText ? readRoomFolder(value as string, where) : acceptRooms(value, where),
  ),
  option<'adminPort'>(
    {
      key: 'adminPort', flag: 'admin-port', env: 'ADMIN_PORT', valueName: 'N',
      about: 'port of /metrics and /healthz, 0 for any free one, false for none', expected: '0 to 65535, or false',
      remedy: 'choose a free port, or leave it out for 9567', defaultText: '9567',
    },
    () => 9567,
    (candidate) => candidate.value === false || (candidate.isText && candidate.value === 'false')
      ? false
      : wholeNumber(candidate, 0, 65535),
  ),
  option<'adminHost'>(
    {
      key: 'adminHost', flag: 'admin-host', env: 'ADMIN_HOST', valueName: 'ADDRESS',
      about: 'address of the admin listener, loopback only',
      expected: 'a loopback address (127.0.0.1, ::1 or localhost), as the admin listener has no access token yet',
      remedy: 'leave it out for 127.0.0.1, and reach it from elsewhere through a tunnel '
        + '(ssh -L 9567:127.0.0.1:9567 HOST) or a proxy that asks who it is',
      defaultText: '127.0.0.1',
    },
    () => '127.0.0.1',
    ({ value }) => typeof value === 'string' && isLoopback(value) ? acceptHost(value) : undefined,
  ),
  option<'logLevel'>(
    {
      key: 'logLevel', flag: 'log-level', env: 'LOG_LEVEL', valueName: 'LEVEL',
      about: `least severe lines logged: ${logLevels.join(', ')}`, expected: `one of ${logLevels.join(', ')}`,
      remedy: 'choose one, or leave it out for info', defaultText: 'info',
    },
    () => 'info',
    ({ value }) => logLevels.find((level) => level === value),
  ),
  option<'origins'>(
    {
      key: 'origins', about: 'web origins allowed besides the server\'s own',
      expected: '"*" or an array of origins such as "https://play.example.com"',
      remedy: 'list each exactly, or leave it out for the server\'s own only', defaultText: 'none',
    },
    () => Object.freeze([]),
    ({ value, where }) => acceptOrigins(value, where),
  ),
  option<'publicDir'>(
    {
      key: 'publicDir', about: 'folder of static files served at /', expected: 'the path of a folder that exists',
      remedy: 'correct the path, or leave it out to serve no files', defaultText: 'none',
    },
    () => undefined,
    ({ value }) => acceptFolder(value),
  ),
  number('payloadBytesMax', {
    about: 'largest message accepted from a client', min: 64, max: 65536, fallback: 4096, unit: ' bytes',
  }),
  number('messagesPerTickMax', {
    about: 'messages a client may send for each tick of its room, and never less than 10 a second', min: 1, max: 64,
    fallback: 2, unit: ' messages a tick',
  }),
  number('bytesPerSecMax', {
    about: 'bytes of messages a client may send', min: 1024, max: 16 * 1024 * 1024, fallback: 16384,
    unit: ' bytes a second',
  }),
  number('socketSoftBytes', {
    about: 'bytes waiting on a socket above which it is sent no snapshots', min: 4096, max: 16 * 1024 * 1024,
    fallback: 65536, unit: ' bytes',
  }),
  number('socketHardBytes', {
    about: 'bytes waiting on a socket at which it is closed', min: 8192, max: 64 * 1024 * 1024, fallback: 262144,
    unit: ' bytes',
  }),
  number('coalesceMs', {
    flag: 'coalesce-ms', env: 'COALESCE_MS', min: 0, max: 10, fallback: 2,
    about: 'longest that a received frame waits for others', unit: ' milliseconds',
  }),
  number('lagLimitMs', {
    flag: 'lag-limit-ms', env: 'LAG_LIMIT_MS', min: LAG_LIMIT_MS_MIN, max: 60_000, fallback: 1000,
    about: 'milliseconds a client may lag; then it gets no snapshots', unit: ' milliseconds',
  }),
  number('ackTimeoutMs', {
    flag: 'ack-timeout-ms', env: 'ACK_TIMEOUT_MS', min: LAG_LIMIT_MS_MIN, max: 300_000, fallback: 5000,
    about: 'milliseconds a client may acknowledge nothing; then it is closed', unit: ' milliseconds',
  }),
  number('idleTimeoutSec', {
    about: 'silence after which a socket is closed', min: 0, max: 960, fallback: 16, unit: ' seconds',
    accepts: (seconds) => seconds === 0 || seconds >= 8, expected: '0 (never) or 8 to 960 seconds',
  }),
  number('joinTimeoutMs', {
    about: 'time a new socket has to ask for a seat', min: 100, max: 60_000, fallback: 3000, unit: ' milliseconds',
  }),
  ringBytes('ingressRingBytes', 'ring from the front to each shard', 1024 * 1024),
  ringBytes('egressRingBytes', 'ring from each shard to the front', 4 * 1024 * 1024),
  number('connectionsMax', {
    about: 'sockets at once', min: 1, max: 2 ** 20 - 1, fallback: 100_000, unit: '',
  }),
  option<'seed'>(
    {
      key: 'seed', about: 'seed of the rooms\' random numbers', expected: '0 to 4294967295',
      remedy: 'choose a whole number in that range, or leave it out for a new one at each start', defaultText: 'new',
    },
    () => undefined,
    (candidate) => wholeNumber(candidate, 0, 2 ** 32 - 1),
  ),
] as unknown as readonly OptionDescriptor[];

function autoShards(cores: number): number {
  return Math.min(SHARDS_MAX, Math.max(1, cores - 1));
}

function acceptHost(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9.:_%-]{1,253}$/.test(value) ? value : undefined;
}

function acceptOrigins(value: unknown, where: string): Checked<readonly string[] | '*'> | undefined {
  if (value === '*') return '*';
  if (!Array.isArray(value)) return undefined;
  const problems: string[] = [];
  value.forEach((origin: unknown, index) => {
    const exact = typeof origin === 'string' && URL.canParse(origin) ? new URL(origin).origin : undefined;
    if (exact !== undefined && exact !== 'null' && exact === origin) return;
    problems.push(`${where}[${index}] is ${shown(origin)}; expected an origin, scheme://host[:port] in lower case with `
      + 'no path and no default port: '
      + (exact === undefined || exact === 'null' ? 'such as "https://play.example.com"' : `write "${exact}"`));
  });
  return problems.length > 0 ? new Refused(problems) : Object.freeze([...(value as string[])]);
}

function acceptFolder(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) return undefined;
  const folder = resolve(value);
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? folder : undefined;
}
