/** A full house: places for a hundred, as many things that move, a voice that counts, and whatever bytes are asked for. */
import { angle, fixed, Room, table, uint16, uint8, type Client } from 'escapement';

const MOVERS = 100;
const FIELD_SIZE = 2000;
const SPEED_PER_SEC = 200;
/** The hash of every tenth snapshot is told. */
const HASH_TICKS = 30;

const Mover = table(
  {
    x: fixed(0, FIELD_SIZE, 1 / 32),
    y: fixed(0, FIELD_SIZE, 1 / 32),
    heading: angle(8),
    health: uint8,
    score: uint16,
  },
  { capacity: 128 },
);

/** What 'fill' asks for: so many bytes, of which the first says which of its wishes it is. */
export interface Wish {
  readonly number: number;
  readonly bytes: number;
}

export default class Crowd extends Room {
  static override tickRate = 60;
  static override snapshotRate = 20;
  static override maxClients = 128;

  movers = this.table(Mover);
  #isCounting = false;
  #toldTick = 0;

  onCreate(options: { counts?: boolean }): void {
    this.#isCounting = options.counts === true;
    for (let i = 0; i < MOVERS; i += 1) {
      const at = { x: this.random() * FIELD_SIZE, y: this.random() * FIELD_SIZE };
      this.movers.spawn({ ...at, heading: this.random() * 2 * Math.PI, health: 100 });
    }
    this.onMessage('fill', (client: Client, { number, bytes }: Wish) => {
      client.send('fill', new Uint8Array(bytes).fill(number, 0, 1));
    });
  }

  onTick(dt: number): void {
    this.#tellHash();
    // A message of every tick, with its number: a hole or a change of order shows at once.
    if (this.#isCounting) this.broadcast('count', this.tick);
    const { x, y, heading, score } = this.movers.columns;
    for (let i = 0; i < this.movers.rowEnd; i += 1) {
      if (this.movers.alive[i] === 0) continue;
      if (this.random() < 0.05) heading[i] += this.random() - 0.5;
      x[i] += Math.cos(heading[i]!) * SPEED_PER_SEC * dt;
      y[i] += Math.sin(heading[i]!) * SPEED_PER_SEC * dt;
      if (x[i]! <= 0 || x[i]! >= FIELD_SIZE || y[i]! <= 0 || y[i]! >= FIELD_SIZE) {
        heading[i] += 2.2;
        score[i] += 1;
      }
    }
  }

  #tellHash(): void {
    if (this.snapshotTick === this.#toldTick || this.snapshotTick % HASH_TICKS !== 0) return;
    this.#toldTick = this.snapshotTick;
    this.broadcast('hash', { tick: this.snapshotTick, hash: this.snapshotHash() });
  }
}
