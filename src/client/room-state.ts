/**
 * A room's state at the client: the images that snapshots apply to, and the tables the game sees.
 *
 * There are two sets of images, equal at rest. A body is tried on the spare set first: when it turns out to be malformed,
 * the spare set is made equal again and nothing else has seen it. Decoding a delta twice costs a microsecond or two;
 * copying whole images for every snapshot would cost in proportion to the tables' capacity.
 */
import { SnapshotDecoder, TableChanges } from '../protocol/snapshot-decoder.js';
import { hashImages, imageBytes, STATE_BYTES_MAX, TableImage } from '../state/image.js';
import type { TableSchema } from '../state/schema.js';
import type { ErrorSink } from './listeners.js';
import { listDifferences } from './image-differences.js';
import { TableView } from './table-view.js';

export class RoomState {
  /** The tables by name, with no prototype. */
  readonly tables: Record<string, TableView>;
  /** Tick of the newest snapshot held; 0 before the first keyframe. */
  tick = 0;
  private readonly viewList: TableView[] = [];
  private readonly images: TableImage[] = [];
  private readonly spares: TableImage[] = [];
  private readonly changes: TableChanges[] = [];
  private readonly decoder = new SnapshotDecoder();

  /** @throws RangeError when the tables together need more than STATE_BYTES_MAX, or two have one name. */
  constructor(tableNames: readonly string[], schemas: readonly TableSchema[], report: ErrorSink) {
    this.tables = Object.create(null) as Record<string, TableView>;
    let bytes = 0;
    for (const schema of schemas) bytes += imageBytes(schema);
    if (bytes > STATE_BYTES_MAX) {
      throw new RangeError(`the room's tables need ${bytes} bytes; at most ${STATE_BYTES_MAX}: declare smaller capacities`);
    }
    for (let t = 0; t < schemas.length; t += 1) {
      const name = tableNames[t]!;
      const schema = schemas[t]!;
      if (name in this.tables) throw new RangeError(`the room has two tables named ${name}`);
      const view = new TableView(schema, report);
      this.tables[name] = view;
      this.viewList.push(view);
      this.images.push(new TableImage(schema));
      this.spares.push(new TableImage(schema));
      this.changes.push(new TableChanges(schema.capacity));
    }
  }

  /**
   * Makes the state that of the keyframe in `bytes[start..end)`. What differs from the state held is announced, so rows
   * that live on keep their objects and fire no onAdd.
   *
   * @throws MalformedSnapshotError; the state is then as it was.
   */
  applyKeyframe(tick: number, bytes: Uint8Array, start: number, end: number): void {
    for (const spare of this.spares) spare.clear();
    this.rehearse(bytes, start, end);
    for (let t = 0; t < this.images.length; t += 1) {
      listDifferences(this.images[t]!, this.spares[t]!, this.changes[t]!);
      this.images[t]!.copyFrom(this.spares[t]!);
    }
    this.tick = tick;
    this.announce();
  }

  /**
   * Applies a delta, which must have been made against the snapshot held.
   *
   * @throws MalformedSnapshotError; the state is then as it was.
   */
  applyDelta(tick: number, bytes: Uint8Array, start: number, end: number): void {
    this.rehearse(bytes, start, end);
    this.decoder.apply(bytes, start, end, this.images, this.changes);
    this.tick = tick;
    this.announce();
  }

  /** Equals the room's `snapshotHash()` of the same tick. */
  hash(): number {
    return hashImages(this.images);
  }

  private rehearse(bytes: Uint8Array, start: number, end: number): void {
    try {
      this.decoder.apply(bytes, start, end, this.spares, this.changes);
    } catch (error) {
      for (let t = 0; t < this.images.length; t += 1) this.spares[t]!.copyFrom(this.images[t]!);
      throw error;
    }
  }

  private announce(): void {
    const { viewList, changes } = this;
    for (let t = 0; t < viewList.length; t += 1) viewList[t]!.takeOut(changes[t]!);
    for (let t = 0; t < viewList.length; t += 1) viewList[t]!.announceRemoved();
    for (let t = 0; t < viewList.length; t += 1) viewList[t]!.fill(this.images[t]!, changes[t]!);
    for (let t = 0; t < viewList.length; t += 1) viewList[t]!.announce(changes[t]!);
  }
}
