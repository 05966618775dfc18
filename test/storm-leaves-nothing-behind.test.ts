/**
 * A storm of 1,000 clients that join, drop, resume, take over, queue, watch and leave at random leaves nothing behind: no seat,
 * no room, no session, no listener. Who does what comes from a seed, which a failure names; when, from the machine.
 *
 *   ESCAPEMENT_SEED=157    replays one storm
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SeededRandom } from './corpus/seeded-random.js';
import type { StormAccount } from './rooms/storm.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';
import { StormLog, StormPlayer } from './support/storm-player.js';

const FILE = 'test/storm-leaves-nothing-behind.test.ts';
const SEED = Number(process.env.ESCAPEMENT_SEED ?? 20_261_121);
const PLAYERS = 1000;
/** Longer than a machine that is busy with other tests keeps a client from coming back. */
const RECONNECT_GRACE_SEC = 8;
const SEAT_TIMEOUT_MS = 4000;
/** Libraries, clock and event loops open and close some of their own. */
const OPEN_FILES_SLACK = 4;
const WARN = 40;

/** Everything that may be held for somebody, each a sum over its labels. */
const HELD = [
  'escapement_sessions', 'escapement_rooms_by_state', 'escapement_rooms', 'escapement_clients', 'escapement_connections',
  'escapement_queue_players', 'escapement_room_watchers', 'escapement_clients_lagging',
];

/** What makes it a storm: how often each thing is done at the least, about a third of what the seeds tried came to. */
const DONE_AT_LEAST: Readonly<Record<string, number>> = {
  'join or create': 200, create: 60, join: 30, 'join by id': 25, 'fail to join: refused': 30, 'fail to create: refused': 30,
  ticket: 40, 'leave a ticket': 20, 'used ticket: refused': 20, queue: 60, 'queue: refused': 20, watch: 30, 'cut in join': 30,
  compare: 300, cut: 200, 'take over': 100, 'take over from half-dead': 100, 'come back elsewhere': 80,
  vanish: 100, kick: 100, leave: 200,
};

/** The server's own count of the same. */
const COUNTED_AT_LEAST: Readonly<Record<string, number>> = {
  escapement_joins_total: 800, escapement_joins_refused_total: 50, escapement_seats_expired_total: 20,
  escapement_sessions_dropped_total: 500, escapement_sessions_resumed_total: 500,
};

/** What the rooms were told to do, and say in the log. */
const EXPECTED_WARNINGS = /no (?:room|seat) in the storm/;

interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly account?: StormAccount;
}

let server: ServerProcess;
/** Node's, about this process, where the clients are. */
const warnings: string[] = [];
const warned = (warning: Error): void => void warnings.push(String(warning));

beforeAll(async () => {
  process.on('warning', warned);
  server = await ServerProcess.startEmbedded({
    rooms: { storm: `${ROOMS_FOLDER}storm.js` },
    shards: 2,
    reconnectGrace: RECONNECT_GRACE_SEC,
    seatTimeoutMs: SEAT_TIMEOUT_MS,
    // Of a room that ticks four times a second.
    messagesPerTickMax: 64,
    logLevel: 'info',
  });
});
afterAll(async () => {
  process.off('warning', warned);
  await server?.stop();
});

async function held(): Promise<Record<string, number>> {
  const values = await Promise.all(HELD.map(async (name) => [name, await server.metric(name)] as const));
  return Object.fromEntries(values.filter(([, value]) => value !== 0));
}

const lines = (): LogLine[] =>
  server.stdout.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);

async function storm(log: StormLog): Promise<void> {
  const players = Array.from({ length: PLAYERS }, (_, index) => {
    const random = new SeededRandom(Math.imul(SEED, 0x9e3779b1) ^ Math.imul(index, 0x85ebca6b));
    return new StormPlayer(index, server.url, random, log);
  });
  await Promise.all(players.map((player) => player.run()));
}

it('after everybody has gone there is nothing left', { timeout: 120_000 }, async () => {
  const log = new StormLog();
  const openFiles = await server.metric('process_open_fds');
  await storm(log);
  const replay = `replay: ESCAPEMENT_SEED=${SEED} npx vitest run --config test/vitest.config.ts ${FILE}`;
  expect(log.problems.slice(0, 5), `${log.problems.length} of ${PLAYERS} had problems; ${replay}`).toEqual([]);
  await expect.poll(held, { timeout: 20_000, message: replay }).toEqual({});
  const openFilesMax = openFiles + OPEN_FILES_SLACK;
  await expect.poll(() => server.metric('process_open_fds'), { timeout: 10_000 }).toBeLessThanOrEqual(openFilesMax);
  expectRooms();
  // Node warns of too many listeners there.
  expect(server.stderr).toBe('');
  expect(lines().filter((line) => line.level >= WARN && !EXPECTED_WARNINGS.test(JSON.stringify(line)))).toEqual([]);
  expect(warnings).toEqual([]);
  for (const [what, atLeast] of Object.entries(DONE_AT_LEAST)) expect(log.done.get(what), what).toBeGreaterThan(atLeast);
  for (const [name, atLeast] of Object.entries(COUNTED_AT_LEAST)) {
    expect(await server.metric(name), name).toBeGreaterThan(atLeast);
  }
});

/** The rooms' own word: each has ended, and whoever came has gone. */
function expectRooms(): void {
  const all = lines();
  const accounts = all.flatMap(({ account }) => account ?? []);
  expect(accounts.length).toBe(all.filter(({ msg }) => msg === 'storm begins').length);
  expect(accounts.flatMap(({ faults }) => faults).slice(0, 5)).toEqual([]);
  const sum = (key: 'joins' | 'leaves' | 'drops' | 'returns'): number =>
    accounts.reduce((total, account) => total + account[key], 0);
  expect(sum('joins') - sum('leaves')).toBe(0);
}
