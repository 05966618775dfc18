/**
 * The load of the memory bench, in a process of its own: clients that join and from then on do what the protocol asks of
 * them and nothing else, which is to acknowledge the snapshots they are sent.
 *
 * Takes an `IdleOrder` at a time over the IPC channel and answers each with an `IdleReport` when it is carried out.
 */
import {
  encodeClientMessage, encodeJoin, encodePing, JoinMethod, type JoinFrame,
} from '../../src/protocol/client-frames.js';
import { encodePayload } from '../../src/protocol/payload.js';
import {
  decodeJoined, decodeRefused, ServerFrameKind, ServerFrameReader, SnapshotKind,
} from '../../src/protocol/server-frames.js';
import { problemText } from '../../src/protocol/verifier.js';
import { SUBPROTOCOL } from '../../src/protocol/version.js';
import { LoadSocket } from './load-socket.js';

export type IdleOrder =
  /** So many more clients join rooms of a type, and stay. */
  | { readonly do: 'join'; readonly type: string; readonly count: number }
  | { readonly do: 'report' }
  /** All who are there go without a word. */
  | { readonly do: 'drop' }
  /** So many rooms are made, each by a client that then goes. */
  | { readonly do: 'create'; readonly type: string; readonly count: number }
  /** The rooms that were made are told to end, each by a client that comes for it. */
  | { readonly do: 'end' };

/** Of the clients that are there now. */
export interface IdleReport {
  readonly clients: number;
  readonly keyframes: number;
  /** Of the client that was sent fewest; snapshots with keyframes. */
  readonly keyframesMin: number;
  readonly snapshotsMin: number;
  /** Longest that this process has stood still. Much of it is no fault of the server, whatever went wrong meanwhile. */
  readonly stallMaxMs: number;
  /** What went wrong first, if anything did. */
  readonly problem: string | null;
}

/** Under the server's listen backlog of 512. */
const JOINS_AT_ONCE = 100;

/** From the first byte to a seat. */
const JOIN_TIMEOUT_MS = 20_000;

const STALL_SAMPLE_MS = 50;

const reader = new ServerFrameReader();
let problem: string | null = null;

class IdleClient {
  keyframes = 0;
  snapshots = 0;
  roomId = '';
  /** Resolves with the code that the server closes with. */
  readonly closed: Promise<number>;
  private tick = 0;
  private isLeaving = false;
  private readonly arrived: Promise<void>;
  private onArrived!: () => void;

  private constructor(private readonly socket: LoadSocket) {
    this.arrived = new Promise((resolve) => (this.onArrived = resolve));
    this.closed = new Promise((resolve) => {
      socket.handlers = {
        frame: (payload) => this.take(payload),
        closed: (code, reason) => {
          if (!this.isLeaving) problem ??= `the server closed with ${code}: ${reason}`;
          this.onArrived();
          resolve(code);
        },
      };
    });
  }

  /** Resolves when it has its seat. */
  static async join(url: string, join: Partial<JoinFrame>): Promise<IdleClient> {
    const client = new IdleClient(await LoadSocket.open(`${url.replace('http', 'ws')}/ws`, SUBPROTOCOL));
    client.socket.send(encodeJoin(join));
    const timer = setTimeout(() => {
      problem ??= `a client got no answer to its join within ${JOIN_TIMEOUT_MS} ms`;
      client.onArrived();
    }, JOIN_TIMEOUT_MS);
    await client.arrived;
    clearTimeout(timer);
    return client;
  }

  tell(type: string): void {
    this.isLeaving = true;
    const { encoding, bytes } = encodePayload(undefined);
    this.socket.send(encodeClientMessage(type, encoding, bytes));
  }

  drop(): void {
    this.isLeaving = true;
    this.socket.destroy();
  }

  private take(payload: Uint8Array): void {
    const refusal = reader.read(payload);
    if (refusal !== 0) problem ??= `a frame is refused: ${problemText(refusal)}`;
    if (reader.kind === ServerFrameKind.Joined) this.joined(payload);
    if (reader.kind === ServerFrameKind.Refused) this.refused(payload);
    if (reader.kind !== ServerFrameKind.Snapshot) return;
    const { tick, age, snapshotKind } = reader;
    const isKeyframe = snapshotKind === SnapshotKind.Keyframe;
    if (!isKeyframe && tick - age !== this.tick) {
      problem ??= `the delta of tick ${tick} is made on ${tick - age} and came after ${this.tick}`;
    }
    this.tick = tick;
    this.snapshots += 1;
    if (isKeyframe) this.keyframes += 1;
    this.socket.send(encodePing(performance.now(), tick));
  }

  private joined(payload: Uint8Array): void {
    this.roomId = decodeJoined(payload).roomId;
    this.onArrived();
  }

  private refused(payload: Uint8Array): void {
    const { code, reason } = decodeRefused(payload);
    problem ??= `a join was refused with ${code}: ${reason}`;
    this.onArrived();
  }
}

let clients: IdleClient[] = [];
let roomIds: string[] = [];

async function carryOut(order: IdleOrder): Promise<void> {
  switch (order.do) {
    case 'join':
      await inTurns(order.count, async () => {
        clients.push(await IdleClient.join(url, { method: JoinMethod.JoinOrCreate, room: order.type }));
      });
      break;
    case 'drop':
      for (const client of clients) client.drop();
      clients = [];
      break;
    case 'create':
      await inTurns(order.count, async () => {
        const client = await IdleClient.join(url, { method: JoinMethod.Create, room: order.type });
        roomIds.push(client.roomId);
        client.drop();
      });
      break;
    case 'end':
      await inTurns(roomIds.length, async (i) => {
        const client = await IdleClient.join(url, { method: JoinMethod.JoinById, roomId: roomIds[i]! });
        client.tell('end');
        await client.closed;
      });
      roomIds = [];
      break;
    case 'report':
      break;
  }
}

/** Runs `each` with 0 to count - 1, so many at once as the server should be asked for. */
async function inTurns(count: number, each: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count && problem === null) await each(next++);
  };
  await Promise.all(Array.from({ length: Math.min(JOINS_AT_ONCE, count) }, worker));
}

function report(): IdleReport {
  const leastOf = (value: (client: IdleClient) => number): number =>
    clients.reduce((least, client) => Math.min(least, value(client)), Number.MAX_SAFE_INTEGER);
  return {
    clients: clients.length,
    keyframes: clients.reduce((sum, client) => sum + client.keyframes, 0),
    keyframesMin: leastOf((client) => client.keyframes),
    snapshotsMin: leastOf((client) => client.snapshots),
    stallMaxMs,
    problem,
  };
}

let stallMaxMs = 0;
let turnMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  stallMaxMs = Math.max(stallMaxMs, nowMs - turnMs - STALL_SAMPLE_MS);
  turnMs = nowMs;
}, STALL_SAMPLE_MS).unref();

const url = process.argv[2]!;

process.on('message', (order: IdleOrder) => {
  void carryOut(order)
    .catch((error: Error) => (problem ??= error.message))
    .then(() => process.send!(report()));
});
process.on('disconnect', () => process.exit());
