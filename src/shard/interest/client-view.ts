/** What one client of a split room is sent: of every facet the cells it sees, for the audiences it belongs to. */
import type { BitWriter } from '../../codec/bit-writer.js';
import type { Client } from '../client.js';
import { NOBODY, type Audience, type Audiences } from './audience.js';
import { CellState, CellView } from './cell-view.js';
import type { FacetStreams } from './facet-streams.js';
import type { GatherList } from './gather-list.js';

/** How much sooner a cell one cell away has its turn than one at the focus: priority grows by 1 / (1 + distance in cells). */
const NEAR_CELL_DISTANCE = 1;

export class ClientView {
  /** Of gridded facets; null for others, all of whose (one) cell is seen. */
  private readonly views: (CellView | null)[];
  /** The audiences that the client belongs to. */
  private audiences: readonly Audience[] = [];
  private version = 0;
  /** Ring whose layout the list has for the facet at hand; -1: none. */
  private layoutRing = -1;
  /** Working memory: the cells that compete for bytes, in the order of their priority. */
  private order = new Uint16Array(0);

  constructor(
    private readonly client: Client,
    private readonly facets: readonly FacetStreams[],
  ) {
    this.views = facets.map(({ cells, rings }) => (cells === null ? null : new CellView(cells, rings)));
  }

  /**
   * Brings the list of audiences up to date.
   *
   * @returns whether the client may see or not see now what it didn't or did before, so that it needs a keyframe frame. An
   *   audience made since the last call needs none: whatever is in it has arrived in its streams since.
   */
  join(audiences: Audiences): boolean {
    if (this.version === audiences.version) return false;
    const now: Audience[] = [];
    let isNews = false;
    for (const audience of audiences.all) {
      if (audience === undefined || audience.id === NOBODY || !audience.includes(this.client)) continue;
      now.push(audience);
      if (audience.since <= this.version && !this.audiences.includes(audience)) isNews = true;
    }
    for (const audience of this.audiences) if (!audience.hasEnded && !now.includes(audience)) isNews = true;
    this.audiences = now;
    this.version = audiences.version;
    return isNews;
  }

  /** Whether there is a cell of which the client holds an older state than was sent to others. */
  get isBehind(): boolean {
    return this.views.some((view) => view !== null && view.isBehind);
  }

  /** The client holds nothing: what it sees is to be entered anew. */
  clear(): void {
    for (const view of this.views) view?.clear();
  }

  /** Adds to the list what the client is sent of a facet at this snapshot. */
  collect(f: number, isKeyframe: boolean, out: BitWriter, list: GatherList): void {
    const facet = this.facets[f]!;
    const view = this.views[f]!;
    if (view === null) {
      this.layoutRing = -1;
      this.collectCell(facet, 0, 0, isKeyframe, out, list);
      return;
    }
    const { client } = this;
    if (client.looksSomewhere()) view.look(client.lookX, client.lookY);
    else view.lookAway();
    for (let i = 0; i < view.leftCount; i += 1) this.drop(facet, view.leftRings[i]!, view.left[i]!, out, list);
    this.layoutRing = -1;
    if (facet.snapshotBytesMax !== Infinity) {
      this.collectByPriority(facet, view, out, list);
      return;
    }
    for (let r = 0; r < facet.rings.length; r += 1) this.collectRing(facet, view, r, out, list);
  }

  /** All cells of a ring: the loop that a client without a byte budget costs. */
  private collectRing(facet: FacetStreams, view: CellView, r: number, out: BitWriter, list: GatherList): void {
    const { states } = view;
    const cells = view.cells[r]!;
    const count = view.counts[r]!;
    const { partStarts, partEnds, layoutStart, layoutEnd } = facet.encoders[r]!;
    for (let a = 0; a < this.audiences.length; a += 1) {
      const streams = facet.streamsOf(this.audiences[a]!.id);
      if (streams === undefined) continue;
      for (let i = 0; i < count; i += 1) {
        const cell = cells[i]!;
        const stream = streams[cell]!;
        if (stream < 0 || !view.holds(cell, r)) continue;
        if (states[cell] === CellState.InStep) {
          const start = partStarts[stream]!;
          const end = partEnds[stream]!;
          if (start === end) continue;
          if (this.layoutRing !== r) list.add(layoutStart, layoutEnd);
          this.layoutRing = r;
          list.add(start, end);
        } else if (facet.keyframe(out, r, stream)) {
          list.add(facet.keyframeStart(r, stream), facet.keyframeEnd(r, stream));
        }
      }
    }
    for (let i = 0; i < count; i += 1) if (view.holds(cells[i]!, r)) states[cells[i]!] = CellState.InStep;
  }

