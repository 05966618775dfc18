import { loggable } from './logger.js';

/** What a check answers when it refuses a value: every problem it found, as sentences a person can act on. */
export class Refused {
  constructor(readonly problems: readonly string[]) {}
}

export type Checked<T> = T | Refused;

/** A value under check, and how its user would recognise it. */
export interface Candidate {
  /** Where it was set: `port`, `--port` or `PORT (environment)`. */
  readonly where: string;
  readonly value: unknown;
  /** True when it came as text, from a flag or the environment: numbers are then still to be read. */
  readonly isText: boolean;
}

/** The one sentence form of every problem: place, value seen, limit, remedy. */
export function refuse(where: string, value: unknown, expected: string, remedy: string): Refused {
  return new Refused([`${where} is ${shown(value)}; expected ${expected}: ${remedy}`]);
}

/** A value as a problem quotes it: short, on one line, and safe in a terminal whatever it holds. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case 'string': return `"${loggable(value, 64)}"`;
    case 'bigint': return `${value}n`;
    case 'function': return 'a function';
    case 'symbol': return 'a symbol';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
    default: return String(value);
  }
}

/** A whole number from `min` to `max`, else undefined. Text must be decimal digits: no sign, point, `0x` or `1e3`. */
export function wholeNumber(candidate: Candidate, min: number, max: number): number | undefined {
  const { value, isText } = candidate;
  const number = isText && typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max ? number : undefined;
}

export function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && Number.isInteger(Math.log2(value));
}

/** Whether only this machine can reach an address: 127.0.0.0/8, ::1, or the name `localhost`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** Whether a listener on `a` and one on `b` with the same port would meet. */
export function hostsOverlap(a: string, b: string): boolean {
  const everywhere = (host: string): boolean => host === '0.0.0.0' || host === '::';
  return a === b || everywhere(a) || everywhere(b) || (isLoopback(a) && isLoopback(b));
}
