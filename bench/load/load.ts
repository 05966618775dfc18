/** A load process, as the bench that forked it sees it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { RoomReport } from './contender.js';

const PROCESS = fileURLToPath(new URL('./load-process.js', import.meta.url));

/** Room for the garbage of some thousand reads a second: collections of the load are pauses that servers didn't make. */
const NODE_ARGS = ['--max-semi-space-size=32'];

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
  private constructor(private readonly child: ChildProcess) {}

  /**
   * Forks a load process.
   *
   * @param cores list of cores for taskset; null for any
   * @param niceness 19 gives way to everybody; below 0 only root may
   */
  static start(cores: string | null, niceness = 0): Load {
    const command = [process.execPath, ...NODE_ARGS, PROCESS];
    if (cores !== null) command.unshift('taskset', '-c', cores);
    if (niceness !== 0) command.unshift('nice', '-n', String(niceness));
    const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    return new Load(child);
  }

  join(order: Omit<JoinOrder, 'step'>): Promise<string[]> {
    return this.order({ step: 'join', ...order });
  }

  begin(): Promise<void> {
    return this.order({ step: 'begin' });
  }

  end(): Promise<EndFigures> {
    return this.order({ step: 'end' });
  }

  /** @returns how many probes' states were compared with their rooms'. */
  verify(): Promise<number> {
    return this.order({ step: 'verify' });
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }

  private order<Answer>(order: LoadOrder): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`the load ended with ${code} while told to ${order.step}`));
      this.child.once('exit', ended);
      this.child.once('message', (message: { answer: Answer; error?: string }) => {
        this.child.off('exit', ended);
        if (message.error === undefined) resolve(message.answer);
        else reject(new Error(`the load: ${message.error}`));
      });
      this.child.send(order);
    });
  }
}
