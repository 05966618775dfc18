/**
 * The load: clients of one server, in a process of their own. Told what to do by whoever forked it (load.ts), one step at
 * a time, and ends with it.
 *
 * ```
 *   join --> begin --> end --> verify
 * ```
 */
import { isDeepStrictEqual } from 'node:util';
import { Random } from '../../src/shard/random.js';
import type { Join, LoadClient, PlayerState, RoomReport } from './contender.js';
import { InputPace } from './input-pace.js';
import type { EndFigures, JoinOrder, LoadOrder } from './load.js';
import { ProbeWatch } from './probe-watch.js';
import { obey } from './told-process.js';

/** Joins under way at the same time. */
const JOINS_AT_ONCE = 16;
const JOIN_TIMEOUT_MS = 20_000;
/** After `freeze`: what is on its way has arrived, at any server that still keeps up. */
const SETTLE_MS = 1000;

const clients: LoadClient[] = [];
/** One of each room. */
const speakers: LoadClient[] = [];
let watches: ProbeWatch[] = [];
let pace: InputPace | null = null;
let began = { atMs: 0, busyMs: 0, snapshots: 0, bytes: 0, inputs: 0 };

async function joinAll(order: JoinOrder): Promise<string[]> {
  const { contender, url, room, roomIds, clientsPerRoom, snapshotRateHz, isProbe, sleeps, seed } = order;
  const { join } = (await import(`./${contender}-client.js`)) as { join: Join };
  const random = new Random(seed);
  // A client that has joined and says nothing would count as one that has gone.
  if (!isProbe) pace ??= new InputPace(random, sleeps);
  const joinOne = async (roomId: string | null): Promise<LoadClient> => {
    const client = await inTime(join({ url, room, roomId, isProbe }));
    pace?.add(client);
    return client;
  };
  const first = await inTurns(roomIds, joinOne);
  const others = first.flatMap(({ roomId }) => Array.from({ length: clientsPerRoom - 1 }, () => roomId));
  const rest = await inTurns(others, joinOne);
  speakers.push(...first);
  clients.push(...first, ...rest);
  if (isProbe) {
    const watch = async (client: LoadClient): Promise<ProbeWatch> =>
      new ProbeWatch(client, await client.ask('slot'), 1000 / snapshotRateHz, random);
    watches = await Promise.all(clients.map(watch));
  }
  return first.map(({ roomId }) => roomId);
}

/** @throws when it takes too long: a server that answers nothing must not stop the bench for ever. */
async function inTime<T>(joining: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`a join took over ${JOIN_TIMEOUT_MS} ms`)), JOIN_TIMEOUT_MS);
  });
  try {
    return await Promise.race([joining, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Results in the order of the values, some at a time. */
async function inTurns<T, R>(values: readonly T[], run: (value: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < values.length) {
      const i = next;
      next += 1;
      results[i] = await run(values[i]!);
    }
  };
  await Promise.all(Array.from({ length: JOINS_AT_ONCE }, worker));
  return results;
}

function total(): typeof began {
  return {
    atMs: performance.now(),
    busyMs: pace?.busyMs ?? 0,
    snapshots: clients.reduce((sum, client) => sum + client.snapshots, 0),
    bytes: clients.reduce((sum, client) => sum + client.socket.bytesIn, 0),
    inputs: pace?.inputs ?? 0,
  };
}

async function begin(): Promise<void> {
  if (watches.length === 0) await Promise.all(speakers.map((speaker) => speaker.ask('begin')));
  for (const watch of watches) watch.begin();
  began = total();
}

async function end(): Promise<EndFigures> {
  const now = total();
  const figures = {
    clients: clients.length,
    elapsedMs: now.atMs - began.atMs,
    busyMs: now.busyMs - began.busyMs,
    snapshots: now.snapshots - began.snapshots,
    bytes: now.bytes - began.bytes,
    inputs: now.inputs - began.inputs,
    jittersMs: watches.flatMap((watch) => watch.jittersMs),
    latenciesMs: watches.flatMap((watch) => watch.latenciesMs),
  };
  const reports = watches.length > 0 ? [] : await reportsOf(speakers);
  return { ...figures, reports };
}

function reportsOf(some: readonly LoadClient[]): Promise<RoomReport[]> {
  return Promise.all(some.map((client) => client.ask('report')));
}

/** The world stands still, and what each probe sees is what its room says. Returns how many were compared. */
async function verify(): Promise<number> {
  pace?.stop();
  for (const watch of watches) watch.stop();
  await Promise.all(speakers.map((speaker) => speaker.ask('freeze')));
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  for (const client of clients) client.check();
  if (watches.length === 0) return 0;
  const reports = await reportsOf(clients);
  for (const [i, client] of clients.entries()) {
    const expected = bySlot(reports[i]!.players);
    const seen = bySlot(client.players());
    if (!isDeepStrictEqual(seen, expected)) {
      throw new Error(`room ${client.roomId}: shown ${JSON.stringify(seen)}, but it is ${JSON.stringify(expected)}`);
    }
  }
  return clients.length;
}

function bySlot(players: readonly PlayerState[]): PlayerState[] {
  return [...players].sort((a, b) => a.slot - b.slot);
}

async function carryOut(order: LoadOrder): Promise<unknown> {
  switch (order.step) {
    case 'join':
      return joinAll(order);
    case 'begin':
      return begin();
    case 'end':
      return end();
    case 'verify':
      return verify();
  }
}

obey(carryOut);
