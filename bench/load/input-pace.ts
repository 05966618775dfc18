/**
 * Sends the inputs of many clients at one rate, each client at a phase of its own, as players on many machines would:
 * evenly over the period. A client plays from the moment it is added.
 *
 * A load with a core of its own never sleeps, so that every input leaves at its own time: a timer would send those of a
 * millisecond at once, and spare the server most of its wake-ups. One that shares its core has to use the timer.
 */
import { INPUT_RATE_HZ } from '../arena-game.js';
import type { LoadClient } from './contender.js';
import { LoadSocket } from './load-socket.js';
import type { Random } from '../../src/shard/random.js';

const INPUTS_PER_MS = INPUT_RATE_HZ / 1000;
const TIMER_MS = 1;
/** Players run elsewhere about once a second. */
const NEW_HEADING_SHARE = 1 / INPUT_RATE_HZ;

export class InputPace {
  inputs = 0;
  private readonly clients: LoadClient[] = [];
  private readonly headings: number[] = [];
  /** Time of the turns of the event loop in which something was sent or received; all of it, for a load that sleeps. */
  busyMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private framesIn = 0;
  private lastMs = performance.now();
  /** Inputs that were due at the last turn: whole ones were sent. */
  private due = 0;
  /** Whose turn it is. */
  private next = 0;

  /** @param sleeps whether it shares its core */
  constructor(private readonly random: Random, sleeps: boolean) {
    if (sleeps) this.timer = setInterval(() => this.sendDue(), TIMER_MS);
    else this.turn();
  }

  add(client: LoadClient): void {
    this.clients.push(client);
    this.headings.push(Math.floor(256 * this.random.next()));
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
  }

  private readonly turn = (): void => {
    if (this.stopped) return;
    this.sendDue();
    setImmediate(this.turn);
  };

  private sendDue(): void {
    const { clients, headings, random } = this;
    const nowMs = performance.now();
    const sinceMs = nowMs - this.lastMs;
    if (this.due >= 1 || LoadSocket.framesInAll !== this.framesIn) this.busyMs += sinceMs;
    this.framesIn = LoadSocket.framesInAll;
    this.due = (this.due % 1) + sinceMs * INPUTS_PER_MS * clients.length;
    this.lastMs = nowMs;
    for (let count = Math.floor(this.due); count > 0; count -= 1) {
      const i = this.next;
      this.next = i + 1 < clients.length ? i + 1 : 0;
      if (random.next() < NEW_HEADING_SHARE) headings[i] = Math.floor(256 * random.next());
      clients[i]!.input(headings[i]!);
      this.inputs += 1;
    }
  }
}
