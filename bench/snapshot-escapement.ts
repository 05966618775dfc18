/** The arena as this package sends it: a snapshot body behind the prefix of its frame, and a client that holds its images. */
import { BitWriter } from '../src/codec/bit-writer.js';
import { BodyDecoder } from '../src/codec/body-decoder.js';
import { EncoderScratch } from '../src/codec/encoder-scratch.js';
import { FacetEncoder } from '../src/codec/facet-encoder.js';
import { FacetImage } from '../src/codec/facet-image.js';
import { facetsOf } from '../src/codec/facet.js';
import { RowChanges } from '../src/codec/row-changes.js';
import { ServerFrameReader, SNAPSHOT_PREFIX_BYTES, SnapshotKind, writeSnapshotPrefix } from '../src/protocol/server-frames.js';
import { fromQuantum } from '../src/state/field.js';
import { TICKS_PER_SNAPSHOT, type ArenaTable } from './arena-workload.js';
import { checkPlayer, type SnapshotContender } from './snapshot-contender.js';

/** Every row is in it: an arena of 16 needs no interest. */
const STREAM = 0;

/** A shard has one for all of its rooms, too. */
const scratch = new EncoderScratch();

export class EscapementArena implements SnapshotContender {
  private readonly encoder: FacetEncoder;
  private readonly out = new BitWriter();
  private readonly reader = new ServerFrameReader();
  private readonly image: FacetImage;
  private readonly changes: RowChanges;
  private readonly decoder: BodyDecoder;
  /** What a game reads, by field. */
  private readonly columns: readonly Float64Array[];
  private tick = 0;
  private frameBytes = 0;

  constructor(private readonly table: ArenaTable) {
    const facet = facetsOf([table.schema])[0]!;
    this.encoder = new FacetEncoder(facet, table.image, scratch);
    this.image = new FacetImage(facet);
    this.changes = new RowChanges(table.capacity);
    this.decoder = new BodyDecoder([this.image], [this.changes]);
    this.columns = facet.numbers.map(() => new Float64Array(table.capacity));
    this.encoder.reset(null, STREAM + 1);
    this.beginFrame();
    this.encoder.keyframe(this.out, STREAM);
    this.endFrame(SnapshotKind.Keyframe);
    this.decode();
    this.check();
  }

  prepare(): void {
    this.tick += TICKS_PER_SNAPSHOT;
  }

  write(): void {}

  encode(): number {
    this.beginFrame();
    this.encoder.advance(this.out, null, STREAM + 1);
    this.endFrame(SnapshotKind.Delta);
    return this.frameBytes;
  }

  decode(): void {
    const { reader, columns, changes } = this;
    const frame = this.out.bytes.subarray(0, this.frameBytes);
    if (reader.read(frame) !== 0) throw new Error('the frame was refused');
    const isKeyframe = reader.snapshotKind === SnapshotKind.Keyframe;
    this.decoder.apply(frame, reader.bodyOffset, reader.bodyOffset + reader.bodyLength, isKeyframe);
    for (let i = 0; i < changes.addedCount; i += 1) {
      const slot = changes.added[i]!;
      for (let f = 0; f < columns.length; f += 1) columns[f]![slot] = this.valueAt(f, slot);
    }
    for (let i = 0; i < changes.changedCount; i += 1) {
      const slot = changes.changed[i]!;
      const mask = changes.changedMasks[i]!;
      for (let f = 0; f < columns.length; f += 1) {
        if ((mask & (1 << f)) !== 0) columns[f]![slot] = this.valueAt(f, slot);
      }
    }
  }

  check(): void {
    const [x, y, heading, health, score] = this.columns as readonly Float64Array[];
    for (let i = 0; i < this.table.capacity; i += 1) {
      if (this.image.homes[i] !== STREAM + 1) throw new Error(`player ${i} is not held`);
      const player = { x: x![i]!, y: y![i]!, heading: heading![i]!, health: health![i]!, score: score![i]! };
      checkPlayer('Escapement', this.table, i, player, (value) => value);
    }
  }

  private valueAt(f: number, slot: number): number {
    return fromQuantum(this.table.schema.fieldList[f]!, this.image.quanta[f]![slot]!);
  }

  private beginFrame(): void {
    const { out } = this;
    out.reset();
    out.reserve(SNAPSHOT_PREFIX_BYTES);
    for (let at = 0; at < SNAPSHOT_PREFIX_BYTES; at += 4) out.put(0, 32);
  }

  private endFrame(kind: SnapshotKind): void {
    const { out } = this;
    this.frameBytes = out.byteLength;
    const age = kind === SnapshotKind.Delta ? TICKS_PER_SNAPSHOT : 0;
    writeSnapshotPrefix(out.bytes, 0, this.tick, 0, age, kind, this.frameBytes - SNAPSHOT_PREFIX_BYTES);
  }
}
