/**
 * Input records on the wire: the declared fields' quanta, little-endian, one after the other without padding.
 *
 *   int8, uint8, bool          1 byte
 *   int16, uint16              2
 *   int32, uint32, float32     4
 *   fixed, angle               1, 2 or 4: the smallest that holds the field's largest quantum, unsigned
 *
 * `input({ dx: int8, dy: int8, aim: angle(8), fire: bool })` is therefore 4 bytes: dx dy aim fire. All records of a room
 * are equally long, so a frame whose body has another length is refused before any record is read.
 */
import { FieldKind, fromQuantum, isQuantum, toQuantum, type Field } from '../state/field.js';

/** Exponent of a single-precision number; all ones: it is infinite, or no number. */
const FLOAT_EXPONENT_BITS = 0x7f800000;

/** As many digits of a value as tell any two quanta apart, and no more: 1.01 and not 1.0100000000000002. */
const TEXT_DIGITS = 12;

/** Bytes of one packed record of these fields: at most 4 for each. */
export function inputRecordBytes(fieldList: readonly Field[]): number {
  let bytes = 0;
  for (const field of fieldList) bytes += quantumBytes(field);
  return bytes;
}

function quantumBytes(field: Field): number {
  switch (field.kind) {
    case FieldKind.Int8:
    case FieldKind.Uint8:
    case FieldKind.Bool:
      return 1;
    case FieldKind.Int16:
    case FieldKind.Uint16:
      return 2;
    case FieldKind.Fixed:
    case FieldKind.Angle:
      return field.quantumMax <= 0xff ? 1 : field.quantumMax <= 0xffff ? 2 : 4;
    case FieldKind.Text:
      throw new RangeError('an input record has no text fields; send texts as messages');
    default:
      return 4;
  }
}

/** Whether the field's bytes can hold a quantum that the field can't have. */
function isFallible(field: Field): boolean {
  switch (field.kind) {
    case FieldKind.Float32:
    case FieldKind.Bool:
      return true;
    case FieldKind.Fixed:
    case FieldKind.Angle:
      return field.quantumMax < 2 ** (8 * quantumBytes(field)) - 1;
    default:
      return false;
  }
}

/**
 * Packs and unpacks records of one declared input. Once constructed it allocates nothing itself; an engine may box the
 * fractional numbers that `readInto` stores (Node 20: about 11 bytes for a record with one angle).
 */
export class InputRecordCodec {
  /** Bytes of one record. */
  readonly bytes: number;
  private readonly fieldNames: readonly string[];
  private readonly fieldList: readonly Field[];
  private readonly starts: Uint8Array;
  private readonly widths: Uint8Array;
  private readonly zeros: Int32Array;
  /** The fields whose bytes can say what the field can't have. */
  private readonly fallible: Uint8Array;

  /** @throws RangeError for a text field. */
  constructor(fieldNames: readonly string[], fieldList: readonly Field[]) {
    this.fieldNames = fieldNames;
    this.fieldList = fieldList;
    this.starts = new Uint8Array(fieldList.length);
    this.widths = new Uint8Array(fieldList.length);
    this.zeros = new Int32Array(fieldList.length);
    this.fallible = Uint8Array.from(fieldList.keys()).filter((f) => isFallible(fieldList[f]!));
    let at = 0;
    for (let f = 0; f < fieldList.length; f += 1) {
      this.starts[f] = at;
      this.widths[f] = quantumBytes(fieldList[f]!);
      this.zeros[f] = toQuantum(fieldList[f]!, 0, 0);
      at += this.widths[f]!;
    }
    this.bytes = at;
  }

