/**
 * Field types: what a column may hold, and how its values become 32-bit integers.
 *
 * Every field but `text` has two forms. Game code sees *values* (numbers, booleans). Shadow memory and the wire hold
 * *quanta*: one int32 per value. A table converts once, at the end of each tick, and writes the quantised value back, so
 * the room simulates on exactly the numbers its clients will hold.
 */

/** Kinds of field, numbered as in schemas/server.fbs. */
export const FieldKind = {
  Int8: 0,
  Int16: 1,
  Int32: 2,
  Uint8: 3,
  Uint16: 4,
  Uint32: 5,
  Float32: 6,
  Fixed: 7,
  Angle: 8,
  Bool: 9,
  Text: 10,
} as const;
export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind];

declare const valueType: unique symbol;

/** One declared field. `T` is what game code reads and writes: number, boolean or string. */
export interface Field<T extends number | boolean | string = number | boolean | string> {
  readonly kind: FieldKind;
  /** Value of quantum 0. */
  readonly offset: number;
  /** Value difference between neighbouring quanta. */
  readonly step: number;
  /** Smallest and largest quantum; values beyond are clamped (angles wrap instead). */
  readonly quantumMin: number;
  readonly quantumMax: number;
  /** `fixed` only: the declared range. */
  readonly min: number;
  readonly max: number;
  /** `angle` only. */
  readonly bits: number;
  /** `text` only: longest UTF-8 encoding. */
  readonly bytesMax: number;
  /** Sent to nobody but those that the room reveals a row to. */
  readonly secret: boolean;
  readonly [valueType]?: T;
}

export type Fields = Readonly<Record<string, Field>>;
export type FieldValue<F> = F extends Field<infer T> ? T : never;
/** What game code reads and writes. Writable, although a declaration (`const F`) is read-only. */
export type Values<F extends Fields> = { -readonly [K in keyof F]: FieldValue<F[K]> };

const INT32_MAX = 2 ** 31 - 1;
/** Longest that a `text` field may be declared. */
export const TEXT_BYTES_MAX = 1024;

function field<T extends number | boolean | string>(part: Partial<Field> & { kind: FieldKind }): Field<T> {
  return Object.freeze({
    offset: 0,
    step: 1,
    quantumMin: 0,
    quantumMax: 0,
    min: 0,
    max: 0,
    bits: 0,
    bytesMax: 0,
    secret: false,
    ...part,
  }) as Field<T>;
}

const integer = (kind: FieldKind, quantumMin: number, quantumMax: number): Field<number> =>
  field({ kind, quantumMin, quantumMax });

/** Whole numbers. Values are rounded and clamped to the range: 300 in a `uint8` becomes 255, never 44. */
export const int8 = integer(FieldKind.Int8, -128, 127);
export const int16 = integer(FieldKind.Int16, -32768, 32767);
export const int32 = integer(FieldKind.Int32, -(2 ** 31), INT32_MAX);
export const uint8 = integer(FieldKind.Uint8, 0, 255);
export const uint16 = integer(FieldKind.Uint16, 0, 65535);
export const uint32 = integer(FieldKind.Uint32, 0, 2 ** 32 - 1);

/** IEEE single precision. Prefer {@link fixed}: its changes are far smaller on the wire. */
export const float32: Field<number> = field({ kind: FieldKind.Float32 });

export const bool: Field<boolean> = field({ kind: FieldKind.Bool, quantumMax: 1 });

/**
 * A number from `min` to `max` in steps of `step`, rounded to the nearest step and clamped.
 *
 * @throws RangeError when the range is empty, a number is not finite, or there are not 1 to 2^31 - 1 steps.
 */
