/**
 * Whatever becomes of its sockets, a client that is back has every message of its room once, in order; or it isn't let back.
 * Sequences come from a seed, which a failure names.
 */
import { describe, expect, it } from 'vitest';
import { Room, table, uint8, type Client } from '../src/index.js';
import { KeptMessages } from '../src/shard/kept-messages.js';
import { SeededRandom } from './corpus/seeded-random.js';
import { BareShard, type BareShardOptions, type Wire } from './support/bare-shard.js';

class Talk extends Room {
  static override tickRate = 20;
  nothing = this.table(table({ a: uint8 }));
  said = new Map<string, number>();
  events: string[] = [];

  override onJoin(client: Client): void {
    this.said.set(client.sessionId, 0);
    this.tell(client); // before the join is complete
  }

  override onDrop(client: Client, code: number): void {
    this.events.push(`drop ${client.sessionId} ${code}`);
  }

  override onLeave(client: Client, code: number): void {
    this.events.push(`leave ${client.sessionId} ${code}`);
  }

  /** Each client counts for itself. */
  tell(client: Client, bytes = 0): void {
    const number = this.said.get(client.sessionId)!;
    this.said.set(client.sessionId, number + 1);
    client.send('number', [number, 'x'.repeat(bytes)]);
  }

  tellAll(except?: Client): void {
    this.broadcast('all', null, { except });
    for (const client of this.clients) {
      if (client !== except) this.said.set(client.sessionId, this.said.get(client.sessionId)! + 1);
    }
  }
}

async function open(options?: BareShardOptions): Promise<{ shard: BareShard; room: Talk & { roomId: string } }> {
  const shard = new BareShard({ talk: Talk }, options);
  return { shard, room: await shard.create<Talk>('talk') };
}

/** A client with an unreliable network: what is on its way when the socket is lost doesn't arrive. */
class Listener {
  /** Of each message its number, or the count of those before when it was everybody's. */
  readonly faults: string[] = [];
  received = 0;
  /** How many the server knows of. */
  private known = 0;
  private at = 0;
  /** A page that was loaded anew counts from 0 again. */
  private countedBefore = 0;

  constructor(public wire: Wire) {}

  get total(): number {
    return this.countedBefore + this.received;
  }

  /** Reads some of what has come, at most. */
  read(most = Infinity): void {
    for (let n = 0; n < most && this.at < this.wire.arrived.length; n += 1, this.at += 1) {
      const { kind, value } = this.wire.arrived[this.at]!;
      if (kind !== 'message') continue;
      if (value.type === 'number' && value.payload[0] !== this.total) this.faults.push(`${value.payload[0]} after ${this.total}`);
      this.received += 1;
    }
  }

  async resume(anew: boolean): Promise<void> {
    // A page loaded anew has what the server knows it has: the others are sent to it again.
    if (anew) {
      this.countedBefore = this.known;
      this.received = 0;
    }
    this.wire = await this.wire.resume(this.received, { anew });
    this.known = this.total;
    this.at = 0;
  }

  ack(): void {
    this.known = this.total;
    this.wire.ack(this.received);
  }
}

