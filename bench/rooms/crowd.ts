/** The room of the slow bench: places for a hundred, as many things that move, and a stamp that says when its tick began. */
import { angle, fixed, Room, table, uint16, uint32, uint8 } from 'escapement';

const MOVERS = 100;
const FIELD_SIZE = 2000;
const SPEED_PER_SEC = 200;

/** Every so many ticks the hash of the newest snapshot is kept: once a second. */
const HASH_TICKS = 60;
/** The newest so many hashes are kept: two minutes. */
const HASHES_MAX = 128;

const Mover = table(
  {
    x: fixed(0, FIELD_SIZE, 1 / 32),
    y: fixed(0, FIELD_SIZE, 1 / 32),
    heading: angle(8),
    health: uint8,
    score: uint16,
  },
  { capacity: MOVERS },
);

/** When the tick of the snapshot began: CLOCK_MONOTONIC in microseconds, modulo 2^32. */
const Stamp = table({ beganUs: uint32 }, { capacity: 1 });

export default class CrowdRoom extends Room {
  static override tickRate = 60;
  static override snapshotRate = 20;
  static override maxClients = 128;

  movers = this.table(Mover);
  stamps = this.table(Stamp);
  #stamp = this.stamps.spawn();
  /** Pairs of snapshot tick and hash: a ring, so that keeping them allocates nothing. */
  readonly #hashes = new Uint32Array(2 * HASHES_MAX);

  override onCreate(): void {
    for (let i = 0; i < MOVERS; i += 1) {
      const at = { x: this.random() * FIELD_SIZE, y: this.random() * FIELD_SIZE };
      this.movers.spawn({ ...at, heading: this.random() * 2 * Math.PI, health: 100 });
    }
    this.onMessage('hashes', (client) => client.send('hashes', new Uint8Array(this.#hashes.buffer)));
  }

  override onTick(dt: number): void {
    // The clock that every process of the machine shares.
    this.#stamp.beganUs = Number((process.hrtime.bigint() / 1000n) & 0xffff_ffffn);
    if ((this.tick - 1) % HASH_TICKS === 0) this.#keepHash();
    const { x, y, heading, score } = this.movers.columns;
    const step = SPEED_PER_SEC * dt;
    for (let i = 0; i < this.movers.rowEnd; i += 1) {
      if (this.random() < 0.05) heading[i] += this.random() - 0.5;
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
