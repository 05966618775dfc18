/**
 * Clients of socket.io 4.8 (bench/peers/servers/socketio-server.ts), as its protocol is on the wire: texts whose first
 * digit is engine.io's, the second socket.io's.
 *
 * ```
 *   client                                     server
 *     WebSocket /socket.io/?EIO=4          -->
 *                                          <--   0{"sid":…}                     open
 *     40                                   -->                                  connect
 *                                          <--   40{"sid":…}
 *     420["join",{"roomId":…}]             -->                                  an event, to be acknowledged as 0
 *                                          <--   430[{"roomId":…,"slot":…}]     which it is
 *     42["input",HEADING]                  -->
 *                                          <--   42["state",{"players":[…]}]    a snapshot
 *     3                                    -->   2                              pong to its ping
 * ```
 */
import { HEADINGS } from '../arena-game.js';
import type { Answers, LoadClient, PlayerState, Question, Target } from './contender.js';
import { LoadSocket, type LoadFrame } from './load-socket.js';

const OPEN = '0'.charCodeAt(0);
const PING = '2'.charCodeAt(0);
const MESSAGE = '4'.charCodeAt(0);

const CONNECTED = '0'.charCodeAt(0);
const EVENT = '2'.charCodeAt(0);
const ACK = '3'.charCodeAt(0);

const STATE_START = '42["state",';
/** What comes first in the name of the only event of the server. */
const STATE_OFFSET = 4;
const STATE_LETTER = 's'.charCodeAt(0);

/** Frames that all clients send and none changes. */
const CONNECT = textFrame('40');
const PONG = textFrame('3');
/** A JSON number has no leading zeros, so that there is no one frame to change the heading in. */
const INPUTS = Array.from({ length: HEADINGS }, (_, heading) => textFrame(`42["input",${heading}]`));

function textFrame(text: string): LoadFrame {
  const frame = LoadSocket.frame(text.length, true);
  frame.payload.set(Buffer.from(text));
  return frame;
}

export async function join({ url, roomId, isProbe }: Target): Promise<LoadClient> {
  const address = `${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
  const client = new SocketIoClient(await LoadSocket.open(address), roomId, isProbe);
  await client.firstState;
  client.check();
  return client;
}

class SocketIoClient implements LoadClient {
  roomId = '';
  snapshots = 0;
  onSnapshot: ((arrivedMs: number) => void) | null = null;
  /** Also resolves when there will be none: see `check`. */
  readonly firstState: Promise<void>;
  private readonly answers = new Map<number, (answer: unknown) => void>();
  private asked = 0;
  private state: { readonly players: readonly PlayerState[] } | null = null;
  private problem: Error | null = null;
  private gotState!: () => void;

  constructor(readonly socket: LoadSocket, private readonly wantedId: string | null, private readonly isProbe: boolean) {
    this.firstState = new Promise((resolve) => (this.gotState = resolve));
    socket.handlers = {
      frame: (payload) => this.take(payload),
      closed: (code, reason) => this.fail(`the server closed with ${code}: ${reason}`),
    };
  }

  input(heading: number): void {
    this.socket.sendFrame(INPUTS[heading]!);
  }

  ask<Q extends Question>(question: Q): Promise<Answers[Q]> {
    return this.emit(question) as Promise<Answers[Q]>;
  }

  players(): PlayerState[] {
    return [...this.shownPlayers()].sort((a, b) => a.slot - b.slot);
  }

  headingOf(slot: number): number {
    for (const player of this.shownPlayers()) if (player.slot === slot) return player.heading;
    return -1;
  }

  check(): void {
    if (this.problem !== null) throw this.problem;
  }

  leave(): void {
    this.socket.destroy();
  }

  private shownPlayers(): readonly PlayerState[] {
    if (this.state === null) throw new Error('this client decodes nothing; ask a probe');
    return this.state.players;
  }

  /** Resolves with the acknowledgement. */
  private emit(...event: unknown[]): Promise<unknown> {
    const id = this.asked;
    this.asked += 1;
    this.socket.send(Buffer.from(`42${id}${JSON.stringify(event)}`), true);
    return new Promise((resolve) => this.answers.set(id, resolve));
  }

  private take(frame: Uint8Array): void {
    if (frame[0] === MESSAGE && frame[1] === EVENT && frame[STATE_OFFSET] === STATE_LETTER) this.takeState(frame);
    else if (frame[0] === PING) this.socket.sendFrame(PONG);
    else this.takeAnswer(frame);
  }

  private takeState(frame: Uint8Array): void {
    const arrivedMs = this.isProbe ? performance.now() : 0;
    this.snapshots += 1;
    if (this.snapshots === 1) this.gotState();
    if (!this.isProbe) return;
    // Without the name of the event before it and the bracket after it.
    this.state = JSON.parse(textOf(frame).slice(STATE_START.length, -1)) as { players: PlayerState[] };
    this.onSnapshot?.(arrivedMs);
  }

  private takeAnswer(frame: Uint8Array): void {
    if (frame[0] === OPEN) {
      this.socket.sendFrame(CONNECT);
    } else if (frame[0] === MESSAGE && frame[1] === CONNECTED) {
      void this.emit('join', { roomId: this.wantedId }).then((answer) => this.joined(answer as { roomId: string }));
    } else if (frame[0] === MESSAGE && frame[1] === ACK) {
      const [, id, answers] = /^43(\d+)(\[.*\])$/s.exec(textOf(frame))!;
      this.answers.get(Number(id))?.((JSON.parse(answers!) as unknown[])[0]);
      this.answers.delete(Number(id));
    } else {
      this.fail(`an unexpected ${textOf(frame)}`);
    }
  }

  private joined(answer: { roomId: string } | { error: string }): void {
    if ('error' in answer) this.fail(answer.error);
    else this.roomId = answer.roomId;
  }

  private fail(what: string): void {
    this.problem ??= new Error(`room ${this.roomId}: ${what}`);
    this.gotState();
  }
}

function textOf(frame: Uint8Array): string {
  return Buffer.from(frame.buffer, frame.byteOffset, frame.length).toString();
}
