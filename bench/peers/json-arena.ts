/** The whole arena as JSON text, as a first version of a game sends it. */
import type { ArenaTable } from '../arena-workload.js';
import { checkPlayer, type SnapshotContender } from '../snapshot-contender.js';

interface Player {
  id: number;
  x: number;
  y: number;
  heading: number;
  health: number;
  score: number;
}

export class JsonArena implements SnapshotContender {
  private text = '';
  private players: Player[] = [];

  constructor(private readonly table: ArenaTable) {}

  prepare(): void {}

  write(): void {}

  encode(): number {
    const { x, y, heading, health, score } = this.table.columns;
    const players: Player[] = [];
    for (let i = 0; i < this.table.rowEnd; i += 1) {
      players.push({ id: i, x: x[i]!, y: y[i]!, heading: heading[i]!, health: health[i]!, score: score[i]! });
    }
    this.text = JSON.stringify({ players });
    // All of it is ASCII.
    return this.text.length;
  }

  decode(): void {
    this.players = (JSON.parse(this.text) as { players: Player[] }).players;
  }

  check(): void {
    if (this.players.length !== this.table.size) throw new Error(`JSON: ${this.players.length} players`);
    for (const player of this.players) checkPlayer('JSON', this.table, player.id, player, (value) => value);
  }
}
