/** How a room ends: once, however it is asked to, and never as a zombie. And what the host's program may ask of it before. */
import { describe, expect, it } from 'vitest';
import { Room, table, uint8, type AuthRequest, type Client } from '../src/index.js';
import { BareShard } from './support/bare-shard.js';

/** A promise and what settles it. */
function gate(): { readonly promise: Promise<void>; open(): void; fail(error: Error): void } {
  let open!: () => void;
  let fail!: (error: Error) => void;
  const promise = new Promise<void>((...settle) => ([open, fail] = settle));
  return { promise, open, fail };
}

/** All that is to happen without time going by has happened. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface HallOptions {
  readonly created?: ReturnType<typeof gate>;
}

/** Handed in before a room is made: options are copied. */
let waiting: HallOptions = {};
/** Of the newest room. */
let hall: Hall;

class Hall extends Room<{ mode: string }> {
  static override tickRate = 20;
  static override maxClients = 4;
  chairs = this.table(table({ a: uint8 }));
  events: string[] = [];
  saved: Promise<void> | undefined;
  disposed: Promise<void> | undefined;
  greeting = (): string => 'a property';

  override async onCreate(): Promise<void> {
    hall = this;
    await waiting.created?.promise;
  }

  override onJoin(client: Client): void {
    this.events.push(`join ${client.team} ${JSON.stringify(client.auth)}`);
  }

  override async onBeforeShutdown(): Promise<void> {
    this.events.push('save');
    await this.saved;
    this.events.push('saved');
  }

  override onLeave(_client: Client, code: number): void {
    this.events.push(`leave ${code}`);
  }

  override async onDispose(): Promise<void> {
    this.events.push('dispose');
    await this.disposed;
  }

  add(a: number, b: number): number {
    return a + b;
  }

  async addLater(a: number, b: number): Promise<number> {
    await Promise.resolve();
    return this.add(a, b);
  }

  failing(): void {
    throw new Error('it failed');
  }

  uncopyable(): () => void {
    return () => {};
  }

  _hidden(): void {}

  get level(): number {
    return 3;
  }
}

async function open(): Promise<{ shard: BareShard; room: Hall & { readonly roomId: string } }> {
  waiting = {};
  const shard = new BareShard({ hall: Hall });
  return { shard, room: await shard.create<Hall>('hall') };
}

const kinds = (shard: BareShard): string[] => shard.posts.map(({ kind }) => kind);
const stop = (shard: BareShard, deadlineMs: number): Promise<void> => shard.say({ kind: 'stop', deadlineMs });

describe('a room that is disposed of', () => {
  it('while it is being created ends as soon as it is, and seats nobody', async () => {
    waiting = { created: gate() };
    const shard = new BareShard({ hall: Hall });
    const creating = shard.say({ kind: 'create', roomId: 'r', type: 'hall', options: {}, seed: 1, private: false });
    const disposing = shard.say({ kind: 'dispose', roomId: 'r' });
    await settled();
    expect(kinds(shard)).toEqual([]);
    waiting.created!.open();
    await Promise.all([creating, disposing]);
    expect(kinds(shard)).toEqual(['created', 'ending', 'disposed']);
    expect(hall.events).toEqual(['dispose']);
    await shard.seat(shard.connect('r', 's'));
    expect(shard.posts.at(-1)).toMatchObject({ kind: 'refused', sessionId: 's', code: 4010, ending: true });
    shard.run(500);
    expect(hall.tick).toBe(0);
  });

  it('while it is being created in vain is reported as that only', async () => {
    waiting = { created: gate() };
    const shard = new BareShard({ hall: Hall });
    const creating = shard.say({ kind: 'create', roomId: 'r', type: 'hall', options: {}, seed: 1, private: false });
    const disposing = shard.say({ kind: 'dispose', roomId: 'r' });
    waiting.created!.fail(new Error('no'));
    await Promise.all([creating, disposing]);
    expect(shard.posts).toEqual([{ kind: 'create-failed', roomId: 'r', reason: 'no' }]);
  });

  it('twice, and by itself, runs onDispose once', async () => {
    const { shard, room } = await open();
    const disposed = gate();
    room.disposed = disposed.promise;
    const first = shard.say({ kind: 'dispose', roomId: room.roomId });
    const second = shard.say({ kind: 'dispose', roomId: room.roomId });
    room.disconnect();
    const third = stop(shard, 1000);
    await settled();
    expect(kinds(shard).filter((kind) => kind === 'disposed')).toEqual([]);
    disposed.open();
    await Promise.all([first, second, third]);
    expect(kinds(shard)).toEqual(['created', 'ending', 'disposed', 'stopped']);
    expect(room.events).toEqual(['dispose']);
  });

  it('is gone also when its onDispose throws', async () => {
    const { shard, room } = await open();
    room.disposed = Promise.reject(new Error('no disk'));
    await shard.say({ kind: 'dispose', roomId: room.roomId });
    expect(kinds(shard)).toEqual(['created', 'ending', 'disposed']);
    expect(shard.errors).toMatchObject([{ hook: 'onDispose' }]);
    expect(shard.room(room.roomId)).toBeUndefined();
  });

  it('is gone also when its onDispose never ends, half a minute later', async () => {
    const { shard, room } = await open();
    room.disposed = new Promise(() => {});
    const ended = shard.say({ kind: 'dispose', roomId: room.roomId });
    await settled();
    shard.run(29_000);
    await settled();
    expect(kinds(shard)).toEqual(['created', 'ending']);
    shard.run(2000);
    await ended;
    expect(kinds(shard)).toEqual(['created', 'ending', 'disposed']);
    expect(shard.errors).toMatchObject([{ hook: 'onDispose', err: { message: expect.stringContaining('30000 ms') } }]);
  });
});

