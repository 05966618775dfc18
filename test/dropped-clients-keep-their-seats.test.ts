/** A client whose socket is lost keeps its seat for a while: what the room hears of it, what the host, and when it is over. */
import { describe, expect, it } from 'vitest';
import { grid, input, int16, Room, table, uint8, type Client } from '../src/index.js';
import { ShardCounter } from '../src/memory/counters.js';
import { BareShard, type BareShardOptions, type Wire } from './support/bare-shard.js';

class Camp extends Room {
  static override tickRate = 20;
  static override snapshotRate = 20;
  tents = this.table(table({ a: uint8 }));
  moves = this.input(input({ dx: int16 }));
  events: string[] = [];
  whenDropped: (client: Client) => unknown = () => {};
  joinWaits: Promise<void> | undefined;

  override onCreate(): void {
    this.onMessage('say', (client, text: string) => void this.events.push(`${client.sessionId} says ${text}`));
  }

  override async onJoin(): Promise<void> {
    await this.joinWaits;
  }

  override onDrop(client: Client, code: number): any {
    this.events.push(`drop ${code}`);
    return this.whenDropped(client);
  }

  override onReconnect(client: Client): void {
    this.events.push('reconnect');
    client.send('welcome back');
  }

  override onLeave(_client: Client, code: number): void {
    this.events.push(`leave ${code}`);
  }

  override onTick(): void {
    this.tents.spawn({ a: 1 });
  }
}

interface Scene {
  readonly shard: BareShard;
  readonly room: Camp & { readonly roomId: string };
  readonly wire: Wire;
  readonly client: Client;
}

async function enter(options?: BareShardOptions, roomClass: typeof Camp = Camp): Promise<Scene> {
  const shard = new BareShard({ camp: roomClass }, options);
  const room = await shard.create<Camp>('camp');
  const wire = await shard.join(room.roomId);
  shard.run(50);
  return { shard, room, wire, client: room.clients[0]! };
}

const graces = (shard: BareShard): number[] => shard.posted('dropped').map(({ graceMs }) => graceMs);

describe('a lost socket', () => {
  it('leaves the client in the room, not connected, and its seat kept for the server’s grace period', async () => {
    const { shard, room, wire, client } = await enter();
    expect(client.connected).toBe(true);
    await wire.drop();
    expect(room.clients).toEqual([client]);
    expect(client.connected).toBe(false);
    expect(room.events).toEqual(['drop 1006']);
    expect(shard.posted('dropped')).toEqual([
      { kind: 'dropped', roomId: room.roomId, sessionId: wire.sessionId, sessionKey: wire.key, graceMs: 20_000 },
    ]);
    expect(shard.posted('left')).toEqual([]);
    expect(shard.counters.get(ShardCounter.clients)).toBe(1);
    await wire.leave(1006); // as the host does when the time is over
    expect(room.events).toEqual(['drop 1006', 'leave 1006']);
    expect(room.clients).toEqual([]);
    expect(shard.posted('left')).toHaveLength(1);
    expect(shard.counters.get(ShardCounter.clients)).toBe(0);
  });

  it('that is told of twice is lost once', async () => {
    const { shard, room, wire } = await enter();
    await wire.drop();
    await wire.drop(1001);
    expect(room.events).toEqual(['drop 1006']);
    expect(graces(shard)).toEqual([20_000]);
  });

  it('while onJoin still runs is a leave', async () => {
    const { shard, room } = await enter();
    let done!: () => void;
    room.joinWaits = new Promise((resolve) => (done = resolve));
    const wire = shard.connect(room.roomId, 'late');
    const seated = shard.seat(wire);
    await wire.drop();
    expect(shard.posts.at(-1)).toEqual({ kind: 'left', roomId: room.roomId, sessionId: 'late' });
    done();
    await seated;
    expect(room.events).toEqual(['leave 1006']);
    expect(wire.of('joined')).toEqual([]);
    expect(room.clients).toHaveLength(1);
  });

  it('ends what comes from it: what was sent before is heard, what comes after finds nobody', async () => {
    const { shard, room, wire, client } = await enter();
    wire.send('say', 'before');
    await wire.drop();
    wire.send('say', 'after');
    wire.input(new Uint8Array(2));
    wire.ack(0);
    shard.link.resync(wire.key);
    shard.run(50);
    expect(room.events).toEqual([`${wire.sessionId} says before`, 'drop 1006']);
    expect(client.inputs!.length).toBe(0);
  });

  it('costs the others nothing: dropped clients are sent no snapshots', async () => {
    const { shard, room, wire } = await enter();
    const other = await shard.join(room.roomId);
    shard.run(200);
    await wire.drop();
    const before = wire.arrived.length;
    shard.run(1000);
    expect(wire.arrived.length).toBe(before);
    expect(other.of('delta').length).toBeGreaterThan(15);
    expect(other.of('keyframe')).toHaveLength(1);
    // Nor is one too slow that acknowledges nothing because it isn't there.
    expect(shard.counters.get(ShardCounter.clientsLagging)).toBe(0);
  });
});

