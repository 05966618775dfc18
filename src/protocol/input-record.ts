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

  /** @throws RangeError for a text field. */
  constructor(fieldNames: readonly string[], fieldList: readonly Field[]) {
    this.fieldNames = fieldNames;
    this.fieldList = fieldList;
    this.starts = new Uint8Array(fieldList.length);
    this.widths = new Uint8Array(fieldList.length);
    this.zeros = new Int32Array(fieldList.length);
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
   * The value of field `f` in the record at `source[offset..)`; booleans as 0 and 1. Always finite and in the field's
   * range, whatever the bytes: a quantum out of range is clamped, a `float32` that isn't finite is 0.
   */
  readValue(source: Uint8Array, offset: number, f: number): number {
    const field = this.fieldList[f]!;
    const at = offset + this.starts[f]!;
    let quantum = source[at]!;
    switch (this.widths[f]) {
      case 1:
        if (field.kind === FieldKind.Int8) quantum = (quantum << 24) >> 24;
        break;
      case 2:
        quantum |= source[at + 1]! << 8;
        if (field.kind === FieldKind.Int16) quantum = (quantum << 16) >> 16;
        break;
      default:
        quantum |= (source[at + 1]! << 8) | (source[at + 2]! << 16) | (source[at + 3]! << 24);
    }
    if (isQuantum(field, quantum)) return fromQuantum(field, quantum);
    if (field.kind === FieldKind.Float32) return 0;
    // Only quanta that are never negative come here, so a negative one is an unsigned 32-bit number above the range.
    return fromQuantum(field, field.quantumMax);
  }

  /** Reads the record at `source[offset..)` into the properties of `record`; booleans as booleans. */
  readInto(source: Uint8Array, offset: number, record: Record<string, number | boolean>): void {
    for (let f = 0; f < this.fieldList.length; f += 1) {
      const value = this.readValue(source, offset, f);
      record[this.fieldNames[f]!] = this.fieldList[f]!.kind === FieldKind.Bool ? value === 1 : value;
    }
  }
}
