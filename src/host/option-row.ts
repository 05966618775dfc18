import { refuse, wholeNumber, type Candidate, type Checked } from './option-check.js';
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
  /** The limit as a flag or a variable has it, where that is another. */
  readonly expectedText?: string;
  readonly remedy: string;
  /** The default in words, and the value of it; no value: the option is required. */
  readonly defaultText: string;
  fallback?(cores: number): ServerConfig[K];
  check(candidate: Candidate, cores: number): Checked<ServerConfig[K]>;
}

type Row<K extends OptionKey> = Omit<OptionDescriptor<K>, 'check' | 'fallback'>;

export function option<K extends OptionKey>(
  row: Row<K>,
  fallback: ((cores: number) => ServerConfig[K]) | undefined,
  accept: (candidate: Candidate, cores: number) => Checked<ServerConfig[K]> | undefined,
): OptionDescriptor<K> {
  return {
    ...row,
    fallback,
    check: (candidate, cores) => {
      const value = accept(candidate, cores);
      if (value !== undefined) return value;
      const expected = candidate.isText ? (row.expectedText ?? row.expected) : row.expected;
      return refuse(candidate.where, candidate.value, expected, row.remedy);
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

export function number<K extends NumberKey>(key: K, row: NumberRow): OptionDescriptor<K> {
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