describe('the grace period', () => {
  class Short extends Camp {
    static override reconnectGrace = 2.5;
  }
  class None extends Camp {
    static override reconnectGrace = 0;
  }

  it('is the room’s own where it declares one', async () => {
    const { shard, wire } = await enter(undefined, Short);
    expect(wire.of('joined')[0].graceMs).toBe(2500);
    await wire.drop();
    expect(graces(shard)).toEqual([2500]);
  });

  it('of 0 ends the session at once, after onDrop', async () => {
    const { shard, room, wire } = await enter(undefined, None);
    await wire.drop();
    expect(room.events).toEqual(['drop 1006', 'leave 1006']);
    expect(shard.posted('dropped')).toEqual([]);
    expect(shard.posted('left')).toHaveLength(1);
  });

  it('is what allowReconnection says in onDrop, also where there is none', async () => {
    const { shard, room, wire } = await enter(undefined, None);
    room.whenDropped = (client) => void room.allowReconnection(client, 7);
    await wire.drop();
    expect(graces(shard)).toEqual([7000]);
    expect(room.events).toEqual(['drop 1006']);
  });

  it('is told again when the room changes its mind', async () => {
    const { shard, room, wire, client } = await enter();
    room.whenDropped = async (dropped) => {
      await Promise.resolve();
      void room.allowReconnection(dropped, 60);
    };
    await wire.drop();
    await Promise.resolve();
    expect(graces(shard)).toEqual([20_000, 60_000]);
    const stays = expect(room.allowReconnection(client, 0)).rejects.toMatchObject({ code: 'CLIENT_STAYED_AWAY' });
    expect(room.events).toEqual(['drop 1006', 'leave 1006']);
    await stays;
  });

  it.each([-1, NaN, 3601, Infinity, '5' as never])('of %s seconds is a RangeError', async (seconds) => {
    const { room, wire, client } = await enter();
    await wire.drop();
    expect(() => room.allowReconnection(client, seconds)).toThrow(RangeError);
    expect(() => room.allowReconnection(client, seconds)).toThrow(/expected 0 to 3600 seconds/);
  });

  it('can’t be given to who is connected, or has left; the error says where', async () => {
    const { room, wire, client } = await enter();
    expect(() => room.allowReconnection(client, 5)).toThrow(/has a connection; call it in onDrop/);
    await wire.drop();
    await wire.leave();
    expect(() => room.allowReconnection(client, 5)).toThrow(/has left already; call it in onDrop/);
  });

  it('a client is sent away in onDrop like anywhere else', async () => {
    const { shard, room, wire } = await enter();
    room.whenDropped = (client) => client.leave(4321);
    await wire.drop();
    expect(room.events).toEqual(['drop 1006', 'leave 4321']);
    expect(graces(shard)).toEqual([]);
    expect((await wire.resume(0)).of('closed')).toMatchObject([{ code: 4401 }]);
  });
});

