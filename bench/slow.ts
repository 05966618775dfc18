/**
 * A room of a hundred clients of which ten stop reading: what the other ninety notice of it, what it costs the server, and
 * how soon the ten are back.
 *
 * ```
 *   round   |------ calm ------|------ slow ------|-- back --|      all read, ten don't, all do again
 * ```
 *
 * 60 ticks and 20 snapshots a second of a hundred things that move, over real sockets. The hundred are light: they look at
 * each frame's head, note when it came, and acknowledge as the SDK does. All of them are in one process and take their
 * turns on one core, which makes most of the delay: what counts is its change. Ten stop reading from their sockets, so that
 * what is sent to them stays in the kernel.
 *
 *   delay      from the beginning of a tick (the room stamps it into its state) to its snapshot's arrival at a client
 *   recovery   from reading again to the keyframe's arrival
 *
 * Right or wrong: every delta comes on the snapshot before it. The ninety get every snapshot and no second keyframe, the
 * ten one keyframe a round. One more client, of the SDK, compares its state's hash with the room's once a second.
 */
import { connect, type ClientRoom } from 'escapement/client';
import { WebSocket, type RawData } from 'ws';
import { encodeJoin, encodePing, JoinMethod } from '../src/protocol/client-frames.js';
import { CloseCode } from '../src/protocol/close-codes.js';
import { ServerFrameKind, ServerFrameReader, SnapshotKind } from '../src/protocol/server-frames.js';
import { problemText } from '../src/protocol/verifier.js';
import { SUBPROTOCOL } from '../src/protocol/version.js';
import { distributionOf, type Distribution } from './distribution.js';
import { atMost } from './goal.js';
import { OtherLoad } from './machine.js';
import type CrowdRoom from './rooms/crowd.js';
import type { BenchOptions, BenchResult } from './run.js';
import { ServerProcess } from './server-process.js';

export const name = 'slow';
export const about = '100 clients of which 10 stop reading: what the other 90 notice, memory, recovery';

/** Rooms are seeded by the server; the load itself is not random. */
const SEED = 0;
const CLIENTS = 100;
const SLEEPERS = 10;
const JOINS_AT_ONCE = 10;
const TICK_RATE_HZ = 60;
const SNAPSHOT_TICKS = 3;

/** `slowSec` is under the five seconds after which the server closes who acknowledges nothing, and over the lag limit. */
const SIZES = {
  full: { warmUpSec: 30, rounds: 13, calmSec: 4, slowSec: 4 },
  small: { warmUpSec: 0.5, rounds: 1, calmSec: 1.5, slowSec: 2 },
};

/** By then the keyframes of the ten are out of the way. */
const BACK_SEC = 1;
/** As the SDK does. */
const ACK_INTERVAL_MS = 250;

const DELAY_CHANGE_P99_MS_MAX = 1;
const RECOVERY_MS_MAX = 1000;
const GROWTH_MIB_MAX = 64;

const MIB = 2 ** 20;

