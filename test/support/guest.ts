/**
 * A player of the `crowd` room with the real SDK, whose socket can stop reading: what is sent to it then waits in the
 * kernel's buffers. Every frame is looked at on its way in, before the SDK sees it: no delta may come whose baseline isn't
 * the snapshot before it.
 */
import { connect, type ClientRoom, type JoinOptions } from 'escapement/client';
import { WebSocket, type RawData } from 'ws';
import { ServerFrameKind, ServerFrameReader, SnapshotKind } from '../../src/protocol/server-frames.js';
import type Crowd from '../rooms/crowd.js';

const CROWD_SNAPSHOT_TICKS = 3;

const reader = new ServerFrameReader();

export class Guest {
  room!: ClientRoom<typeof Crowd>;
  /** Ticks of the snapshots that came. */
  readonly ticks: number[] = [];
  /** Ticks of the keyframes among them. */
  readonly keyframes: number[] = [];
  /** Keyframes that came before the first of those: at most one. */
  welcomes = 0;
  /** What must not have happened. */
  readonly problems: string[] = [];
  /** States whose hash was the room's. */
  hashesEqual = 0;
  /** How it ended, when it has. */
  readonly left: Promise<{ code: number; reason: string }>;
  private socket!: WebSocket;
  private settleLeft!: (end: { code: number; reason: string }) => void;
  private keyframeWaiters: (() => void)[] = [];

  private constructor() {
    this.left = new Promise((resolve) => (this.settleLeft = resolve));
  }

  /** Makes a crowd room. */
  static create(url: string, options?: JoinOptions): Promise<Guest> {
    return new Guest().enter(url, (client) => client.create<typeof Crowd>('crowd', options));
  }

  static join(url: string, roomId: string): Promise<Guest> {
    return new Guest().enter(url, (client) => client.joinById<typeof Crowd>(roomId));
  }

  stopReading(): void {
    this.socket.pause();
  }

  goOnReading(): void {
    this.socket.resume();
  }

  /** Resolves when the next keyframe has come. */
  nextKeyframe(): Promise<void> {
    return new Promise((resolve) => this.keyframeWaiters.push(resolve));
  }

  /** Resolves when the next snapshot has been applied. */
  nextSnapshot(): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.room.onStateChange(() => {
        stop();
        resolve();
      });
    });
  }

  /** Snapshots that were missing between two. */
  get gaps(): readonly string[] {
    return this.ticks.flatMap((tick, i) => {
      const before = this.ticks[i - 1];
      return before === undefined || tick === before + CROWD_SNAPSHOT_TICKS ? [] : [`${before} to ${tick}`];
    });
  }

  private async enter(
    url: string,
    join: (client: ReturnType<typeof connect>) => Promise<ClientRoom<typeof Crowd>>,
  ): Promise<Guest> {
    const take = (socket: WebSocket): void => {
      this.socket = socket;
      socket.on('message', (data: RawData) => this.look(new Uint8Array(data as ArrayBuffer)));
    };
    class HeldSocket extends WebSocket {
      constructor(address: string, protocols?: string | string[]) {
        super(address, protocols, { perMessageDeflate: false });
        take(this);
      }
    }
    this.room = await join(connect(url, { reconnect: false, WebSocket: HeldSocket }));
    this.room.onError((error) => this.problems.push(String(error)));
    this.room.onLeave((code, reason) => this.settleLeft({ code, reason }));
    this.room.onMessage('hash', ({ tick, hash }: { tick: number; hash: number }) => {
      // While it is sent no snapshots it still hears of the room's hashes, of states that it doesn't hold.
      if (tick !== this.room.tick) return;
      if (this.room.stateHash() === hash) this.hashesEqual += 1;
      else this.problems.push(`tick ${tick}: ${this.room.stateHash()} is not ${hash}`);
    });
    return this;
  }

  private forgetWelcome(nextKind: SnapshotKind): void {
    this.ticks.length = 0;
    if (nextKind !== SnapshotKind.Keyframe) return;
    this.keyframes.length = 0;
    this.welcomes += 1;
  }

  private look(frame: Uint8Array): void {
    if (reader.read(frame) !== 0) this.problems.push('a malformed frame');
    if (reader.kind !== ServerFrameKind.Snapshot) return;
    const { tick, age, snapshotKind } = reader;
    // A newcomer is sent the state at once, between two snapshots: what counts begins with the room's next one.
    if (this.ticks.length === 1 && tick - this.ticks[0]! < CROWD_SNAPSHOT_TICKS) this.forgetWelcome(snapshotKind);
    const held = this.ticks.at(-1) ?? tick - age;
    if (snapshotKind === SnapshotKind.Keyframe) {
      this.keyframes.push(tick);
      for (const resolve of this.keyframeWaiters.splice(0)) resolve();
    } else if (tick - age !== held) {
      this.problems.push(`the delta of ${tick} has the baseline ${tick - age}, and ${held} was the last to come`);
    }
    this.ticks.push(tick);
  }
}