describe('allowReconnection', () => {
  it('resolves with the client that is back', async () => {
    const { room, wire, client } = await enter();
    const back: Client[] = [];
    room.whenDropped = async (dropped) => back.push(await room.allowReconnection(dropped, 5));
    await wire.drop();
    expect(back).toEqual([]);
    await wire.resume(0);
    expect(back).toEqual([client]);
    expect(room.events).toEqual(['drop 1006', 'reconnect']);
  });

  it('rejects when it has left; a rejection that ends onDrop is nobody’s fault', async () => {
    const { shard, room, wire } = await enter();
    const caught: unknown[] = [];
    room.whenDropped = (client) => {
      room.allowReconnection(client, 5).catch((error: unknown) => caught.push(error));
      return room.allowReconnection(client, 5);
    };
    await wire.drop();
    await wire.leave(1006);
    await new Promise((resolve) => setImmediate(resolve));
    expect(shard.errors).toEqual([]);
    expect(caught).toMatchObject([{ code: 'CLIENT_STAYED_AWAY', message: expect.stringContaining('1006') }]);
  });

  it('may reject unobserved', async () => {
    const unhandled: unknown[] = [];
    const listener = (error: unknown): number => unhandled.push(error);
    process.on('unhandledRejection', listener);
    const { room, wire } = await enter();
    room.whenDropped = (client) => void room.allowReconnection(client, 5);
    await wire.drop();
    await wire.leave(1006);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', listener);
    expect(unhandled).toEqual([]);
  });
});

describe('a client that is back', () => {
  it('is told so, then what it missed, then has a keyframe; onReconnect runs after that', async () => {
    const { shard, room, wire, client } = await enter();
    await wire.drop();
    client.send('while away', 1);
    room.broadcast('to all', 2);
    shard.run(200);
    const again = await wire.resume(0, { taken: 17 });
    shard.run(100);
    expect(again.of('joined')).toMatchObject([
      { sessionId: wire.sessionId, resumed: true, resumeToken: `token ${again.key}`, received: 17, inputSeq: 0, graceMs: 20_000 },
    ]);
    expect(again.of('message').map(({ type }) => type)).toEqual(['while away', 'to all', 'welcome back']);
    expect(again.arrived.map(({ kind }) => kind)).toEqual(['joined', 'message', 'message', 'message', 'keyframe', 'delta']);
    expect(client.connected).toBe(true);
    expect(room.events).toEqual(['drop 1006', 'reconnect']);
    expect(shard.counters.get(ShardCounter.clients)).toBe(1);
  });

  it('finds its waiting inputs where they were, and counts on from them', async () => {
    const { shard, room, wire, client } = await enter();
    for (let seq = 1; seq <= 3; seq += 1) wire.input(Uint8Array.of(seq, 0), seq);
    await wire.drop();
    expect(client.inputs!.length).toBe(3);
    const again = await wire.resume(0);
    expect(again.of('joined')).toMatchObject([{ inputSeq: 3 }]);
    again.input(Uint8Array.of(4, 0), 4);
    shard.run(50);
    const read: number[] = [];
    for (let move = room.moves.next(client); move !== undefined; move = room.moves.next(client)) read.push(move.dx);
    expect(read).toEqual([1, 2, 3, 4]);
  });

  it('may be so before its loss is known: a takeover is no drop, and the old socket’s records find nobody', async () => {
    const { shard, room, wire, client } = await enter();
    wire.send('say', 'old');
    const again = await wire.resume(0);
    wire.send('say', 'too late');
    again.send('say', 'new');
    shard.run(100);
    const { sessionId } = wire;
    expect(room.events).toEqual([`${sessionId} says old`, 'reconnect', `${sessionId} says new`]);
    expect(again.of('joined')).toMatchObject([{ resumed: true }]);
    expect(again.of('keyframe')).toHaveLength(1);
    expect(room.clients).toEqual([client]);
    expect(shard.posted('dropped')).toEqual([]);
    const length = wire.arrived.length;
    shard.run(200);
    expect(wire.arrived.length).toBe(length);
  });

  it('of a room that has ended, or a session that is over, is told so', async () => {
    const { shard, room, wire } = await enter();
    await wire.drop();
    await shard.say({ kind: 'dispose', roomId: room.roomId });
    expect(room.events).toEqual(['drop 1006', 'leave 4000']);
    expect((await wire.resume(0)).of('closed')).toEqual([{ code: 4401, reason: 'the session is over: join again' }]);
  });

  it('begins with a clean pace, however far behind it was', async () => {
    const { shard, wire, client } = await enter({ pace: { lagLimitMs: 500, ackTimeoutMs: 60_000 } });
    shard.run(2000);
    expect(client.lagging).toBe(true);
    await wire.drop();
    expect(shard.counters.get(ShardCounter.clientsLagging)).toBe(0);
    const again = await wire.resume(0);
    shard.run(400);
    expect(again.of('keyframe')).toHaveLength(1);
    expect(again.of('delta').length).toBeGreaterThan(5);
  });

  it('is sent all that it sees where clients see different things', async () => {
    class Plain extends Camp {
      units = this.table(table({ x: uint8, y: uint8 }));
      override interest = grid({ table: this.units, x: 'x', y: 'y', cellSize: 64, radius: 40 });
      override async onJoin(client?: Client): Promise<void> {
        client!.lookAt(10, 10);
        if (this.units.size === 0) this.units.spawn({ x: 12, y: 12 });
      }
    }
    const { shard, wire, client } = await enter(undefined, Plain);
    shard.run(200);
    const { view } = client;
    const again = await wire.resume(0);
    shard.run(50);
    expect(view).not.toBeNull();
    expect(again.arrived.map(({ kind }) => kind)).toEqual(['joined', 'message', 'keyframe']);
    expect(client.view).not.toBe(view);
    await again.drop();
    shard.run(100);
    expect(client.view).toBeNull();
    const third = await again.resume(0);
    shard.run(100);
    expect(third.of('keyframe')).toHaveLength(1);
    expect(third.of('delta')).toHaveLength(1);
  });
});

