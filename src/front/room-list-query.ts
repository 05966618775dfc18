/** What `GET /rooms` is asked: `type=duel&limit=20&mode=ranked`. */
import type { RoomListRequest } from './front-events.js';
import type { HttpProblem } from './http-exchange.js';
import { CloseCode } from '../protocol/close-codes.js';
import { LIST_DEFAULT, LIST_FIELDS_MAX, LIST_MAX, LIST_VALUE_LENGTH_MAX, NAME } from './request-limits.js';

const LIMIT = /^\d{1,4}$/;
/** Names that reach prototypes when a value is copied. */
const REFUSED_FIELDS = ['__proto__', 'constructor', 'prototype'];

/** Reads the query of a request, without its question mark. */
export function readRoomListQuery(query: string): RoomListRequest | HttpProblem {
  let type = '';
  let limit = LIST_DEFAULT;
  const fields: Record<string, string> = {};
  const seen = new Set<string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (seen.has(name)) return problem(name, 'given twice; expected once');
    seen.add(name);
    if (name === 'type') {
      if (!NAME.test(value)) return problem(name, 'not a room name: 1 to 64 letters, digits, _ or -');
      type = value;
    } else if (name === 'limit') {
      if (!LIMIT.test(value) || Number(value) < 1 || Number(value) > LIST_MAX) {
        return problem(name, `not a number of rooms; expected 1 to ${LIST_MAX}, or leave it out for ${LIST_DEFAULT}`);
      }
      limit = Number(value);
    } else if (!NAME.test(name) || REFUSED_FIELDS.includes(name)) {
      return problem(name, 'not the name of a field: 1 to 64 letters, digits, _ or -');
    } else if (value.length > LIST_VALUE_LENGTH_MAX) {
      return problem(name, `a value of ${value.length} characters; expected at most ${LIST_VALUE_LENGTH_MAX}`);
    } else if (Object.keys(fields).length === LIST_FIELDS_MAX) {
      return problem(name, `one field too many; expected at most ${LIST_FIELDS_MAX}, besides type and limit`);
    } else {
      fields[name] = value;
    }
  }
  return { type, fields, limit };
}

function problem(field: string, what: string): HttpProblem {
  return { status: 400, code: CloseCode.Malformed, message: `a field of the query is ${what}`, field };
}
