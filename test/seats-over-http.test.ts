/** A backend or gateway asks for a seat over HTTP; the player takes it with the ticket, once and in time. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from 'escapement/client';
import type { LoungeOptions } from './rooms/lounge.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

interface Seat {
  url: string;
  room: string;
  roomId: string;
  sessionId: string;
  ticket: string;
  expiresAt: number;
  expiresInMs: number;
}

let server: ServerProcess;

beforeAll(async () => {
  const rooms = { lounge: `${ROOMS_FOLDER}lounge.js`, guarded: `${ROOMS_FOLDER}guarded.js` };
  server = await ServerProcess.startEmbedded({ rooms, seatTimeoutMs: 1000, logLevel: 'debug' });
});
afterAll(async () => {
  await server.stop();
});

function ask(path: string, options: LoungeOptions = {}, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.url}/matchmake/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(options),
  });
}

async function seat(path: string, options?: LoungeOptions): Promise<Seat> {
  const response = await ask(path, options);
  const body: unknown = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(200);
  return body as Seat;
}

/** How a join with this ticket fails. */
async function refusal(ticket: string): Promise<{ code: number; message: string }> {
  return connect(server.url).joinWithTicket(ticket).then(
    () => expect.fail('came in'),
    ({ code, message }: Error & { code: number }) => ({ code, message }),
  );
}

it('the answer names URL, room, ticket and expiry, and the ticket is the seat', async () => {
  const first = await seat('joinOrCreate/lounge', { mode: 'http' });
  expect(first).toMatchObject({ url: server.url.replace('http', 'ws'), room: 'lounge', expiresInMs: 1000 });
  expect(Math.abs(first.expiresAt - Date.now() - 1000)).toBeLessThan(900);
  const room = await connect(first.url).joinWithTicket(first.ticket);
  expect(room.id).toBe(first.roomId);
  expect(room.sessionId).toBe(first.sessionId);
  const second = await seat('joinOrCreate/lounge', { mode: 'http' });
  expect(second.roomId).toBe(room.id);
  const third = await seat(`joinById/${room.id}`);
  expect(third.roomId).toBe(room.id);
  const { rooms } = (await (await fetch(`${server.url}/rooms?type=lounge&mode=http`)).json()) as { rooms: unknown };
  expect(rooms).toMatchObject([{ roomId: room.id, clients: 3 }]);
  const elsewhere = await seat('create/lounge', { mode: 'http' });
  expect(elsewhere.roomId).not.toBe(room.id);
  await room.leave();
});

it('a ticket that is used, expired, forged or missing is refused with the same code and words', async () => {
  const used = await seat('joinOrCreate/lounge', { mode: 'tickets' });
  const room = await connect(server.url).joinWithTicket(used.ticket);
  const expired = await seat('joinOrCreate/lounge', { mode: 'tickets' });
  const roomOf = async (): Promise<string> => (await fetch(`${server.url}/rooms?mode=tickets`)).text();
  expect(await roomOf()).toContain('"clients":2');
  await expect.poll(roomOf, { timeout: 5000 }).toContain('"clients":1');
  const other = await seat('joinOrCreate/lounge', { mode: 'tickets' });
  const last = other.ticket.at(-5)!;
  const forged = `${other.ticket.slice(0, -5)}${last === 'A' ? 'B' : 'A'}${other.ticket.slice(-4)}`;
  const answers = await Promise.all([used.ticket, expired.ticket, forged, '', 'x'.repeat(2000)].map(refusal));
  expect(new Set(answers.map(({ code, message }) => `${code} ${message}`)).size).toBe(1);
  expect(answers[0]).toMatchObject({ code: 4401, message: expect.stringContaining('ticket') });
  await (await connect(server.url).joinWithTicket(other.ticket)).leave();
  await room.leave();
});

it('an expired seat is called by its name, by whoever knows when it expired', async () => {
  const { url, ticket, expiresAt } = await seat('joinOrCreate/lounge');
  await expect.poll(() => Date.now(), { timeout: 5000 }).toBeGreaterThan(expiresAt + 200);
  const error = await connect(server.url).consumeSeat({ url, ticket, expiresAt }).catch((thrown: Error) => thrown);
  expect((error as Error).message).toMatch(/reservation.*expired/);
});

it('a ticket isn’t logged', async () => {
  const { ticket } = await seat('joinOrCreate/lounge');
  await (await connect(server.url).joinWithTicket(ticket)).leave();
  await refusal(ticket);
  expect(server.stdout + server.stderr).not.toContain(ticket);
});

it('onAuth is asked with the bearer token', async () => {
  expect((await ask('joinOrCreate/guarded')).status).toBe(401);
  expect((await ask('joinOrCreate/guarded', {}, { authorization: 'Bearer wrong' })).status).toBe(401);
  const response = await ask('joinOrCreate/guarded', {}, { authorization: 'Bearer password' });
  expect(response.status).toBe(200);
  const { ticket } = (await response.json()) as Seat;
  const room = await connect(server.url).joinWithTicket(ticket);
  const auth = await new Promise((resolve) => room.onMessage('auth', resolve));
  expect(auth).toMatchObject({ user: 'Ada' });
  await room.leave();
});

it('there is an answer when the room can’t be made, is slow, or isn’t there', async () => {
  const failed = await ask('create/lounge', { failCreate: true });
  expect(failed.status).toBe(500);
  expect(await failed.text()).toContain('creation refused by the test');
  const slow = await seat('create/lounge', { slowMs: 300 });
  await (await connect(server.url).joinWithTicket(slow.ticket)).leave();
  expect((await ask('join/lounge', { mode: 'nobody plays this' })).status).toBe(404);
  expect((await ask('joinOrCreate/nothing')).status).toBe(404);
  expect((await ask('joinById/nothing')).status).toBe(404);
  expect((await ask('dance/lounge')).status).toBe(404);
});

it('nothing is left of all this', async () => {
  await expect.poll(() => server.metric('escapement_sessions'), { timeout: 5000 }).toBe(0);
  await expect.poll(() => server.metric('escapement_rooms_by_state'), { timeout: 5000 }).toBe(0);
}, 30_000);
