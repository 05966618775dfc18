import { availableParallelism } from 'node:os';
import { tlsProblem } from '../front/tls-files.js';
import type { AuthOption } from './auth-option.js';
import { ConfigError } from './config-error.js';
import type { LogLevel } from './logger.js';
import { nearestName } from './nearest-name.js';
import { hostsOverlap, Refused, shown, type Candidate } from './option-check.js';
import { optionTable } from './option-table.js';
import type { RoomModules } from './room-modules.js';

/** What `createServer` takes. Only `rooms` is required. */
export interface ServerOptions {
  /**
   * Room modules by room name: a `file:` or `data:` URL, or a path relative to the working directory. Each module
   * default-exports a class extending `Room` and is loaded inside shards only. Names: 1 to 64 of A-Z a-z 0-9 _ -.
   */
  rooms: Readonly<Record<string, URL | string>>;
  /** Port of the game. 0 to 65535, 0 takes any free one. Default 2567. */
  port?: number;
  /** Address to listen on. Default 0.0.0.0, every IPv4 address of the machine. */
  host?: string;
  /** Worker threads that run rooms. 1 to 64, or `auto`: one for each core but one, at least 1. Default auto. */
  shards?: number | 'auto';
  /** Port of /metrics and /healthz, or false for no admin listener. 0 to 65535. Default 9567. */
  adminPort?: number | false;
  /** Address of the admin listener; loopback only. Default 127.0.0.1. */
  adminHost?: string;
  /** trace, debug, info, warn, error, fatal or silent. Default info. */
  logLevel?: LogLevel;
  /**
   * Web origins allowed to connect from a browser besides the server's own, each exactly `scheme://host[:port]`, or
   * `*` for all. Clients that are no browser send no origin and are not held by this. Default none.
   */
  origins?: readonly string[] | '*';
  /** Folder of static files served at `/`. Default none. */
  publicDir?: string;
  /**
   * URL that clients which reserved a seat over HTTP are told to connect to, such as `wss://play.example.com`; ws, wss, http or
   * https, with a path if the proxy wants one. Default: the host that they asked (over TLS when they came so, to the server or
   * to a trusted proxy that says so in X-Forwarded-Proto).
   */
  publicUrl?: string;
  /**
   * Paths of a certificate (followed by those of its issuers) and of its private key, both in PEM: the port then takes TLS 1.2
   * and 1.3 only. Both or none. `server.reloadTls()` reads them again. Default none: no TLS.
   */
  tlsCert?: string;
  tlsKey?: string;
  /**
   * IP addresses and networks (`10.0.0.0/8`) of proxies that are believed when they say whom they speak for: in
   * X-Forwarded-For, of which the right-most address counts that isn't a trusted proxy's, or in a PROXY header of version 2.
   * Others' headers are ignored. List proxies that speak HTTP. One that only passes bytes on has to be sure of its clients: they
   * can send a PROXY header of their own after a first request. With TLS, PROXY headers aren't understood. Default none.
   */
  trustedProxies?: readonly string[];
  /**
   * Sockets at once from one IPv4 address, or one /64 of IPv6; one more is answered with 429 and Retry-After. 1 to 1048575.
   * Default 32.
   */
  connectionsPerAddressMax?: number;
  /**
   * Upgrades, and requests to /matchmake and /rooms, a second from one address; two seconds' worth may come at once. What is
   * over is answered with 429 and Retry-After, before any socket exists. 1 to 10000. Default 10.
   */
  handshakesPerAddressPerSec?: number;
  /**
   * IP addresses and networks that the two limits don't hold. Compared with the client's address, not with its proxy's. Default
   * this machine: `127.0.0.0/8` and `::1`.
   */
  limitExemptAddresses?: readonly string[];
  /**
   * Says who may come in, before the room's own `onAuth` and before a seat is taken: given the client's token and what is known
   * of its request, returns what is to be `client.auth`. Falsy, or an error: the client is refused. Runs on the main thread, so
   * it mustn't compute for long. Or `{ jwt: { secret } }` or `{ jwt: { jwks } }`: the token has to be a JSON Web Token, whose
   * claims are `client.auth`. Default: nobody is asked but the room.
   */
  auth?: AuthOption;
  /**
   * Seconds that the seat of a client whose connection was lost is kept, for rooms that don't declare their own. 0: not at all.
   * 0 to 3600. Default 20.
   */
  reconnectGrace?: number;
  /**
   * Bytes of messages kept for one client until it says that it has them. With more, a lost client can't go on with its session:
   * it is told to join anew. 4096 to 16777216. Default 262144.
   */
  resumeBufferBytes?: number;
  /** Rooms at once; who needs one more is refused with 4010. 1 to 1000000. Default 10000. */
  roomsMax?: number;
  /** Milliseconds that a reserved seat waits for its ticket; then it is free again. 1000 to 15000. Default 15000. */
  seatTimeoutMs?: number;
  /** Milliseconds that a room's `onCreate` may take; then the room is given up. 1000 to 300000. Default 30000. */
  createTimeoutMs?: number;
  /** Milliseconds that rooms have for `onBeforeShutdown` when the server closes. 0 to 600000. Default 5000. */
  drainTimeoutMs?: number;
  /** Largest message accepted from a client, in bytes. 64 to 65536. Default 4096. */
  payloadBytesMax?: number;
  /**
   * Messages and pings a client may send for each tick of its room; never less than 10 a second. Two seconds' worth may
   * come at once; what is over is dropped, and at twice that the connection is closed with 1008. 1 to 64. Default 2.
   */
  messagesPerTickMax?: number;
  /** Bytes a client may send in a second, held in the same way. 1024 to 16777216. Default 16384. */
  bytesPerSecMax?: number;
  /** Bytes waiting on a socket above which it is sent no snapshots. 4096 to 16777216. Default 65536. */
  socketSoftBytes?: number;
  /** Bytes waiting on a socket at which it is closed as too slow. 8192 to 67108864. Default 262144. */
  socketHardBytes?: number;
  /**
   * Milliseconds that a client's newest acknowledged tick may be behind its room; then it is sent no snapshots until it
   * has caught up, and then a keyframe. Holds the way there and back and up to 300 ms between two acknowledgements.
   * 500 to 60000. Default 1000.
   */
  lagLimitMs?: number;
  /** Milliseconds without a new acknowledgement after which a client is closed as too slow. 500 to 300000. Default 5000. */
  ackTimeoutMs?: number;
  /**
   * Longest time in milliseconds that a frame received waits for others, so that the front wakes up once for many: between
   * two readings of its sockets the main thread then does nothing else but send what the shards have. 0 to 10, 0: frames
   * are read as they come, for three tenths more CPU time on the front. Default 2.
   */
  coalesceMs?: number;
  /** Seconds of silence after which a socket is closed. 8 to 960 (limits of uWebSockets.js), 0 never. Default 16. */
  idleTimeoutSec?: number;
  /** Milliseconds a new socket has to ask for a seat. 100 to 60000. Default 3000. */
  joinTimeoutMs?: number;
  /** Ring from the front to each shard, in bytes. A power of two, 65536 to 268435456. Default 1048576. */
  ingressRingBytes?: number;
  /** Ring from each shard to the front, in bytes. A power of two, 65536 to 268435456. Default 4194304. */
  egressRingBytes?: number;
  /** Sockets at once; one more is refused. 1 to 1048575 (20 bits of the session key). Default 100000. */
  connectionsMax?: number;
  /** Seed of the rooms' random numbers, 0 to 4294967295, to replay a run. Default: a new one at each start. */
  seed?: number;
}

