/**
 * The work that every room of the heavy bench does in each tick, whoever runs it: discs in a box that bounce off its walls
 * and off each other, found through a uniform grid. As in bench/arena-game.ts, this file imports nothing and is plain
 * JavaScript once its types are taken away.
 *
 * It adds, multiplies, divides and takes square roots of doubles, which IEEE 754 rounds in one way only: the same seed gives
 * the same bits in every engine. So each world knows what it must be after `CHECK_STEPS` steps, and throws when it isn't:
 * no server can win by leaving work out.
 *
 * Its size was set once, to 200 us a step on the machine of the committed figures, and adapts to nothing: Node 20 took 198,
 * Node 22 202. The bench says what a step takes where it runs.
 *
 * Columns are arrays of numbers, not typed arrays: those are a fifth slower in an isolate where any buffer was ever
 * transferred, which uWebSockets.js does with every message and Node with the WebAssembly that takes types away. Rooms on
 * a thread of their own would be spared that, rooms beside the sockets not, and the work would no longer be the same.
 */

export const WORLD_SEED = 0x5eed;
const DISCS = 512;
/** Steps of the simulation in one tick. */
const SUBSTEPS = 10;
const SUBSTEP_SEC = 1 / 60 / SUBSTEPS;

const RADIUS = 1;
const DIAMETER = 2 * RADIUS;
/** A cell is a diameter wide: what a disc may touch is in its own cell or in one beside it. */
const CELLS_PER_SIDE = 36;
const CELLS = CELLS_PER_SIDE * CELLS_PER_SIDE;
const BOX_SIZE = CELLS_PER_SIDE * DIAMETER;
const SPEED_MAX_PER_SEC = 12;
const NONE = -1;

/** After a second of ticks each world compares itself with `CHECK_HASH`. */
export const CHECK_STEPS = 60;
export const CHECK_HASH = 2272845795;

export class DiscWorld {
  steps = 0;
  readonly x: number[] = [];
  readonly y: number[] = [];
  readonly velocityX: number[] = [];
  readonly velocityY: number[] = [];
  /** The first disc of each cell, and of each disc the next one in its cell. */
  private readonly firstOf: number[] = [];
  private readonly nextOf: number[] = [];

  constructor(seed: number) {
    const random = randomOf(seed);
    // On a lattice, so that none begins inside another.
    const perSide = Math.ceil(Math.sqrt(DISCS));
    const spacing = BOX_SIZE / perSide;
    for (let i = 0; i < DISCS; i += 1) {
      this.x.push(((i % perSide) + 0.5) * spacing);
      this.y.push((Math.floor(i / perSide) + 0.5) * spacing);
      this.velocityX.push((2 * random() - 1) * SPEED_MAX_PER_SEC);
      this.velocityY.push((2 * random() - 1) * SPEED_MAX_PER_SEC);
      this.nextOf.push(NONE);
    }
    for (let cell = 0; cell < CELLS; cell += 1) this.firstOf.push(NONE);
  }

  /**
   * The work of one tick.
   *
   * @throws when the world isn't what it must be after `CHECK_STEPS`
   */
  step(): void {
    for (let substep = 0; substep < SUBSTEPS; substep += 1) {
      this.move();
      this.sortIntoCells();
      this.collide();
    }
    this.steps += 1;
    if (this.steps === CHECK_STEPS && this.hash() !== CHECK_HASH) {
      throw new Error(`after ${CHECK_STEPS} steps the world's hash is ${this.hash()}; expected ${CHECK_HASH}`);
    }
  }

