import { pino, stdTimeFunctions, symbols, type DestinationStream, type Level, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';

/** From everything to nothing. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = Level | 'silent';

/**
 * Bytes of log lines that may wait for stdout, beyond which lines are dropped. Bounded, because a reader that stopped
 * (a full pipe, a suspended terminal) must cost log lines, never the server's memory. 4 MiB is about 20,000 lines.
 */
const LOG_QUEUE_BYTES_MAX = 4 * 1024 * 1024;

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Lines for people instead of JSON. Default: whether stdout is a terminal. */
  readonly pretty?: boolean;
  /** Where lines go. Default: stdout, written asynchronously and flushed when the process exits. */
  readonly destination?: DestinationStream;
}

/**
 * The logger of the main thread: one JSON object per line with `level` (pino's numbers), `time` (ISO 8601, UTC),
 * `pid`, `msg` and the fields given. Text from clients goes through `loggable` first.
 *
 * pino-pretty runs in place and not as a pino transport: a transport is one more thread, on machines whose cores the
 * shards already have, and it loses the last lines of a crash.
 */
export function createLogger(options: LoggerOptions): Logger {
  const pretty = options.pretty ?? process.stdout.isTTY === true;
  const sink = options.destination ?? pino.destination({ dest: 1, sync: false, maxLength: LOG_QUEUE_BYTES_MAX });
  return pino(
    { level: options.level, base: { pid: process.pid }, timestamp: stdTimeFunctions.isoTime },
    new SafeDestination(sink, pretty),
  );
}

/**
 * The function that puts a shard's finished log line on this logger's destination, in the order of arrival. The shard
 * has filtered by level and made the JSON, so the main thread parses nothing (unless it prints for people).
 */
export function lineWriter(logger: Logger): (line: string) => void {
  const destination = (logger as unknown as Record<symbol, DestinationStream>)[symbols.streamSym]!;
  return (line) => destination.write(line);
}

/**
 * Characters that JSON leaves as they are but a terminal may act on: DEL and C1 controls (0x9b begins an escape
 * sequence), line and paragraph separators, and the bidirectional overrides that make text read backwards.
 */
const UNSAFE = '\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069';
const unsafeInJson = new RegExp(`[${UNSAFE}]`, 'g');

/**
 * The last stop before the real destination. Whatever a caller forgot to escape is harmless after it: in a JSON line
 * C0 controls are escaped already and the rest is escaped here (it can only be inside a string, where \uXXXX means
 * the same); pino-pretty strips C0 but newlines from what it prints, since stack traces have them.
 */
class SafeDestination implements DestinationStream {
  private readonly print: ((line: string) => string) | undefined;

  constructor(private readonly sink: DestinationStream, pretty: boolean) {
    this.print = pretty
      ? prettyFactory({ colorize: process.stdout.isTTY === true, ignore: 'pid', translateTime: 'SYS:HH:MM:ss.l' })
      : undefined;
  }

  write(line: string): void {
    this.sink.write(
      this.print === undefined
        ? line.replace(unsafeInJson, unicodeEscape)
        // Escaped twice: pino-pretty parses the line, and what it prints must still be an escape.
        : this.print(line.replace(unsafeInJson, (character) => `\\${unicodeEscape(character)}`)),
    );
  }

  /** pino calls this after a `fatal` line, before whatever made it fatal ends the process. */
  flushSync(): void {
    (this.sink as { flushSync?: () => void }).flushSync?.();
  }
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Everything in UNSAFE, and the C0 controls (CR, LF, ESC, NUL, ...) and half surrogates too. */
const unsafeInText = new RegExp(`[\\x00-\\x1f${UNSAFE}\\ufeff\\ud800-\\udfff]`, 'u');

/**
 * A string from outside as it may stand in a log line or an error message: control and direction characters written
 * as `\xNN` or `\uNNNN`, and cut to `bytesMax` bytes of UTF-8 with `…` (3 of those bytes) as the sign of a cut.
 * The work is bounded by `bytesMax`, however long the string is.
 *
 * @param bytesMax at least 3, default 256
 */
export function loggable(text: string, bytesMax = 256): string {
  let safe = '';
  let bytes = 0;
  // What fits if the rest turns out to be too long: the longest prefix that leaves room for the ellipsis.
  let cut = '';
  for (const character of text) {
    const piece = unsafeInText.test(character) ? escapeCharacter(character) : character;
    bytes += Buffer.byteLength(piece);
    if (bytes > bytesMax) return `${cut}…`;
    safe += piece;
    if (bytes <= bytesMax - 3) cut = safe;
  }
  return safe;
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : unicodeEscape(character);
}
