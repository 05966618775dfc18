/** A room that lets in who has the password, and tells how its clients go. */
import { Room, table, uint8, type AuthRequest, type Client } from 'escapement';

let created = 0;

export default class Guarded extends Room {
  static override async onAuth(token: string, request: AuthRequest): Promise<unknown> {
    await Promise.resolve();
    if (token === 'explode') throw new Error('the token exploded');
    if (token === 'function') return () => 1;
    return token === 'password' ? { user: 'Ada', request } : null;
  }

  static override reconnectGrace = 0.2;

  override autoDispose: boolean | number = 0;
  nothing = this.table(table({ a: uint8 }));

  override onCreate(): void {
    created += 1;
    this.onMessage('created', (client) => client.send('created', created));
  }

  override onJoin(client: Client): void {
    client.send('auth', client.auth);
  }

  override onDrop(client: Client, code: number): void {
    this.broadcast('drop', { session: client.sessionId, code }, { except: client });
  }

  override onLeave(client: Client, code: number): void {
    this.broadcast('leave', { session: client.sessionId, code });
  }
}
