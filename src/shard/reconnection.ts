/** A client that is waited for: from the loss of its socket until it is back, or has left. */
import type { Client } from './client.js';

/** `allowReconnection` was in vain. Not a fault of anybody's, so nobody has to catch it. */
export class StayedAwayError extends Error {
  override readonly name = 'StayedAwayError';
  readonly code = 'CLIENT_STAYED_AWAY';
}

export class Reconnection {
  /** The room has been told: onDrop was called. */
  isTold = false;
  /** Messages were given up meanwhile that it can't do without. */
  isHopeless = false;
  private waiting: { promise: Promise<Client>; resolve(client: Client): void; reject(error: Error): void } | null = null;

  constructor(
    /** The code that its socket closed with. */
    readonly code: number,
    /** So long its seat is kept. */
    public graceMs: number,
  ) {}

  /** Resolves when the client is back, rejects with a StayedAwayError when it has left. The same promise each time. */
  get promise(): Promise<Client> {
    if (this.waiting === null) {
      let resolve!: (client: Client) => void;
      let reject!: (error: Error) => void;
      const promise = new Promise<Client>((...settle) => ([resolve, reject] = settle));
      promise.catch(() => {}); // a rejection that nobody looks at is no news
      this.waiting = { promise, resolve, reject };
    }
    return this.waiting.promise;
  }

  cameBack(client: Client): void {
    this.waiting?.resolve(client);
  }

  stayedAway({ sessionId }: Client, code: number): void {
    this.waiting?.reject(new StayedAwayError(`client ${sessionId} has not come back: it has left with code ${code}`));
  }
}
