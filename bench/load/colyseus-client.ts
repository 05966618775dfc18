/**
 * Clients of Colyseus 0.18 (bench/peers/servers/colyseus-server.ts), as its protocol is on the wire.
 *
 * ```
 *   client                                            server
 *     POST /matchmake/create/ROOM, or joinById/ID,
 *          or joinOrCreate/ROOM                   -->
 *                                                 <--   a seat: roomId, sessionId, processId
 *     WebSocket /processId/roomId?sessionId=…     -->
 *                                                 <--   JOIN_ROOM: token, serializer, description of the state
 *     JOIN_ROOM                                   -->
 *                                                 <--   ROOM_STATE, then ROOM_STATE_PATCH whenever something changed
 * ```
 *
 * What it calls numbers and strings are @colyseus/schema's, which up to a length of 255 are msgpack's too.
 */
import { decode, encode, Reflection, type Decoder, type Iterator, type MapSchema } from '@colyseus/schema';
import type { Answers, LoadClient, PlayerState, Question, Target } from './contender.js';
import { post } from './load-post.js';
import { LoadSocket, type LoadFrame } from './load-socket.js';

const JOIN_ROOM = 10;
const ERROR = 11;
const LEAVE_ROOM = 12;
const ROOM_STATE = 14;
const ROOM_STATE_PATCH = 15;
const ROOM_DATA_BYTES = 17;
const ROOM_REQUEST = 21;
const ROOM_RESPONSE = 22;

const RESPONSE_OK = 0;

/** Type of the message whose one byte is the heading (bench/peers/servers/colyseus-server.ts). */
const INPUT_MESSAGE = 0;
const HEADING_OFFSET = 2;

const REQUEST_BYTES_MAX = 32;

/** Of msgpack's strings that have their length not in the first byte, by that byte. */
const LENGTH_HEAD_BYTES: ReadonlyMap<number, number> = new Map([[0xd9, 2], [0xda, 3], [0xdb, 5]]);

/** What the matchmaker answers. */
interface Seat {
  readonly roomId: string;
  readonly sessionId: string;
  readonly processId: string;
}

export async function join(target: Target): Promise<LoadClient> {
  const seat = await reserveSeat(target);
  const { roomId, sessionId, processId } = seat;
  const address = `${target.url.replace('http', 'ws')}/${processId}/${roomId}?sessionId=${sessionId}`;
  const client = new ColyseusClient(roomId, await LoadSocket.open(address), target.isProbe);
  await client.firstState;
  client.check();
  return client;
}

async function reserveSeat({ url, room, roomId, joinsAny = false }: Target): Promise<Seat> {
  const method = roomId !== null ? `joinById/${roomId}` : joinsAny ? `joinOrCreate/${room}` : `create/${room}`;
  const { status, text } = await post(url, `/matchmake/${method}`, '{}');
  if (status !== 200) throw new Error(`the matchmaker answered ${status} to ${method}: ${text}`);
  return JSON.parse(text) as Seat;
}

class ColyseusClient implements LoadClient {
  snapshots = 0;
  onSnapshot: ((arrivedMs: number) => void) | null = null;
  /** Also resolves when there will be none: see `check`. */
  readonly firstState: Promise<void>;
  private readonly inputFrame: LoadFrame = LoadSocket.frame(HEADING_OFFSET + 1);
  private readonly answers = new Map<number, (answer: unknown) => void>();
  private requests = 0;
  private problem: Error | null = null;
  private isLeaving = false;
  /** Of probes, once the server has described its state. */
  private decoder: Decoder | null = null;
  private gotState!: () => void;

  constructor(readonly roomId: string, readonly socket: LoadSocket, private readonly isProbe: boolean) {
    this.inputFrame.payload.set([ROOM_DATA_BYTES, INPUT_MESSAGE]);
    this.firstState = new Promise((resolve) => (this.gotState = resolve));
    socket.handlers = {
      frame: (payload) => this.take(payload),
      closed: (code, reason) => {
        if (!this.isLeaving) this.fail(`the server closed with ${code}: ${reason}`);
      },
    };
  }

