/** A load process, as the bench that forked it sees it. */
import { fileURLToPath } from 'node:url';
import type { RoomReport } from './contender.js';
import { ToldProcess } from './told-process.js';

const PROCESS = fileURLToPath(new URL('./load-process.js', import.meta.url));

export interface JoinOrder {
  readonly step: 'join';
  /** Whose clients: the driver is `${contender}-client.js` in this folder. */
  readonly contender: string;
  readonly url: string;
  readonly room: string;
  /** One of each room to join; null for one to create. */
  readonly roomIds: readonly (string | null)[];
  readonly clientsPerRoom: number;
  readonly snapshotRateHz: number;
  /** Probes decode and measure; the others send inputs at the common rate. */
  readonly isProbe: boolean;
  /** Whether the load shares its cores with the server. */
  readonly sleeps: boolean;
  readonly seed: number;
}

export type LoadOrder = JoinOrder | { readonly step: 'begin' | 'end' | 'verify' };

/** From `begin` to `end`. */
export interface EndFigures {
  readonly clients: number;
  readonly elapsedMs: number;
  /** How long the load process was busy: above nine tenths of the time it is the load that saturates. */
  readonly busyMs: number;
  readonly snapshots: number;
  /** Payload bytes of all frames received. */
  readonly bytes: number;
  readonly inputs: number;
  readonly jittersMs: readonly number[];
  readonly latenciesMs: readonly number[];
  /** One of each room, unless the clients are probes. */
  readonly reports: readonly RoomReport[];
}

export class Load {
  private constructor(private readonly process: ToldProcess<LoadOrder>) {}

  /** Forks a load process; `cores` and `niceness` as ToldProcess takes them. */
  static start(cores: string | null, niceness = 0): Load {
    return new Load(new ToldProcess(PROCESS, cores, niceness));
  }

  join(order: Omit<JoinOrder, 'step'>): Promise<string[]> {
    return this.process.tell({ step: 'join', ...order });
  }

  begin(): Promise<void> {
    return this.process.tell({ step: 'begin' });
  }

  end(): Promise<EndFigures> {
    return this.process.tell({ step: 'end' });
  }

  /** @returns how many probes' states were compared with their rooms'. */
  verify(): Promise<number> {
    return this.process.tell({ step: 'verify' });
  }

  stop(): void {
    this.process.stop();
  }
}
