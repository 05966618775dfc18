/**
 * What idle connections and empty rooms take of a server's memory, beyond what the kernel keeps for sockets.
 *
 *   idle connection   a WebSocket that has joined a lobby of a hundred, which ticks 20 times and sends a snapshot once a
 *                     second. Nothing happens there; the client acknowledges, as it has to, and does nothing else. The
 *                     lobbies' own memory is counted in. There is no idler one: who joins nothing is closed after 3 s.
 *   empty room        a room for sixteen at the default rates of 60 ticks and 20 snapshots, with a table and an input. A
 *                     client has made it and gone, as only clients make rooms; it goes on ticking.
 *
 * Counted is how much the server's private memory has grown (heaps, buffers, shared memory, what malloc holds), with the
 * garbage collected both times. A few have come and gone before, so that what only the first ones cost is no part of it:
 *
 * ```
 *   a few come and go   before   all come, idle   during   all go   after
 *                         |------- growth ----------|                 |
 *                         |---------------- left ---------------------|
 * ```
 *
 * Rooms are measured on a server of their own, as they would live in what the connections have left.
 *
 * Right or wrong: all clients are there, got a keyframe each and a snapshot a second, every delta on the one before it;
 * all rooms are there and run every tick; and when all have gone, their objects have gone too.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createShadow } from '../src/memory/shadow.js';
import { imageBytes } from '../src/state/image.js';
import { atMost, exactly } from './goal.js';
import type { IdleOrder, IdleReport } from './load/idle-load.js';
import { OtherLoad } from './machine.js';
import type { HeapMemory, MemoryReport } from './memory-watch.js';
import { Player } from './rooms/vacant.js';
import type { BenchOptions, BenchResult } from './run.js';
import { ServerProcess } from './server-process.js';

export const name = 'memory';
export const about = '10,000 idle connections and 1,000 empty rooms: bytes of each';

/** Rooms are seeded by the server; the load itself is not random. */
const SEED = 0;

const SIZES = {
  // Longer than the five seconds after which a client is closed that acknowledges nothing.
  full: { connections: 10_000, rooms: 1000, idleSec: 10 },
  small: { connections: 200, rooms: 50, idleSec: 2 },
};

/** Members of a lobby, and ticks a second of an empty room: bench/rooms/lobby.ts and vacant.ts. */
const LOBBY_MEMBERS = 100;
const VACANT_TICK_RATE_HZ = 60;

/** Before the first figure: what only the first ones take is no part of what each takes. */
const WARM_UP_CONNECTIONS = 200;
const WARM_UP_ROOMS = 100;

const CONNECTION_BYTES_MAX = 12 * 1024;
const ROOM_BYTES_MAX = 20 * 1024;
/**
 * What may stay on the heaps when all have gone: a place of each connection in tables that are used again, and what the
 * engine has learned about the code meanwhile, which is the same after five rounds.
 */
const LEFT_BYTES_EACH_MAX = 128;
const LEARNED_BYTES_MAX = 2 * 1024 * 1024;

/** Descriptors that a process has besides its connections, and the bench's margin. */
const OTHER_FILES = 200;
const SETTLE_TIMEOUT_SEC = 30;
const MIB = 2 ** 20;

const WATCH = new URL('./memory-watch.js', import.meta.url).href;
const LOAD = fileURLToPath(new URL('./load/idle-load.js', import.meta.url));

export async function run({ small }: BenchOptions): Promise<BenchResult> {
  const { connections, rooms, idleSec } = small ? SIZES.small : SIZES.full;
  assertFilesAllow(connections);
  const otherLoad = new OtherLoad();
  const ofConnections = await withServer((server, load) => measureConnections(server, load, connections, idleSec));
  const ofRooms = await withServer((server, load) => measureRooms(server, load, rooms, idleSec));
  const otherProcessesCores = otherLoad.cores();
  const ticksSkipped = ofConnections.ticksSkipped + ofRooms.ticksSkipped;
  return {
    seed: SEED,
    metrics: {
      connections,
      ...ofConnections.metrics,
      rooms,
      ...ofRooms.metrics,
      ticksSkipped,
      otherProcessesCores,
    },
    goals: [
      atMost('bytesPerIdleConnection', ofConnections.metrics.bytesPerIdleConnection!, CONNECTION_BYTES_MAX),
      atMost('bytesPerEmptyRoom', ofRooms.metrics.bytesPerEmptyRoom!, ROOM_BYTES_MAX),
      exactly('ticksSkipped', ticksSkipped, 0),
    ],
    notes: [
      'bytes: growth of private memory after collections: objects of both threads, what else the heaps hold (compiled code, '
        + 'pages in part unused), array buffers (of a room with its shared one), native memory of Node and uWebSockets.js',
      'rss: as the server ran, with the garbage of the joins and the most that V8\'s young generations grew to',
      'left: when all have gone; most of it is malloc\'s, and the same after five rounds (seen by hand)',
    ],
  };
}

interface Measured {
  readonly metrics: Readonly<Record<string, number>>;
  /** While idle; while thousands join, and during forced collections, ticks may be late. */
  readonly ticksSkipped: number;
}

