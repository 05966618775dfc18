/**
 * Facets: what of a table is sent together. A table has a public facet, with the fields that whoever sees a row is sent,
 * and a secret facet, if it has secret fields. Facets are numbered over the whole room, in the order of its tables.
 */
import { FieldKind, type Field } from '../state/field.js';
import type { ImageShape } from '../state/image.js';
import { bitLength } from './bits.js';

/** How one number of a facet is written. */
export interface NumberCoding {
  /** Which of the table's fields it is. */
  readonly fieldIndex: number;
  readonly field: Field;
  /**
   * Residuals and motions are signed integers of 32 - wrapShift bits: an angle goes the short way round. Shifting left and
   * back makes them so.
   */
  readonly wrapShift: number;
  /** The quantum's own bits: quantum = sum & wrapMask. */
  readonly wrapMask: number;
  /** A row that arrives is written with this many bits, counted from `quantumMin`. */
  readonly rawBits: number;
  readonly quantumMin: number;
}

export interface TextCoding {
  readonly fieldIndex: number;
  readonly bytesMax: number;
}

export interface Facet {
  /** Number on the wire. */
  readonly index: number;
  /** Which of the room's tables it belongs to. */
  readonly tableIndex: number;
  readonly isSecret: boolean;
  readonly capacity: number;
  readonly numbers: readonly NumberCoding[];
  readonly texts: readonly TextCoding[];
}

/** The facets of a room's tables. */
export function facetsOf(shapes: readonly ImageShape[]): Facet[] {
  const facets: Facet[] = [];
  shapes.forEach(({ capacity, fieldList }, tableIndex) => {
    for (const isSecret of [false, true]) {
      const numbers: NumberCoding[] = [];
      const texts: TextCoding[] = [];
      fieldList.forEach((field, fieldIndex) => {
        if (field.secret !== isSecret) return;
        if (field.kind === FieldKind.Text) texts.push({ fieldIndex, bytesMax: field.bytesMax });
        else numbers.push(numberCoding(fieldIndex, field));
      });
      // A table of nothing but secrets has a public facet too: it says which rows there are.
      if (isSecret && numbers.length + texts.length === 0) continue;
      facets.push({ index: facets.length, tableIndex, isSecret, capacity, numbers, texts });
    }
  });
  return facets;
}

function numberCoding(fieldIndex: number, field: Field): NumberCoding {
  const wrapBits = field.kind === FieldKind.Angle ? field.bits : field.kind === FieldKind.Bool ? 1 : 32;
  const isWord = field.kind === FieldKind.Float32 || field.kind === FieldKind.Int32 || field.kind === FieldKind.Uint32;
  return {
    fieldIndex,
    field,
    wrapShift: 32 - wrapBits,
    wrapMask: wrapBits === 32 ? -1 : 2 ** wrapBits - 1,
    rawBits: isWord ? 32 : bitLength(field.quantumMax - field.quantumMin),
    quantumMin: isWord ? 0 : field.quantumMin,
  };
}

/**
 * Whether a column is better predicted by its motion than by its last value, until it has been watched: positions and
 * directions go on as they went, counts and flags mostly stay.
 */
export function movesOn(coding: NumberCoding): boolean {
  const { kind } = coding.field;
  return kind === FieldKind.Fixed || kind === FieldKind.Angle || kind === FieldKind.Float32;
}
