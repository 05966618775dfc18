/** A handler with a validator runs for what has passed, in the order of the messages; its client hears what is wrong. */
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Room, table, uint8, type Client, type StandardSchema } from '../src/index.js';
import { ShardCounter } from '../src/memory/counters.js';
import { WAITING_MESSAGES_MAX } from '../src/shard/message-handlers.js';
import { BareShard, type Wire } from './support/bare-shard.js';

interface Move {
  position: { x: number; y: number };
  tags: string[];
}

/** Whether two types are the same, for the compiler. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <T extends true>(): T | undefined => undefined;

/** Handlers of all tests; each says what it was given. */
class Desk extends Room {
  nothing = this.table(table({ a: uint8 }));
  heard: unknown[] = [];

  override onCreate(): void {
    const hear = (what: string, payload: unknown): void => void this.heard.push([what, payload]);
    const zodMove = z.object({ position: z.object({ x: z.number().max(10), y: z.number() }), tags: z.array(z.string()) });
    this.onMessage('zod', zodMove, (_client, move) => {
      holds<Same<typeof move, Move>>();
      hear('zod', move);
    });
    const valibotMove = v.object({
      position: v.object({ x: v.pipe(v.number(), v.maxValue(10)), y: v.number() }),
      tags: v.array(v.string()),
    });
    this.onMessage('valibot', valibotMove, (_client, move) => {
      holds<Same<typeof move, Move>>();
      hear('valibot', move);
    });
    this.onMessage('arktype', type({ position: { x: 'number<=10', y: 'number' }, tags: 'string[]' }), (_client, move) => {
      const x: number = move.position.x;
      // @ts-expect-error no such field
      void move.position.z;
      hear('arktype', { ...move, position: { ...move.position, x } });
    });
    this.onMessage('trimmed', z.string().trim().transform((text) => text.length), (_client, length) => {
      holds<Same<typeof length, number>>();
      hear('trimmed', length);
    });
    this.onMessage('plain', (_client, payload) => hear('plain', payload));
    this.onMessage('*', z.number(), (_client, payload) => hear('any', payload));
  }
}

async function open(): Promise<{ shard: BareShard; desk: Desk; wire: Wire; client: Client }> {
  const shard = new BareShard({ desk: Desk });
  const desk = await shard.create<Desk>('desk');
  const wire = await shard.join(desk.roomId);
  shard.run(50);
  return { shard, desk, wire, client: desk.clients[0]! };
}

const GOOD: Move = { position: { x: 1, y: 2 }, tags: ['a'] };

describe.each(['zod', 'valibot', 'arktype'])('%s', (library) => {
  it('lets through what fits', async () => {
    const { shard, desk, wire } = await open();
    wire.send(library, GOOD);
    shard.run(50);
    expect(desk.heard).toEqual([[library, GOOD]]);
    expect(wire.of('rejected')).toEqual([]);
  });

  it.each([
    ['a field out of range', { ...GOOD, position: { x: 11, y: 2 } }, 'position.x'],
    ['a field of another type', { ...GOOD, position: { x: 1, y: 'far' } }, 'position.y'],
    ['an element of another type', { ...GOOD, tags: ['a', 5] }, 'tags.1'],
    ['a missing field', { position: GOOD.position }, 'tags'],
    ['no object at all', 7, ''],
    ['no payload', undefined, ''],
  ])('answers %s with the field, and doesn’t run the handler', async (_, payload, field) => {
    const { shard, desk, wire, client } = await open();
    wire.send(library, payload);
    shard.run(50);
    expect(desk.heard).toEqual([]);
    expect(wire.of('rejected')).toEqual([{ type: library, field, reason: expect.stringMatching(/\w+/) }]);
    expect(shard.counters.get(ShardCounter.messagesRejected)).toBe(1);
    expect(shard.errors).toEqual([]);
    expect(client.connected).toBe(true);
  });
});

it('a handler gets what the validator makes of the payload; that of * has one too', async () => {
  const { shard, desk, wire } = await open();
  wire.send('trimmed', '  four ');
  wire.send('whatever', 5);
  wire.send('whatever else', 'five');
  shard.run(50);
  expect(desk.heard).toEqual([['trimmed', 4], ['any', 5]]);
  expect(wire.of('rejected')).toMatchObject([{ type: 'whatever else', field: '' }]);
});

