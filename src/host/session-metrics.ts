/** Metrics of the control plane: sessions, rooms, seats, queues. Counted at the scrape, from what the host keeps anyway. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Matchmaker } from './matchmaking/matchmaker.js';
import type { QueueDesk } from './matchmaking/queue-desk.js';
import type { RoomState } from './matchmaking/room-entry.js';
import type { RoomWatchers } from './matchmaking/room-watchers.js';
import type { SeatCounts } from './matchmaking/seats.js';
import type { SessionState } from './matchmaking/session.js';

const SESSION_STATES: readonly SessionState[] = ['reserved', 'joining', 'joined', 'dropped'];
const ROOM_STATES: readonly RoomState[] = ['creating', 'open', 'draining', 'closing'];

const SEAT_EVENTS: readonly (readonly [count: keyof SeatCounts, name: string, help: string])[] = [
  ['joined', 'joins_total', 'Sessions that joined a room.'],
  ['refused', 'joins_refused_total', 'Sessions that were given a seat and lost it before they had joined.'],
  ['expired', 'seats_expired_total', 'Reserved seats whose ticket did not come in time.'],
  ['dropped', 'sessions_dropped_total', 'Sessions whose connection was lost, their seat kept.'],
  ['resumed', 'sessions_resumed_total', 'Sessions that went on over another connection.'],
  ['resumesRefused', 'resumes_refused_total', 'Resumes with a token that is not good, or of a session that is over.'],
];

export function addSessionMetrics(
  registry: Registry,
  { seats, rooms }: Matchmaker,
  queues: QueueDesk,
  watchers: RoomWatchers,
): void {
  const registers = [registry];
  new Gauge({
    name: 'escapement_sessions',
    help: 'Sessions, by state.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const state of SESSION_STATES) this.set({ state }, 0);
      for (const { state } of seats.values()) this.inc({ state });
    },
  });
  new Gauge({
    name: 'escapement_rooms_by_state',
    help: 'Rooms, by state.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const state of ROOM_STATES) this.set({ state }, 0);
      for (const { state } of rooms.values()) this.inc({ state });
    },
  });
  gauge(registry, 'escapement_queue_players', 'Players who wait for a match.', () => queues.size);
  gauge(registry, 'escapement_room_watchers', 'Connections that watch a list of rooms.', () => watchers.size);
  for (const [count, name, help] of SEAT_EVENTS) {
    new Counter({
      name: `escapement_${name}`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(seats.counts[count]);
      },
    });
  }
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}
