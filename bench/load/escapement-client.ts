/** Clients of our own server: cheap ones that read no more than a snapshot's tick, and probes that are the SDK. */
import { connect, type ClientRoom } from 'escapement/client';
import { CloseCode } from '../../src/protocol/close-codes.js';
import { decodePayload, encodePayload } from '../../src/protocol/payload.js';
import {
  encodeClientMessage, encodeJoin, encodeLeave, encodePing, InputFrameWriter, JoinMethod,
} from '../../src/protocol/client-frames.js';
import { FRAME_HEAD_OFFSET } from '../../src/protocol/frame-prefix.js';
import {
  decodeJoined,
  decodeRefused,
  decodeServerMessage,
  ServerFrameKind,
  ServerFrameReader,
  SNAPSHOT_KIND_OFFSET,
  SNAPSHOT_TICK_OFFSET,
  SnapshotKind,
} from '../../src/protocol/server-frames.js';
import { SUBPROTOCOL } from '../../src/protocol/version.js';
import { HEADINGS } from '../arena-game.js';
import type ArenaRoom from '../rooms/arena.js';
import type { Answers, LoadClient, PlayerState, Question, Target } from './contender.js';
import { LoadSocket, type LoadFrame } from './load-socket.js';
import { ProbeWebSocket } from './probe-web-socket.js';

/** The arena's input: the heading, one byte. */
const INPUT_BYTES = 1;
const HEADING_OFFSET = 32;

/** How our frames with a body begin: the root's offset (src/protocol/frame-prefix.ts). */
const BODY_FRAME_START = 12;

export function join(target: Target): Promise<LoadClient> {
  return target.isProbe ? Probe.join(target) : CheapClient.join(target);
}

class CheapClient implements LoadClient {
  roomId = '';
  snapshots = 0;
  onSnapshot = null;
  private readonly inputFrame: LoadFrame;
  private readonly inputHead: DataView;
  private seq = 0;
  private tick = 0;
  private snapshotTicks = 0;
  private deltas = 0;
  private problem: Error | null = null;
  private isLeaving = false;
  private readonly reader = new ServerFrameReader();
  private readonly answers = new Map<string, (answer: unknown) => void>();
  private joined: (() => void) | null = null;

  private constructor(readonly socket: LoadSocket) {
    const writer = new InputFrameWriter(INPUT_BYTES);
    this.inputFrame = LoadSocket.frame(writer.frame.length);
    this.inputFrame.payload.set(writer.write(0, 0));
    const { buffer, byteOffset } = this.inputFrame.payload;
    this.inputHead = new DataView(buffer, byteOffset + FRAME_HEAD_OFFSET, 8);
    socket.handlers = {
      frame: (payload) => this.take(payload),
      closed: (code, reason) => {
        if (!this.isLeaving) this.problem ??= new Error(`the server closed with ${code}: ${reason}`);
        this.joined?.();
      },
    };
  }

  static async join({ url, room, roomId, joinsAny = false }: Target): Promise<CheapClient> {
    const client = new CheapClient(await LoadSocket.open(`${url.replace('http', 'ws')}/ws`, SUBPROTOCOL));
    const joined = new Promise<void>((resolve) => (client.joined = resolve));
    const method = roomId !== null ? JoinMethod.JoinById : joinsAny ? JoinMethod.JoinOrCreate : JoinMethod.Create;
    client.socket.send(encodeJoin({ method, room, roomId: roomId ?? '' }));
    await joined;
    client.check();
    return client;
  }

  input(heading: number): void {
    this.seq += 1;
    this.inputHead.setUint32(0, this.seq, true);
    this.inputHead.setUint32(4, this.tick, true);
    this.inputFrame.payload[HEADING_OFFSET] = heading;
    this.socket.sendFrame(this.inputFrame);
  }

  acknowledge(): void {
    this.socket.send(encodePing(0, this.tick));
  }

  ask<Q extends Question>(question: Q): Promise<Answers[Q]> {
    const { encoding, bytes } = encodePayload(undefined);
    this.socket.send(encodeClientMessage(question, encoding, bytes));
    return new Promise((resolve) => this.answers.set(question, resolve as (answer: unknown) => void));
  }

  players(): PlayerState[] {
    throw new Error('this client decodes nothing; ask a probe');
  }

  headingOf(): number {
    throw new Error('this client decodes nothing; ask a probe');
  }

  check(): void {
    if (this.problem !== null) throw this.problem;
  }

  leave(): void {
    this.isLeaving = true;
    this.socket.send(encodeLeave());
  }

  private take(bytes: Uint8Array): void {
    if (bytes[0] === BODY_FRAME_START && bytes.length > SNAPSHOT_KIND_OFFSET) this.takeSnapshot(bytes);
    else this.takeEvent(bytes);
  }