/**
 * `ServerOptions` checked and complete; frozen, and itself valid as options. All of it but `auth`, which may be a function,
 * can be copied to another thread.
 */
export interface ServerConfig {
  /** Module URLs by room name, as strings, so that they can be sent to a worker. The object has no prototype. */
  readonly rooms: RoomModules;
  readonly port: number;
  readonly host: string;
  readonly shards: number;
  readonly adminPort: number | false;
  readonly adminHost: string;
  readonly logLevel: LogLevel;
  readonly origins: readonly string[] | '*';
  /** Absolute path, or undefined for no static files. */
  readonly publicDir: string | undefined;
  readonly payloadBytesMax: number;
  readonly messagesPerTickMax: number;
  readonly bytesPerSecMax: number;
  readonly socketSoftBytes: number;
  readonly socketHardBytes: number;
  readonly lagLimitMs: number;
  readonly ackTimeoutMs: number;
  readonly coalesceMs: number;
  readonly idleTimeoutSec: number;
  readonly joinTimeoutMs: number;
  readonly ingressRingBytes: number;
  readonly egressRingBytes: number;
  readonly connectionsMax: number;
  readonly publicUrl: string | undefined;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly trustedProxies: readonly string[];
  readonly connectionsPerAddressMax: number;
  readonly handshakesPerAddressPerSec: number;
  readonly limitExemptAddresses: readonly string[];
  readonly auth: AuthOption | undefined;
  readonly reconnectGrace: number;
  readonly resumeBufferBytes: number;
  readonly roomsMax: number;
  readonly seatTimeoutMs: number;
  readonly createTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly seed: number | undefined;
}

export type OptionKey = keyof ServerConfig;

/**
 * Checks the options of an embedded server and fills in the defaults.
 *
 * @param cores cores that `shards: 'auto'` counts; default: those this process may use
 * @returns the configuration, frozen
 * @throws ConfigError with every problem found: unknown options, wrong types and ranges, values that exclude others
 */
