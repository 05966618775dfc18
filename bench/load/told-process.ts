/** A load process, as whoever started it sees it: told one thing at a time, it answers when that is done. */
import { spawn, type ChildProcess } from 'node:child_process';

/** Room for the garbage of some thousand reads a second: collections of the load are pauses that servers didn't make. */
const NODE_ARGS = ['--max-semi-space-size=32'];

export class ToldProcess<Order extends { readonly step: string }> {
  private readonly child: ChildProcess;

  /**
   * @param file of its program, compiled; it calls `obey`
   * @param cores list of cores for taskset; null for any
   * @param niceness 19 gives way to everybody; below 0 only root may
   */
  constructor(file: string, cores: string | null, niceness = 0) {
    const command = [process.execPath, ...NODE_ARGS, file];
    if (cores !== null) command.unshift('taskset', '-c', cores);
    if (niceness !== 0) command.unshift('nice', '-n', String(niceness));
    this.child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  /** @throws what went wrong there, or when it ended instead. */
  tell<Answer>(order: Order): Promise<Answer> {
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

  stop(): void {
    this.child.kill('SIGKILL');
  }
}

/** In the process that is told: carries out what comes, and ends with whoever tells. */
export function obey<Order>(carryOut: (order: Order) => Promise<unknown>): void {
  process.on('message', (order: Order) => {
    carryOut(order).then(
      (answer) => process.send!({ answer }),
      (error: Error) => process.send!({ error: error.stack ?? String(error) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
}
