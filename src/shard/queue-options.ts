/** A room's `static queue`: how players are matched who queue for it. */
import type { QueueRules } from '../protocol/control.js';

/** All optional. Ratings and tolerances are in the game's own unit. */
export interface QueueOptions {
  /** Teams of a match, 1 to 64. Default 2. */
  readonly teams?: number;
  /** Players in each team, 1 to 64. Default 1. teams x teamSize is at most the room's maxClients. */
  readonly teamSize?: number;
  /** How far apart the ratings in a match may be at first, 0 or more. Default 100. */
  readonly tolerance?: number;
  /** How much further with each second of waiting, 0 or more. Default 10. */
  readonly tolerancePerSec?: number;
  /** The furthest, at least `tolerance`. Default Infinity. */
  readonly toleranceMax?: number;
  /** Seconds, above 0 and at most 3600: who waits longer is refused. Default 60. */
  readonly timeout?: number;
}

const DEFAULTS: Readonly<Required<QueueOptions>> = {
  teams: 2,
  teamSize: 1,
  tolerance: 100,
  tolerancePerSec: 10,
  toleranceMax: Infinity,
  timeout: 60,
};

const TEAMS_MAX = 64;
const TEAM_SIZE_MAX = 64;
const TIMEOUT_SEC_MAX = 3600;

/** What is wrong with a declared queue, in words. */
export function queueProblems(queue: unknown, maxClients: number): string[] {
  if (typeof queue !== 'object' || queue === null || Array.isArray(queue)) {
    return ['queue is no object; expected one such as { teams: 2, teamSize: 3 }'];
  }
  const problems: string[] = [];
  const known = Object.keys(DEFAULTS);
  for (const name of Object.keys(queue)) {
    if (known.includes(name)) continue;
    problems.push(`queue has ${JSON.stringify(name.slice(0, 80))}; expected any of ${known.join(', ')}`);
  }
  const { teams, teamSize, tolerance, tolerancePerSec, toleranceMax, timeout } = withDefaults(queue);
  const expect = (name: keyof QueueOptions, value: unknown, isFine: boolean, expected: string): void => {
    if (!isFine) problems.push(`queue.${name} is ${String(value).slice(0, 80)}; expected ${expected}`);
  };
  expect('teams', teams, isWhole(teams, TEAMS_MAX), `a whole number from 1 to ${TEAMS_MAX}`);
  expect('teamSize', teamSize, isWhole(teamSize, TEAM_SIZE_MAX), `a whole number from 1 to ${TEAM_SIZE_MAX}`);
  expect('tolerance', tolerance, isFrom0(tolerance), 'a finite number, 0 or more');
  expect('tolerancePerSec', tolerancePerSec, isFrom0(tolerancePerSec), 'a finite number, 0 or more');
  const isMax = typeof toleranceMax === 'number' && toleranceMax >= 0 && !(toleranceMax < tolerance);
  expect('toleranceMax', toleranceMax, isMax, `a number of at least queue.tolerance, ${String(tolerance)}`);
  const isTimeout = typeof timeout === 'number' && timeout > 0 && timeout <= TIMEOUT_SEC_MAX;
  expect('timeout', timeout, isTimeout, `seconds, above 0 and at most ${TIMEOUT_SEC_MAX}`);
  if (problems.length === 0 && teams * teamSize > maxClients) {
    problems.push(`queue has ${teams} teams of ${teamSize}, maxClients is ${maxClients}; expected room for a whole match`);
  }
  return problems;
}

/** What the host is told of a queue without problems: every number finite. */
export function queueRulesOf(queue: QueueOptions): QueueRules {
  const { teams, teamSize, tolerance, tolerancePerSec, toleranceMax, timeout } = withDefaults(queue);
  return {
    teams,
    teamSize,
    tolerance,
    tolerancePerSec,
    toleranceMax: Math.min(toleranceMax, Number.MAX_VALUE),
    timeoutMs: 1000 * timeout,
  };
}

function withDefaults(queue: QueueOptions): Required<QueueOptions> {
  const given = Object.entries(queue).filter(([, value]) => value !== undefined);
  return { ...DEFAULTS, ...Object.fromEntries(given) };
}

function isWhole(value: unknown, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max;
}

function isFrom0(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value < Infinity;
}