/** A validator whose answers the test gives. */
class Slow implements StandardSchema<unknown, string> {
  readonly answers: ((result: { value: string } | { issues: { message: string }[] }) => void)[] = [];
  readonly '~standard' = {
    version: 1 as const,
    vendor: 'test',
    validate: () => new Promise<{ value: string } | { issues: { message: string }[] }>((resolve) => this.answers.push(resolve)),
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('behind an asynchronous validator', () => {
  it('a client’s messages wait, so that their order holds; others’ don’t', async () => {
    const { shard, desk, wire, client } = await open();
    const other = await shard.join(wire.roomId);
    const slow = new Slow();
    desk.onMessage('slow', slow, (who, text) => desk.heard.push([who === client ? 'slow' : 'slow of another', text]));
    wire.send('plain', 1);
    wire.send('slow');
    wire.send('plain', 2);
    wire.send('slow');
    wire.send('plain', 3);
    other.send('plain', 4);
    shard.run(50);
    expect(desk.heard).toEqual([['plain', 1], ['plain', 4]]);
    expect(slow.answers).toHaveLength(1);
    slow.answers[0]!({ value: 'first' });
    await settled();
    expect(desk.heard.slice(2)).toEqual([['slow', 'first'], ['plain', 2]]);
    wire.send('plain', 5);
    shard.run(50);
    slow.answers[1]!({ issues: [{ message: 'not good' }] });
    await settled();
    shard.run(50);
    expect(desk.heard.slice(4)).toEqual([['plain', 3], ['plain', 5]]);
    expect(wire.of('rejected')).toEqual([{ type: 'slow', field: '', reason: 'not good' }]);
    wire.send('plain', 6);
    shard.run(50);
    expect(desk.heard.slice(6)).toEqual([['plain', 6]]);
  });

  it('at most 64 wait; the client is told of those beyond', async () => {
    const { shard, desk, wire } = await open();
    const slow = new Slow();
    desk.onMessage('slow', slow, () => desk.heard.push('slow'));
    wire.send('slow');
    for (let n = 0; n < WAITING_MESSAGES_MAX + 3; n += 1) wire.send('plain', n);
    shard.run(50);
    expect(wire.of('rejected')).toHaveLength(3);
    const reason = expect.stringContaining('64 messages wait');
    expect(wire.of('rejected')[0]).toEqual({ type: 'plain', field: '', reason });
    expect(shard.counters.get(ShardCounter.messagesRejected)).toBe(3);
    slow.answers[0]!({ value: '' });
    await settled();
    expect(desk.heard).toHaveLength(1 + WAITING_MESSAGES_MAX);
  });

  it('those of a dropped client are handled, those of one that has left aren’t', async () => {
    const { shard, desk, wire } = await open();
    const other = await shard.join(wire.roomId);
    const slow = new Slow();
    desk.onMessage('slow', slow, () => desk.heard.push('slow'));
    for (const each of [wire, other]) {
      each.send('slow');
      each.send('plain', each === wire ? 'of the dropped' : 'of the gone');
    }
    await wire.drop();
    await other.leave();
    for (const answer of slow.answers) answer({ value: '' });
    await settled();
    expect(desk.heard).toEqual(['slow', ['plain', 'of the dropped']]);
    expect(shard.errors).toEqual([]);
  });
});

describe('a validator that fails itself', () => {
  const broken = (validate: () => never): StandardSchema => ({ '~standard': { version: 1, vendor: 'test', validate } });

  it.each([
    ['throws', broken(() => { throw new Error('broken'); })],
    ['rejects', broken((() => Promise.reject(new Error('broken'))) as () => never)],
    ['answers nonsense', broken((() => null) as () => never)],
  ])('%s: that is the room’s fault, its handler doesn’t run, and the next message is handled', async (_, schema) => {
    const { shard, desk, wire } = await open();
    desk.onMessage('checked', schema, () => desk.heard.push('checked'));
    wire.send('checked', 1);
    wire.send('plain', 2);
    shard.run(50);
    await settled();
    expect(desk.heard).toEqual([['plain', 2]]);
    expect(shard.errors).toMatchObject([{ hook: 'onMessage checked' }]);
    expect(shard.counters.get(ShardCounter.hookErrors)).toBe(1);
    expect(wire.of('rejected')).toEqual([]);
  });
});

it('hostile paths and reasons are cut, and odd ones said', async () => {
  const { shard, desk, wire } = await open();
  const reject = (issues: readonly object[]): StandardSchema => ({
    '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: issues as never }) },
  });
  desk.onMessage('long', reject([{ message: 'm'.repeat(9999), path: ['k'.repeat(9999)] }]), () => {});
  desk.onMessage('odd', reject([{ message: 'm', path: [{ key: Symbol('s') }, 0, { key: 'x' }] }]), () => {});
  desk.onMessage('none', reject([]), () => {});
  for (const each of ['long', 'odd', 'none']) wire.send(each);
  shard.run(50);
  const [long, odd, none] = wire.of('rejected');
  expect([long.field.length, long.reason.length]).toEqual([128, 256]);
  expect(odd).toEqual({ type: 'odd', field: 'Symbol(s).0.x', reason: 'm' });
  expect(none).toEqual({ type: 'none', field: '', reason: 'not valid' });
});

it('what is no handler, no validator or no type is refused where it is registered', async () => {
  const { desk } = await open();
  const loose = desk.onMessage.bind(desk) as (...args: unknown[]) => void;
  expect(() => loose('move', type({ x: 'number' }))).toThrow(/without a handler; expected \(type, handler\)/);
  expect(() => loose('move', z.number())).toThrow(/without a handler/);
  expect(() => loose('move', z.number(), undefined)).toThrow(/without a handler/);
  expect(() => loose('move', { parse: () => 1 }, () => {})).toThrow(/the validator is no Standard Schema/);
  expect(() => loose('', () => {})).toThrow(/message type ""; expected 1 to 64 characters/);
  expect(() => loose('x'.repeat(65), () => {})).toThrow(RangeError);
});
