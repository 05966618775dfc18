/**
 * Why a frame was refused. A problem code is `problem | place << 8`: the low byte is one of `Problem` and is stable,
 * the rest names the table or field it was found in and holds only within one build. 0 is no problem.
 */

export const Problem = {
  None: 0,
  TooShort: 1,
  TooLong: 2,
  Misaligned: 3,
  TableOutside: 4,
  TableSize: 5,
  VtableOutside: 6,
  VtableSize: 7,
  FieldOutside: 8,
  OffsetNotForward: 9,
  OffsetOutside: 10,
  VectorTooLong: 11,
  StringUnterminated: 12,
  StringNotUtf8: 13,
  RequiredMissing: 14,
  EnumUnknown: 15,
  NotFinite: 16,
  UnionTypeUnknown: 17,
  UnionTypeMissing: 18,
  UnionValueMissing: 19,
  TooDeep: 20,
  OverBudget: 21,
  HeadMissing: 22,
  BodyMissing: 23,
  EventBesideBody: 24,
  NothingInside: 25,
} as const;

export type Problem = (typeof Problem)[keyof typeof Problem];

// Each fits a close frame together with the longest place: see test/verifier-explains-refusals.test.ts.
const TEXTS: Record<Problem, string> = {
  [Problem.None]: 'no problem',
  [Problem.TooShort]: 'shorter than 8 bytes; send one whole FlatBuffer per binary message',
  [Problem.TooLong]: 'longer than the protocol allows; send less at a time',
  [Problem.Misaligned]: 'not aligned to its size; count alignment from the frame start',
  [Problem.TableOutside]: 'table lies outside the frame; was the frame cut short?',
  [Problem.TableSize]: 'table size is under 4, over 32767 or past the frame end',
  [Problem.VtableOutside]: 'vtable lies outside the frame; was the frame cut short?',
  [Problem.VtableSize]: 'vtable size is odd, under 4, over 32767 or past the frame end',
  [Problem.FieldOutside]: 'field lies outside its table; check the vtable entry',
  [Problem.OffsetNotForward]: 'offset is under 4; offsets point forward, past themselves',
  [Problem.OffsetOutside]: 'offset points past the frame end; was the frame cut short?',
  [Problem.VectorTooLong]: 'length runs past the frame end; was the frame cut short?',
  [Problem.StringUnterminated]: 'string has no zero byte after its end',
  [Problem.StringNotUtf8]: 'string is not UTF-8',
  [Problem.RequiredMissing]: 'field is required and missing',
  [Problem.EnumUnknown]: 'value is not in the enum of this protocol version',
  [Problem.NotFinite]: 'number is NaN or infinite; send a finite one',
  [Problem.UnionTypeUnknown]: 'type is not in the union of this protocol version',
  [Problem.UnionTypeMissing]: 'union has a value but no type; write both',
  [Problem.UnionValueMissing]: 'union has a type but no value; write both',
  [Problem.TooDeep]: 'tables nest deeper than 8',
  [Problem.OverBudget]: 'parts are shared so often that reading costs over 8 times the frame',
  [Problem.HeadMissing]: 'body without head; write both',
  [Problem.BodyMissing]: 'head without body; write both, the body empty if need be',
  [Problem.EventBesideBody]: 'event beside head or body; send two frames',
  [Problem.NothingInside]: 'nothing inside; write head and body, or an event',
};

// Filled while the shapes of the schemas are built at import, read only afterwards. Place 0 is the frame as a whole.
const places: string[] = ['frame'];

/** Registers a table or field for problem codes and returns its place. */
export function registerPlace(name: string): number {
  return places.push(name) - 1;
}

/** The `Problem` in a problem code. */
export function problemOf(code: number): Problem {
  return (code & 0xff) as Problem;
}

/** Where it was found and what to do about it, in at most 123 bytes: it can be sent as a close reason. */
export function problemText(code: number): string {
  const text: string | undefined = TEXTS[problemOf(code)];
  if (text === undefined) return `unknown problem code ${code}`;
  return code === Problem.None ? text : `${places[code >>> 8] ?? 'frame'}: ${text}`;
}