describe('messages of a session', () => {
  const seeds = Array.from({ length: 60 }, (_, i) => i + 1);
  it.each(seeds)('come exactly once, in order, through random drops (seed %i)', async (seed) => {
    const random = new SeededRandom(seed);
    const { shard, room } = await open({ ringBytes: 16_384 << random.below(3) });
    const listeners: Listener[] = [];
    for (let i = 0; i < 3; i += 1) listeners.push(new Listener(await shard.join(room.roomId)));
    let resumes = 0;
    for (let step = 0; step < 150; step += 1) {
      const i = random.below(listeners.length);
      const listener = listeners[i]!;
      const client = room.clients.find(({ sessionId }) => sessionId === listener.wire.sessionId)!;
      switch (random.below(9)) {
        case 0:
        case 1:
          for (let n = random.below(8); n > 0; n -= 1) room.tell(client, random.below(4) === 0 ? 1500 : random.below(40));
          break;
        case 2:
          room.tellAll(random.below(2) === 0 ? client : undefined);
          break;
        case 3:
          listener.read(random.below(10));
          break;
        case 4:
          listener.read();
          if (client.connected) listener.ack();
          break;
        case 5:
          await listener.wire.drop();
          break;
        case 6:
          // A new socket, whether or not the loss of the last one is known.
          await listener.resume(random.below(4) === 0);
          resumes += 1;
          break;
        default:
          shard.run(50);
      }
    }
    for (const listener of listeners) {
      if (!room.clients.find(({ sessionId }) => sessionId === listener.wire.sessionId)!.connected) await listener.resume(false);
      shard.run(100);
      listener.read();
      expect(listener.faults).toEqual([]);
      expect(listener.total).toBe(room.said.get(listener.wire.sessionId));
    }
    expect(resumes).toBeGreaterThan(0);
    expect(shard.errors).toEqual([]);
  });

  it('come once also when the front takes nothing for so long that the shard has no room for them', async () => {
    const { shard, room } = await open({ ringBytes: 8192, seats: { resumeBufferBytes: 16 * 1024 * 1024 } });
    const listener = new Listener(await shard.join(room.roomId));
    const client = room.clients[0]!;
    for (let n = 0; n < 6000; n += 1) room.tell(client, 1500); // 9 MB; the backlog takes 8
    expect(client.connected).toBe(false);
    shard.run(50);
    expect(room.events).toEqual([`drop ${client.sessionId} 1013`]);
    expect(shard.posted('dropped')).toMatchObject([{ sessionId: client.sessionId, sessionKey: listener.wire.key }]);
    for (let n = 0; n < 100_000 && listener.wire.of('closed').length === 0; n += 1) shard.run(5);
    expect(listener.wire.of('closed')).toMatchObject([{ code: 1013 }]);
    listener.read();
    expect(listener.total).toBeLessThan(6000);
    await listener.resume(false);
    for (let n = 0; n < 100_000 && listener.total < 6001 && client.connected; n += 1) {
      shard.run(5);
      listener.read();
    }
    expect(client.connected).toBe(true);
    expect(listener.faults).toEqual([]);
    expect(listener.total).toBe(6001);
  });
});

describe('what is kept is bounded', () => {
  const seats = { resumeBufferBytes: 10_000 };

  it('a client that is away when a message has to be given up has left, with 1013', async () => {
    const { shard, room } = await open({ seats });
    const wire = await shard.join(room.roomId);
    await wire.drop();
    const [client] = room.clients;
    for (let n = 0; n < 8; n += 1) room.tell(client!, 1000);
    shard.run(50);
    expect(room.clients).toEqual([client]);
    for (let n = 0; n < 3; n += 1) room.tell(client!, 1000);
    shard.run(50);
    expect(room.clients).toEqual([]);
    expect(room.events).toEqual([`drop ${wire.sessionId} 1006`, `leave ${wire.sessionId} 1013`]);
    expect(shard.posts.at(-1)).toEqual({ kind: 'left', roomId: room.roomId, sessionId: wire.sessionId });
    const late = await wire.resume(1);
    expect(late.of('closed')).toMatchObject([{ code: 4401 }]);
  });

  it('a connected client loses nothing by it, and comes back if it has what was given up', async () => {
    const { shard, room } = await open({ seats });
    const wire = await shard.join(room.roomId);
    const [client] = room.clients;
    for (let n = 0; n < 20; n += 1) room.tell(client!, 1000);
    shard.run(50);
    expect(wire.heard('number')).toHaveLength(21);
    await wire.drop();
    expect(client!.kept.bytes).toBeLessThanOrEqual(10_000);
    const again = await wire.resume(15);
    expect(again.heard('number').map(([number]) => number)).toEqual([15, 16, 17, 18, 19, 20]);
  });

  it('and is refused with 1013 if it hasn’t', async () => {
    const { shard, room } = await open({ seats });
    const wire = await shard.join(room.roomId);
    for (let n = 0; n < 20; n += 1) room.tell(room.clients[0]!, 1000);
    shard.run(50);
    await wire.drop();
    await wire.resume(3);
    expect(shard.posted('refused')).toMatchObject([{ sessionId: wire.sessionId, code: 1013, ending: false }]);
    expect(shard.posts.at(-1)).toMatchObject({ kind: 'left', sessionId: wire.sessionId });
    expect(room.events.at(-1)).toBe(`leave ${wire.sessionId} 1013`);
  });

  it('what onJoin sends is sent, however much it is', async () => {
    class Generous extends Talk {
      override onJoin(client: Client): void {
        this.said.set(client.sessionId, 0);
        for (let n = 0; n < 30; n += 1) this.tell(client, 1000);
      }
    }
    const shard = new BareShard({ generous: Generous }, { seats });
    const { roomId } = await shard.create<Generous>('generous');
    const wire = await shard.join(roomId);
    expect(wire.heard('number')).toHaveLength(30);
  });
});

