/**
 * The bell: wakes a consumer that sleeps, in its event loop or for a moment without it. One shared word says whether it is
 * asleep, a second one is what it naps on.
 *
 * | word | written by | read by | published by | stale which way |
 * |---|---|---|---|---|
 * | bell | sleeper: AWAKE to ASLEEP or NAPPING and back; ringer: back to AWAKE | both | atomics only | either way, see below |
 * | naps | ringer: one more for each nap it ends; wraps | both | atomics only | never: the nap's wait compares it |
 *
 * The words are in the ring's own line (`RING_BELL_OFFSET`) by default, for a consumer of one ring. A front
 * that drains the egress rings of many shards needs one bell for all of them: give every ringer and the one sleeper the
 * same `new SharedArrayBuffer(BELL_BYTES)` and offset 0. Any number of ringers may share a bell, sleepers may not.
 *
 * Why no wake-up is lost. All four steps are sequentially consistent atomics, so one order of them holds for everyone:
 *
 * ```
 *   sleeper                              ringer
 *   1  store bell = ASLEEP               3  store tail   (publish)
 *   2  load tail: still empty?           4  load bell    (ring)
 * ```
 *
 * If 2 misses the record of 3, then 2 came before 3, so 1 came before 4: the ringer sees ASLEEP and notifies. And the
 * notify can't fall between 2 and the wait, because `Atomics.waitAsync` itself waits only while the word is still
 * ASLEEP, and the ringer changes it first. What can happen is a wake-up with nothing to do. The sleeper drains an empty
 * ring then, which costs a few microseconds.
 *
 * The common case is a busy consumer: then `ring` is one atomic load of a line that nobody writes.
 *
 * A nap blocks the thread (`Atomics.wait`), which wakes in a tenth of the time that the event loop takes. It has a word of
 * its own because a wait of the event loop's can't be taken back: it would get the notify, and the nap would go on. A
 * ringer that ends a nap before its wait has begun has changed `naps` by then, and the wait ends at once.
 *
 * `waitAsync` alone doesn't keep Node's event loop alive. Something else of the thread must (its message port, a
 * socket, a timer), or the thread ends in its sleep.
 */
import { RING_BELL_OFFSET, RingError } from './ring-layout.js';

/** Size of a bell outside a ring: two words, and the distance that keeps other words off its cache lines. */
export const BELL_BYTES = 128;

// In Node since 16 and in TypeScript's lib since ES2024, which is newer than what we compile for.
type WaitAsync = (words: Int32Array, index: number, value: number) =>
  { async: false; value: 'not-equal' | 'timed-out' } | { async: true; value: Promise<'ok' | 'timed-out'> };

const waitAsync = (Atomics as unknown as { waitAsync: WaitAsync }).waitAsync;

const AWAKE = 0;
const ASLEEP = 1;
const NAPPING = 2;

/** The words of a bell. */
const BELL = 0;
const NAPS = 1;

/** The producers' side of a bell. */
export class BellRinger {
  private readonly words: Int32Array;

  /**
   * @param sab a ring, or any shared memory with room for a bell
   * @param byteOffset of the bell's word, a multiple of 4; default: the bell's place in a ring
   */
  constructor(sab: SharedArrayBuffer, byteOffset: number = RING_BELL_OFFSET) {
    this.words = bellWord(sab, byteOffset);
  }

  /**
   * Wakes the sleeper if it sleeps. To be called after a `publish` that returned true, once per batch. Allocates
   * nothing.
   *
   * @returns whether it woke the sleeper: at most once per sleep, however many ring
   */
  ring(): boolean {
    const { words } = this;
    const state = Atomics.load(words, BELL);
    if (state === AWAKE) return false;
    // Of several ringers the one whose exchange succeeds notifies; the system call is what is worth saving.
    if (Atomics.compareExchange(words, BELL, state, AWAKE) !== state) return false;
    if (state === NAPPING) Atomics.add(words, NAPS, 1);
    Atomics.notify(words, state === NAPPING ? NAPS : BELL, 1);
    return true;
  }
}