  /**
   * The priority accumulator: a cell's priority grows at each snapshot until it is sent, near cells' faster. Cells are taken
   * in the order of their priority while their bytes fit; the first one is always, so every cell has its turn.
   */
  private collectByPriority(facet: FacetStreams, view: CellView, out: BitWriter, list: GatherList): void {
    const grid = facet.cells!;
    const { client } = this;
    if (this.order.length < grid.count) this.order = new Uint16Array(grid.count);
    const { order } = this;
    let count = 0;
    for (let r = 0; r < facet.rings.length; r += 1) {
      for (let i = 0; i < view.counts[r]!; i += 1) {
        const cell = view.cells[r]![i]!;
        if (!view.holds(cell, r) || this.cellBytes(facet, view, r, cell, out) === 0) continue;
        const dx = grid.distanceX(cell % grid.columns, client.lookX);
        const dy = grid.distanceY(Math.floor(cell / grid.columns), client.lookY);
        view.priorities[cell]! += 1 / (NEAR_CELL_DISTANCE + Math.sqrt(dx * dx + dy * dy) / grid.cellSize);
        // Insertion, the highest first: the lists are short, and nearly in order.
        let at = count;
        while (at > 0 && view.priorities[order[at - 1]!]! < view.priorities[cell]!) {
          order[at] = order[at - 1]!;
          at -= 1;
        }
        order[at] = cell;
        count += 1;
      }
    }
    const startBytes = list.bytes;
    for (let i = 0; i < count; i += 1) {
      const cell = order[i]!;
      const r = view.ringOf(cell);
      const bytes = this.cellBytes(facet, view, r, cell, out);
      if (list.bytes === startBytes || list.bytes - startBytes + bytes <= facet.snapshotBytesMax) {
        view.priorities[cell] = 0;
        this.collectHeld(facet, view, r, cell, out, list);
      } else if (view.states[cell] === CellState.InStep) {
        view.states[cell] = CellState.Skipped;
      }
    }
  }

  private collectHeld(facet: FacetStreams, view: CellView, r: number, cell: number, out: BitWriter, list: GatherList): void {
    const state = view.states[cell]!;
    view.states[cell] = CellState.InStep;
    this.collectCell(facet, r, cell, state !== CellState.InStep, out, list, state === CellState.Skipped);
  }

  /** Adds a cell's deltas, or its keyframes, for every audience of the client's. */
  private collectCell(
    facet: FacetStreams,
    r: number,
    cell: number,
    isKeyframe: boolean,
    out: BitWriter,
    list: GatherList,
    holdsOlder = false,
  ): void {
    const encoder = facet.encoders[r]!;
    for (let i = 0; i < this.audiences.length; i += 1) {
      const stream = facet.streamAt(this.audiences[i]!.id, cell);
      if (stream < 0) continue;
      if (!isKeyframe) {
        if (encoder.partStarts[stream] === encoder.partEnds[stream]) continue;
        // Only with a delta that needs it: that a column's width has changed would tell that somebody's secret has.
        if (this.layoutRing !== r) list.add(encoder.layoutStart, encoder.layoutEnd);
        this.layoutRing = r;
        list.add(encoder.partStarts[stream]!, encoder.partEnds[stream]!);
      } else if (facet.keyframe(out, r, stream)) {
        list.add(facet.keyframeStart(r, stream), facet.keyframeEnd(r, stream));
      } else if (holdsOlder) {
        this.addDrop(facet, r, stream, out, list);
      }
    }
  }

  /** Bytes that a cell would take now. */
  private cellBytes(facet: FacetStreams, view: CellView, r: number, cell: number, out: BitWriter): number {
    const encoder = facet.encoders[r]!;
    let bytes = 0;
    for (let i = 0; i < this.audiences.length; i += 1) {
      const stream = facet.streamAt(this.audiences[i]!.id, cell);
      if (stream < 0) continue;
      if (view.states[cell] === CellState.InStep) bytes += encoder.partEnds[stream]! - encoder.partStarts[stream]!;
      else if (facet.keyframe(out, r, stream)) bytes += facet.keyframeEnd(r, stream) - facet.keyframeStart(r, stream);
      else if (view.states[cell] === CellState.Skipped) bytes += 1;
    }
    return bytes;
  }

  private drop(facet: FacetStreams, r: number, cell: number, out: BitWriter, list: GatherList): void {
    for (let i = 0; i < this.audiences.length; i += 1) {
      const stream = facet.streamAt(this.audiences[i]!.id, cell);
      if (stream >= 0) this.addDrop(facet, r, stream, out, list);
    }
  }

  private addDrop(facet: FacetStreams, r: number, stream: number, out: BitWriter, list: GatherList): void {
    facet.drop(out, r, stream);
    list.add(facet.dropStart(r, stream), facet.dropEnd(r, stream));
  }
}