  private takeSnapshot(bytes: Uint8Array): void {
    const at = SNAPSHOT_TICK_OFFSET;
    const tick = bytes[at]! + bytes[at + 1]! * 0x100 + bytes[at + 2]! * 0x10000 + bytes[at + 3]! * 0x1000000;
    const isKeyframe = bytes[SNAPSHOT_KIND_OFFSET] === SnapshotKind.Keyframe;
    // A newcomer is sent the state at once, and another keyframe with the room's next snapshot.
    if (isKeyframe ? this.snapshots > 1 : this.snapshots === 0) {
      this.problem ??= new Error(isKeyframe ? `a late keyframe, of tick ${tick}` : `no keyframe before tick ${tick}`);
    }
    // From the second one on, deltas are a fixed number of ticks apart.
    if (!isKeyframe) this.deltas += 1;
    if (this.deltas > 1) {
      const ticks = tick - this.tick;
      if (this.snapshotTicks === 0) this.snapshotTicks = ticks;
      if (ticks !== this.snapshotTicks) this.problem ??= new Error(`no snapshot between ticks ${this.tick} and ${tick}`);
    }
    this.tick = tick;
    this.snapshots += 1;
    if (this.joined !== null) {
      this.joined();
      this.joined = null;
    }
  }

  private takeEvent(bytes: Uint8Array): void {
    const { reader } = this;
    if (reader.read(bytes) !== 0) {
      this.problem ??= new Error('a frame that is none');
    } else if (reader.kind === ServerFrameKind.Joined) {
      this.roomId = decodeJoined(bytes).roomId;
    } else if (reader.kind === ServerFrameKind.Message) {
      const { type, encoding, payload } = decodeServerMessage(bytes);
      this.answers.get(type)?.(decodePayload(encoding, payload));
      this.answers.delete(type);
    } else if (reader.kind === ServerFrameKind.Refused) {
      const { code, reason } = decodeRefused(bytes);
      this.problem ??= new Error(`the join was refused with ${code}: ${reason}`);
      this.joined?.();
    }
  }
}

class Probe implements LoadClient {
  onSnapshot: ((arrivedMs: number) => void) | null = null;
  private problem: Error | null = null;

  private constructor(private readonly room: ClientRoom<typeof ArenaRoom>, readonly socket: LoadSocket) {
    room.onStateChange(() => this.onSnapshot?.(performance.now()));
    room.onError((error) => (this.problem ??= error));
    room.onLeave((code, reason) => {
      if (code !== CloseCode.Consented) this.problem ??= new Error(`the server closed with ${code}: ${reason}`);
    });
  }

  static async join({ url, room, roomId }: Target): Promise<Probe> {
    let socket: ProbeWebSocket | undefined;
    class Kept extends ProbeWebSocket {
      constructor(address: string, protocols?: string | string[]) {
        super(address, protocols);
        socket = this;
      }
    }
    const client = connect(url, { reconnect: false, WebSocket: Kept });
    const joining = roomId === null ? client.create<typeof ArenaRoom>(room) : client.joinById<typeof ArenaRoom>(roomId);
    return new Probe(await joining, socket!.loadSocket!);
  }

  get roomId(): string {
    return this.room.id;
  }

  get snapshots(): number {
    return this.room.stats.snapshots;
  }

  input(heading: number): void {
    this.room.input({ heading });
  }

  ask<Q extends Question>(question: Q): Promise<Answers[Q]> {
    return new Promise((resolve) => {
      const forget = this.room.onMessage<Answers[Q]>(question, (answer) => {
        forget();
        resolve(answer);
      });
      this.room.send(question);
    });
  }

  players(): PlayerState[] {
    return [...this.room.state.players]
      .map(({ slot, x, y, heading, health, score }) => ({ slot, x, y, heading: headingByte(heading), health, score }))
      .sort((a, b) => a.slot - b.slot);
  }

  headingOf(slot: number): number {
    for (const row of this.room.state.players) if (row.slot === slot) return headingByte(row.heading);
    return -1;
  }

  check(): void {
    if (this.problem !== null) throw this.problem;
    const { keyframes, resyncs, skipped } = this.room.stats;
    if (keyframes !== 1 || resyncs !== 0 || skipped !== 0) {
      throw new Error(`room ${this.roomId}: ${keyframes} keyframes, ${resyncs} resyncs, ${skipped} snapshots skipped`);
    }
  }

  leave(): void {
    this.socket.destroy();
  }
}

function headingByte(radians: number): number {
  return Math.round((radians * HEADINGS) / (2 * Math.PI)) & (HEADINGS - 1);
}
