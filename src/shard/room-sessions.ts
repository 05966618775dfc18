/**
 * The sessions of one room: who has a seat, over which connection, and what each is sent besides snapshots.
 *
 * Hooks about a lost connection that the room itself finds out about (the client is too slow, or there was no room for what it
 * was to be sent) run at the beginning of the next tick: room code may be in the middle of anything when it sends a message.
 */
import type { Logger } from 'pino';
import { ShardCounter } from '../memory/counters.js';
import { CloseCode, isDrop } from '../protocol/close-codes.js';
import type { HostToShard } from '../protocol/control.js';
import { JoinedWriter, type Handshake } from '../protocol/joined-writer.js';
import { encodePayload } from '../protocol/payload.js';
import {
  encodeDraining,
  encodeRejected,
  encodeServerMessage,
  type DrainingFrame,
  type JoinedFrame,
} from '../protocol/server-frames.js';
import { Client, type ClientPort, type ClientState, type Followed } from './client.js';
import { reasonOf } from './hook-error.js';
import type { InputQueue } from './input-queue.js';
import type { RoomInterest } from './interest/room-interest.js';
import { Reconnection } from './reconnection.js';
import { isGrace, RECONNECT_GRACE_MAX } from './room-class.js';
import type { RoomHooks } from './room-hooks.js';
import type { Room } from './room.js';
import type { ShardServices } from './shard-services.js';

type Message<Kind extends HostToShard['kind']> = Extract<HostToShard, { kind: Kind }>;

const LOST_A_MESSAGE = 'too slow: the server could not keep up with what it had to send you';
const GAVE_UP = 'messages were given up that you have not received: join again';

const NOT_DROPPED: Readonly<Record<Exclude<ClientState, 'dropped'>, string>> = {
  joining: 'not joined yet',
  joined: 'a connection',
  left: 'left already',
};

/** The room whose sessions they are. */
export interface SessionRoom {
  readonly roomId: string;
  /** Its hooks. */
  readonly room: Room;
  /** Whether it gives seats to new clients. */
  readonly takesSeats: boolean;
  readonly handshake: Handshake;
  /** What clients are told of its end; null while it isn't near. */
  readonly draining: DrainingFrame | null;
  createInputs(): InputQueue | null;
  /** The client's connection is gone, and what it was shown with it. */
  disconnected(client: Client): void;
  /** Its messages and inputs are to be looked for under its key. */
  bind(client: Client): void;
  unbind(client: Client): void;
}

export class RoomSessions implements ClientPort {
  /** Joined clients, connected or dropped. Replaced, never changed in place: room code may iterate over it meanwhile. */
  clients: readonly Client[] = [];
  /** Clients whose onJoin runs. */
  private readonly joining = new Map<string, Client>();
  /** Dropped clients that something is to be done about at the next tick. */
  private readonly due: Client[] = [];
  /** Made for the first client: a room's declaration is done by then. */
  private joined: JoinedWriter | null = null;

  constructor(
    private readonly room: SessionRoom,
    private readonly interest: RoomInterest,
    private readonly hooks: RoomHooks,
    private readonly services: Pick<ShardServices, 'outbox' | 'seats' | 'counters' | 'post'>,
    private readonly log: Logger,
  ) {}

  // --- What the host says --------------------------------------------------------------------------------------------

  /** Gives a session its seat: onJoin, then Joined, then a keyframe with the next snapshot. */
  async seat({ sessionId, sessionKey, resumeToken, options, auth, team }: Message<'seat'>): Promise<void> {
    const client = new Client(sessionId, sessionKey, this, team);
    client.auth = auth;
    if (!this.room.takesSeats) {
      this.refuse(client, CloseCode.MayRetry, 'the room is ending', true);
      return;
    }
    client.inputs = this.room.createInputs();
    this.joining.set(sessionId, client);
    try {
      await this.hooks.during(() => this.room.room.onJoin?.(client, options));
    } catch (error) {
      if (!this.joining.delete(sessionId)) return; // it left meanwhile, and was told
      this.refuse(client, CloseCode.NotAllowed, reasonOf(error), false);
      this.hooks.report(error, 'onJoin');
      return;
    }
    if (!this.joining.delete(sessionId)) {
      // The socket went while onJoin ran: what onJoin set up, onLeave takes down, and we what it showed to whom.
      this.interest.forget(client);
      this.runOnLeave(client);
      return;
    }
    client.move('joined');
    this.clients = [...this.clients, client];
    this.services.counters.add(ShardCounter.clients);
    this.greet(client, { resumeToken, resumed: false, received: 0 });
    this.log.debug({ session: sessionId }, 'client joined');
  }

  /** The session's socket is lost. Unknown sessions, and those whose loss is known, are ignored. */
  drop(sessionId: string, code: number): void {
    const client = this.find(sessionId);
    if (client === undefined) return;
    if (client.state === 'joining') {
      this.remove(client, code);
      return;
    }
    this.room.unbind(client);
    if (client.state === 'dropped') return;
    this.disconnect(client, code);
    this.tell(client, client.reconnection!);
  }

