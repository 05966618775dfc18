/**
 * The numbers of the snapshot body's format. schemas/README.md describes it for people who write clients.
 *
 * ```
 *   body    := element*                     each begins at a byte's border
 *   element := tag (varint: facet * 8 + kind), then by kind:
 *     Layout     layout                     for the Delta elements of this facet that follow
 *     Delta      stream, changes
 *     LaidDelta  stream, layout, changes
 *     Keyframe   stream, rows
 *     Drop       stream
 *     Moves      stream, departed, arrived with their values
 *   layout  := for each number: predictor (1 bit), width code (4 bits)
 *   changes := departed, arrived with their values, mask of changed rows, columns of residuals, texts
 *   rows    := slots and generations, columns of values, columns of motions, texts
 * ```
 */

/** What a column's 4-bit width code stands for. */
export const COLUMN_WIDTHS = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24]);
export const COLUMN_WIDTH_BITS = 4;

/** What a body consists of; the low three bits of an element's tag. */
export const ElementKind = {
  /** Widths and predictors of the facet's Delta elements that follow. */
  Layout: 0,
  /** What changed in a stream. */
  Delta: 1,
  /** Layout and delta in one, for facets with one stream. */
  LaidDelta: 2,
  /** A stream's whole state. */
  Keyframe: 3,
  /** The client is sent this stream no more. */
  Drop: 4,
  /** Who has left a stream and who has come, between two of its deltas; the rows that stay stay as they are. */
  Moves: 5,
} as const;
export const ELEMENT_KIND_BITS = 3;

export const MaskMode = { None: 0, All: 1, Bitmap: 2, Sparse: 3 } as const;

/** Stream numbers are kept with 1 added, so that 0 is "in no stream". */
export const STREAMS_MAX = 65534;
