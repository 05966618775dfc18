/**
 * What the handshake says of a room's state: the plain form of `FieldSpec` and `TableSpec` in schemas/server.fbs.
 * A client needs nothing else to read that room's snapshots and to write its inputs.
 */

/** One field of a table or of the input record. Members that do not concern its kind are 0. */
export interface FieldSpec {
  readonly name: string;
  /** A value of the generated `FieldKind`. */
  readonly kind: number;
  /** Fixed: least value. */
  readonly min: number;
  /** Fixed: greatest value. */
  readonly max: number;
  /** Fixed: distance between two neighbouring values. */
  readonly step: number;
  /** Angle: a full turn is 2^bits steps. */
  readonly bits: number;
  /** Text: longest UTF-8 encoding, in bytes. */
  readonly bytesMax: number;
  /** Sent only for rows that the room reveals. */
  readonly secret: boolean;
}

/** One table of a room, its fields in wire order. */
export interface TableSpec {
  readonly name: string;
  /** Most rows at one time. */
  readonly capacity: number;
  readonly fields: readonly FieldSpec[];
}