  /** The session is over. Unknown ones are ignored: it may have been ended from here. */
  leave(sessionId: string, code: number): void {
    const client = this.find(sessionId);
    if (client !== undefined) this.remove(client, code);
  }

  /** The session goes on over another connection. */
  resume({ sessionId, sessionKey, resumeToken, received, anew, taken }: Message<'resume'>): void {
    const client = this.find(sessionId);
    if (client === undefined || client.state === 'joining') {
      // It was ended from here, and the host knows by now; only the connection has to be told.
      this.services.outbox.close(sessionKey, CloseCode.NotAllowed, 'the session is over: join again');
      return;
    }
    const { kept, reconnection } = client;
    if (anew ? !kept.isWhole : !kept.hasAllAfter(received)) {
      this.post(client, CloseCode.TooSlow, GAVE_UP, false);
      this.remove(client, CloseCode.TooSlow);
      return;
    }
    // What came over the last connection has been taken out of the ring by now.
    this.room.unbind(client);
    if (client.state === 'dropped') client.move('joined');
    else this.room.disconnected(client);
    client.reconnection = null;
    client.sessionKey = sessionKey;
    if (anew) kept.restart();
    else kept.release(received);
    this.greet(client, { resumeToken, resumed: true, received: taken });
    reconnection?.cameBack(client);
    this.hooks.run('onReconnect', () => this.room.room.onReconnect?.(client));
    this.log.debug({ session: sessionId }, 'client is back');
  }

  // --- What the room says --------------------------------------------------------------------------------------------

  /**
   * Says how long a dropped client is waited for.
   *
   * @throws RangeError for another duration; Error when the client isn't dropped
   */
  allowReconnection(client: Client, seconds: number): Promise<Client> {
    if (!isGrace(seconds)) {
      throw new RangeError(`allowReconnection(client, ${String(seconds)}): expected 0 to ${RECONNECT_GRACE_MAX} seconds`);
    }
    const { state } = client;
    if (state !== 'dropped') {
      throw new Error(`allowReconnection: client ${client.sessionId} has ${NOT_DROPPED[state]}; call it in onDrop`);
    }
    const reconnection = client.reconnection!;
    reconnection.graceMs = 1000 * seconds;
    const { promise } = reconnection;
    // In onDrop itself it is told afterwards, as otherwise.
    if (reconnection.isTold) this.keep(client, reconnection);
    return promise;
  }

  sendTo(client: Client, type: string, payload: unknown): void {
    if (client.state === 'left') return;
    const frame = this.messageFrame(type, payload);
    client.kept.push(frame);
    // Joined is to be the first that a client hears of its room.
    if (client.state === 'joining') return;
    if (client.connected) this.send(client, frame);
    this.trim(client);
  }

  broadcast(type: string, payload: unknown, except: Client | undefined): void {
    if (this.clients.length === 0) return;
    const frame = this.messageFrame(type, payload);
    const isSent = this.services.outbox.broadcast(this.clients, except, frame);
    for (const client of this.clients) {
      if (client === except) continue;
      client.kept.push(frame);
      if (!isSent && client.connected) this.cut(client, CloseCode.TooSlow, LOST_A_MESSAGE);
      this.trim(client);
    }
  }

  /** Tells the client that something it sent was not taken. Not kept: it is of no use later. */
  reject(client: Client, type: string, field: string, reason: string): void {
    if (client.state === 'joined') this.send(client, encodeRejected(type, field, reason));
  }

  /** The client has received so many messages of its session. */
  received(client: Client, count: number): void {
    client.kept.release(count);
  }

  followed(row: object): Followed {
    return this.interest.followed(row);
  }

  /** Ends the client's session. */
  closeClient(client: Client, code: number, reason: string): void {
    if (client.state === 'left') return;
    if (client.connected) this.services.outbox.close(client.sessionKey, code, reason);
    this.remove(client, code);
  }

  /** Closes the client's connection. Whether its seat is kept depends on the code. */
  closeConnection(client: Client, code: number, reason: string): void {
    if (!isDrop(code)) this.closeClient(client, code, reason);
    else if (client.state === 'joined') this.cut(client, code, reason);
  }

  /** Does what is to be done about dropped clients since the last tick. */
  settle(): void {
    if (this.due.length === 0) return; // as at nearly every tick, which is to allocate nothing
    for (const client of this.due.splice(0)) {
      const { reconnection } = client;
      if (reconnection === null) continue; // back, or gone
      if (!reconnection.isTold) this.tell(client, reconnection);
      if (reconnection.isHopeless) this.remove(client, CloseCode.TooSlow);
    }
  }

  /** Tells everybody that the room's end is near. */
  drain(): void {
    for (const client of this.clients) this.tellDraining(client);
  }

