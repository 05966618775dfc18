/**
 * The load of the joins bench: clients of one server that join, stay, and do nothing but what the protocol asks of them.
 * Told what to do by whoever forked it, one order at a time (join-orders.ts), and ends with it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../src/shard/random.js';
import type { Join, LoadClient } from '../load/contender.js';
import { obey } from '../load/told-process.js';
import type { JoinFigures, JoinOrder } from './join-orders.js';

const JOIN_TIMEOUT_MS = 20_000;

/** As often as our SDK acknowledges when there are no inputs, clients in turns. */
const ACK_INTERVAL_MS = 250;
const ACK_TURNS = 10;

/** Before clients leave: what each is sent next has arrived, or its close. */
const SETTLE_MS = 200;

let clients: LoadClient[] = [];
/** Of rooms that clients were in before, and have left. */
const earlierRooms = new Set<string>();

/** Joins so many, in whichever order `pace` calls what it is given. */
async function joinAll(
  { contender, url, room, count }: Extract<JoinOrder, { step: 'closed' | 'open' }>,
  pace: (join: () => Promise<void>) => Promise<void>,
): Promise<JoinFigures> {
  const { join } = (await import(`../load/${contender}-client.js`)) as { join: Join };
  const joined: LoadClient[] = [];
  const joinsMs: number[] = [];
  const cpu = process.cpuUsage();
  const beganMs = performance.now();
  await inTime(JOIN_TIMEOUT_MS, () => joined.length, pace(async () => {
    const calledMs = performance.now();
    const client = await join({ url, room, roomId: null, joinsAny: true, isProbe: false });
    joinsMs.push(performance.now() - calledMs);
    client.acknowledge?.();
    joined.push(client);
    clients.push(client);
  }));
  const elapsedMs = performance.now() - beganMs;
  const { user, system } = process.cpuUsage(cpu);
  if (joined.length !== count) throw new Error(`${joined.length} clients joined; expected ${count}`);
  const sizes = new Map<string, number>();
  for (const { roomId } of joined) {
    if (earlierRooms.has(roomId)) throw new Error(`room ${roomId} was joined again after everybody had left it`);
    sizes.set(roomId, (sizes.get(roomId) ?? 0) + 1);
  }
  return { elapsedMs, joinsMs, cpuMs: (user + system) / 1000, roomSizes: [...sizes.values()] };
}

/** @throws when nothing is done for too long: a server that answers nothing must not stop the bench for ever. */
async function inTime(limitMs: number, done: () => number, work: Promise<void>): Promise<void> {
  let before = -1;
  let timer: NodeJS.Timeout | undefined;
  const stuck = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      if (done() === before) reject(new Error(`no join was done in ${limitMs} ms; ${before} were before that`));
      before = done();
    }, limitMs);
  });
  try {
    await Promise.race([work, stuck]);
  } finally {
    clearInterval(timer);
  }
}

async function closedLoop(count: number, atOnce: number, join: () => Promise<void>): Promise<void> {
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      await join();
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
}

async function openLoop(count: number, ratePerSec: number, seed: number, join: () => Promise<void>): Promise<void> {
  const random = new Random(seed);
  const turnMs = 1000 / ratePerSec;
  const beganMs = performance.now();
  const joins: Promise<void>[] = [];
  for (let i = 0; i < count; i += 1) {
    const waitMs = (i + random.next()) * turnMs - (performance.now() - beganMs);
    if (waitMs > 0) await sleep(waitMs);
    const joining = join();
    // One that fails before all have begun is found when they are awaited.
    joining.catch(() => {});
    joins.push(joining);
  }
  await Promise.all(joins);
}

async function leaveAll(): Promise<void> {
  await sleep(SETTLE_MS);
  for (const client of clients) {
    client.check();
    client.leave();
    earlierRooms.add(client.roomId);
  }
  clients = [];
}

let turn = 0;
setInterval(() => {
  for (let i = turn; i < clients.length; i += ACK_TURNS) clients[i]!.acknowledge?.();
  turn = (turn + 1) % ACK_TURNS;
}, ACK_INTERVAL_MS / ACK_TURNS).unref();

obey(async (order: JoinOrder): Promise<unknown> => {
  switch (order.step) {
    case 'closed':
      return joinAll(order, (join) => closedLoop(order.count, order.atOnce, join));
    case 'open':
      return joinAll(order, (join) => openLoop(order.count, order.ratePerSec, order.seed, join));
    case 'leave':
      return leaveAll();
  }
});
