/** A room that saves before the server stops: it appends to a file that its options name. */
import { appendFileSync } from 'node:fs';
import { Room, table, uint8 } from 'escapement';

export interface SaverOptions {
  file: string;
  saveMs: number;
}

export default class Saver extends Room {
  static override tickRate = 50;

  nothing = this.table(table({ a: uint8 }));
  #file = '';
  #saveMs = 0;

  override onCreate({ file, saveMs }: SaverOptions): void {
    this.#file = file;
    this.#saveMs = saveMs;
  }

  override async onBeforeShutdown(): Promise<void> {
    const tick = this.tick;
    this.broadcast('saving');
    await new Promise((resolve) => setTimeout(resolve, this.#saveMs));
    appendFileSync(this.#file, `saved after ${this.tick > tick ? 'more ticks' : 'none'}\n`);
  }

  override onDispose(): void {
    appendFileSync(this.#file, 'disposed\n');
  }
}