  /**
   * Writes one record at `target[offset..offset + bytes)`. Values that are missing or not numbers count as 0, or as the
   * nearest to 0 that the field can have; the others are rounded and clamped as in a table.
   */
  write(target: Uint8Array, offset: number, values: Readonly<Record<string, unknown>>): void {
    for (let f = 0; f < this.fieldList.length; f += 1) {
      const field = this.fieldList[f]!;
      const given = values[this.fieldNames[f]!];
      const value = field.kind === FieldKind.Bool ? (given ? 1 : 0) : Number(given ?? 0);
      let quantum = toQuantum(field, value, this.zeros[f]!);
      const end = offset + this.starts[f]! + this.widths[f]!;
      for (let at = offset + this.starts[f]!; at < end; at += 1) {
        target[at] = quantum; // the array keeps the low 8 bits
        quantum >>= 8;
      }
    }
  }

  /**
   * The first field of the record at `source[offset..)` whose quantum is out of its range, or -1. Looks only at fields that
   * can be wrong at all: a `float32`, a `bool`, a `fixed` or `angle` that leaves bits of its bytes unused.
   */
  problemField(source: Uint8Array, offset: number): number {
    for (let i = 0; i < this.fallible.length; i += 1) {
      const f = this.fallible[i]!;
      const field = this.fieldList[f]!;
      const quantum = this.quantumAt(source, offset, f);
      if (field.kind === FieldKind.Float32) {
        if ((quantum & FLOAT_EXPONENT_BITS) === FLOAT_EXPONENT_BITS) return f;
      } else if (quantum < 0 || quantum > field.quantumMax) {
        return f; // below 0: an unsigned 32-bit number above the range
      }
    }
    return -1;
  }

  fieldName(f: number): string {
    return this.fieldNames[f]!;
  }

  /** What the record has in field `f`, and what the field can have, in words. */
  problemText(source: Uint8Array, offset: number, f: number): string {
    const field = this.fieldList[f]!;
    const quantum = this.quantumAt(source, offset, f);
    if (field.kind === FieldKind.Float32) return `${fromQuantum(field, quantum)}; expected a finite number`;
    if (field.kind === FieldKind.Bool) return `${quantum}; expected 0 or 1`;
    const text = (of: number): string => String(Number(fromQuantum(field, of).toPrecision(TEXT_DIGITS)));
    return `${text(quantum >>> 0)}; expected ${text(0)} to ${text(field.quantumMax)}`;
  }

  /**
   * The value of field `f` in the record at `source[offset..)`; booleans as 0 and 1. Always finite and in the field's
   * range, whatever the bytes: a quantum out of range is clamped, a `float32` that isn't finite is 0.
   */
  readValue(source: Uint8Array, offset: number, f: number): number {
    const field = this.fieldList[f]!;
    const quantum = this.quantumAt(source, offset, f);
    if (isQuantum(field, quantum)) return fromQuantum(field, quantum);
    if (field.kind === FieldKind.Float32) return 0;
    // Only quanta that are never negative come here, so a negative one is an unsigned 32-bit number above the range.
    return fromQuantum(field, field.quantumMax);
  }

  /** An int32, whatever the field's width and sign. */
  private quantumAt(source: Uint8Array, offset: number, f: number): number {
    const { kind } = this.fieldList[f]!;
    const at = offset + this.starts[f]!;
    const low = source[at]!;
    switch (this.widths[f]) {
      case 1:
        return kind === FieldKind.Int8 ? (low << 24) >> 24 : low;
      case 2: {
        const quantum = low | (source[at + 1]! << 8);
        return kind === FieldKind.Int16 ? (quantum << 16) >> 16 : quantum;
      }
      default:
        return low | (source[at + 1]! << 8) | (source[at + 2]! << 16) | (source[at + 3]! << 24);
    }
  }

  /** Reads the record at `source[offset..)` into the properties of `record`; booleans as booleans. */
  readInto(source: Uint8Array, offset: number, record: Record<string, number | boolean>): void {
    for (let f = 0; f < this.fieldList.length; f += 1) {
      const value = this.readValue(source, offset, f);
      record[this.fieldNames[f]!] = this.fieldList[f]!.kind === FieldKind.Bool ? value === 1 : value;
    }
  }
}