describe('when the server stops', () => {
  it('clients are told, the room saves while it ticks and sends, then all are closed with 4001', async () => {
    const { shard, room } = await open();
    const saved = gate();
    room.saved = saved.promise;
    const wire = await shard.join(room.roomId);
    const away = await shard.join(room.roomId);
    await away.drop();
    shard.run(100);
    const [tick, snapshots] = [room.tick, wire.of('delta').length];
    const stopping = stop(shard, 5000);
    shard.run(1000);
    expect(wire.of('draining')).toEqual([{ reason: 'the server is shutting down', deadlineMs: 5000 }]);
    expect(room.tick).toBe(tick + 20);
    expect(wire.of('delta').length).toBeGreaterThan(snapshots);
    expect(wire.of('closed')).toEqual([]);
    await shard.seat(shard.connect(room.roomId, 'late'));
    expect(shard.posts.at(-1)).toMatchObject({ kind: 'refused', sessionId: 'late', code: 4010, ending: true });
    // Who comes back meanwhile is told too, and what is left of the time.
    const back = await away.resume(0);
    expect(back.of('draining')).toEqual([{ reason: 'the server is shutting down', deadlineMs: 4000 }]);
    saved.open();
    await stopping;
    expect(wire.of('closed')).toEqual([{ code: 4001, reason: 'the server is shutting down' }]);
    expect(room.events.slice(-5)).toEqual(['save', 'saved', 'leave 4001', 'leave 4001', 'dispose']);
    expect(kinds(shard).slice(-2)).toEqual(['disposed', 'stopped']);
  });

  it('a room that never has saved is ended at the deadline', async () => {
    const { shard, room } = await open();
    room.saved = new Promise(() => {});
    const stopping = stop(shard, 2000);
    shard.run(1990);
    await settled();
    expect(room.events).toEqual(['save']);
    shard.run(20);
    await stopping;
    expect(room.events).toEqual(['save', 'dispose']);
    expect(kinds(shard).at(-1)).toBe('stopped');
  });

  it('an onBeforeShutdown that throws, or ends the room itself, is the end of it', async () => {
    const [one, other] = [await open(), await open()];
    one.room.saved = Promise.reject(new Error('no disk'));
    await stop(one.shard, 1e6);
    expect(one.shard.errors).toMatchObject([{ hook: 'onBeforeShutdown' }]);
    expect(one.room.events).toEqual(['save', 'dispose']);
    other.room.saved = new Promise(() => {});
    const stopping = stop(other.shard, 1e6);
    other.room.disconnect();
    await stopping;
    expect(other.room.events).toEqual(['save', 'dispose']);
  });

  it('a room that is being created ends as soon as it is; one that never is isn’t waited for', async () => {
    const shard = new BareShard({ hall: Hall });
    waiting = { created: gate() };
    const { created } = waiting;
    void shard.say({ kind: 'create', roomId: 'a', type: 'hall', options: {}, seed: 1, private: false });
    waiting = { created: gate() };
    void shard.say({ kind: 'create', roomId: 'b', type: 'hall', options: {}, seed: 1, private: false });
    const stopping = stop(shard, 1000);
    created!.open();
    await settled();
    expect(shard.posts).toMatchObject([
      { kind: 'created', roomId: 'a' }, { kind: 'ending', roomId: 'a' }, { kind: 'disposed', roomId: 'a' },
    ]);
    shard.run(1100);
    await stopping;
    expect(kinds(shard).at(-1)).toBe('stopped');
  });
});

