/**
 * Who sits where: every session of the host, from the seat it is given to the seat it frees. Runs on the main thread only, so
 * each decision is atomic; what shards answer comes later, through `handle`.
 */
import { timingSafeEqual } from 'node:crypto';
import { CloseCode, isDrop } from '../../protocol/close-codes.js';
import type { ShardToHost } from '../../protocol/control.js';
import type { RoomEntry } from './room-entry.js';
import { Session, type Applicant, type Refusal, type ReservationListener } from './session.js';

/** Rooms that one client may be sent to one after the other, each of which was about to end. */
const DETOURS_MAX = 3;

/** Compared with when there is no session, so that the answer takes as long. */
const NO_TOKEN = '-'.repeat(22);

const TAKEN_OVER = 'taken over by a newer connection';

/** One answer for whatever is wrong with a token. */
const NOT_RESUMABLE: Refusal = {
  code: CloseCode.NotAllowed,
  status: 401,
  reason: 'the session is over or the token is not its newest: join again',
};

/** One answer for whatever is wrong with a ticket; see tickets.ts. */
export const TICKET_REFUSED: Refusal = {
  code: CloseCode.NotAllowed,
  status: 401,
  reason: 'the seat’s ticket is expired, used or not valid here: ask for a new one',
};

export interface SeatLimits {
  /** How long a reserved seat waits for its ticket. */
  readonly seatTimeoutMs: number;
  /** How long a client waits for its room, and again for its onJoin. */
  readonly createTimeoutMs: number;
}

/** The front's side of a session. */
export interface SeatEvents {
  /** The session's connection belongs to its room from now on. */
  seated(session: Session): void;
  /** There is no seat, or no session any more: the connection is told so, whatever state it is in. */
  refused(connectionKey: number, code: number, reason: string): void;
  /** Ends a connection, and says how many messages it has taken of the client; undefined when it has gone already. */
  ended(connectionKey: number, code: number, reason: string): number | undefined;
  /** A seat was taken or freed. */
  changed(room: RoomEntry): void;
  /** The session's room was about to end: finds it another one, if it can. */
  elsewhere(session: Session): RoomEntry | undefined;
}

export interface TokenSource {
  /** 128 random bits in 22 characters. */
  token(): string;
  /** 72 random bits in 12 characters. */
  id(): string;
}

/** How often something happened since the start, for the metrics. */
export interface SeatCounts {
  joined: number;
  refused: number;
  expired: number;
  dropped: number;
  resumed: number;
  resumesRefused: number;
}

export class Seats {
  readonly counts: SeatCounts = { joined: 0, refused: 0, expired: 0, dropped: 0, resumed: 0, resumesRefused: 0 };
  private readonly sessions = new Map<string, Session>();

  constructor(
    private readonly limits: SeatLimits,
    private readonly events: SeatEvents,
    private readonly tokens: TokenSource,
  ) {}

  get(sessionId: string): Session | undefined {
    return this.sessions.get(sessionId);
  }

  get size(): number {
    return this.sessions.size;
  }

  values(): IterableIterator<Session> {
    return this.sessions.values();
  }

  /** Gives a connection a seat. The room has one. */
  give(room: RoomEntry, applicant: Applicant, connectionKey: number, team = -1): Session {
    const session = this.enter(new Session(this.tokens.id(), applicant, room, connectionKey));
    session.team = team;
    this.events.seated(session);
    this.send(session);
    return session;
  }

  /** Keeps a seat for whoever brings its ticket. The listener hears when the room is there. */
  reserve(room: RoomEntry, applicant: Applicant, listener: ReservationListener): void {
    const session = this.enter(new Session(this.tokens.id(), applicant, room, 0));
    session.answer = listener;
    if (room.state === 'open') this.reserved(session);
  }

  /** Frees a reserved seat whose ticket reached nobody. */
  release(session: Session): void {
    if (session.state === 'reserved') this.free(session);
  }

  /** The server has closed: nothing is waited for any more. */
  close(): void {
    for (const session of this.sessions.values()) clearTimeout(session.timer);
    this.sessions.clear();
  }

