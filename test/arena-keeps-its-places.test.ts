import { describe, expect, it } from 'vitest';
import Arena, { type ArenaOptions } from '../src/demo/rooms/arena.js';
import { Client } from '../src/shard/client.js';
import { Random } from '../src/shard/random.js';
import { withRoomContext, type MessageHandler, type RoomContext } from '../src/shard/room.js';

/** The arena as a room, with its clients but without a shard: what it sends is collected. */
class RoomStub {
  readonly sent: { to: string; type: string; payload: unknown }[] = [];
  readonly clients: Client[] = [];
  readonly arena: Arena;
  private readonly handlers = new Map<string, MessageHandler>();

  constructor(options: ArenaOptions = {}) {
    const generator = new Random(1);
    const context = {
      clients: this.clients,
      addTable: () => undefined,
      addInput: () => undefined,
      onMessage: (type: string, handler: MessageHandler) => this.handlers.set(type, handler),
      broadcast: (type: string, payload: unknown) => this.sent.push({ to: 'all', type, payload }),
      random: () => generator.next(),
    } as unknown as RoomContext;
    this.arena = withRoomContext(context, () => new Arena());
    this.arena.onCreate(options);
  }

  join(sessionId: string, options: ArenaOptions = {}): Client {
    const client = new Client(sessionId, this.clients.length, {
      sendTo: (to, type, payload) => this.sent.push({ to: to.sessionId, type, payload }),
      closeClient: () => undefined,
      followed: () => expect.unreachable('the arena has no grid'),
    });
    this.arena.onJoin(client, options);
    this.clients.push(client);
    return client;
  }

  leave(client: Client): void {
    this.clients.splice(this.clients.indexOf(client), 1);
    this.arena.onLeave(client);
  }

  say(client: Client, payload: unknown): void {
    void this.handlers.get('chat')!(client, payload);
  }

  tick(count = 1): void {
    for (let i = 0; i < count; i += 1) {
      this.arena.onTick(1 / Arena.tickRate);
      this.arena.players.settle();
      this.arena.bullets.settle();
    }
  }

  get bots(): number {
    return [...this.arena.players].filter((row) => row.bot).length;
  }
}

describe('the arena room', () => {
  it('keeps sixteen places: a bot leaves for each human and comes back for each who leaves', () => {
    const room = new RoomStub();
    expect(room.bots).toBe(16);
    const clients = Array.from({ length: 16 }, (_, i) => room.join(`s${i}`));
    expect([room.bots, room.arena.players.size]).toEqual([0, 16]);
    clients.slice(0, 5).forEach((client) => room.leave(client));
    expect([room.bots, room.arena.players.size]).toEqual([5, 16]);
    room.tick(60);
    expect(room.arena.players.size).toBe(16);
  });

  it('takes fewer bots when asked, and ignores a number that makes no sense', () => {
    expect(new RoomStub({ bots: 0 }).bots).toBe(0);
    expect(new RoomStub({ bots: 3 }).bots).toBe(3);
    for (const bots of [-1, 2.5, NaN, 1e9, '4', null, {}]) {
      expect(new RoomStub({ bots } as ArenaOptions).bots).toBe(16);
    }
  });

  it('lets a client find its row by its session, under a cleaned name', () => {
    const room = new RoomStub();
    room.join('session-1', { name: '  Ada \n' });
    const mine = [...room.arena.players].filter((row) => row.session === 'session-1');
    expect(mine).toHaveLength(1);
    expect(mine[0]).toMatchObject({ name: 'Ada', bot: false, health: 100 });
  });

  it('passes chat on, cleaned, and drops what comes too fast or is no text', () => {
    const room = new RoomStub();
    const client = room.join('s', { name: 'Ada' });
    room.say(client, ' hello\u0000 all ');
    room.say(client, 'too fast');
    room.tick(Arena.tickRate);
    room.say(client, { text: 'no text' });
    room.say(client, 'again');
    expect(room.sent.filter(({ type }) => type === 'chat').map(({ payload }) => payload)).toEqual([
      { name: 'Ada', text: 'hello all' },
      { name: 'Ada', text: 'again' },
    ]);
  });

  it('tells everybody of a kill, and a human shooter of each hit', () => {
    const room = new RoomStub({ bots: 0 });
    const [a, b] = [room.join('a', { name: 'Ada' }), room.join('b', { name: 'Bob' })];
    const { players } = room.arena;
    const [ada, bob] = [players.get(a.data.rowId)!, players.get(b.data.rowId)!];
    Object.assign(ada, { x: 400, y: 650 });
    Object.assign(bob, { x: 600, y: 650 });
    room.arena.hit(ada.index, bob.index, 21);
    room.arena.kill(ada.index, bob.index);
    room.arena.kill(-1, ada.index);
    expect(room.sent).toEqual([
      { to: 'a', type: 'hit', payload: { victimId: bob.id, damage: 21 } },
      { to: 'all', type: 'kill', payload: { killerId: ada.id, killer: 'Ada', victimId: bob.id, victim: 'Bob' } },
      { to: 'all', type: 'kill', payload: { killerId: 0, killer: '', victimId: ada.id, victim: 'Ada' } },
    ]);
  });
});
