/**
 * Everything that a table can hold, moving in every way that a snapshot can say: steadily, at random, by leaps to the ends
 * of each range, round the circle, and not at all; rows that come and go, texts that change, and tables that don't.
 */
import {
  angle, bool, fixed, float32, int16, int32, int8, Room, table, text, uint16, uint32, uint8, type Client, type Row,
} from 'escapement';
import type { HashMessage } from './drift.js';

const Beast = table(
  {
    x: fixed(0, 2000, 1 / 32),
    y: fixed(-50, 50, 0.01),
    heading: angle(10),
    spin: angle(3),
    side: angle(1),
    name: text(24),
    temper: int8,
    hunger: int16,
    purse: int32,
    legs: uint8,
    age: uint16,
    brand: uint32,
    weight: float32,
    cry: text(6),
    awake: bool,
  },
  { capacity: 90 },
);
const Spark = table({ x: fixed(-10, 10, 0.1), life: uint8 }, { capacity: 200 });
/** No numbers at all. */
const Notice = table({ title: text(12), words: text(40) }, { capacity: 4 });
/** Rows that never change. */
const Rock = table({ x: fixed(0, 2000, 0.5), mass: float32, label: text(8) }, { capacity: 300 });
/** Never a row. */
const Ghost = table({ fright: uint8 });

type BeastRow = Row<typeof Beast.fields>;

const BEASTS = 64;
const ROCKS = 120;
const INT32_EXTREMES = [-(2 ** 31), 2 ** 31 - 1, 0, -1];
const UINT32_EXTREMES = [0, 2 ** 32 - 1, 2 ** 31, 2 ** 31 - 1];
const FLOAT_EXTREMES = [0, -0, 3.4028234663852886e38, -1e-45, 0.1];
const CRIES = ['', 'moo', 'äöü', '€€', '🦊'];

export default class Menagerie extends Room {
  static override maxClients = 8;

  beasts = this.table(Beast);
  ghosts = this.table(Ghost);
  notices = this.table(Notice);
  sparks = this.table(Spark);
  rocks = this.table(Rock);
  #toldTick = 0;

  override onCreate(): void {
    for (let i = 0; i < BEASTS; i += 1) {
      this.beasts.spawn({ x: this.random() * 2000, y: this.random() * 100 - 50, legs: i, name: `beast ${i}` });
    }
    for (let i = 0; i < ROCKS; i += 1) this.rocks.spawn({ x: i * 16, mass: i / 7, label: `rock ${i}` });
    this.notices.spawn({ title: 'welcome', words: 'do not feed the animals' });
    this.notices.spawn({ title: 'hours' });
  }

  override onJoin(client: Client): void {
    client.data = this.beasts.spawn({ x: 1000, name: client.sessionId, awake: true });
  }

  override onTick(): void {
    this.tellHash();
    for (const beast of this.beasts) {
      const manner = beast.index % 8;
      if (manner < 4) this.walk(beast);
      else if (manner === 4) this.tremble(beast);
      else if (manner === 5 && this.random() < 0.02) this.leap(beast);
      else if (manner === 6 && this.random() < 0.01) this.rename(beast);
    }
    if (this.random() < 0.4 && this.sparks.size < this.sparks.capacity) {
      this.sparks.spawn({ x: this.random() * 20 - 10, life: 10 + this.random() * 60 });
    }
    for (const spark of this.sparks) {
      spark.life -= 1;
      if (spark.life === 0) this.sparks.despawn(spark);
    }
    if (this.random() < 0.02) this.swapNotice();
  }

  override onLeave(client: Client): void {
    this.beasts.despawn(client.data);
  }

  /** The same step at each tick, until it meets a wall. */
  private walk(beast: BeastRow): void {
    const step = (beast.index % 5) + 1;
    beast.x = beast.x >= 2000 - step ? 0 : beast.x + step / 4;
    beast.y += beast.index % 2 === 0 ? 0.01 : -0.02;
    beast.heading += step * 0.02;
    beast.spin += 0.3;
    beast.age = (beast.age + 300) % 65536;
    beast.brand = (beast.brand + 2 ** 27) % 2 ** 32;
  }

  /** Any direction, any distance. */
  private tremble(beast: BeastRow): void {
    beast.x += (this.random() - 0.5) * 20;
    beast.heading -= this.random();
    beast.side += this.random() * 4;
    beast.temper = this.random() * 300 - 150;
    beast.weight = (this.random() - 0.5) * 1e9;
    beast.purse = (this.random() - 0.5) * 2 ** 33;
    beast.awake = this.random() < 0.5;
  }

  /** From one end of a range to another. */
  private leap(beast: BeastRow): void {
    beast.x = this.random() < 0.5 ? 0 : 2000;
    beast.y = this.random() < 0.5 ? -50 : 50;
    beast.temper = this.random() < 0.5 ? -128 : 127;
    beast.hunger = this.random() < 0.5 ? -32768 : 32767;
    beast.purse = this.pick(INT32_EXTREMES);
    beast.legs = this.random() < 0.5 ? 0 : 255;
    beast.brand = this.pick(UINT32_EXTREMES);
    beast.weight = this.pick(FLOAT_EXTREMES);
    beast.awake = !beast.awake;
  }

  private rename(beast: BeastRow): void {
    beast.name = `${'é'.repeat(this.random() * 12)}${this.tick}`;
    if (this.random() < 0.5) beast.cry = this.pick(CRIES);
  }

  private swapNotice(): void {
    const [first] = this.notices;
    if (first !== undefined && this.random() < 0.3) this.notices.despawn(first);
    else if (first !== undefined && this.random() < 0.5) first.words = `since tick ${this.tick}`;
    else if (this.notices.size < this.notices.capacity) this.notices.spawn({ title: `at ${this.tick}` });
  }

  private pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.random() * values.length)]!;
  }

  private tellHash(): void {
    if (this.snapshotTick === this.#toldTick) return;
    this.#toldTick = this.snapshotTick;
    this.broadcast('hash', { tick: this.snapshotTick, hash: this.snapshotHash() } satisfies HashMessage);
  }
}
