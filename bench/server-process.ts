/** A built server in a process of its own, with the benches' rooms, on free ports. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pinThisProcess, splitCores } from './core-pinning.js';

// Both from dist/bench/bench/, where the compiled form of this file is.
const SERVER = fileURLToPath(new URL('../../server.js', import.meta.url));
const ROOMS = fileURLToPath(new URL('./rooms/', import.meta.url));

const READY = /escapement ready: (\S+) .*metrics at (\S+)\)/;
const STOP_TIMEOUT_MS = 5000;

export class ServerProcess {
  url = '';
  metricsUrl = '';
  private output = '';
  private stopping = false;

  private constructor(
    private readonly child: ChildProcess,
    /** Whether the server has a core to itself. */
    readonly pinned: boolean,
    private readonly unpin: () => void,
  ) {}

  /**
   * Starts the server with one shard, which has the first core to itself where cores can be pinned; this process then
   * has the others, until `stop`. Resolves when the server is ready; throws with its output when it can't start.
   *
   * @param nodeArgs flags of Node, before the server's file
   */
  static async start(nodeArgs: readonly string[] = []): Promise<ServerProcess> {
    const split = splitCores();
    const ports = ['--port', '0', '--admin-port', '0', '--host', '127.0.0.1'];
    const serverArgs = [...ports, '--shards', '1', '--log-level', 'warn', '--rooms', ROOMS];
    const command = [process.execPath, ...nodeArgs, SERVER, ...serverArgs];
    if (split !== null) command.unshift('taskset', '-c', split.server);
    const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    if (split !== null) pinThisProcess(split.load);
    const server = new ServerProcess(child, split !== null, () => split !== null && pinThisProcess(split.all));
    await server.ready();
    return server;
  }

  private ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      const collect = (text: string): void => {
        this.output += text;
        const found = READY.exec(this.output);
        if (found === null) return;
        this.url = found[1]!;
        this.metricsUrl = found[2]!;
        resolve();
      };
      this.child.stdout!.setEncoding('utf8').on('data', collect);
      this.child.stderr!.setEncoding('utf8').on('data', collect);
      this.child.once('exit', (code, signal) => {
        this.unpin();
        const error = new Error(`the server ended with ${code ?? signal}:\n${this.output}`);
        reject(error);
        // After it was ready nobody waits for this promise; a bench must not go on against nothing.
        if (!this.stopping && this.url !== '') throw error;
      });
    });
  }

  /** Sum of a metric over all its labels, as it is now. */
  async metric(name: string): Promise<number> {
    const rows = (await (await fetch(this.metricsUrl)).text()).split('\n');
    const found = rows.filter((row) => row.startsWith(`${name}{`) || row.startsWith(`${name} `));
    if (found.length === 0) throw new Error(`the server has no metric ${name}`);
    return found.reduce((sum, row) => sum + Number(row.slice(row.lastIndexOf(' ') + 1)), 0);
  }

  /** Asks a module that was loaded into the server's main thread with `--import`, and waits for its answer. */
  ask<Answer>(message: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.child.once('message', (answer) => resolve(answer as Answer));
      this.child.send(message, (error) => error !== null && reject(error));
    });
  }

  /** @throws when the server wrote a warning or an error, as nothing in a bench should, or did not end by itself. */
  async stop(): Promise<void> {
    this.stopping = true;
    const ended = new Promise<number | string>((resolve) => {
      this.child.once('close', (code, signal) => resolve(code ?? signal!));
    });
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    this.child.kill('SIGTERM');
    const end = await ended;
    clearTimeout(timer);
    const complaints = this.output.split('\n').filter((line) => line !== '' && !READY.test(line));
    if (end !== 0 || complaints.length > 0) {
      throw new Error(`the server ended with ${end} and wrote:\n${complaints.join('\n')}`);
    }
  }
}