/**
 * The consumer's side of a bell.
 *
 * ```
 *              sleep() finds no work           the bell rings: onWake()
 *   +-------+ ----------------------> +--------+ -------------+
 *   | AWAKE |                         | ASLEEP |              |
 *   +-------+ <---------------------- +--------+              |
 *     ^   |        disarm()                                   |
 *     |   +--- sleep() finds work: returns false              |
 *     +-------------------------------------------------------+
 *   nap() from either: NAPPING until the bell rings or the time is over, then AWAKE
 *   close() from any: CLOSED, for ever
 * ```
 *
 * A wait once begun can't be taken back in JS. So `disarm` leaves it standing, the next `sleep` takes it up again, and
 * there is never more than one. It costs one promise per wake-up, none per `sleep` and `disarm`.
 */
export class BellSleeper {
  private readonly words: Int32Array;
  private readonly hasWork: () => boolean;
  private readonly onWake: () => void;
  private readonly onNotify = () => this.wake();
  private state: 'awake' | 'asleep' | 'closed' = 'awake';
  /** A waitAsync of ours is standing, or its promise is settled and `onNotify` has yet to run. */
  private waiting = false;

  /**
   * @param sab a ring, or any shared memory with room for a bell
   * @param hasWork whether there is something to do; must look at shared memory (`!ring.isEmpty`), for all the rings of
   *   this bell
   * @param onWake called from the event loop, once per ring of the bell, with the sleeper awake: drain, then `sleep`
   *   again. What it throws is an unhandled rejection.
   * @param byteOffset of the bell's word, a multiple of 4; default: the bell's place in a ring
   */
  constructor(
    sab: SharedArrayBuffer, hasWork: () => boolean, onWake: () => void, byteOffset: number = RING_BELL_OFFSET,
  ) {
    this.words = bellWord(sab, byteOffset);
    this.hasWork = hasWork;
    this.onWake = onWake;
    // A sleeper before us in the same memory may have died asleep. Its flag would cost one useless notify.
    Atomics.store(this.words, BELL, AWAKE);
  }

  /**
   * Announces that the consumer sleeps until the bell rings.
   *
   * @returns false when there is work already: the sleeper stays awake and `onWake` won't be called; drain, try again
   */
  sleep(): boolean {
    if (this.state === 'closed') {
      throw new RingError('RING_MISUSE', 'sleep on a closed bell; make a new BellSleeper');
    }
    Atomics.store(this.words, BELL, ASLEEP);
    if (this.hasWork()) {
      this.disarm();
      return false;
    }
    if (!this.waiting) {
      const wait = waitAsync(this.words, BELL, ASLEEP);
      // Not equal: it rang since the look at the rings.
      if (!wait.async) {
        this.disarm();
        return false;
      }
      this.waiting = true;
      void wait.value.then(this.onNotify);
    }
    // Taking up a standing wait skips the check of the word that waitAsync makes. Nothing is lost: a ringer that has
    // changed the word since will notify that wait.
    this.state = 'asleep';
    return true;
  }

  /**
   * Blocks the thread until the bell rings, for `durationMs` at most.
   *
   * @returns whether there is work; false when the time has passed without any
   */
  nap(durationMs: number): boolean {
    if (this.state === 'closed') return false;
    const { words } = this;
    const naps = Atomics.load(words, NAPS);
    Atomics.store(words, BELL, NAPPING);
    const rang = this.hasWork() || Atomics.wait(words, NAPS, naps, durationMs) !== 'timed-out';
    this.disarm();
    // A bell that rang just as the time was over found nobody waiting.
    return rang || this.hasWork();
  }

  /** Ends the sleep without the bell, because the consumer is up for another reason. `onWake` won't be called. */
  disarm(): void {
    if (this.state === 'closed') return;
    this.state = 'awake';
    Atomics.store(this.words, BELL, AWAKE);
  }

  /** Ends the sleep for good and lets the standing wait go. */
  close(): void {
    this.disarm();
    this.state = 'closed';
    Atomics.notify(this.words, BELL);
  }

  private wake(): void {
    this.waiting = false;
    if (this.state !== 'asleep') return;
    // Usually the ringer has set it. Not if it rang, we disarmed and slept again, and its notify came only now.
    this.disarm();
    this.onWake();
  }
}

function bellWord(sab: SharedArrayBuffer, byteOffset: number): Int32Array {
  if (byteOffset >>> 0 !== byteOffset || byteOffset % 4 !== 0 || byteOffset + 8 > sab.byteLength) {
    throw new RingError(
      'RING_MISUSE',
      `bell at byte ${byteOffset} of ${sab.byteLength}; expected a multiple of 4 inside; outside of a ring`
      + ' the offset has to be given',
    );
  }
  return new Int32Array(sab, byteOffset, 2);
}
