import { pino, stdTimeFunctions, type LevelWithSilent, type Logger } from 'pino';

/**
 * The logger inside a shard. Its lines are finished JSON strings handed to `writeLine`, which posts them to the main
 * thread: one thread owns stdout, so lines of different threads cannot mix, and a shard that is terminated takes
 * no half-written line along. A level that is off costs one comparison and posts nothing.
 *
 * @param writeLine takes one line, its newline included
 * @param level least severe level written
 * @param context fields of this very moment, such as the tick that runs
 * @param bindings fields of every line, such as `{ shard: 0 }`; a room adds its own with `logger.child`
 */
export function createShardLogger(
  writeLine: (line: string) => void,
  level: LevelWithSilent,
  bindings: Readonly<Record<string, unknown>>,
  context: () => Record<string, unknown> = () => ({}),
): Logger {
  return pino(
    { level, base: { pid: process.pid, ...bindings }, timestamp: stdTimeFunctions.isoTime, mixin: context },
    { write: writeLine },
  );
}
