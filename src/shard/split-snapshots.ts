/**
 * Snapshots of a room whose clients see different things. Every stream is encoded once; a client's frame is a list of the
 * parts that make it up, and the front puts it together. So encoding costs what there is to see, and each client what its
 * list takes, whatever the number of rows.
 */
import { facetsOf } from '../codec/facet.js';
import { ShardCounter } from '../memory/counters.js';
import { FrameKind, GATHER_HEAD_BYTES } from '../memory/records.js';
import { CloseCode } from '../protocol/close-codes.js';
import { Turn, type Client } from './client.js';
import type { ClientPace } from './client-pace.js';
import { ClientView } from './interest/client-view.js';
import { FacetStreams } from './interest/facet-streams.js';
import { GatherList } from './interest/gather-list.js';
import type { RoomInterest } from './interest/room-interest.js';
import type { RoomState } from './room-state.js';
import { oversizedReason } from './shared-snapshots.js';
import type { CloseLater, SnapshotServices } from './snapshot-sender.js';

export class SplitSnapshots {
  private readonly facets: readonly FacetStreams[];
  private readonly list = new GatherList();
  private snapshot = 0;
  /** What the next snapshot is expected to take in the ring. */
  private expectedBytes = 1024;

  constructor(
    state: RoomState,
    private readonly interest: RoomInterest,
    snapshotRateHz: number,
    private readonly pace: ClientPace,
    private readonly services: SnapshotServices,
    private readonly close: CloseLater,
  ) {
    const { tables } = state;
    this.facets = facetsOf(tables.map((table) => table.schema)).map((facet) => {
      const table = tables[facet.tableIndex]!;
      const audiences = interest.audiencesOf(table, facet.isSecret);
      // Who is let into a secret is so wherever the row is.
      const grid = facet.isSecret ? null : interest.gridOf(table);
      const within = facet.isSecret ? interest.audiencesOf(table, false) : null;
      const { scratch } = services;
      return new FacetStreams(facet, table, interest.audiences, audiences, within, grid, snapshotRateHz, scratch);
    });
  }

  /** As SharedSnapshots. */
  send(tick: number, clients: readonly Client[]): boolean {
    const { outbox, bits, counters } = this.services;
    if (clients.length === 0) return true;
    if (!outbox.hasRoom(this.expectedBytes)) return false;
    this.encode(clients);
    this.list.reset();
    for (let i = 0; i < clients.length; i += 1) {
      const client = clients[i]!;
      if (client.turn !== Turn.None) this.collect(client, tick);
    }
    if (this.list.count === 0) return true;
    if (!this.sendList(tick, clients)) return false;
    counters.add(ShardCounter.snapshots);
    if (this.interest.audiences.isCrowded || this.facets.some((facet) => facet.isCrowded)) this.sweep(clients);
    this.expectedBytes = 1024 + 2 * (bits.byteLength + 4 * this.list.length);
    return true;
  }

  /** Sends the list, in as many records as it takes. Clients whose record finds no room have lost their baseline. */
  private sendList(tick: number, clients: readonly Client[]): boolean {
    const { outbox, bits } = this.services;
    const { list } = this;
    const listWordsMax = (outbox.recordBytesMax - GATHER_HEAD_BYTES - bits.byteLength) >> 2;
    let isSent = true;
    let i = 0;
    for (let from = 0; from < list.count; ) {
      let to = from;
      while (to < list.count && list.heads[to + 1]! - list.heads[from]! <= listWordsMax) to += 1;
      const isOversized = to === from;
      if (isOversized) to += 1;
      const fits = !isOversized && outbox.tryGather(list, from, to, tick, bits.bytes, bits.byteLength);
      isSent &&= fits;
      // Clients are in the list in their order, but for those whose turn it isn't.
      for (; from < to; i += 1) {
        const client = clients[i]!;
        if (client.turn === Turn.None) continue;
        from += 1;
        client.inStep = fits;
        if (fits) this.pace.sent(client, tick, client.turn === Turn.Keyframe);
        else if (isOversized) this.close(client, CloseCode.Error, oversizedReason(bits.byteLength, outbox));
      }
    }
    return isSent;
  }

  /** Encodes every facet's streams, in the rings that take this snapshot. */
  private encode(clients: readonly Client[]): void {
    const { bits } = this.services;
    let isHeld = false;
    for (let i = 0; i < clients.length && !isHeld; i += 1) isHeld = clients[i]!.turn === Turn.Delta;
    this.snapshot += 1;
    bits.reset();
    for (let f = 0; f < this.facets.length; f += 1) {
      const facet = this.facets[f]!;
      facet.place(this.snapshot);
      for (let r = 0; r < facet.rings.length; r += 1) {
        if (!isHeld) facet.reset(r);
        else if (this.snapshot % facet.rings[r]!.every === 0) facet.advance(bits, r);
        else facet.move(bits, r);
      }
    }
  }

  /**
   * Ends audiences that no row has any more; others get their streams. After a snapshot: whoever is in step has been told
   * that the last rows have left. Who is behind with a cell, for its byte budget, hasn't.
   */
  private sweep(clients: readonly Client[]): void {
    const ended = this.interest.sweep();
    for (const facet of this.facets) {
      facet.release(ended);
      facet.reclaim();
    }
    for (const client of clients) if (client.view !== null && client.view.isBehind) client.inStep = false;
  }

  /** Lists what a client is sent; changes its turn when it can't have what it was to have. */
  private collect(client: Client, tick: number): void {
    const { bits, keyframeBudget, counters } = this.services;
    const view = (client.view ??= new ClientView(client, this.facets));
    if (view.join(this.interest.audiences)) client.turn = Turn.Keyframe;
    const isKeyframe = client.turn === Turn.Keyframe;
    if (isKeyframe && !keyframeBudget.isOpen) {
      client.turn = Turn.None;
      client.inStep = false;
      return;
    }
    if (isKeyframe) view.clear();
    client.look();
    const ack = client.inputs === null ? 0 : client.inputs.processedSeq;
    const age = isKeyframe ? 0 : tick - client.sentTick;
    this.list.begin(client.sessionKey, ack, age, isKeyframe ? FrameKind.Keyframe : FrameKind.Delta);
    for (let f = 0; f < this.facets.length; f += 1) view.collect(f, isKeyframe, bits, this.list);
    if (!isKeyframe) return;
    keyframeBudget.take(this.list.bytes);
    counters.add(ShardCounter.keyframes);
  }
}