describe('a count of received messages', () => {
  it('frees what it covers, and no more than was sent', async () => {
    const { shard, room } = await open();
    const wire = await shard.join(room.roomId);
    const [client] = room.clients;
    for (let n = 0; n < 9; n += 1) room.tell(client!);
    expect(client!.kept.length).toBe(10);
    for (const [count, kept] of [[0, 10], [4, 6], [2, 6], [11, 6], [2 ** 31, 6], [2 ** 32 - 1, 6], [10, 0], [10, 0]] as const) {
      wire.ack(count);
      shard.run(50);
      expect(client!.kept.length, `after ${count}`).toBe(kept);
    }
    room.tell(client!);
    const again = await wire.resume(2 ** 31);
    expect(again.of('joined')).toEqual([]);
    expect(shard.posted('refused')).toHaveLength(1);
  });

  it('of an old connection says nothing about a new one', async () => {
    const { shard, room } = await open();
    const wire = await shard.join(room.roomId);
    for (let n = 0; n < 4; n += 1) room.tell(room.clients[0]!);
    const again = await wire.resume(1, { anew: true });
    expect(again.heard('number')).toHaveLength(5);
    wire.ack(5);
    shard.run(50);
    expect(room.clients[0]!.kept.length).toBe(5);
    again.ack(5);
    shard.run(50);
    expect(room.clients[0]!.kept.length).toBe(0);
  });
});

it('the kept messages are those of a plain list, also where counts wrap', () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = new SeededRandom(seed);
    const kept = new KeptMessages();
    const start = seed % 2 === 0 ? 2 ** 32 - 8 : 0;
    Object.assign(kept, { firstNumber: start, releasedNumber: start });
    let list: Uint8Array[] = [];
    let first = start;
    let released = start;
    for (let step = 0; step < 300; step += 1) {
      const count = random.below(list.length + 2);
      switch (random.below(5)) {
        case 0:
        case 1:
        case 2: {
          const frame = new Uint8Array(random.below(50));
          kept.push(frame);
          list.push(frame);
          break;
        }
        case 3:
          kept.release((first + count) % 2 ** 32);
          if (count > list.length) break;
          list = list.slice(count);
          released = first += count;
          break;
        case 4: {
          const bytesMax = random.below(1500);
          const bytes = (): number => list.reduce((sum, frame) => sum + frame.length, 0);
          expect(kept.trim(bytesMax)).toBe(bytes() > bytesMax);
          for (; bytes() > bytesMax; first += 1) list.shift();
        }
      }
      const frames = [...kept];
      expect(frames.length).toBe(list.length);
      expect(frames.every((frame, i) => frame === list[i])).toBe(true);
      expect(kept.bytes).toBe(list.reduce((sum, frame) => sum + frame.length, 0));
      expect(kept.isWhole, `seed ${seed}, step ${step}`).toBe(released === first);
      expect(kept.hasAllAfter(first % 2 ** 32)).toBe(true);
      expect(kept.hasAllAfter((first + 2 ** 32 - 1) % 2 ** 32)).toBe(false);
    }
  }
});