  input(heading: number): void {
    this.inputFrame.payload[HEADING_OFFSET] = heading;
    this.socket.sendFrame(this.inputFrame);
  }

  ask<Q extends Question>(question: Q): Promise<Answers[Q]> {
    this.requests += 1;
    const request = Buffer.alloc(REQUEST_BYTES_MAX);
    const it: Iterator = { offset: 1 };
    request[0] = ROOM_REQUEST;
    encode.number(request, this.requests, it);
    encode.string(request, question, it);
    this.socket.send(request.subarray(0, it.offset));
    return new Promise((resolve) => this.answers.set(this.requests, resolve as (answer: unknown) => void));
  }

  players(): PlayerState[] {
    return [...this.shownPlayers().values()]
      .map(({ slot, x, y, heading, health, score }) => ({ slot, x, y, heading, health, score }))
      .sort((a, b) => a.slot - b.slot);
  }

  headingOf(slot: number): number {
    for (const player of this.shownPlayers().values()) if (player.slot === slot) return player.heading;
    return -1;
  }

  check(): void {
    if (this.problem !== null) throw this.problem;
  }

  leave(): void {
    this.isLeaving = true;
    this.socket.send(Uint8Array.of(LEAVE_ROOM));
  }

  private shownPlayers(): MapSchema<PlayerState> {
    if (this.decoder === null) throw new Error('this client decodes nothing; ask a probe');
    return (this.decoder.state as unknown as { players: MapSchema<PlayerState> }).players;
  }

  private take(frame: Uint8Array): void {
    if (frame[0] === ROOM_STATE_PATCH) {
      const arrivedMs = this.isProbe ? performance.now() : 0;
      this.snapshots += 1;
      if (this.isProbe) {
        this.decodeState(frame);
        this.onSnapshot?.(arrivedMs);
      }
    } else if (frame[0] === ROOM_STATE) {
      if (this.isProbe) this.decodeState(frame);
      this.gotState();
    } else if (frame[0] === JOIN_ROOM) {
      if (this.isProbe) this.decoder = decoderOf(frame);
      this.socket.send(Uint8Array.of(JOIN_ROOM));
    } else if (frame[0] === ROOM_RESPONSE) {
      this.takeAnswer(frame);
    } else if (frame[0] === ERROR) {
      const it: Iterator = { offset: 1 };
      const code = decode.number(frame, it);
      this.fail(`the server reports ${code}: ${decode.string(frame, it)}`);
    } else {
      this.fail(`a frame that begins with ${frame[0]}`);
    }
  }

  private decodeState(frame: Uint8Array): void {
    try {
      this.decoder!.decode(frame, { offset: 1 });
    } catch (error) {
      this.fail(`a state that can't be decoded: ${String(error)}`);
    }
  }

  private takeAnswer(frame: Uint8Array): void {
    const it: Iterator = { offset: 1 };
    const request = decode.number(frame, it);
    const status = frame[it.offset];
    it.offset += 1;
    if (status === RESPONSE_OK) this.answers.get(request)?.(JSON.parse(lastString(frame, it.offset)));
    else this.fail(`request ${request} failed with ${status}`);
    this.answers.delete(request);
  }

  private fail(what: string): void {
    this.problem ??= new Error(`room ${this.roomId}: ${what}`);
    this.gotState();
  }
}

/** The string that a frame ends with. It is msgpack's, which has longer lengths big-endian; `decode.string` doesn't. */
function lastString(frame: Uint8Array, at: number): string {
  return new TextDecoder().decode(frame.subarray(at + (LENGTH_HEAD_BYTES.get(frame[at]!) ?? 1)));
}

/** From `[JOIN_ROOM][length][token][length][serializer][length][description of the state]`, which may go on after that. */
function decoderOf(frame: Uint8Array): Decoder {
  let at = 1;
  for (let field = 0; field < 2; field += 1) at += 1 + frame[at]!;
  const it: Iterator = { offset: at };
  const length = decode.number(frame, it);
  return Reflection.decode(Uint8Array.from(frame.subarray(it.offset, it.offset + length)));
}
