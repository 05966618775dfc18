/** What `connect()` takes, checked, and what all that one client opens has in common. */
import type { WebSocketConstructor } from './connection.js';
import { socketUrl } from './server-url.js';

/**
 * How a lost connection is replaced. Waits between attempts double from `delayMs` to `delayMaxMs`; each is cut at random to
 * between half and all of it, so that clients that lost one server don't come back in step.
 */
export interface ReconnectOptions {
  /** The wait before the first attempt, before it is cut, in milliseconds: 1 to 60,000. Default 100. */
  delayMs?: number;
  /** The longest wait, in milliseconds: `delayMs` to 600,000. Default 5,000, or `delayMs` if that is more. */
  delayMaxMs?: number;
  /**
   * Once a connection has been lost for so long without being replaced, no attempt follows, in milliseconds: 1 to
   * 2,147,483,647. Default 60,000, or for a room its grace period if that is more.
   */
  giveUpAfterMs?: number;
}

export interface ConnectOptions {
  /** Handed to the room's `onAuth` with every join. */
  token?: string;
  /**
   * How long a join may take, from the socket to the first keyframe, in milliseconds: more than 0, at most 2,147,483,647.
   * Default 10,000.
   */
  joinTimeoutMs?: number;
  /**
   * How rooms and lists of rooms replace a lost connection. `false`: not at all. A loss then ends them, and only the socket
   * says that there is one: silence isn't looked for, and messages aren't kept to be sent again.
   */
  reconnect?: false | ReconnectOptions;
  /** The WebSocket class to use. Default: the global one; in Node without one, that of the `ws` package. */
  WebSocket?: WebSocketConstructor;
  /** A monotonic clock in milliseconds. Default: `performance.now`. */
  now?: () => number;
  /** Chance, from 0 to under 1, for the waits before attempts. Default: `Math.random`. */
  random?: () => number;
}

/** Reconnect options as they hold. */
export interface ReconnectPolicy {
  readonly delayMs: number;
  readonly delayMaxMs: number;
  /** Undefined: the default. */
  readonly giveUpAfterMs: number | undefined;
}

/** What a page or program has that only entry files may reach for. */
export interface Surroundings {
  readonly now: () => number;
  readonly random: () => number;
  /** The wall clock, in milliseconds since 1970. */
  readonly wallMs: () => number;
}

export interface ClientSettings extends Surroundings {
  /** Of the server's socket. */
  readonly url: string;
  readonly webSocket: WebSocketConstructor;
  readonly joinTimeoutMs: number;
  readonly reconnect: ReconnectPolicy | null;
}

const JOIN_TIMEOUT_MS = 10_000;
const DELAY_MS = 100;
const DELAY_MS_MAX = 60_000;
const DELAY_MAX_MS = 5000;
const DELAY_MAX_MS_MAX = 600_000;
/** As long as a deploy may take, and more than the grace period that servers keep by default. */
export const GIVE_UP_AFTER_MS = 60_000;
/** The longest that timers take: 2^31 - 1 ms. Beyond, they would fire at once. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/** @throws TypeError, RangeError for what makes no sense, with what was expected. */
export function settingsOf(
  server: string | URL | undefined,
  options: ConnectOptions,
  surroundings: Surroundings,
): ClientSettings {
  const webSocket = options.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  if (webSocket === undefined) {
    throw new TypeError("there is no global WebSocket here; pass connect(url, { WebSocket }), for example the ws package's");
  }
  const joinTimeoutMs = options.joinTimeoutMs ?? JOIN_TIMEOUT_MS;
  if (!(joinTimeoutMs > 0 && joinTimeoutMs <= TIMEOUT_MAX_MS)) {
    throw new RangeError(`joinTimeoutMs is ${joinTimeoutMs}; expected more than 0 and at most ${TIMEOUT_MAX_MS}`);
  }
  return {
    url: socketUrl(server),
    webSocket,
    joinTimeoutMs,
    reconnect: reconnectPolicyOf(options.reconnect),
    now: options.now ?? surroundings.now,
    random: options.random ?? surroundings.random,
    wallMs: surroundings.wallMs,
  };
}

function reconnectPolicyOf(options: false | ReconnectOptions = {}): ReconnectPolicy | null {
  if (options === false) return null;
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`reconnect is ${String(options)}; expected false or { delayMs, delayMaxMs, giveUpAfterMs }`);
  }
  const delayMs = inRange('delayMs', options.delayMs ?? DELAY_MS, 1, DELAY_MS_MAX);
  const delayMaxMs = options.delayMaxMs ?? Math.max(DELAY_MAX_MS, delayMs);
  const { giveUpAfterMs } = options;
  return {
    delayMs,
    delayMaxMs: inRange('delayMaxMs', delayMaxMs, delayMs, DELAY_MAX_MS_MAX),
    giveUpAfterMs:
      giveUpAfterMs === undefined ? undefined : inRange('giveUpAfterMs', giveUpAfterMs, 1, TIMEOUT_MAX_MS),
  };
}

function inRange(name: string, value: number, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw new RangeError(`reconnect.${name} is ${String(value)}; expected ${min} to ${max} milliseconds`);
}