  /** FNV-1a over positions and velocities, bit for bit. */
  hash(): number {
    let hash = 0x811c9dc5;
    for (const column of [this.x, this.y, this.velocityX, this.velocityY]) {
      for (const byte of new Uint8Array(Float64Array.from(column).buffer)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    }
    return hash;
  }

  private move(): void {
    const { x, y, velocityX, velocityY } = this;
    for (let i = 0; i < DISCS; i += 1) {
      x[i] = x[i]! + velocityX[i]! * SUBSTEP_SEC;
      y[i] = y[i]! + velocityY[i]! * SUBSTEP_SEC;
      // Off a wall only while it runs into it: one that a neighbour pushed over the border comes back by itself.
      if (x[i]! < RADIUS ? velocityX[i]! < 0 : x[i]! > BOX_SIZE - RADIUS && velocityX[i]! > 0) velocityX[i] = -velocityX[i]!;
      if (y[i]! < RADIUS ? velocityY[i]! < 0 : y[i]! > BOX_SIZE - RADIUS && velocityY[i]! > 0) velocityY[i] = -velocityY[i]!;
    }
  }

  private sortIntoCells(): void {
    const { x, y, firstOf, nextOf } = this;
    firstOf.fill(NONE);
    for (let i = 0; i < DISCS; i += 1) {
      const cell = cellAt(y[i]!) * CELLS_PER_SIDE + cellAt(x[i]!);
      nextOf[i] = firstOf[cell]!;
      firstOf[cell] = i;
    }
  }

  /** Each pair once: with the rest of its own cell, and with the four cells that come after it in the order of rows. */
  private collide(): void {
    const { firstOf, nextOf } = this;
    for (let row = 0; row < CELLS_PER_SIDE; row += 1) {
      for (let column = 0; column < CELLS_PER_SIDE; column += 1) {
        const cell = row * CELLS_PER_SIDE + column;
        const isLast = column === CELLS_PER_SIDE - 1;
        for (let i = firstOf[cell]!; i !== NONE; i = nextOf[i]!) {
          this.collideWith(i, nextOf[i]!);
          if (!isLast) this.collideWith(i, firstOf[cell + 1]!);
          if (row === CELLS_PER_SIDE - 1) continue;
          if (column > 0) this.collideWith(i, firstOf[cell + CELLS_PER_SIDE - 1]!);
          this.collideWith(i, firstOf[cell + CELLS_PER_SIDE]!);
          if (!isLast) this.collideWith(i, firstOf[cell + CELLS_PER_SIDE + 1]!);
        }
      }
    }
  }

  /** One disc with those of a cell from `first` on: equal masses swap what they have along the line between them. */
  private collideWith(i: number, first: number): void {
    const { x, y, velocityX, velocityY, nextOf } = this;
    for (let j = first; j !== NONE; j = nextOf[j]!) {
      const acrossX = x[j]! - x[i]!;
      const acrossY = y[j]! - y[i]!;
      const squared = acrossX * acrossX + acrossY * acrossY;
      if (squared >= DIAMETER * DIAMETER || squared === 0) continue;
      const distance = Math.sqrt(squared);
      const normalX = acrossX / distance;
      const normalY = acrossY / distance;
      const closing = (velocityX[i]! - velocityX[j]!) * normalX + (velocityY[i]! - velocityY[j]!) * normalY;
      if (closing <= 0) continue;
      velocityX[i] = velocityX[i]! - closing * normalX;
      velocityY[i] = velocityY[i]! - closing * normalY;
      velocityX[j] = velocityX[j]! + closing * normalX;
      velocityY[j] = velocityY[j]! + closing * normalY;
    }
  }
}

/** Worlds take turns for so many steps each, as rooms do. Returns the microseconds of a step, by round of steps. */
export function timeSteps(worlds: number, steps: number): number[] {
  const all = Array.from({ length: worlds }, () => new DiscWorld(WORLD_SEED));
  return Array.from({ length: steps }, () => {
    const beganMs = performance.now();
    for (const world of all) world.step();
    return ((performance.now() - beganMs) * 1000) / worlds;
  });
}

function cellAt(position: number): number {
  const cell = Math.floor(position / DIAMETER);
  return cell < 0 ? 0 : cell >= CELLS_PER_SIDE ? CELLS_PER_SIDE - 1 : cell;
}

/** Mulberry32: numbers from 0 to 1. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000;
  };
}
