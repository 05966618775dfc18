/**
 * From an input to the state that shows it, over a real socket: what the server adds to the time its schedule takes.
 *
 * One client in a room of 60 ticks and 60 snapshots a second, in a server process, sends an input at a random phase of
 * the tick, waits until a snapshot shows it, and sends the next.
 *
 * ```
 *   sent        in the shard's ring       deadline     tick begins       snapshot received, state changed
 *    |--one way--|---------wait--------------|--lateness---|---tick, ring, front, socket, client---|
 *    |                                       |                                                     |
 *    |                     latency = (received - sent) - wait                                      |
 * ```
 *
 * All times are of CLOCK_MONOTONIC (`process.hrtime`), which the processes of a machine share.
 *
 *   sent       just before `room.input()`
 *   received   in `onStateChange`, first thing: the snapshot is decoded and the state shows the input
 *   deadline   of the tick that took the input: when that tick began, less its lateness (`room.latenessMs`)
 *   one way    half the shortest of many pings to the front: the least time in which the input can be in the ring
 *   wait       deadline - (sent + one way), from 0 to one period: what nobody could have saved, as the input was there
 *              too early. An input that came between a deadline and its late tick has no wait: the lateness is in its
 *              latency. So is whatever keeps an input from its tick for longer than a period.
 */
import { connect } from 'escapement/client';
import { CloseCode } from '../src/protocol/close-codes.js';
import { Random } from '../src/shard/random.js';
import { distributionOf } from './distribution.js';
import { atMost } from './goal.js';
import { OtherLoad } from './machine.js';
import type PulseRoom from './rooms/pulse.js';
import { measureRoundTrips } from './round-trip.js';
import type { BenchOptions, BenchResult } from './run.js';
import { ServerProcess } from './server-process.js';

export const name = 'latency';
export const about = 'from an input to the state that shows it, over a socket, less the wait for the tick';

const SEED = 0x1a7e;
const TICK_RATE_HZ = 60;
const PERIOD_US = 1e6 / TICK_RATE_HZ;

/**
 * Inputs of the warm-up are checked as well, but not counted: code that runs 60 times a second is compiled late, and the
 * compiler's threads take their slices of the server's core. With 200 inputs (5 s) p50 was 0.48 to 0.59 ms and p99 3.1 to
 * 5.9; with 2,000 (50 s) 0.28 to 0.40 and 1.4 to 2.4.
 */
const SIZES = {
  full: { warmUpInputs: 2000, durationSec: 40, pings: 100 },
  small: { warmUpInputs: 10, durationSec: 2, pings: 20 },
};

/** An input that no snapshot shows for so long is lost. */
const SHOWN_TIMEOUT_MS = 5000;
/** After the last input, ticks to wait for one that is shown twice. */
const QUIET_TICKS = 6;

const LATENCY_P50_MS_MAX = 0.5;
const LATENCY_P99_MS_MAX = 2;

interface Sample {
  readonly sentUs: number;
  readonly receivedUs: number;
  readonly deadlineUs: number;
  readonly latenessUs: number;
}

export async function run({ small }: BenchOptions): Promise<BenchResult> {
  const { warmUpInputs, durationSec, pings } = small ? SIZES.small : SIZES.full;
  const server = await ServerProcess.start();
  const relax = stayAwake();
  try {
    const random = new Random(SEED);
    const roundTripsMs = [...(await measureRoundTrips(server.url, pings))];
    const player = await Player.join(server.url, random);
    for (let i = 0; i < warmUpInputs; i += 1) await player.sendOne();
    const otherLoad = new OtherLoad();
    const samples: Sample[] = [];
    const endUs = nowUs() + durationSec * 1e6;
    while (nowUs() < endUs) samples.push(await player.sendOne());
    const otherProcessesCores = otherLoad.cores();
    await player.leave();
    roundTripsMs.push(...(await measureRoundTrips(server.url, pings)));
    return report(samples, roundTripsMs, server.pinned, otherProcessesCores, relax());
  } finally {
    relax();
    await server.stop();
  }
}

/** Sends inputs, one at a time, and checks that each is acknowledged and shown exactly once, in order. */
class Player {
  private sent = 0;
  private seq = 0;
  private shown = 0;
  private onShown: ((sample: Omit<Sample, 'sentUs'>) => void) | null = null;
  private problem: Error | undefined;

