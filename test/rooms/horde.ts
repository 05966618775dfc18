/** So many rows that a keyframe is large, of which few move. */
import { fixed, Room, table, uint16 } from 'escapement';

const ROWS = 20_000;
const MOVING = 100;
const SIZE = 4000;

const Body = table({ x: fixed(0, SIZE, 1 / 8), y: fixed(0, SIZE, 1 / 8), score: uint16 }, { capacity: ROWS });

export default class Horde extends Room {
  static override tickRate = 60;
  static override snapshotRate = 20;
  static override maxClients = 1000;

  bodies = this.table(Body);

  onCreate(): void {
    for (let i = 0; i < ROWS; i += 1) {
      this.bodies.spawn({ x: this.random() * SIZE, y: this.random() * SIZE, score: this.random() * 65_536 });
    }
  }

  onTick(): void {
    const { x, score } = this.bodies.columns;
    for (let i = 0; i < MOVING; i += 1) {
      x[i] += this.tick % 200 < 100 ? 1 : -1;
      if (i === this.tick % MOVING) score[i] += 1;
    }
  }
}
