/** Players who queue are matched by rating, land together in a fresh room, and always get an answer. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { connect, type ClientRoom } from 'escapement/client';
import type Ranked from './rooms/ranked.js';
import { once } from './support/fragile-client.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

type RankedRoom = ClientRoom<typeof Ranked>;
interface Matched {
  readonly team: number;
  readonly ratings: number[][];
}

const rooms = { ranked: `${ROOMS_FOLDER}ranked.js`, lounge: `${ROOMS_FOLDER}lounge.js`, guarded: `${ROOMS_FOLDER}guarded.js` };
let server: ServerProcess;
const open: RankedRoom[] = [];

beforeAll(async () => {
  server = await ServerProcess.startEmbedded({ rooms, roomsMax: 2, logLevel: 'fatal' });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((room) => room.leave()));
  await expect.poll(() => server.metric('escapement_rooms_by_state'), { timeout: 5000 }).toBe(0);
  expect(await server.metric('escapement_queue_players')).toBe(0);
});
afterAll(async () => {
  await server.stop();
});

interface Ticket {
  readonly rating: number;
  readonly party?: string;
  readonly partySize?: number;
  readonly signal?: AbortSignal;
  readonly onStatus?: (status: { waiting: number; tolerance: number; reason: string }) => void;
}

async function play(ticket: Ticket): Promise<{ room: RankedRoom; matched: Matched }> {
  const room = await connect(server.url).queue<typeof Ranked>('ranked', {}, ticket);
  open.push(room);
  const [matched] = await once((callback: (matched: Matched) => void) => room.onMessage('match', callback));
  return { room, matched };
}

it('four alone land in one room, two in each team, balanced; the room isn’t listed', async () => {
  const players = await Promise.all([1000, 1040, 1010, 1030].map((rating) => play({ rating })));
  expect(new Set(players.map(({ room }) => room.id)).size).toBe(1);
  expect(players.map(({ matched }) => matched.team).sort()).toEqual([0, 0, 1, 1]);
  const { ratings } = players[0]!.matched;
  expect(ratings.map((team) => team.reduce((sum, rating) => sum + rating, 0))).toEqual([2040, 2040]);
  expect(await (await fetch(`${server.url}/rooms`)).json()).toEqual({ rooms: [] });
  await expect(connect(server.url).join('ranked')).rejects.toMatchObject({ code: 4010 });
});

it('a party plays in one team', async () => {
  const party = { party: 'friends', partySize: 2 };
  const [a, b, ...others] = await Promise.all([
    play({ rating: 900, ...party }),
    play({ rating: 1100, ...party }),
    play({ rating: 1000 }),
    play({ rating: 1000 }),
  ]);
  expect(a!.matched.team).toBe(b!.matched.team);
  for (const { room } of others) expect(room.id).toBe(a!.room.id);
});

it('who are too far apart wait until their tolerance is wide enough, and hear of it', async () => {
  const tolerances: number[] = [];
  const far = [1000, 1000, 1000].map((rating) => play({ rating }));
  const last = play({ rating: 1200, onStatus: ({ tolerance }) => tolerances.push(tolerance) });
  const players = await Promise.all([...far, last]);
  expect(new Set(players.map(({ room }) => room.id)).size).toBe(1);
  expect(tolerances[0]).toBe(50);
  expect(tolerances.length).toBeGreaterThan(1);
});

it('who leaves the queue is matched with nobody, and who waits too long is told so', async () => {
  const abort = new AbortController();
  const leaver = play({ rating: 1000, signal: abort.signal });
  const waiting = [play({ rating: 1000 }), play({ rating: 1000 }), play({ rating: 1000 })];
  await expect.poll(() => server.metric('escapement_queue_players')).toBeGreaterThan(0);
  abort.abort();
  await expect(leaver).rejects.toMatchObject({ code: 4000 });
  for (const each of waiting) {
    await expect(each).rejects.toMatchObject({ code: 4010, message: expect.stringContaining('no match within 3 s') });
  }
});

it('while the host is full players keep their place, and play as soon as there is room', async () => {
  const client = connect(server.url);
  const held = await Promise.all([client.create('lounge'), client.create('lounge')]);
  const reasons: string[] = [];
  const players = [1, 2, 3, 4].map(() => play({ rating: 1000, onStatus: ({ reason }) => reasons.push(reason) }));
  await expect.poll(() => reasons, { timeout: 5000 }).toContainEqual(expect.stringContaining('2 rooms'));
  await held[0]!.leave();
  const seated = await Promise.all(players);
  expect(new Set(seated.map(({ room }) => room.id)).size).toBe(1);
  await held[1]!.leave();
});

it('a room without a queue says so', async () => {
  await expect(connect(server.url).queue('lounge', {}, { rating: 1 })).rejects.toMatchObject({
    code: 4400,
    message: expect.stringContaining('no queue'),
  });
  await expect(connect(server.url).queue('ranked', {}, { rating: 1, party: 'crowd', partySize: 3 })).rejects.toMatchObject({
    code: 4400,
  });
});