export function validateServerOptions(
  options: Partial<ServerOptions>,
  cores: number = availableParallelism(),
): ServerConfig {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ConfigError([`options is ${shown(options)}; expected an object: pass at least { rooms: { ... } }`]);
  }
  const problems: string[] = [];
  const candidates = new Map<OptionKey, Candidate>();
  const keys = optionTable.map(({ key }) => key);
  for (const [name, value] of Object.entries(options)) {
    const key = keys.find((known) => known === name);
    if (key === undefined) {
      const near = nearestName(name, keys);
      problems.push(`${shown(name)} is no option of createServer: `
        + (near === undefined ? `remove it; there are ${keys.join(', ')}` : `did you mean ${near}?`));
    } else if (value !== undefined) {
      candidates.set(key, { where: key, value, isText: false });
    }
  }
  const settled = settleOptions(candidates, cores, (key) => key);
  problems.push(...settled.problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return settled.config;
}

/**
 * Checks each candidate, takes defaults for the rest, then checks what values exclude each other.
 * `config` is complete and to be used only when there are no problems.
 *
 * @param nameOf how the user knows an option, for problems between two of them
 */
export function settleOptions(
  candidates: ReadonlyMap<OptionKey, Candidate>,
  cores: number,
  nameOf: (key: OptionKey) => string,
): { config: ServerConfig; problems: string[] } {
  const problems: string[] = [];
  const settled: Partial<Record<OptionKey, unknown>> = {};
  for (const row of optionTable) {
    const candidate = candidates.get(row.key);
    if (candidate === undefined) {
      if (row.fallback !== undefined) settled[row.key] = row.fallback(cores);
      else problems.push(`${nameOf(row.key)} is missing; expected ${row.expected}: ${row.remedy}`);
      continue;
    }
    const value = row.check(candidate, cores);
    if (value instanceof Refused) problems.push(...value.problems);
    else settled[row.key] = value;
  }
  // A refused option is absent from `settled`; comparing it with others would only repeat its problem.
  problems.push(...conflicts(settled as Partial<ServerConfig>, nameOf));
  return { config: Object.freeze(settled) as unknown as ServerConfig, problems };
}

function conflicts(config: Partial<ServerConfig>, nameOf: (key: OptionKey) => string): string[] {
  const problems: string[] = [];
  const { port, host, adminPort, adminHost, socketSoftBytes: soft, socketHardBytes: hard } = config;
  const { lagLimitMs, ackTimeoutMs } = config;
  if (port !== undefined && port !== 0 && port === adminPort && host !== undefined && adminHost !== undefined
    && hostsOverlap(host, adminHost)) {
    problems.push(`${nameOf('port')} and ${nameOf('adminPort')} are both ${port}; expected two ports: change one`);
  }
  if (soft !== undefined && hard !== undefined && soft >= hard) {
    problems.push(`${nameOf('socketSoftBytes')} is ${soft} and ${nameOf('socketHardBytes')} ${hard}; expected the soft `
      + 'limit below the hard one: raise the hard one, to four times the soft one for example');
  }
  if (lagLimitMs !== undefined && ackTimeoutMs !== undefined && lagLimitMs >= ackTimeoutMs) {
    problems.push(`${nameOf('ackTimeoutMs')} is ${ackTimeoutMs} and ${nameOf('lagLimitMs')} ${lagLimitMs}; expected the `
      + 'timeout above the lag limit, so that a client which lags may catch up: raise it, to five times the limit for example');
  }
  // Both are there when both were accepted, or left out.
  if ('tlsCert' in config && 'tlsKey' in config) {
    const { tlsCert: certFile, tlsKey: keyFile } = config;
    const names = `${nameOf('tlsCert')} and ${nameOf('tlsKey')}`;
    if (certFile === undefined !== (keyFile === undefined)) {
      const missing = nameOf(certFile === undefined ? 'tlsCert' : 'tlsKey');
      problems.push(`${names}: ${missing} is missing; expected both or none: add it, or remove the other for no TLS`);
    } else if (certFile !== undefined && keyFile !== undefined) {
      const problem = tlsProblem({ certFile, keyFile });
      if (problem !== null) problems.push(`${names}: ${problem}`);
    }
  }
  // A ring takes records up to half its size, less headers; a quarter leaves the ring able to hold more than one.
  const { payloadBytesMax, ingressRingBytes } = config;
  if (payloadBytesMax !== undefined && ingressRingBytes !== undefined && payloadBytesMax * 4 > ingressRingBytes) {
    problems.push(`${nameOf('payloadBytesMax')} is ${payloadBytesMax}; expected at most a quarter of `
      + `${nameOf('ingressRingBytes')} (${ingressRingBytes}): lower it, or raise the ring`);
  }
  return problems;
}