describe('what the host’s program asks of a room', () => {
  it('are its own methods and those of Room, by name', async () => {
    const { shard, room } = await open();
    expect(await shard.call(room.roomId, 'add', 2, 3)).toBe(5);
    expect(await shard.call(room.roomId, 'addLater', 2, 3)).toBe(5);
    await shard.call(room.roomId, 'lock');
    expect(room.locked).toBe(true);
    expect(shard.posts.filter(({ kind }) => kind === 'listing')).toMatchObject([{ listing: { locked: true } }]);
  });

  it.each([
    ['failing', 'it failed'],
    ['uncopyable', 'can\'t be copied to another thread'],
    ['missing', 'the room has no method missing'],
    ['toString', 'the room has no method toString'],
    ['greeting', 'the room has no method greeting'],
    ['level', 'level is no method of the room'],
    ['constructor', 'constructor is private'],
    ['__proto__', '__proto__ is private'],
    ['_hidden', '_hidden is private'],
    ['#hidden', '#hidden is private'],
    ['onCreate', 'onCreate is a hook'],
    ['onMessage', 'onMessage is a hook'],
    ['', 'the room has no method'],
  ])('is answered with why not: %s', async (method, words) => {
    const { shard, room } = await open();
    await expect(shard.call(room.roomId, method)).rejects.toThrow(words);
    await expect(shard.call('nowhere', method)).rejects.toThrow('the room has ended');
  });

  it('broadcasts reach the clients of the rooms named', async () => {
    const { shard, room } = await open();
    const other = await shard.create<Hall>('hall');
    const [wire, otherWire] = [await shard.join(room.roomId), await shard.join(other.roomId)];
    await shard.say({ kind: 'broadcast', roomIds: [room.roomId, 'nowhere'], type: 'news', payload: { at: 5 } });
    expect(wire.heard('news')).toEqual([{ at: 5 }]);
    expect(otherWire.heard('news')).toEqual([]);
    await shard.say({ kind: 'broadcast', roomIds: [room.roomId, other.roomId], type: 'news', payload: 5n });
    expect(wire.heard('news')).toHaveLength(1);
  });
});

describe('a room begins', () => {
  it('private where it is made so, and is listed as what it is', async () => {
    const { shard, room } = await open();
    const hidden = await shard.create<Hall>('hall', {}, true);
    expect([room.private, hidden.private]).toEqual([false, true]);
    hidden.setPrivate(false);
    room.setMetadata({ mode: 'duel' });
    const [first, second, ...changes] = shard.posts.flatMap((each) => ('listing' in each ? [each.listing] : []));
    const listing = { locked: false, private: false, disposeAfterMs: 1000, maxClients: 4, metadata: undefined };
    expect(first).toEqual(listing);
    expect(second).toEqual({ ...listing, private: true });
    expect(changes).toEqual([listing, { ...listing, metadata: { mode: 'duel' } }]);
  });

  it.each([[true, 1000], [false, Infinity], [0, 0], [2.5, 2500], [86_400, 86_400_000]])(
    'and ends, with autoDispose %s, after %s ms empty', async (autoDispose, ms) => {
      const { shard, room } = await open();
      room.autoDispose = true;
      room.autoDispose = autoDispose;
      shard.run(50);
      room.lock();
      expect(shard.posted('listing').at(-1)!.listing.disposeAfterMs).toBe(ms);
    },
  );

  it('or not at all with an autoDispose that is no time', async () => {
    class Wrong extends Hall {
      override autoDispose = -1;
    }
    const shard = new BareShard({ wrong: Wrong });
    await expect(shard.create('wrong')).rejects.toThrow('autoDispose is -1; expected true, false, or 0 to 86400 seconds');
  });

  it('with seats: the client’s team and auth are there', async () => {
    const { shard, room } = await open();
    const wire = await shard.join(room.roomId, {}, { team: 1, auth: { user: 7 } });
    expect(room.events).toEqual(['join 1 {"user":7}']);
    expect(wire.of('joined')).toMatchObject([{ resumeToken: `token ${wire.key}`, resumed: false, received: 0, inputSeq: 0 }]);
  });
});

it('onAuth is told the server’s own auth, and answers under the request’s number', async () => {
  class Guarded extends Hall {
    static override onAuth(token: string, request: AuthRequest): unknown {
      if (token === 'throw') throw new Error('go away');
      return token === 'ok' && { token, ...(request.auth as object) };
    }
  }
  const shard = new BareShard({ guarded: Guarded });
  const request = { address: '', origin: '', userAgent: '', auth: { user: 5 } };
  expect(await shard.auth('guarded', 'ok', request)).toEqual({ kind: 'authed', requestId: 7, auth: { token: 'ok', user: 5 } });
  const reason = 'not allowed in this room';
  expect(await shard.auth('guarded', 'no', request)).toEqual({ kind: 'auth-failed', requestId: 7, reason });
  expect(await shard.auth('guarded', 'throw', request)).toEqual({ kind: 'auth-failed', requestId: 7, reason: 'go away' });
});
