/** The room of the steady bench: bots that never stop moving, written as a studio would write a busy tick. */
import { angle, fixed, Room, table, text, uint16, uint8 } from 'escapement';

const BOTS = 16;
const FIELD_SIZE = 2000;
const SPEED_PER_SEC = 220;

/** Every so many ticks the hash of the newest snapshot is kept: once a second. */
const HASH_TICKS = 60;
/** The newest so many hashes are kept: two minutes. */
const HASHES_MAX = 128;

const Bot = table(
  {
    x: fixed(0, FIELD_SIZE, 1 / 32),
    y: fixed(0, FIELD_SIZE, 1 / 32),
    heading: angle(8),
    health: uint8,
    score: uint16,
    name: text(24),
  },
  { capacity: BOTS },
);

export default class HerdRoom extends Room {
  static override tickRate = 60;
  static override snapshotRate = 20;
  static override maxClients = 1;

  bots = this.table(Bot);
  /** Pairs of snapshot tick and hash: a ring, so that keeping them allocates nothing. */
  readonly #hashes = new Uint32Array(2 * HASHES_MAX);

  override onCreate(): void {
    for (let i = 0; i < BOTS; i += 1) {
      const x = this.random() * FIELD_SIZE;
      const y = this.random() * FIELD_SIZE;
      this.bots.spawn({ x, y, heading: this.random() * 2 * Math.PI, health: 100, name: `bot ${i}` });
    }
    this.onMessage('hashes', (client) => client.send('hashes', new Uint8Array(this.#hashes.buffer)));
  }

  override onTick(dt: number): void {
    if ((this.tick - 1) % HASH_TICKS === 0) this.#keepHash();
    const { bots } = this;
    const { x, y, heading, score } = bots.columns;
    const step = SPEED_PER_SEC * dt;
    for (let i = 0; i < bots.rowEnd; i += 1) {
      if (bots.alive[i] === 0) continue;
      x[i] += Math.cos(heading[i]!) * step;
      y[i] += Math.sin(heading[i]!) * step;
      if (x[i]! <= 0 || x[i]! >= FIELD_SIZE || y[i]! <= 0 || y[i]! >= FIELD_SIZE) {
        heading[i] += 2.2;
        score[i] += 1;
      }
    }
  }

  /** The tick before was a snapshot's: 60 is a multiple of the 3 ticks between two. */
  #keepHash(): void {
    const place = 2 * (Math.floor(this.snapshotTick / HASH_TICKS) % HASHES_MAX);
    this.#hashes[place] = this.snapshotTick;
    this.#hashes[place + 1] = this.snapshotHash();
  }
}
