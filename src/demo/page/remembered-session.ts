/** The session of a page, kept in its tab, so that loading the page anew goes on with it. */
import type { ClientRoom } from '../../client/index.js';

/** Storage may be forbidden; then a page that is loaded anew joins anew. */
export class RememberedSession {
  /** @param key each demo has its own. */
  constructor(private readonly key: string) {}

  /** The token of the session to go on with, or '' when there is none. */
  get token(): string {
    try {
      return sessionStorage.getItem(this.key) ?? '';
    } catch {
      return '';
    }
  }

  /** Keeps the room's newest token until the room is left. */
  follow(room: Pick<ClientRoom, 'reconnectionToken' | 'onTokenChange' | 'onLeave'>): void {
    this.keep(room.reconnectionToken);
    room.onTokenChange((token) => this.keep(token));
    room.onLeave(() => this.forget());
  }

  forget(): void {
    this.keep('');
  }

  private keep(token: string): void {
    try {
      if (token === '') sessionStorage.removeItem(this.key);
      else sessionStorage.setItem(this.key, token);
    } catch {
      // As above.
    }
  }
}
