/** The whole arena as FlatBuffers tables (arena.fbs), without delta. */
import * as flatbuffers from 'flatbuffers';
import type { ArenaTable } from '../arena-workload.js';
import { checkPlayer, type SnapshotContender } from '../snapshot-contender.js';
import { Arena, Player } from './generated/arena_generated.js';

export class FlatBuffersArena implements SnapshotContender {
  private readonly builder = new flatbuffers.Builder(64 * 1024);
  private readonly offsets: number[];
  private readonly player = new Player();
  private bytes: Uint8Array = new Uint8Array(0);
  /** What was read; the bytes themselves would do for a game that reads each value once. */
  private readonly x: Float64Array;
  private readonly y: Float64Array;
  private readonly heading: Float64Array;
  private readonly health: Float64Array;
  private readonly score: Float64Array;

  constructor(private readonly table: ArenaTable) {
    this.offsets = new Array<number>(table.capacity).fill(0);
    this.x = new Float64Array(table.capacity);
    this.y = new Float64Array(table.capacity);
    this.heading = new Float64Array(table.capacity);
    this.health = new Float64Array(table.capacity);
    this.score = new Float64Array(table.capacity);
  }

  prepare(): void {}

  write(): void {}

  encode(): number {
    const { builder, offsets } = this;
    const { x, y, heading, health, score } = this.table.columns;
    builder.clear();
    for (let i = 0; i < offsets.length; i += 1) {
      offsets[i] = Player.createPlayer(builder, x[i]!, y[i]!, heading[i]!, health[i]!, score[i]!);
    }
    const players = Arena.createPlayersVector(builder, offsets);
    Arena.finishArenaBuffer(builder, Arena.createArena(builder, players));
    this.bytes = builder.asUint8Array();
    return this.bytes.length;
  }

  decode(): void {
    const arena = Arena.getRootAsArena(new flatbuffers.ByteBuffer(this.bytes));
    const { player } = this;
    const count = arena.playersLength();
    if (count !== this.table.capacity) throw new Error(`FlatBuffers: ${count} players`);
    for (let i = 0; i < count; i += 1) {
      arena.players(i, player);
      this.x[i] = player.x();
      this.y[i] = player.y();
      this.heading[i] = player.heading();
      this.health[i] = player.health();
      this.score[i] = player.score();
    }
  }

  check(): void {
    for (let i = 0; i < this.table.capacity; i += 1) {
      const player = {
        x: this.x[i]!, y: this.y[i]!, heading: this.heading[i]!, health: this.health[i]!, score: this.score[i]!,
      };
      checkPlayer('FlatBuffers', this.table, i, player, Math.fround);
    }
  }
}
