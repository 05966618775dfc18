/**
 * A room's state at the client: the images that snapshots apply to, and the tables the game sees.
 *
 * The two are apart so that a malformed snapshot harms nobody: it leaves the images half changed, but the tables are filled
 * from them only when a whole body has been read, and after a malformed one the next keyframe builds the images anew.
 */
import { BodyDecoder } from '../codec/body-decoder.js';
import { facetsOf } from '../codec/facet.js';
import { FacetImage } from '../codec/facet-image.js';
import { RowChanges } from '../codec/row-changes.js';
import { StateHash } from '../state/state-hash.js';
import { imageBytes, STATE_BYTES_MAX } from '../state/image.js';
import type { TableSchema } from '../state/schema.js';
import type { ErrorSink } from './listeners.js';
import { TableView } from './table-view.js';

export class RoomState {
  /** The tables by name, with no prototype. */
  readonly tables: Record<string, TableView>;
  /** Tick of the newest snapshot held; 0 before the first keyframe. */
  tick = 0;
  private readonly viewList: TableView[] = [];
  private readonly changes: RowChanges[] = [];
  private readonly decoder: BodyDecoder;

  /** @throws RangeError when the tables together need more than STATE_BYTES_MAX, or two have one name. */
  constructor(tableNames: readonly string[], schemas: readonly TableSchema[], report: ErrorSink) {
    this.tables = Object.create(null) as Record<string, TableView>;
    let bytes = 0;
    for (const schema of schemas) bytes += imageBytes(schema);
    if (bytes > STATE_BYTES_MAX) {
      throw new RangeError(`the room's tables need ${bytes} bytes; at most ${STATE_BYTES_MAX}: declare smaller capacities`);
    }
    const images = facetsOf(schemas).map((facet) => new FacetImage(facet));
    schemas.forEach((schema, t) => {
      const name = tableNames[t]!;
      if (name in this.tables) throw new RangeError(`the room has two tables named ${name}`);
      const facets = images.filter(({ facet }) => facet.tableIndex === t);
      const view = new TableView(schema, facets, report);
      this.tables[name] = view;
      this.viewList.push(view);
      this.changes.push(new RowChanges(schema.capacity));
    });
    this.decoder = new BodyDecoder(images, this.changes);
  }

  /**
   * Makes the state that of the keyframe in `bytes[start..end)`. What differs from the state held is announced, so rows
   * that live on keep their objects and fire no onAdd.
   *
   * @throws MalformedSnapshotError; the tables are then as they were, and only a keyframe can follow.
   */
  applyKeyframe(tick: number, bytes: Uint8Array, start: number, end: number): void {
    this.decoder.apply(bytes, start, end, true);
    this.tick = tick;
    this.announce();
  }

  /**
   * Applies a delta, which must have been made against the snapshot held.
   *
   * @throws MalformedSnapshotError; the tables are then as they were, and only a keyframe can follow.
   */
  applyDelta(tick: number, bytes: Uint8Array, start: number, end: number): void {
    this.decoder.apply(bytes, start, end, false);
    this.tick = tick;
    this.announce();
  }

  /** Of what the tables show; equals the room's `snapshotHash()` of the same tick where everything is shown. */
  hash(): number {
    const hash = new StateHash();
    for (const view of this.viewList) view.addTo(hash);
    return hash.value;
  }

  private announce(): void {
    const { viewList, changes } = this;
    for (let t = 0; t < viewList.length; t += 1) viewList[t]!.takeOut(changes[t]!);
    for (let t = 0; t < viewList.length; t += 1) viewList[t]!.announceRemoved();
    for (let t = 0; t < viewList.length; t += 1) viewList[t]!.fill(changes[t]!);
    for (let t = 0; t < viewList.length; t += 1) viewList[t]!.announce(changes[t]!);
  }
}
