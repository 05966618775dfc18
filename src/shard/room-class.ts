/** A room type as its class declares it: the static properties, and whether they can be used. */
import type { AuthRequest, QueueRules, RoomType } from '../protocol/control.js';
import { queueProblems, queueRulesOf, type QueueOptions } from './queue-options.js';
import { Room, ROOM_BRAND } from './room.js';

/**
 * A direction in `sortBy`: 1 or 'asc', -1 or 'desc'; others are refused when the room is loaded. No narrower, as static fields
 * have the type of what they are given: `{ level: -1 }` is a number to the compiler.
 */
export type SortDirection = number | string;

/** A class that extends Room and can be constructed. */
export interface RoomClass {
  new (): Room<any>;
  readonly tickRate: number;
  readonly snapshotRate: number;
  readonly maxClients: number;
  readonly reconnectGrace?: number | undefined;
  readonly filterBy?: readonly string[] | undefined;
  readonly sortBy?: Readonly<Record<string, SortDirection>> | undefined;
  readonly queue?: QueueOptions | undefined;
  onAuth?(token: string, request: AuthRequest): unknown;
}

export const MAX_CLIENTS_MAX = 10_000;
/** Seconds: an hour. */
export const RECONNECT_GRACE_MAX = 3600;
export const FILTER_FIELDS_MAX = 8;
export const SORT_FIELDS_MAX = 4;

const FIELD_NAME = /^[A-Za-z0-9_]{1,64}$/;
const DIRECTIONS: Readonly<Record<string, 1 | -1>> = { 1: 1, asc: 1, [-1]: -1, desc: -1 };

/** What is wrong with a room class, in words; empty when it can be used. */
export function roomClassProblems(name: string, candidate: unknown): string[] {
  if (isCommonJs(candidate)) {
    return [`room ${name}: its module was compiled to CommonJS; put "type": "module" into package.json and compile to ESM`];
  }
  if (typeof candidate !== 'function' || (candidate as { [ROOM_BRAND]?: true })[ROOM_BRAND] !== true) {
    return [`room ${name}: its module's default export is ${describe(candidate)}; expected a class that extends Room`];
  }
  if (!(candidate.prototype instanceof Room)) {
    return [`room ${name}: it extends the Room of another copy of escapement; let both resolve to one installation`];
  }
  const { tickRate, snapshotRate, maxClients, reconnectGrace, filterBy, sortBy, queue, onAuth } =
    candidate as unknown as RoomClass;
  const problems: string[] = [];
  if (!Number.isInteger(tickRate) || tickRate < 1 || tickRate > 240) {
    problems.push(`tickRate is ${show(tickRate)}; expected a whole number from 1 to 240`);
  }
  if (!(snapshotRate >= 1) || !Number.isFinite(snapshotRate)) {
    problems.push(`snapshotRate is ${show(snapshotRate)}; expected a number from 1 to the tick rate`);
  }
  if (!Number.isInteger(maxClients) || maxClients < 1 || maxClients > MAX_CLIENTS_MAX) {
    problems.push(`maxClients is ${show(maxClients)}; expected a whole number from 1 to ${MAX_CLIENTS_MAX}`);
  }
  if (reconnectGrace !== undefined && !isGrace(reconnectGrace)) {
    problems.push(`reconnectGrace is ${show(reconnectGrace)}; expected 0 to ${RECONNECT_GRACE_MAX} seconds`);
  }
  if (filterBy !== undefined) problems.push(...filterProblems(filterBy));
  if (sortBy !== undefined) problems.push(...sortProblems(sortBy));
  if (onAuth !== undefined && typeof onAuth !== 'function') {
    problems.push(`onAuth is ${show(onAuth)}; expected a method: static onAuth(token, request) { … }`);
  }
  if (queue !== undefined) problems.push(...queueProblems(queue, maxClients));
  return problems.map((problem) => `room ${name}: ${problem}`);
}

/** What the host is told of a class without problems. */
export function roomTypeOf(name: string, roomClass: RoomClass): RoomType {
  const { tickRate, snapshotRate, maxClients, filterBy = [], sortBy = {}, queue } = roomClass;
  const rules: QueueRules | null = queue === undefined ? null : queueRulesOf(queue);
  return {
    name,
    tickRateHz: tickRate,
    snapshotRateHz: Math.min(snapshotRate, tickRate),
    maxClients,
    authenticates: roomClass.onAuth !== undefined,
    filterBy: [...filterBy],
    sortBy: Object.entries(sortBy).map(([field, direction]) => [field, DIRECTIONS[direction]!]),
    queue: rules,
  };
}

/** Whether a seat can be kept for so many seconds. */
export function isGrace(seconds: unknown): boolean {
  return typeof seconds === 'number' && seconds >= 0 && seconds <= RECONNECT_GRACE_MAX;
}

function filterProblems(filterBy: unknown): string[] {
  if (!Array.isArray(filterBy)) return [`filterBy is ${show(filterBy)}; expected an array of names of options`];
  const problems: string[] = [];
  if (filterBy.length > FILTER_FIELDS_MAX) {
    problems.push(`filterBy has ${filterBy.length} names; expected at most ${FILTER_FIELDS_MAX}`);
  }
  for (const field of filterBy) if (!isFieldName(field)) problems.push(`filterBy has ${show(field)}; ${NAME_EXPECTED}`);
  const repeated = filterBy.find((field, i) => filterBy.indexOf(field) < i);
  if (repeated !== undefined) problems.push(`filterBy has ${show(repeated)} twice`);
  return problems;
}

function sortProblems(sortBy: unknown): string[] {
  if (typeof sortBy !== 'object' || sortBy === null || Array.isArray(sortBy)) {
    return [`sortBy is ${show(sortBy)}; expected an object such as { clients: 'desc', level: 1 }`];
  }
  const problems: string[] = [];
  const entries = Object.entries(sortBy);
  if (entries.length > SORT_FIELDS_MAX) problems.push(`sortBy has ${entries.length} fields; expected at most ${SORT_FIELDS_MAX}`);
  for (const [field, direction] of entries) {
    if (!isFieldName(field)) problems.push(`sortBy has a field ${show(field)}; ${NAME_EXPECTED}`);
    if (direction !== 1 && direction !== -1 && direction !== 'asc' && direction !== 'desc') {
      problems.push(`sortBy has ${show(direction)} for ${show(field)}; expected 1 or 'asc', -1 or 'desc'`);
    }
  }
  return problems;
}

const NAME_EXPECTED = 'expected 1 to 64 letters, digits or _';

function isFieldName(field: unknown): boolean {
  return typeof field === 'string' && FIELD_NAME.test(field);
}

/** A value in a message: short, and on one line. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : describe(value);
}

/** What a default import of a CommonJS module gives: its whole exports. */
function isCommonJs(candidate: unknown): boolean {
  return typeof candidate === 'object' && candidate !== null && '__esModule' in candidate;
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'function') return `the function or class ${value.name || '(no name)'}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return value === null ? 'null' : `of type ${typeof value}`;
}
