/**
 * What a client tells the server without being asked, and whether it is answered: a ping every second, and one soon after a
 * snapshot that the server hasn't heard of.
 */

const PING_INTERVAL_MS = 1000;
/**
 * The longest that a snapshot is held without the server hearing of it: a quarter of the lag at which it sends no more by
 * default. Inputs carry the acknowledgement; a client that sends none pings four times a second.
 */
const ACK_INTERVAL_MS = 250;
/** The time of a ping that isn't to be answered. */
const NO_TIME_MS = 0;
/** Weight of a new round trip in `pingMs`: half of a change shows after three pings. */
const PING_WEIGHT = 0.2;
/**
 * Pings in a row after which nothing came before the next was due: the connection is dead then. Pings are counted and not
 * seconds, as the timers of a hidden page are slowed down or stopped.
 */
export const UNANSWERED_PINGS_MAX = 5;

export class Heartbeat {
  /** Round trip in milliseconds, smoothed; 0 until the first answer. */
  pingMs = 0;
  /** When the server was last told what is held here, and which tick that was. */
  private toldMs: number;
  private toldTick = 0;
  private isHeard = false;
  private unanswered = 0;
  private isRunning = false;
  private ackTimer: ReturnType<typeof setTimeout> | undefined;
  private pingTimer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param heldTick the newest tick held, or 0 where the server owes a keyframe.
   * @param sendPing sends a ping of that time, which says which tick is held.
   * @param fellSilent nothing comes any more.
   */
  constructor(
    private readonly heldTick: () => number,
    private readonly sendPing: (timeMs: number) => void,
    private readonly fellSilent: () => void,
    private readonly now: () => number,
  ) {
    this.toldMs = now(); // `start` tells of the first keyframe
  }

  /** A connection is there: pings at once, and from then on. */
  start(): void {
    this.isRunning = true;
    this.isHeard = false;
    this.unanswered = 0;
    this.ping();
    clearInterval(this.pingTimer);
    this.pingTimer = setInterval(() => this.beat(), PING_INTERVAL_MS);
  }

  stop(): void {
    this.isRunning = false;
    clearInterval(this.pingTimer);
    clearTimeout(this.ackTimer);
    this.ackTimer = undefined;
  }

  /** Something was received. */
  heard(): void {
    this.isHeard = true;
  }

  /** The server was told which tick is held, by an input. */
  told(): void {
    this.toldTick = this.heldTick();
    this.toldMs = this.now();
  }

  /**
   * A snapshot is held that the server hasn't heard of. The timer is for the last snapshot of several that came at once: the
   * server may be waiting to hear that it has been read before it sends another.
   */
  acknowledgeSoon(): void {
    const waitMs = this.toldMs + ACK_INTERVAL_MS - this.now();
    if (waitMs <= 0) this.acknowledge();
    else if (this.isRunning) this.ackTimer ??= setTimeout(() => this.acknowledgeRest(), waitMs);
  }

  /** An answer to the ping of `timeMs`. */
  pong(timeMs: number): void {
    const roundTripMs = this.now() - timeMs;
    if (!(roundTripMs >= 0)) return; // not a time of ours
    this.pingMs = this.pingMs === 0 ? roundTripMs : this.pingMs + PING_WEIGHT * (roundTripMs - this.pingMs);
  }

  private acknowledgeRest(): void {
    this.ackTimer = undefined;
    if (this.toldTick !== this.heldTick()) this.acknowledgeSoon();
  }

  private beat(): void {
    this.unanswered = this.isHeard ? 0 : this.unanswered + 1;
    this.isHeard = false;
    if (this.unanswered >= UNANSWERED_PINGS_MAX) this.fellSilent();
    if (this.isRunning) this.ping(); // the owner may do without, and has stopped it if not
  }

  /** Not answered: a client that sends no inputs does so four times a second, and one answer a second says enough. */
  private acknowledge(): void {
    this.told();
    this.sendPing(NO_TIME_MS);
  }

  private ping(): void {
    this.told();
    this.sendPing(this.toldMs);
  }
}
