/**
 * Options that cannot be run with. Thrown by `createServer`, before anything is opened or started.
 * `problems` has every fault found, each with the value seen, the limit and the remedy.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'ERR_ESCAPEMENT_CONFIG';

  constructor(readonly problems: readonly string[]) {
    super(
      problems.length === 1
        ? problems[0]
        : `${problems.length} problems:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
  }
}
