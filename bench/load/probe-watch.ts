/** What a probe sees: how evenly its snapshots come, and how long an input takes to show. */
import type { Random } from '../../src/shard/random.js';
import type { LoadClient } from './contender.js';

/** From one turn to the next, at random: any phase of tick and snapshot is as likely as any other. */
const TURN_MS_MIN = 300;
const TURN_MS_MAX = 700;
/** Inputs on the way would be mistaken for the answer if a turn went back to a heading just left. */
const TURN_STEPS_MIN = 16;

export class ProbeWatch {
  /** Distance of each interval between two snapshots from the one they should have, in milliseconds. */
  readonly jittersMs: number[] = [];
  /** From an input to the snapshot that shows it. */
  readonly latenciesMs: number[] = [];
  /** The heading that the player last turned to. */
  private heading = 0;
  private lastMs = 0;
  private sentMs = 0;
  private measuring = false;
  private timer: NodeJS.Timeout | undefined;

  /** @param intervalMs that two snapshots should be apart */
  constructor(
    private readonly client: LoadClient,
    private readonly slot: number,
    private readonly intervalMs: number,
    private readonly random: Random,
  ) {
    client.onSnapshot = (arrivedMs) => this.look(arrivedMs);
    if (client.headingOf(slot) >= 0) this.turnLater();
  }

  begin(): void {
    this.jittersMs.length = 0;
    this.latenciesMs.length = 0;
    this.measuring = true;
  }

  stop(): void {
    this.measuring = false;
    clearTimeout(this.timer);
    this.client.onSnapshot = null;
  }

  private look(arrivedMs: number): void {
    if (this.measuring && this.lastMs > 0) this.jittersMs.push(Math.abs(arrivedMs - this.lastMs - this.intervalMs));
    this.lastMs = arrivedMs;
    if (this.sentMs === 0 || this.client.headingOf(this.slot) !== this.heading) return;
    if (this.measuring) this.latenciesMs.push(arrivedMs - this.sentMs);
    this.sentMs = 0;
    this.turnLater();
  }

  private turnLater(): void {
    const waitMs = TURN_MS_MIN + (TURN_MS_MAX - TURN_MS_MIN) * this.random.next();
    this.timer = setTimeout(() => {
      const steps = TURN_STEPS_MIN + Math.floor((256 - 2 * TURN_STEPS_MIN) * this.random.next());
      this.heading = (this.heading + steps) & 255;
      this.sentMs = performance.now();
      this.client.input(this.heading);
    }, waitMs);
  }
}