  private constructor(
    private readonly room: Awaited<ReturnType<typeof Player.joinRoom>>,
    private readonly random: Random,
  ) {
    room.onStateChange(() => this.look(nowUs()));
    room.onError((error) => (this.problem ??= error));
    room.onLeave((code, reason) => {
      if (code !== CloseCode.Consented) this.problem ??= new Error(`the server closed with ${code}: ${reason}`);
    });
  }

  private static joinRoom(url: string) {
    return connect(url, { reconnect: false }).create<typeof PulseRoom>('pulse');
  }

  static async join(url: string, random: Random): Promise<Player> {
    return new Player(await Player.joinRoom(url), random);
  }

  /** One input at a random moment of the next two periods. Resolves when it is shown. */
  async sendOne(): Promise<Sample> {
    await sleepUs(this.random.next() * 2 * PERIOD_US);
    this.sent += 1;
    const shown = new Promise<Omit<Sample, 'sentUs'>>((resolve) => (this.onShown = resolve));
    const sentUs = nowUs();
    this.seq = this.room.input({ serial: this.sent });
    return { sentUs, ...(await this.unlessLost(shown)) };
  }

  async leave(): Promise<void> {
    await sleepUs(QUIET_TICKS * PERIOD_US);
    if (this.problem !== undefined) throw this.problem;
    if (this.shown !== this.sent) throw new Error(`${this.sent} inputs were sent, ${this.shown} were shown`);
    await this.room.leave();
  }

  private look(receivedUs: number): void {
    const { value: pulse } = this.room.state.pulses[Symbol.iterator]().next();
    const { serial, taken, deadlineUs, latenessUs } = pulse!;
    const isNext = serial === this.shown + 1 && serial === this.sent;
    if ((serial !== this.shown && !isNext) || taken !== serial) {
      this.problem ??= new Error(
        `the state shows input ${serial} of ${taken} taken; ${this.shown} was the last shown, ${this.sent} were sent`,
      );
    } else if (isNext) {
      if (this.room.ackedInput !== this.seq) {
        this.problem ??= new Error(`input ${this.seq} is shown, but ${this.room.ackedInput} is acknowledged`);
      }
      this.shown = serial;
      this.onShown?.({ receivedUs, deadlineUs, latenessUs });
    }
  }