  /** Ends every session. Who has no state of the room yet hasn't been in it: another room will do for them. */
  end(code: number, reason: string): void {
    const mayRetry = code === CloseCode.Consented;
    for (const client of [...this.joining.values()]) {
      this.joining.delete(client.sessionId);
      client.leftCode = code;
      this.refuse(client, mayRetry ? CloseCode.MayRetry : code, reason, mayRetry);
    }
    for (const client of this.clients) {
      const isUnfilled = mayRetry && client.connected && client.sentTick === 0;
      this.closeClient(client, isUnfilled ? CloseCode.MayRetry : code, reason);
    }
  }

  // --- One client ----------------------------------------------------------------------------------------------------

  private find(sessionId: string): Client | undefined {
    return this.joining.get(sessionId) ?? this.clients.find((each) => each.sessionId === sessionId);
  }

  /** Begins a connection: the handshake, and all messages that the client doesn't have. */
  private greet(client: Client, part: Pick<JoinedFrame, 'resumeToken' | 'resumed' | 'received'>): void {
    this.room.bind(client);
    const { sessionId, inputs } = client;
    this.joined ??= new JoinedWriter(this.room.handshake);
    this.send(client, this.joined.write({ ...part, sessionId, inputSeq: inputs === null ? 0 : inputs.seenSeq }), true);
    for (const message of client.kept) {
      if (!client.connected) return; // there was no room for all of it: the rest waits for another connection
      this.send(client, message);
    }
    this.tellDraining(client);
    // What onJoin sent may be more than is kept: given up is only what was sent.
    this.trim(client);
  }

  private send(client: Client, frame: Uint8Array, joined = false): void {
    if (!this.services.outbox.send(client.sessionKey, frame, joined)) this.cut(client, CloseCode.TooSlow, LOST_A_MESSAGE);
  }

  private tellDraining(client: Client): void {
    const { draining } = this.room;
    if (draining !== null && client.connected) this.send(client, encodeDraining(draining.reason, draining.deadlineMs));
  }

  /** Bounds what is kept. Who isn't connected can't come back without what is given up. */
  private trim(client: Client): void {
    const { kept, reconnection } = client;
    if (!kept.trim(this.services.seats.resumeBufferBytes) || reconnection === null || reconnection.isHopeless) return;
    reconnection.isHopeless = true;
    this.due.push(client);
  }

  /**
   * Closes the client's connection and keeps its seat; the room hears of it at the next tick. The front has taken messages of
   * it that are still in the ring, and takes more until the socket is closed: they are the session's, so its key stays bound.
   */
  private cut(client: Client, code: number, reason: string): void {
    this.services.outbox.close(client.sessionKey, code, reason);
    this.disconnect(client, code);
    this.due.push(client);
  }

  private disconnect(client: Client, code: number): void {
    client.move('dropped');
    client.reconnection = new Reconnection(code, this.room.handshake.graceMs);
    this.room.disconnected(client);
    this.log.debug({ session: client.sessionId, code }, 'client dropped');
  }

  /** Runs onDrop, which may say how long the seat is kept. */
  private tell(client: Client, reconnection: Reconnection): void {
    this.hooks.run('onDrop', () => this.room.room.onDrop?.(client, reconnection.code));
    reconnection.isTold = true;
    this.keep(client, reconnection);
  }

  /** Has the host keep the seat from now on, if at all. */
  private keep(client: Client, reconnection: Reconnection): void {
    if (client.reconnection !== reconnection) return; // the hook has sent it away
    if (reconnection.graceMs === 0) {
      this.remove(client, reconnection.code);
      return;
    }
    const { sessionId, sessionKey } = client;
    this.services.post({ kind: 'dropped', roomId: this.room.roomId, sessionId, sessionKey, graceMs: reconnection.graceMs });
  }

  private refuse(client: Client, code: number, reason: string, ending: boolean): void {
    client.move('left');
    this.post(client, code, reason, ending);
  }

  private post({ sessionId }: Client, code: number, reason: string, ending: boolean): void {
    this.services.post({ kind: 'refused', roomId: this.room.roomId, sessionId, code, reason, ending });
  }

  /** Frees the client's seat. */
  private remove(client: Client, code: number): void {
    const { state, sessionId, reconnection } = client;
    if (state === 'left') return;
    client.move('left');
    client.leftCode = code;
    client.reconnection = null;
    client.kept.clear();
    this.joining.delete(sessionId);
    this.interest.forget(client);
    this.services.post({ kind: 'left', roomId: this.room.roomId, sessionId });
    if (state === 'joining') return; // onLeave runs when onJoin is done
    this.room.unbind(client);
    if (state === 'joined') this.room.disconnected(client);
    this.clients = this.clients.filter((each) => each !== client);
    this.services.counters.add(ShardCounter.clients, -1);
    reconnection?.stayedAway(client, code);
    this.runOnLeave(client);
    this.log.debug({ session: sessionId, code }, 'client left');
  }

  private runOnLeave(client: Client): void {
    this.hooks.run('onLeave', () => this.room.room.onLeave?.(client, client.leftCode));
  }

  private messageFrame(type: string, payload: unknown): Uint8Array {
    const { encoding, bytes } = encodePayload(payload);
    const frame = encodeServerMessage(type, encoding, bytes);
    this.services.outbox.assertSendable(frame);
    return frame;
  }
}