export async function run({ small }: BenchOptions): Promise<BenchResult> {
  const { warmUpSec, rounds, calmSec, slowSec } = small ? SIZES.small : SIZES.full;
  const server = await ServerProcess.start();
  try {
    const watcher = await Watcher.create(server.url);
    const spectators: Spectator[] = [];
    while (spectators.length < CLIENTS) {
      const joins = Array.from({ length: JOINS_AT_ONCE }, () => Spectator.join(server.url, watcher.roomId));
      spectators.push(...(await Promise.all(joins)));
    }
    // Spread over the order in which they are served, and in which they take their turns.
    const sleepers = spectators.filter((_, i) => i % (CLIENTS / SLEEPERS) === 4);
    const readers = spectators.filter((each) => !sleepers.includes(each));
    await sleep(warmUpSec);

    const otherLoad = new OtherLoad();
    const calm: Span[] = [];
    const slow: Span[] = [];
    const recoveriesMs: number[] = [];
    const residentBefore = await residentMib(server);
    let residentMax = residentBefore;
    for (let round = 0; round < rounds; round += 1) {
      calm.push(await spanOf(calmSec));
      for (const sleeper of sleepers) sleeper.stopReading();
      slow.push(await spanOf(slowSec));
      // Between the spans: a scrape takes milliseconds of the front's thread.
      residentMax = Math.max(residentMax, await residentMib(server));
      recoveriesMs.push(...(await Promise.all(sleepers.map((sleeper) => sleeper.wake()))));
      await sleep(BACK_SEC);
    }
    const otherProcessesCores = otherLoad.cores();
    const withheld = await server.metric('escapement_snapshots_lagged_total');
    if (withheld === 0) throw new Error('no snapshot was withheld: nobody was slow');
    for (const reader of readers) reader.finish(1);
    for (const sleeper of sleepers) sleeper.finish(1 + rounds);
    const hashes = await watcher.finish();

    const delaysMs = (span: Span): Distribution =>
      distributionOf(readers.flatMap((reader) => reader.delaysMs(span, watcher)));
    const calmMs = calm.map(delaysMs);
    const slowMs = slow.map(delaysMs);
    const delayChangeP99Ms = medianOf(slowMs, 'p99') - medianOf(calmMs, 'p99');
    const growthMib = residentMax - residentBefore;
    const recovery = distributionOf(recoveriesMs);
    return {
      seed: SEED,
      metrics: {
        readers: readers.length,
        sleepers: sleepers.length,
        rounds,
        snapshotsSeen: readers.reduce((sum, reader) => sum + reader.count, 0),
        snapshotsWithheld: withheld,
        hashesCompared: hashes,
        calmDelayP50Ms: medianOf(calmMs, 'p50'),
        calmDelayP99Ms: medianOf(calmMs, 'p99'),
        slowDelayP50Ms: medianOf(slowMs, 'p50'),
        slowDelayP99Ms: medianOf(slowMs, 'p99'),
        delayChangeP99Ms,
        recoveryP50Ms: recovery.p50,
        recoveryMaxMs: recovery.max,
        residentBeforeMib: residentBefore,
        growthMib,
        otherProcessesCores,
      },
      goals: [
        atMost('delayChangeP99Ms', delayChangeP99Ms, DELAY_CHANGE_P99_MS_MAX),
        atMost('recoveryMaxMs', recovery.max, RECOVERY_MS_MAX),
        atMost('growthMib', growthMib, GROWTH_MIB_MAX),
      ],
      notes: [
        'delay: from the beginning of a tick to its snapshot at one of the 90, most of it their turns on one core',
        'delayP50, delayP99: the median over the rounds of each span\'s own, as a core lost for a moment spoils a whole span',
        'the change may be negative: the ten take no turns while they don\'t read',
        'growth: resident memory of the server, the most at the end of a slow span less that at the beginning',
      ],
    };
  } finally {
    await server.stop();
  }
}

/** From here to there, in microseconds of CLOCK_MONOTONIC. */
interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

async function spanOf(seconds: number): Promise<Span> {
  const fromUs = nowUs();
  await sleep(seconds);
  return { fromUs, toUs: nowUs() };
}

const frameReader = new ServerFrameReader();

/** One of the hundred. */
class Spectator {
  private ticks = new Uint32Array(1024);
  private timesUs = new Float64Array(1024);
  /** Snapshots that came. */
  count = 0;
  private keyframes = 0;
  private problem: Error | undefined;
  private onKeyframe: (() => void) | undefined;
  private ackedTick = 0;
  private ackedMs = 0;
  private ackTimer: NodeJS.Timeout | undefined;

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data: RawData) => this.take(data as Buffer));
    socket.once('close', (code, reason) => this.fail(`the server closed with ${code}: ${String(reason)}`));
    socket.once('error', (error) => this.fail(error.message));
  }

  /** Resolves when its first keyframe is there. */
  static async join(url: string, roomId: string): Promise<Spectator> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, SUBPROTOCOL, { perMessageDeflate: false });
    const spectator = new Spectator(socket);
    const filled = spectator.nextKeyframe();
    socket.once('open', () => socket.send(encodeJoin({ method: JoinMethod.JoinById, roomId })));
    await filled;
    return spectator;
  }

  stopReading(): void {
    this.socket.pause();
  }

  /** Reads again. Resolves with the milliseconds until a keyframe came. */
  async wake(): Promise<number> {
    const fromUs = nowUs();
    const keyframe = this.nextKeyframe();
    this.socket.resume();
    await keyframe;
    return (nowUs() - fromUs) / 1000;
  }

  /** Of the snapshots that came within the span. */
  delaysMs({ fromUs, toUs }: Span, watcher: Watcher): number[] {
    const delays: number[] = [];
    for (let i = 0; i < this.count; i += 1) {
      const timeUs = this.timesUs[i]!;
      if (timeUs >= fromUs && timeUs < toUs) delays.push(watcher.sinceBeganMs(this.ticks[i]!, timeUs));
    }
    return delays;
  }

  /** @throws when so many keyframes and all snapshots between them were not what came. */
  finish(keyframes: number): void {
    this.socket.removeAllListeners();
    this.socket.terminate();
    clearTimeout(this.ackTimer);
    if (this.problem !== undefined) throw this.problem;
    if (this.keyframes !== keyframes) throw new Error(`${this.keyframes} keyframes came; expected ${keyframes}`);
  }

  /** Resolves as well when there will be none, and `finish` says why. */
  private nextKeyframe(): Promise<void> {
    return new Promise((resolve) => (this.onKeyframe = resolve));
  }

  private take(data: Buffer): void {
    const timeUs = nowUs();
    const problem = frameReader.read(data);
    if (problem !== 0) this.fail(`a frame is refused: ${problemText(problem)}`);
    if (frameReader.kind !== ServerFrameKind.Snapshot) return;
    const { tick, age, snapshotKind } = frameReader;
    const held = this.ticks[this.count - 1];
    if (snapshotKind === SnapshotKind.Keyframe) {
      // A newcomer is sent the state at once, and another keyframe with the room's next snapshot.
      if (this.count !== 1) this.keyframes += 1;
      this.onKeyframe?.();
    } else if (tick - age !== held || age !== SNAPSHOT_TICKS) {
      this.fail(`the delta of tick ${tick} is made on ${tick - age} and came after ${held}`);
    }
    if (this.count === this.ticks.length) this.grow();
    this.ticks[this.count] = tick;
    this.timesUs[this.count] = timeUs;
    this.count += 1;
    this.acknowledgeSoon(tick, timeUs / 1000);
  }

  private acknowledgeSoon(tick: number, timeMs: number): void {
    const waitMs = this.ackedMs + ACK_INTERVAL_MS - timeMs;
    if (waitMs <= 0) {
      this.ackedTick = tick;
      this.ackedMs = timeMs;
      this.socket.send(encodePing(timeMs, tick));
    } else {
      this.ackTimer ??= setTimeout(() => {
        this.ackTimer = undefined;
        const newest = this.ticks[this.count - 1]!;
        if (newest !== this.ackedTick) this.acknowledgeSoon(newest, nowUs() / 1000);
      }, waitMs);
    }
  }

  private fail(words: string): void {
    this.problem ??= new Error(words);
    this.onKeyframe?.();
  }

  private grow(): void {
    const { ticks, timesUs } = this;
    this.ticks = new Uint32Array(ticks.length * 2);
    this.ticks.set(ticks);
    this.timesUs = new Float64Array(timesUs.length * 2);
    this.timesUs.set(timesUs);
  }
}