  /** Takes a reserved seat, once. Its room may have ended since. */
  take(sessionId: string, roomId: string, connectionKey: number): Refusal | null {
    const session = this.sessions.get(sessionId);
    if (session === undefined || session.state !== 'reserved' || session.room.id !== roomId) return TICKET_REFUSED;
    session.move('joining');
    session.key = connectionKey;
    if (session.room.state === 'open') {
      this.events.seated(session);
      this.send(session);
    } else {
      this.detour(session, CloseCode.MayRetry, 'the room has ended');
    }
    return null;
  }

  /** The session's socket has gone. `taken`: messages of the client that it has taken. */
  lost(sessionId: string, connectionKey: number, code: number, taken: number): void {
    const session = this.sessions.get(sessionId);
    // Its session goes on over a newer connection, or has ended.
    if (session === undefined || session.key !== connectionKey) return;
    session.key = 0;
    session.taken = taken;
    const { id, room } = session;
    if (session.state === 'joined' && isDrop(code)) {
      session.move('dropped');
      this.counts.dropped += 1;
      room.shard.post({ kind: 'drop', roomId: room.id, sessionId: id, code });
    } else if (session.state === 'joined') {
      this.post(session, code);
    } else if (session.state === 'joining') {
      this.post(session, code);
      this.free(session);
    }
  }

  /** The session goes on over another connection. */
  resume(sessionId: string, token: string, connectionKey: number, received: number, anew: boolean): Refusal | null {
    const session = this.sessions.get(sessionId);
    const isNewest = isSame(token, session?.resumeToken);
    // A page that knew nothing has the session: messages are counted anew, and the page before can't go on with its count.
    const isReplaced = session?.isAnew === true && !anew;
    const isEarlier = isSame(token, session?.earlierToken) && !isReplaced;
    const isKept = session?.state === 'joined' || session?.state === 'dropped';
    if (session === undefined || !isKept || !(isNewest || isEarlier)) {
      this.counts.resumesRefused += 1;
      return NOT_RESUMABLE;
    }
    if (session.key !== 0) {
      const oldKey = session.key;
      session.key = 0; // what ends now isn't lost
      session.taken = this.events.ended(oldKey, CloseCode.Consented, TAKEN_OVER) ?? session.taken;
    }
    if (session.state === 'dropped') session.move('joined');
    session.key = connectionKey;
    // Both are good until the client has shown that it has the new one: the answer may be lost with its socket.
    session.earlierToken = token;
    session.isAnew = anew;
    session.resumeToken = this.tokens.token();
    this.counts.resumed += 1;
    this.events.seated(session);
    session.room.shard.post({
      kind: 'resume',
      roomId: session.room.id,
      sessionId,
      sessionKey: connectionKey,
      resumeToken: session.resumeToken,
      received,
      anew,
      taken: session.taken,
    });
    return null;
  }

  /** Its shard has told the client that it has joined. */
  joined(sessionId: string, connectionKey: number): void {
    const session = this.sessions.get(sessionId);
    if (session === undefined || session.key !== connectionKey || session.state !== 'joining') return;
    session.move('joined');
    this.counts.joined += 1;
  }

  /** The client has sent something since it was given its newest token. */
  confirmed(sessionId: string, connectionKey: number): void {
    const session = this.sessions.get(sessionId);
    if (session?.key === connectionKey) session.earlierToken = '';
  }

  // --- What becomes of rooms -----------------------------------------------------------------------------------------

  /** The room is there: whoever waited for it is sent in. */
  opened(room: RoomEntry): void {
    for (const session of [...room.sessions.values()]) {
      if (session.state === 'reserved') this.reserved(session);
      else if (session.state === 'joining') this.send(session);
    }
  }

  /** The room has gone: its sessions are over, but for reserved ones, which may be for any room. */
  roomGone(room: RoomEntry, code: number, reason: string): void {
    for (const session of [...room.sessions.values()]) {
      if (session.state === 'reserved' && session.answer === null) this.vacate(session);
      else this.refuse(session, code, reason);
    }
  }

  // --- What shards report --------------------------------------------------------------------------------------------

