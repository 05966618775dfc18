/** Entry of a shard's thread: loads the room modules, and puts the shard together with the real clock. */
import { hrtime } from 'node:process';
import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { BitWriter } from '../codec/bit-writer.js';
import { EncoderScratch } from '../codec/encoder-scratch.js';
import { BellRinger } from '../memory/bell.js';
import { ShardCounter, CounterBlock } from '../memory/counters.js';
import { RingConsumer } from '../memory/ring-consumer.js';
import { RingProducer } from '../memory/ring-producer.js';
import type { HostToShard, ShardStart, ShardToHost } from '../protocol/control.js';
import { ComputeClient } from './compute-client.js';
import { logHookError, reasonOf } from './hook-error.js';
import { KeyframeBudget } from './keyframe-budget.js';
import { Outbox } from './outbox.js';
import { Pacer } from './pacer.js';
import { roomClassProblems, roomTypeOf, type RoomClass } from './room-class.js';
import type { RoomRunner } from './room-runner.js';
import { Schedule, type Clock } from './schedule.js';
import { createShardLogger } from './shard-logger.js';
import type { RunningRoom, ShardServices } from './shard-services.js';
import { Shard } from './shard.js';
import { tightenTimerSlack } from './timer-slack.js';
import { TickMeter } from './tick-meter.js';

const HEAP_SAMPLE_MS = 1000;

const start = workerData as ShardStart;
const port = parentPort!;
const post = (message: ShardToHost): void => port.postMessage(message);
/** The room whose tick runs at this moment. */
const running: RunningRoom = { tick: 0 };
const log = createShardLogger(
  (line) => post({ kind: 'log', line }),
  start.logLevel,
  { shard: start.shardIndex },
  () => (running.tick === 0 ? {} : { tick: running.tick }),
);
/**
 * Not `performance.now`, which allocates each number that it returns; compiled code takes this array apart unmade. Imported,
 * as the global `process` is a getter that compiled code has to call.
 */
const clock: Clock = {
  nowMs: () => {
    const time = hrtime();
    return time[0] * 1e3 + time[1] / 1e6;
  },
};

async function loadRooms(): Promise<{ classes: Map<string, RoomClass>; problems: string[] }> {
  const classes = new Map<string, RoomClass>();
  const problems: string[] = [];
  for (const [name, url] of Object.entries(start.rooms)) {
    try {
      const module = (await import(url)) as { default?: unknown };
      const found = roomClassProblems(name, module.default);
      problems.push(...found);
      if (found.length === 0) classes.set(name, module.default as RoomClass);
    } catch (error) {
      problems.push(`room ${name}: loading ${url} failed: ${reasonOf(error)}`);
    }
  }
  return { classes, problems };
}

function run(classes: Map<string, RoomClass>): void {
  const counters = new CounterBlock(start.counters);
  const outbox = new Outbox(new RingProducer(start.egress), new BellRinger(start.frontBell, 0), counters);
  const schedule = new Schedule<RoomRunner>(clock.nowMs(), new TickMeter(counters));
  const keyframeBudget = new KeyframeBudget();
  const ingress = new RingConsumer(start.ingress);
  const shard = new Shard(ingress, outbox, schedule, keyframeBudget, counters, clock, classes);
  const compute = new ComputeClient(post);
  const pass = (): void => {
    try {
      shard.pass();
    } catch (error) {
      // Rooms contain their own failures; what arrives here is a broken invariant, and nothing after it can be trusted.
      log.fatal({ err: error }, 'shard failed');
      process.exit(1);
    }
  };
  const pacer = new Pacer({ clock, nextDeadlineMs: () => shard.nextPassMs(), pass });
  const services: ShardServices = {
    outbox,
    pace: start.pace,
    seats: start.seats,
    keyframeBudget,
    scratch: new EncoderScratch(),
    bits: new BitWriter(),
    counters,
    log,
    running,
    post,
    compute: (module, data) => compute.run(module, data),
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
    ending: (runner) => shard.ending(runner),
    ended: (runner) => shard.ended(runner, services),
    bind: (client, runner) => shard.bind(client, runner),
    unbind: (client) => shard.unbind(client),
  };

  const take = (message: HostToShard): void => {
    if (message.kind === 'computed') {
      compute.answer(message.id, message.value, message.error);
      return;
    }
    shard
      .handle(message, services)
      .catch((error: unknown) => log.error({ err: error, kind: message.kind }, 'control message failed'))
      .finally(() => pacer.wake());
  };
  port.on('message', (messages: readonly HostToShard[]) => messages.forEach(take));
  // Room code that forgot an await must not end every room of the shard.
  process.on('unhandledRejection', (error) => {
    counters.add(ShardCounter.hookErrors);
    logHookError(log, error, {}, 'unhandled rejection in room code');
  });
  process.on('uncaughtException', (error) => {
    counters.add(ShardCounter.hookErrors);
    logHookError(log, error, {}, 'uncaught exception in room code');
  });
  setInterval(() => counters.set(ShardCounter.heapUsedBytes, getHeapStatistics().used_heap_size), HEAP_SAMPLE_MS).unref();
  tightenTimerSlack();
  pacer.start();
}

const { classes, problems } = await loadRooms();
if (problems.length > 0) {
  post({ kind: 'failed', problems });
} else {
  run(classes);
  post({ kind: 'ready', types: [...classes].map(([name, each]) => roomTypeOf(name, each)) });
}