  private async unlessLost<T>(shown: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const lost = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.problem ?? new Error(`input ${this.sent} was not shown`)), SHOWN_TIMEOUT_MS);
    });
    try {
      return await Promise.race([shown, lost]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function report(
  samples: readonly Sample[],
  roundTripsMs: readonly number[],
  pinned: boolean,
  otherProcessesCores: number,
  coreLoss: CoreLoss,
): BenchResult {
  const roundTripMs = distributionOf(roundTripsMs);
  const oneWayUs = (roundTripMs.min * 1000) / 2;
  const waits = samples.map(({ sentUs, deadlineUs }) => {
    const earlyUs = lowDistance(sentUs, deadlineUs) - oneWayUs;
    return Math.min(Math.max(0, earlyUs), PERIOD_US) / 1000;
  });
  const rawsMs = samples.map(({ sentUs, receivedUs }) => (receivedUs - sentUs) / 1000);
  const raw = distributionOf(rawsMs);
  const wait = distributionOf(waits);
  const latency = distributionOf(rawsMs.map((rawMs, i) => rawMs - waits[i]!));
  // Those inputs on whose way the load had its core all the time: what is left is the server's, and its core's.
  const awakeMs = rawsMs.flatMap((rawMs, i) => (lostDuring(coreLoss, samples[i]!) ? [] : [rawMs - waits[i]!]));
  const awake = distributionOf(awakeMs);
  const lateness = distributionOf(samples.map(({ latenessUs }) => latenessUs / 1000));
  const delivery = distributionOf(
    samples.map(({ deadlineUs, latenessUs, receivedUs }) => lowDistance(deadlineUs + latenessUs, receivedUs) / 1000),
  );
  return {
    seed: SEED,
    metrics: {
      inputs: samples.length,
      latencyP50Ms: latency.p50,
      latencyP99Ms: latency.p99,
      latencyMaxMs: latency.max,
      rawLatencyP50Ms: raw.p50,
      rawLatencyP99Ms: raw.p99,
      waitP50Ms: wait.p50,
      waitP99Ms: wait.p99,
      tickLatenessP50Ms: lateness.p50,
      tickLatenessP99Ms: lateness.p99,
      deliveryP50Ms: delivery.p50,
      deliveryP99Ms: delivery.p99,
      roundTripMinMs: roundTripMs.min,
      roundTripP50Ms: roundTripMs.p50,
      roundTripP99Ms: roundTripMs.p99,
      pinned: pinned ? 1 : 0,
      otherProcessesCores,
      latencyAwakeP50Ms: awake.p50,
      latencyAwakeP99Ms: awake.p99,
      inputsAwake: awakeMs.length,
      loadCoreLostPercent: (100 * coreLoss.lostMs) / coreLoss.watchedMs,
      loadCoreLostMsMax: coreLoss.lostMsMax,
    },
    goals: [
      atMost('latencyP50Ms', latency.p50, LATENCY_P50_MS_MAX),
      atMost('latencyP99Ms', latency.p99, LATENCY_P99_MS_MAX),
    ],
    notes: [
      'latency = raw latency - wait; raw: input sent to state changed; wait: input in the ring to its tick\'s deadline',
      'delivery: from the beginning of the tick to the changed state',
      'the input counts as in the ring half the shortest round trip after it was sent',
      'the load never sleeps, so that the waking-up of its core is not measured',
      `loadCoreLost: turns of its event loop over ${LOST_MS_MIN} ms; latencyAwake: of inputs that met none on their way`,
      pinned ? 'server and load are pinned to cores of their own' : 'server and load share the cores',
    ],
  };
}

/** `toUs - fromUs` where one of them has lost all but its low 32 bits: right for distances below half an hour. */
function lowDistance(fromUs: number, toUs: number): number {
  return (Math.round(toUs % 2 ** 32) - Math.round(fromUs % 2 ** 32)) | 0;
}

function nowUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

/** Any phase of the tick is as likely as any other: turns of the event loop are far shorter than timers. */
async function sleepUs(durationUs: number): Promise<void> {
  const untilUs = nowUs() + durationUs;
  while (nowUs() < untilUs) await new Promise((resolve) => setImmediate(resolve));
}

/** Turns of an event loop with nothing to do take microseconds: a longer one had lost its core, or collected garbage. */
const LOST_MS_MIN = 0.5;

/** How much of the time the load's core was not the load's: what the machine itself adds to the highest percentiles. */
interface CoreLoss {
  /** Beginning and end of each turn that was too long, in microseconds, one after the other. */
  readonly turnsUs: number[];
  lostMs: number;
  lostMsMax: number;
  watchedMs: number;
}

/**
 * Keeps the event loop turning: the load looks for frames without ever sleeping. How long its core takes to wake up
 * (0.1 ms and more on a virtual machine) would be measured otherwise. Returns what ends it.
 */
function stayAwake(): () => CoreLoss {
  let awake = true;
  const loss: CoreLoss = { turnsUs: [], lostMs: 0, lostMsMax: 0, watchedMs: 0 };
  let lastUs = nowUs();
  const turn = (): void => {
    const turnUs = nowUs();
    const turnMs = (turnUs - lastUs) / 1000;
    loss.watchedMs += turnMs;
    if (turnMs > LOST_MS_MIN) {
      loss.lostMs += turnMs;
      loss.turnsUs.push(lastUs, turnUs);
      loss.lostMsMax = Math.max(loss.lostMsMax, turnMs);
    }
    lastUs = turnUs;
    if (awake) setImmediate(turn);
  };
  turn();
  return () => {
    awake = false;
    return loss;
  };
}

/** Whether the load had lost its core at any moment between sending this input and seeing its state. */
function lostDuring({ turnsUs }: CoreLoss, { sentUs, receivedUs }: Sample): boolean {
  for (let i = 0; i < turnsUs.length; i += 2) {
    if (turnsUs[i]! < receivedUs && turnsUs[i + 1]! > sentUs) return true;
  }
  return false;
}
