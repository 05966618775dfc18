/** A session in a `storm` room, as one page has it, and its account of what was said over it. */
import type { ClientRoom } from 'escapement/client';
import { WebSocket } from 'ws';
import type Storm from '../rooms/storm.js';
import { once, type FragileClient } from './fragile-client.js';

export type StormRoom = ClientRoom<typeof Storm>;

/** Longer than anything takes on a machine that is busy with other tests. */
const PATIENCE_MS = 20_000;

let questions = 0;

export async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${PATIENCE_MS} ms for ${what}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class Stay {
  /** How it ended, when it has. */
  readonly over: Promise<{ code: number; reason: string }>;
  ending: { code: number; reason: string } | null = null;
  /** What must not have happened. */
  readonly faults: string[] = [];
  /** The number that the room says next; null while this page, which took over from another, has heard none. */
  private expected: number | null;
  private said = 0;

  /** @param before the page that had the session before, when it was taken over */
  constructor(
    readonly fragile: FragileClient,
    readonly room: StormRoom,
    private readonly before: Stay | null = null,
  ) {
    this.expected = before === null ? 0 : null;
    this.over = new Promise((resolve) =>
      room.onLeave((code, reason) => {
        this.ending = { code, reason };
        resolve(this.ending);
      }),
    );
    room.onError((error) => this.faults.push(String(error)));
    room.onMessage('number', (number: number) => this.hear(number));
  }

  /** The number after the last that was heard, by whichever page had the session then. */
  get next(): number {
    return this.expected ?? this.before!.next;
  }

  /** Says the next numbers to the room. */
  say(count: number): void {
    for (let i = 0; i < count; i += 1) {
      this.room.send('number', this.said);
      this.said += 1;
    }
  }

  /** Resolves when the session goes on over a socket that isn't cut, or is over. */
  async settled(): Promise<void> {
    const { room } = this;
    // The loss is heard of with the socket's close, which comes later than the cut.
    while (this.ending === null && !(room.isConnected && this.fragile.socket.readyState === WebSocket.OPEN)) {
      await soon(Promise.race([once<[]>(room.onReconnect.bind(room)), this.over]), 'a session to come back');
    }
  }

  /** Expects that both sides have heard all that the other has said, in order, each once. */
  async compare(): Promise<void> {
    await this.account(({ heard, sent }) => {
      if (heard !== this.said) this.faults.push(`the room has heard ${heard} of ${this.said} numbers`);
      if (sent !== this.next) this.faults.push(`the room has said ${sent} numbers, and ${this.next} have come`);
    });
  }

  /** After a takeover: goes on where the page before was heard last. */
  async adopt(): Promise<void> {
    await this.account(({ heard }) => (this.said = heard));
  }

  /** Looks at the room's account when it comes: a moment later it has said more. */
  private async account(look: (account: { heard: number; sent: number }) => void): Promise<void> {
    const { room } = this;
    const question = (questions += 1);
    const answered = new Promise<void>((resolve) => {
      const off = room.onMessage('account', (account: { question: number; heard: number; sent: number }) => {
        if (account.question !== question) return; // it was asked by the page before, which didn't say that it came
        off();
        look(account);
        resolve();
      });
    });
    room.send('account', question);
    await soon(Promise.race([answered, this.over]), 'an account');
  }

  private hear(number: number): void {
    // The first may have come to the page before already, and hasn't been acknowledged: it comes again. None is missing.
    const isFine = this.expected === null ? number <= this.before!.next : number === this.expected;
    if (!isFine) this.faults.push(`heard ${number}, expected ${this.next}`);
    this.expected = number + 1;
  }
}