export function fixed(min: number, max: number, step: number): Field<number> {
  const steps = (max - min) / step;
  if (!Number.isFinite(min) || !Number.isFinite(max) || !(max > min) || !(step > 0) || !(steps >= 1 && steps <= INT32_MAX)) {
    throw new RangeError(
      `fixed(${min}, ${max}, ${step}): expected finite numbers with min < max, step > 0, and 1 to 2^31 - 1 steps`,
    );
  }
  // The small allowance keeps ranges such as 0..1 by 0.1 whole in spite of binary fractions.
  return field({ kind: FieldKind.Fixed, offset: min, step, quantumMax: Math.floor(steps + 1e-9), min, max });
}

/**
 * A direction in radians, 0 to 2 pi, in 2^bits steps. Any finite value is wrapped into the range.
 *
 * @param bits 1 to 24.
 */
export function angle(bits: number): Field<number> {
  if (!Number.isInteger(bits) || bits < 1 || bits > 24) {
    throw new RangeError(`angle(${bits}): expected a whole number of bits from 1 to 24`);
  }
  return field({ kind: FieldKind.Angle, step: (2 * Math.PI) / 2 ** bits, quantumMax: 2 ** bits - 1, bits });
}

/**
 * A string that changes rarely: sent whole, only when it changes. Longer texts are cut at a character's border.
 *
 * @param bytesMax longest UTF-8 encoding, 1 to 1,024 bytes.
 */
export function text(bytesMax: number): Field<string> {
  if (!Number.isInteger(bytesMax) || bytesMax < 1 || bytesMax > TEXT_BYTES_MAX) {
    throw new RangeError(`text(${bytesMax}): expected a whole number of bytes from 1 to ${TEXT_BYTES_MAX}`);
  }
  return field({ kind: FieldKind.Text, bytesMax });
}

/**
 * A field that clients are sent only for rows that the room reveals to them with `reveal(row, …)`: an own hand of cards, an
 * enemy's ammunition. For everybody else it reads 0, false or ''.
 */
export function secret<T extends number | boolean | string>(field: Field<T>): Field<T> {
  return Object.freeze({ ...field, secret: true });
}

const floatScratch = new Float32Array(1);
const bitsScratch = new Int32Array(floatScratch.buffer);

/**
 * The quantum of `value`: rounded, clamped (angles: wrapped). NaN, and infinities where clamping has no meaning, give
 * `fallback`, so that a division by zero in game code can't make a client's state infinite.
 */
export function toQuantum(field: Field, value: number, fallback: number): number {
  switch (field.kind) {
    case FieldKind.Float32:
      floatScratch[0] = value;
      return Number.isFinite(floatScratch[0]) ? bitsScratch[0]! : fallback;
    case FieldKind.Angle:
      return Number.isFinite(value) ? Math.round(value / field.step) & field.quantumMax : fallback;
    case FieldKind.Text:
      return fallback;
    default: {
      if (value !== value) return fallback;
      const quantum = Math.round((value - field.offset) / field.step);
      const clamped =
        quantum < field.quantumMin ? field.quantumMin : quantum > field.quantumMax ? field.quantumMax : quantum;
      return clamped | 0; // uint32 keeps its bits and loses its sign; fromQuantum gives it back
    }
  }
}

/** The value of a quantum: the same double on every machine. */
export function fromQuantum(field: Field, quantum: number): number {
  switch (field.kind) {
    case FieldKind.Float32:
      bitsScratch[0] = quantum;
      return floatScratch[0]!;
    case FieldKind.Uint32:
      return quantum >>> 0;
    case FieldKind.Text:
      return 0;
    default:
      return field.offset + quantum * field.step;
  }
}

/** Whether a quantum that came over the wire is one the field can have. */
export function isQuantum(field: Field, quantum: number): boolean {
  switch (field.kind) {
    case FieldKind.Float32: {
      bitsScratch[0] = quantum;
      return Number.isFinite(floatScratch[0]);
    }
    case FieldKind.Uint32:
    case FieldKind.Text:
      return true;
    default:
      return quantum >= field.quantumMin && quantum <= field.quantumMax;
  }
}