/** Makes the room, reads in its state when the ticks began, and sees whether the state is the room's. */
class Watcher {
  private readonly beganUs = new Map<number, number>();
  private readonly hashes = new Map<number, number>();
  private readonly errors: Error[] = [];

  private constructor(private readonly room: ClientRoom<typeof CrowdRoom>) {
    room.onStateChange((state, tick) => {
      const { value: stamp } = state.stamps[Symbol.iterator]().next();
      this.beganUs.set(tick, stamp!.beganUs);
      if (tick % TICK_RATE_HZ === 0) this.hashes.set(tick, room.stateHash());
    });
    room.onError((error) => this.errors.push(error));
    room.onLeave((code, reason) => {
      if (code !== CloseCode.Consented) this.errors.push(new Error(`the server closed with ${code}: ${reason}`));
    });
  }

  static async create(url: string): Promise<Watcher> {
    return new Watcher(await connect(url, { reconnect: false }).create<typeof CrowdRoom>('crowd'));
  }

  get roomId(): string {
    return this.room.id;
  }

  sinceBeganMs(tick: number, timeUs: number): number {
    const beganUs = this.beganUs.get(tick);
    if (beganUs === undefined) throw new Error(`the state of tick ${tick} never came`);
    return ((Math.floor(timeUs % 2 ** 32) - beganUs) | 0) / 1000;
  }

  /** Leaves, and compares. Returns how many hashes were equal; throws when one wasn't, or something else was wrong. */
  async finish(): Promise<number> {
    const { room, hashes } = this;
    const answer = new Promise<Uint8Array>((resolve) => room.onMessage<Uint8Array>('hashes', resolve));
    room.send('hashes');
    const pairs = new Uint32Array((await answer).slice().buffer);
    await room.leave();
    if (this.errors.length > 0) throw new AggregateError(this.errors, 'the watcher had errors');
    let equal = 0;
    for (let i = 0; i < pairs.length; i += 2) {
      const seen = hashes.get(pairs[i]!);
      if (seen === undefined) continue;
      if (seen !== pairs[i + 1]) throw new Error(`the state differs from the room's at tick ${pairs[i]}`);
      equal += 1;
    }
    if (equal === 0) throw new Error('there were no hashes to compare');
    return equal;
  }
}

function medianOf(distributions: readonly Distribution[], quantile: 'p50' | 'p99'): number {
  return distributionOf(distributions.map((each) => each[quantile])).p50;
}

async function residentMib(server: ServerProcess): Promise<number> {
  return (await server.metric('process_resident_memory_bytes')) / MIB;
}

function nowUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
