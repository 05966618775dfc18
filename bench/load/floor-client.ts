/** Clients of the floor (bench/arena/floor-server.ts): payloads are counted, inputs look like ours. */
import { INPUT_FRAME_BYTES } from '../arena/floor-protocol.js';
import type { Answers, LoadClient, PlayerState, Question, Target } from './contender.js';
import { LoadSocket, type LoadFrame } from './load-socket.js';

export async function join({ url, roomId }: Target): Promise<LoadClient> {
  const id = roomId ?? (await (await fetch(`${url}/create`)).text());
  const client = new FloorClient(id, await LoadSocket.open(`${url.replace('http', 'ws')}/room/${id}`));
  await client.firstSnapshot;
  client.check();
  return client;
}

class FloorClient implements LoadClient {
  snapshots = 0;
  onSnapshot: ((arrivedMs: number) => void) | null = null;
  readonly firstSnapshot: Promise<void>;
  private readonly inputFrame: LoadFrame = LoadSocket.frame(INPUT_FRAME_BYTES);
  private seq = 0;
  private problem: Error | null = null;

  constructor(readonly roomId: string, readonly socket: LoadSocket) {
    this.firstSnapshot = new Promise((resolve) => {
      socket.handlers = {
        frame: () => {
          this.snapshots += 1;
          if (this.snapshots === 1) resolve();
          this.onSnapshot?.(performance.now());
        },
        closed: (code, reason) => {
          this.problem ??= new Error(`the server closed with ${code}: ${reason}`);
          resolve();
        },
      };
    });
  }

  input(heading: number): void {
    this.seq += 1;
    const { payload } = this.inputFrame;
    payload[0] = this.seq & 0xff;
    payload[INPUT_FRAME_BYTES - 1] = heading;
    this.socket.sendFrame(this.inputFrame);
  }

  /** There is no game, so there is nothing to ask. */
  ask<Q extends Question>(question: Q): Promise<Answers[Q]> {
    const nothing: Answers = {
      slot: 0,
      begin: null,
      freeze: null,
      report: {
        ticks: 0, elapsedMs: 0, tickIntervalP50Ms: 0, tickIntervalP99Ms: 0, tickIntervalMaxMs: 0, players: [],
      },
    };
    return Promise.resolve(nothing[question]);
  }

  players(): PlayerState[] {
    return [];
  }

  headingOf(): number {
    return -1;
  }

  check(): void {
    if (this.problem !== null) throw this.problem;
  }

  leave(): void {
    this.socket.destroy();
  }
}