describe('who is closed as too slow', () => {
  it('is dropped with its seat kept: onDrop runs with 1013, and the host is told', async () => {
    const { shard, room, wire } = await enter({ pace: { lagLimitMs: 200, ackTimeoutMs: 500 } });
    shard.run(1000);
    expect(wire.of('closed')).toMatchObject([{ code: 1013 }]);
    expect(room.events).toEqual(['drop 1013']);
    expect(shard.posted('dropped')).toMatchObject([{ sessionKey: wire.key, graceMs: 20_000 }]);
    await wire.drop(1013); // the host hears of the close
    expect(room.events).toEqual(['drop 1013']);
    expect(graces(shard)).toHaveLength(1);
    const again = await wire.resume(0);
    shard.run(100);
    expect(again.of('keyframe')).toHaveLength(1);
    expect(room.events).toEqual(['drop 1013', 'reconnect']);
  });

  it('is heard out: what the front has taken of it meanwhile is the room’s, as the client counts on it', async () => {
    const { shard, room, wire } = await enter({ pace: { lagLimitMs: 200, ackTimeoutMs: 500 } });
    while (wire.of('closed').length === 0) shard.run(10);
    wire.send('say', 'taken before the close was');
    shard.run(100);
    wire.send('say', 'the last of all');
    const again = await wire.resume(0);
    wire.send('say', 'too late');
    again.send('say', 'here again');
    shard.run(100);
    const said = room.events.filter((event) => event.includes(' says ')).map((event) => event.split(' says ')[1]);
    expect(said).toEqual(['taken before the close was', 'the last of all', 'here again']);
  });

  it('and is back before the room’s next tick, has never been away', async () => {
    const { shard, room, wire } = await enter({ pace: { lagLimitMs: 200, ackTimeoutMs: 500 } });
    while (wire.of('closed').length === 0) shard.run(10);
    expect(room.events).toEqual([]);
    const again = await wire.resume(0);
    shard.run(100);
    expect(room.events).toEqual(['reconnect']);
    expect(again.of('keyframe')).toHaveLength(1);
    expect(shard.posted('dropped')).toEqual([]);
  });
});

it('a room whose clients are all away goes on, and sends whoever is back its state of that moment', async () => {
  const { shard, room, wire } = await enter();
  await wire.drop();
  const { tick } = room;
  shard.run(5000);
  expect(room.tick).toBe(tick + 100);
  const again = await wire.resume(0);
  shard.run(50);
  expect(again.of('keyframe')).toEqual([room.tick]);
});
