/** Hands the room's messages to the game's handlers. */
import { Listeners, type ErrorSink, type Unsubscribe } from './listeners.js';

/** A room that greets with more than this before the client has set up its handlers should send state instead. */
export const EARLY_MESSAGES_MAX = 4096;

/** The type that stands for all types without a handler of their own. */
const ANY_TYPE = '*';

interface EarlyMessage {
  readonly type: string;
  readonly payload: unknown;
}

/**
 * Messages are held until `release()`, so that those which come with the join itself find the handlers that the game
 * registers after it. From then on a message that nobody handles is dropped.
 */
export class MessageInbox {
  private readonly byType = new Map<string, Listeners<[unknown]>>();
  private readonly otherTypes = new Listeners<[string, unknown]>();
  private held: EarlyMessage[] | null = [];
  private count = 0;

  constructor(private readonly report: ErrorSink) {}

  on(type: string, callback: (...args: never[]) => void): Unsubscribe {
    if (type === ANY_TYPE) return this.otherTypes.add(callback as (type: string, payload: unknown) => void);
    let listeners = this.byType.get(type);
    if (listeners === undefined) this.byType.set(type, (listeners = new Listeners()));
    return listeners.add(callback as (payload: unknown) => void);
  }

  /** Messages that came so far, whether or not anyone wants them, u32: what the server needn't send again. */
  get receivedCount(): number {
    return this.count;
  }

  /** A message has come, which may turn out to be unreadable. */
  arrived(): void {
    this.count = (this.count + 1) >>> 0;
  }

  receive(type: string, payload: unknown): void {
    if (this.held === null) this.deliver(type, payload);
    else if (this.held.length < EARLY_MESSAGES_MAX) this.held.push({ type, payload });
    else this.report(new RangeError(`message ${type} is lost: over ${EARLY_MESSAGES_MAX} came before the join was done`));
  }

  /** Delivers what was held, in order, and holds nothing from now on. */
  release(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const { type, payload } of held) this.deliver(type, payload);
  }

  private deliver(type: string, payload: unknown): void {
    const listeners = this.byType.get(type);
    if (listeners !== undefined && !listeners.isEmpty) listeners.emit(this.report, payload);
    else this.otherTypes.emit(this.report, type, payload);
  }
}