async function withServer<R>(measure: (server: ServerProcess, load: IdleLoad) => Promise<R>): Promise<R> {
  const server = await ServerProcess.start(['--import', WATCH]);
  // Started after the server, so that it is on the cores that are the load's.
  const load = new IdleLoad(server.url);
  try {
    return await measure(server, load);
  } finally {
    load.stop();
    await server.stop();
  }
}

async function measureConnections(
  server: ServerProcess, load: IdleLoad, connections: number, idleSec: number,
): Promise<Measured> {
  await load.ask({ do: 'join', type: 'lobby', count: WARM_UP_CONNECTIONS });
  await load.ask({ do: 'drop' });
  await settled(server, 'escapement_connections', 0);
  await settled(server, 'escapement_rooms', 0);
  const before = await memoryOf(server);

  const joinedFromMs = performance.now();
  await load.ask({ do: 'join', type: 'lobby', count: connections });
  const joinSec = (performance.now() - joinedFromMs) / 1000;
  const idle = await idleFor(idleSec, server, load);
  checkIdle(idle, connections, idleSec);
  await settled(server, 'escapement_connections', connections);
  await settled(server, 'escapement_clients', connections);
  await settled(server, 'escapement_rooms', Math.ceil(connections / LOBBY_MEMBERS));
  const during = await memoryOf(server);
  checkIdle(await idleFor(0, server, load), connections, 0);

  await load.ask({ do: 'drop' });
  await settled(server, 'escapement_connections', 0);
  await settled(server, 'escapement_rooms', 0);
  const after = await memoryOf(server);
  checkLeft('connection', before, after, connections);
  return {
    metrics: {
      bytesPerIdleConnection: (during.privateBytes - before.privateBytes) / connections,
      ...parts('Connection', before, during, connections),
      leftBytesPerConnection: (after.privateBytes - before.privateBytes) / connections,
      leftObjectBytesPerConnection: (objectBytes(after) - objectBytes(before)) / connections,
      joinsPerSec: connections / joinSec,
      cpuPercentOfConnections: cpuPercent(idle),
      keyframesRepeated: idle.after.keyframes - connections,
      loadStallMaxMs: idle.after.stallMaxMs,
      [`rssMiBAt${connections}Connections`]: during.residentBytes / MIB,
    },
    ticksSkipped: idle.ticksSkipped,
  };
}

async function measureRooms(server: ServerProcess, load: IdleLoad, rooms: number, idleSec: number): Promise<Measured> {
  await load.ask({ do: 'create', type: 'vacant', count: WARM_UP_ROOMS });
  await load.ask({ do: 'end' });
  await settled(server, 'escapement_rooms', 0);
  await settled(server, 'escapement_connections', 0);
  const before = await memoryOf(server);

  await load.ask({ do: 'create', type: 'vacant', count: rooms });
  await settled(server, 'escapement_connections', 0);
  await settled(server, 'escapement_clients', 0);
  const idle = await idleFor(idleSec, server, load);
  checkTicks(idle, rooms);
  await settled(server, 'escapement_rooms', rooms);
  const during = await memoryOf(server);

  await load.ask({ do: 'end' });
  await settled(server, 'escapement_rooms', 0);
  await settled(server, 'escapement_connections', 0);
  const after = await memoryOf(server);
  checkLeft('room', before, after, rooms);
  return {
    metrics: {
      bytesPerEmptyRoom: (during.privateBytes - before.privateBytes) / rooms,
      ...parts('Room', before, during, rooms),
      sharedBytesPerRoom: createShadow(imageBytes(Player)).byteLength,
      leftBytesPerRoom: (after.privateBytes - before.privateBytes) / rooms,
      leftObjectBytesPerRoom: (objectBytes(after) - objectBytes(before)) / rooms,
      [`rssMiBAt${rooms}Rooms`]: during.residentBytes / MIB,
      roomTicksPerSec: idle.ticks / idle.elapsedSec,
      cpuPercentOfRooms: cpuPercent(idle),
    },
    ticksSkipped: idle.ticksSkipped,
  };
}

/** What the growth is made of: bytes of each `what`, such as a `Connection`. */
function parts(what: string, before: MemoryReport, during: MemoryReport, count: number): Record<string, number> {
  const grown = (value: (report: MemoryReport) => number): number => (value(during) - value(before)) / count;
  const bothOf = (value: (heap: HeapMemory) => number): number => grown(({ main, shard }) => value(main) + value(shard));
  const committed = bothOf((heap) => heap.committedBytes);
  const objects = grown(objectBytes);
  const buffers = bothOf((heap) => heap.bufferBytes);
  return {
    [`frontObjectBytesPer${what}`]: grown(({ main }) => main.objectBytes),
    [`shardObjectBytesPer${what}`]: grown(({ shard }) => shard.objectBytes),
    [`otherHeapBytesPer${what}`]: committed - objects,
    [`bufferBytesPer${what}`]: buffers,
    [`nativeBytesPer${what}`]: grown(({ privateBytes }) => privateBytes) - committed - buffers,
    [`rssBytesPer${what}`]: grown(({ residentBytes }) => residentBytes),
  };
}

