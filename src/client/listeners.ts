/** Where callbacks of the game wait for one kind of event. */

/** Ends a subscription. Calling it again does nothing. */
export type Unsubscribe = () => void;

/** Takes what a callback threw, so that the others still run. */
export type ErrorSink = (error: unknown) => void;

interface Listener<Args extends unknown[]> {
  readonly callback: (...args: Args) => void;
  live: boolean;
}

export class Listeners<Args extends unknown[]> {
  // Replaced rather than changed, so that callbacks may subscribe and unsubscribe while it is walked.
  private list: readonly Listener<Args>[] = [];

  get isEmpty(): boolean {
    return this.list.length === 0;
  }

  add(callback: (...args: Args) => void): Unsubscribe {
    if (typeof callback !== 'function') throw new TypeError(`the callback is a ${typeof callback}; expected a function`);
    const listener = { callback, live: true };
    this.list = [...this.list, listener];
    return () => {
      listener.live = false;
      this.list = this.list.filter((other) => other !== listener);
    };
  }

  /** Calls everyone who was subscribed when the event began and still is. */
  emit(report: ErrorSink, ...args: Args): void {
    for (const listener of this.list) {
      if (!listener.live) continue;
      try {
        listener.callback(...args);
      } catch (error) {
        report(error);
      }
    }
  }
}