  handle(message: Extract<ShardToHost, { kind: 'refused' | 'dropped' | 'left' }>): void {
    const session = this.sessions.get(message.sessionId);
    if (session === undefined || session.room.id !== message.roomId) return;
    switch (message.kind) {
      case 'refused':
        if (message.ending && session.state === 'joining') this.detour(session, message.code, message.reason);
        else this.refuse(session, message.code, message.reason);
        break;
      case 'dropped':
        this.keep(session, message.sessionKey, message.graceMs);
        break;
      case 'left':
        this.free(session);
        break;
    }
  }

  /** Its seat is kept for so long from now. The shard may be the first to know that the connection is lost. */
  private keep(session: Session, lostKey: number, graceMs: number): void {
    if (session.state === 'joined' && session.key === lostKey) {
      session.move('dropped');
      this.counts.dropped += 1;
    }
    if (session.state !== 'dropped') return; // it is back already
    clearTimeout(session.timer);
    session.timer = setTimeout(() => this.post(session, CloseCode.Abnormal), graceMs);
  }

  // --- One session ---------------------------------------------------------------------------------------------------

  private enter(session: Session): Session {
    session.resumeToken = this.tokens.token();
    this.sessions.set(session.id, session);
    this.sit(session, session.room);
    return session;
  }

  private sit(session: Session, room: RoomEntry): void {
    session.room = room;
    room.wasTaken = true;
    room.sessions.set(session.id, session);
    room.shard.load += 1;
    this.events.changed(room);
  }

  /** Sends the session into its room, as soon as that is there; it is refused when the room doesn't answer. */
  private send(session: Session): void {
    const { id, key, room, resumeToken, team } = session;
    const { createTimeoutMs } = this.limits;
    clearTimeout(session.timer);
    session.timer = setTimeout(() => {
      this.post(session, CloseCode.MayRetry);
      this.refuse(session, CloseCode.MayRetry, `the room did not answer within ${createTimeoutMs} ms`);
    }, createTimeoutMs);
    if (room.state !== 'open') return;
    const { options, auth } = session.applicant;
    room.shard.post({ kind: 'seat', roomId: room.id, sessionId: id, sessionKey: key, resumeToken, options, auth, team });
  }

  private reserved(session: Session): void {
    const { answer } = session;
    session.answer = null;
    session.timer = setTimeout(() => {
      this.counts.expired += 1;
      this.free(session);
    }, this.limits.seatTimeoutMs);
    answer?.reserved(session);
  }

  /** Its room was about to end: it is sent to another one, or told so. */
  private detour(session: Session, code: number, reason: string): void {
    this.vacate(session);
    session.detours += 1;
    const room = session.detours > DETOURS_MAX ? undefined : this.events.elsewhere(session);
    if (room === undefined) {
      this.refuse(session, code, reason);
      return;
    }
    this.sit(session, room);
    this.events.seated(session);
    this.send(session);
  }

  private refuse(session: Session, code: number, reason: string): void {
    const { key, answer } = session;
    if (session.state === 'joining' || answer !== null) this.counts.refused += 1;
    this.free(session);
    answer?.refused({ code, status: STATUS[code] ?? 503, reason });
    if (key !== 0) this.events.refused(key, code, reason);
  }

  /** Tells the shard that the session is over; nobody can take it over any more. */
  private post(session: Session, code: number): void {
    const { id, room } = session;
    session.resumeToken = session.earlierToken = '';
    room.shard.post({ kind: 'leave', roomId: room.id, sessionId: id, code });
  }

  private free(session: Session): void {
    if (session.state === 'left') return;
    session.move('left');
    this.sessions.delete(session.id);
    this.vacate(session);
  }

  private vacate({ id, room }: Session): void {
    if (!room.sessions.delete(id)) return;
    room.shard.load -= 1;
    this.events.changed(room);
  }
}

/** HTTP statuses of what shards refuse; everything else may be tried again. */
const STATUS: Readonly<Record<number, number | undefined>> = { [CloseCode.NotAllowed]: 401, [CloseCode.Error]: 500 };

/** In a time that doesn't depend on where they differ. */
function isSame(token: string, expected: string | undefined): boolean {
  const known = expected === undefined || expected === '' ? NO_TOKEN : expected;
  const [a, b] = [Buffer.from(token), Buffer.from(known)];
  return a.length === b.length && timingSafeEqual(a, b) && known !== NO_TOKEN;
}