function objectBytes({ main, shard }: MemoryReport): number {
  return main.objectBytes + shard.objectBytes;
}

function memoryOf(server: ServerProcess): Promise<MemoryReport> {
  return server.ask<MemoryReport>('memory');
}

/** A stretch of time in which nobody is asked to do anything. */
interface Idle {
  readonly elapsedSec: number;
  readonly ticks: number;
  readonly ticksSkipped: number;
  readonly cpuSec: number;
  readonly before: IdleReport;
  readonly after: IdleReport;
}

async function idleFor(seconds: number, server: ServerProcess, load: IdleLoad): Promise<Idle> {
  const counters = async (): Promise<{ atMs: number; ticks: number; ticksSkipped: number; cpuSec: number }> => ({
    ticks: await server.metric('escapement_ticks_total'),
    atMs: performance.now(),
    ticksSkipped: await server.metric('escapement_ticks_skipped_total'),
    cpuSec: await server.metric('process_cpu_seconds_total'),
  });
  const before = await load.ask({ do: 'report' });
  const begin = await counters();
  await sleep(seconds);
  const end = await counters();
  const after = await load.ask({ do: 'report' });
  return {
    elapsedSec: (end.atMs - begin.atMs) / 1000,
    ticks: end.ticks - begin.ticks,
    ticksSkipped: end.ticksSkipped - begin.ticksSkipped,
    cpuSec: end.cpuSec - begin.cpuSec,
    before,
    after,
  };
}

/** Of one core, by the whole server. */
function cpuPercent({ cpuSec, elapsedSec }: Idle): number {
  return (cpuSec / elapsedSec) * 100;
}

/** @throws unless every client is there with a keyframe, and was sent a snapshot a second. */
function checkIdle({ before, after }: Idle, connections: number, idleSec: number): void {
  if (after.clients !== connections || after.keyframesMin < 1) {
    throw new Error(`${after.clients} clients with ${after.keyframes} keyframes; expected ${connections} with one each`);
  }
  // The first and the last may lie a moment outside.
  const least = before.snapshotsMin + Math.floor(idleSec) - 1;
  if (after.snapshotsMin < least) {
    throw new Error(`a client has been sent ${after.snapshotsMin} snapshots; expected ${least} or more`);
  }
}

/** @throws unless every room ran or skipped every tick, but for those it may still have to catch up. */
function checkTicks({ ticks, ticksSkipped, elapsedSec }: Idle, rooms: number): void {
  const expected = elapsedSec * VACANT_TICK_RATE_HZ * rooms;
  const slack = (6 + 0.05 * VACANT_TICK_RATE_HZ) * rooms;
  if (Math.abs(ticks + ticksSkipped - expected) > slack) {
    throw new Error(`${ticks} ticks were run and ${ticksSkipped} skipped; expected ${Math.round(expected)} of both`);
  }
}

/** @throws when the heaps have kept what they should have let go. */
function checkLeft(what: string, before: MemoryReport, after: MemoryReport, count: number): void {
  const left = objectBytes(after) - objectBytes(before);
  const most = LEARNED_BYTES_MAX + count * LEFT_BYTES_EACH_MAX;
  if (left > most) throw new Error(`${count} ${what}s have gone and left ${left} bytes of objects; expected ${most} at most`);
}

/** Waits until a metric has a value. @throws when it doesn't come to it. */
async function settled(server: ServerProcess, metric: string, expected: number): Promise<void> {
  const endMs = performance.now() + SETTLE_TIMEOUT_SEC * 1000;
  for (;;) {
    const value = await server.metric(metric);
    if (value === expected) return;
    if (performance.now() > endMs) throw new Error(`${metric} is ${value}; expected ${expected}`);
    await sleep(0.1);
  }
}

/** Both processes have a descriptor for each connection. Node has raised its soft limit to the hard one already. */
function assertFilesAllow(connections: number): void {
  if (process.platform !== 'linux') return;
  const needed = connections + OTHER_FILES;
  const [, limit] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))!;
  if (limit !== 'unlimited' && Number(limit) < needed) {
    throw new Error(
      `this process may open ${limit} files; expected ${needed} for ${connections} connections: raise the hard limit, ` +
        `for example with \`prlimit --nofile=${needed}:${needed} npm run bench -- memory\` as root`,
    );
  }
}

/** The load process. */
class IdleLoad {
  private readonly child: ChildProcess;

  constructor(url: string) {
    this.child = fork(LOAD, [url]);
  }

  /** @throws when anything was wrong with what the clients saw. */
  ask(order: IdleOrder): Promise<IdleReport> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`the load process ended with ${code}`));
      this.child.once('exit', ended);
      this.child.once('message', (report: IdleReport) => {
        this.child.off('exit', ended);
        if (report.problem === null) resolve(report);
        else reject(new Error(`${report.problem} (the load stood still for up to ${Math.round(report.stallMaxMs)} ms)`));
      });
      this.child.send(order);
    });
  }

  stop(): void {
    this.child.kill();
  }
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
