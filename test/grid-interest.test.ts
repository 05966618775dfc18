/** A client is sent what is near its focus: cells come whole, go when they are far, and borders are nobody's business. */
import { connect, type ClientRoom } from 'escapement/client';
import { WebSocket, type RawData } from 'ws';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { angle, fixed, grid, int32, Room, table, uint8 } from '../src/index.js';
import { ServerFrameKind, ServerFrameReader, SnapshotKind } from '../src/protocol/server-frames.js';
import { Table } from '../src/state/table.js';
import type Plane from './rooms/plane.js';
import type { Crowd, Place, PlaneOptions } from './rooms/plane.js';
import { LoopedRoom } from './support/looped-room.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

let server: ServerProcess;
beforeAll(async () => {
  server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--shards', '1', '--log-level', 'warn'] });
});
afterAll(async () => {
  await server?.stop();
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

class Viewer {
  room!: ClientRoom<typeof Plane>;
  /** What the callbacks of the things told: + added, - removed, ~ changed. */
  events: string[] = [];
  readonly errors: unknown[] = [];
  /** Of each delta that came. */
  readonly deltaBytes: number[] = [];
  readonly keyframeBytes: number[] = [];

  static async create(options: PlaneOptions = {}, places: readonly Place[] = []): Promise<Viewer> {
    const viewer = new Viewer();
    viewer.room = await viewer.connect().create<typeof Plane>('plane', options);
    viewer.listen();
    if (places.length > 0) await viewer.order('put', places);
    return viewer;
  }

  /** Another one in the same room. */
  async another(options: PlaneOptions): Promise<Viewer> {
    const viewer = new Viewer();
    viewer.room = await viewer.connect().joinById<typeof Plane>(this.room.id, options);
    viewer.listen();
    return viewer;
  }

  /** Resolves when the client holds a snapshot of after the order. */
  async order(order: string, payload?: unknown): Promise<{ error: string; things: any[] }> {
    const answer = await new Promise<{ tick: number; error: string; things: any[] }>((resolve) => {
      const stop = this.room.onMessage('done', (done: any) => {
        stop();
        resolve(done);
      });
      this.room.send(order, payload);
    });
    await this.after(answer.tick + 2);
    return answer;
  }

  async after(tick: number): Promise<void> {
    while (this.room.tick <= tick) await sleep(5);
  }

  /** The events since the last call. */
  news(): string[] {
    return this.events.splice(0);
  }

  get tags(): string[] {
    return [...this.room.state.things].map(({ tag }) => tag).sort();
  }

  private connect(): ReturnType<typeof connect> {
    const look = (frame: Uint8Array): void => this.look(frame);
    class WatchedSocket extends WebSocket {
      constructor(address: string, protocols?: string | string[]) {
        super(address, protocols);
        this.on('message', (data: RawData) => look(new Uint8Array(data as ArrayBuffer)));
      }
    }
    return connect(server.url, { WebSocket: WatchedSocket });
  }

  private look(frame: Uint8Array): void {
    const reader = new ServerFrameReader();
    if (reader.read(frame) !== 0) this.errors.push('a malformed frame');
    if (reader.kind !== ServerFrameKind.Snapshot) return;
    (reader.snapshotKind === SnapshotKind.Delta ? this.deltaBytes : this.keyframeBytes).push(reader.bodyLength);
  }

  private listen(): void {
    this.room.onError((error) => this.errors.push(error));
    const { things } = this.room.state;
    things.onAdd(({ tag }) => this.events.push(`+${tag}`));
    things.onRemove(({ tag }) => this.events.push(`-${tag}`));
    things.onChange(({ tag }) => this.events.push(`~${tag}`));
  }
}

let viewers: Viewer[] = [];
const viewerOf = async (...args: Parameters<typeof Viewer.create>): Promise<Viewer> => {
  const viewer = await Viewer.create(...args);
  viewers.push(viewer);
  return viewer;
};

beforeEach(() => {
  viewers = [];
  return async () => {
    for (const { room, errors } of viewers) {
      expect(errors).toEqual([]);
      expect(room.stats.resyncs).toBe(0);
      await room.leave();
    }
  };
});

const HERE = [550, 550] as const;
const NEAR: Place = { tag: 'near', x: 560, y: 540 };
const AWAY: Place = { tag: 'away', x: 50, y: 50 };

describe('what a client is sent', () => {
  it('is nothing of a gridded table until it looks somewhere, and all of the others', async () => {
    const viewer = await viewerOf({}, [NEAR, AWAY]);
    expect(viewer.tags).toEqual([]);
    expect(viewer.room.state.signs.size).toBe(1);
    await viewer.order('look', HERE);
    expect(viewer.tags).toEqual(['near']);
  });

  it('is from the first keyframe on what is near', async () => {
    const first = await viewerOf({ look: HERE }, [NEAR, AWAY, { tag: 'edge', x: 301, y: 550 }, { tag: 'corner', x: 310, y: 310 }]);
    const second = await first.another({ look: [60, 60] });
    viewers.push(second);
    expect(second.tags).toEqual(['away']);
    expect(second.news()).toEqual(['+away']);
    expect(second.room.stats.keyframes).toBe(1);
    // The corner is 240 away both ways, and its cell's nearest point 212 (150 and 150).
    expect(first.tags).toEqual(['corner', 'edge', 'near']);
  });

  it('is no more than that: what is far away costs no bytes', async () => {
    const viewer = await viewerOf({ look: HERE }, [NEAR]);
    await viewer.order('crowd', { prefix: 'c', side: 30, x: 5, y: 5, step: 8 } satisfies Crowd);
    const other = await viewer.another({ look: HERE });
    viewers.push(other);
    await viewer.order('busy', true);
    other.deltaBytes.length = 0;
    await sleep(500);
    expect(other.tags).toEqual(['near']);
    expect(other.keyframeBytes.length).toBe(1);
    expect(Math.max(...other.keyframeBytes)).toBeLessThan(100);
    expect(other.deltaBytes.length).toBeGreaterThan(5);
    expect(Math.max(...other.deltaBytes)).toBeLessThan(30);
  });

  it('follows the row that it follows', async () => {
    const viewer = await viewerOf({}, [{ tag: 'me', x: 50, y: 500 }, { tag: 'there', x: 950, y: 500 }, { tag: 'start', x: 20, y: 500 }]);
    await viewer.order('follow', 'me');
    expect(viewer.tags).toEqual(['me', 'start']);
    for (let x = 100; x <= 900; x += 50) await viewer.order('put', [{ tag: 'me', x, y: 500 }]);
    expect(viewer.tags).toEqual(['me', 'there']);
    expect(viewer.news().filter((event) => !event.startsWith('~'))).toEqual(['+me', '+start', '-start', '+there']);
    // What is looked at stays so when the row has gone.
    await viewer.order('remove', 'me');
    expect(viewer.tags).toEqual(['there']);
    expect((await viewer.order('follow a sign')).error).toBe(
      'RangeError: client.follow(row): expected a row of a table that the room has a grid for',
    );
  });

  it('comes with a cell\'s keyframe and not with a frame that is one', async () => {
    const viewer = await viewerOf({ look: [100, 100] }, [NEAR]);
    await viewer.order('busy', true);
    expect(viewer.tags).toEqual([]);
    await viewer.order('look', HERE);
    const { things } = await viewer.order('busy', false);
    await sleep(100);
    expect([...viewer.room.state.things].map((row) => row.toJSON())).toEqual(things);
    expect(viewer.room.stats.keyframes).toBe(1);
  });
});

describe('borders', () => {
  it('are crossed by a move: the row stays, and changes', async () => {
    const viewer = await viewerOf({ look: HERE }, [{ tag: 'walker', x: 390, y: 550 }]);
    viewer.news();
    const row = [...viewer.room.state.things][0]!;
    const steps = [398, 402, 450, 499, 501, 650, 701, 399];
    for (const x of steps) {
      await viewer.order('put', [{ tag: 'walker', x, y: x }]);
      expect(row).toMatchObject({ alive: true, x, y: x });
    }
    expect(viewer.news()).toEqual(steps.map(() => '~walker'));
  });

  it('are crossed to what isn\'t seen, and back', async () => {
    const viewer = await viewerOf({ look: HERE }, [NEAR]);
    viewer.news();
    await viewer.order('put', [{ tag: 'near', x: 50, y: 50 }]);
    expect(viewer.tags).toEqual([]);
    await viewer.order('put', [NEAR]);
    expect(viewer.news()).toEqual(['-near', '+near']);
  });

  it('of the view are further out for what is left than for what is entered', async () => {
    // The thing's cell ends at x = 200. A cell is entered at 250 and left at 300, and a little later than either.
    const viewer = await viewerOf({ look: [600, 550] }, [{ tag: 'thing', x: 150, y: 550 }]);
    const seen: [number, string[]][] = [];
    for (const x of [490, 440, 490, 530, 490, 440]) {
      await viewer.order('look', [x, 550]);
      seen.push([x - 200, viewer.tags]);
    }
    expect(seen).toEqual([[290, []], [240, ['thing']], [290, ['thing']], [330, []], [290, []], [240, ['thing']]]);
    expect(viewer.news()).toEqual(['+thing', '-thing', '+thing']);
  });

  it('that a focus paces over to and fro make nothing come and go', async () => {
    const viewer = await viewerOf({ look: [445, 550] }, [{ tag: 'thing', x: 150, y: 550 }]);
    for (let n = 0; n < 12; n += 1) await viewer.order('look', [n % 2 === 0 ? 475 : 445, 550]);
    expect(viewer.news()).toEqual(['+thing']);
  });
});

describe('rings further out', () => {
  const RINGS = { look: HERE, rings: [{ radius: 450, rate: 5 }] };
  const FAR: Place = { tag: 'far', x: 150, y: 550 };

  it('are sent less often', async () => {
    const viewer = await viewerOf(RINGS, [NEAR, FAR, AWAY]);
    await sleep(300);
    expect(viewer.tags).toEqual(['far', 'near']);
    await viewer.order('busy', true);
    viewer.news();
    const from = viewer.room.tick;
    await viewer.after(from + 180);
    const snapshots = (viewer.room.tick - from) / 2;
    const events = viewer.news();
    const changesOf = (tag: string): number => events.filter((event) => event === `~${tag}`).length;
    // 30 a second and 5.
    expect(changesOf('near')).toBeGreaterThan(0.8 * snapshots);
    expect(changesOf('far')).toBeGreaterThanOrEqual(Math.floor(0.8 * (snapshots / 6)));
    expect(changesOf('far')).toBeLessThanOrEqual(Math.ceil(snapshots / 6) + 1);
    const { things } = await viewer.order('busy', false);
    await sleep(400);
    const expected = things.filter(({ tag }) => tag !== 'away');
    expect([...viewer.room.state.things].map((row) => row.toJSON())).toEqual(expected);
  });

  it('take cells over from the near one, and give them back, with their rows', async () => {
    const viewer = await viewerOf({ ...RINGS, look: [400, 550] }, [{ tag: 'thing', x: 150, y: 550 }]);
    expect(viewer.tags).toEqual(['thing']);
    // 200 away; then 300 and more, in the far ring; then near again.
    for (const x of [450, 500, 550, 600, 580, 500, 450, 400]) {
      await viewer.order('look', [x, 550]);
      await sleep(x % 3 === 0 ? 250 : 20);
    }
    expect(viewer.news()).toEqual(['+thing']);
  });
});

describe('a budget of bytes', () => {
  const BUDGET_BYTES = 300;
  const CROWD: Crowd = { prefix: 't', side: 24, x: 260, y: 260, step: 25 };
  /** Of the layout, of a cell that is larger than what is left, and of the other table. */
  const ALLOWANCE_BYTES = 40;

  it('is kept by every delta, near cells have their turn more often, and in the end everything is right', async () => {
    const viewer = await viewerOf({ look: HERE, snapshotBytesMax: BUDGET_BYTES });
    await viewer.order('crowd', CROWD);
    await viewer.order('busy', true);
    await sleep(300);
    viewer.news();
    viewer.deltaBytes.length = 0;
    await sleep(2000);
    const events = viewer.news();
    const perRow = (isNear: boolean): number => {
      const rows = [...viewer.room.state.things].filter(({ x, y }) => Math.hypot(x - HERE[0], y - HERE[1]) < 90 === isNear);
      const tags = new Set(rows.map(({ tag }) => `~${tag}`));
      return events.filter((event) => tags.has(event)).length / rows.length;
    };
    expect(viewer.deltaBytes.length).toBeGreaterThan(20);
    // It is used up, too.
    expect(Math.max(...viewer.deltaBytes)).toBeLessThanOrEqual(BUDGET_BYTES + ALLOWANCE_BYTES);
    expect(Math.max(...viewer.deltaBytes)).toBeGreaterThan(BUDGET_BYTES / 2);
    expect(perRow(true)).toBeGreaterThan(1.5 * perRow(false));
    expect(perRow(false)).toBeGreaterThan(1);
    const { things } = await viewer.order('busy', false);
    await sleep(2000);
    const byId = new Map(things.map((row) => [row.id, row]));
    const held = [...viewer.room.state.things].map((row) => row.toJSON());
    expect(held.length).toBeGreaterThan(200);
    expect(held).toEqual(held.map(({ id }) => byId.get(id)));
  });

  it('holds for the first keyframe', async () => {
    const first = await viewerOf({ look: HERE, snapshotBytesMax: BUDGET_BYTES });
    await first.order('crowd', CROWD);
    const second = await first.another({ look: HERE });
    viewers.push(second);
    expect(second.keyframeBytes).toHaveLength(1);
    expect(second.keyframeBytes[0]).toBeLessThanOrEqual(BUDGET_BYTES + ALLOWANCE_BYTES);
    await sleep(2000);
    expect(second.tags).toEqual(first.tags);
    expect(second.tags.length).toBeGreaterThan(200);
  });
});

describe('misuse is refused in words', () => {
  const units = new Table(table({ x: fixed(0, 100, 1), y: fixed(0, 100, 1), n: int32, a: angle(8), hp: uint8 }));
  const good = { table: units, x: 'x', y: 'y', cellSize: 10, radius: 20 } as const;

  it.each([
    [{ x: 'z' }, 'grid: x is "z"; the table has no such field'],
    [{ y: 'n' }, 'grid: y is field n; expected a public fixed(min, max, step), or an integer of 8 or 16 bits'],
    [{ y: 'a' }, 'grid: y is field a; expected a public fixed(min, max, step), or an integer of 8 or 16 bits'],
    [{ cellSize: 0 }, 'grid: cellSize is 0; expected a number above 0'],
    [{ radius: NaN }, 'grid: radius is NaN; expected a number above 0'],
    [{ leaveRadius: 19 }, 'grid: leaveRadius is 19; expected at least the radius, 20'],
    [{ snapshotBytesMax: 10 }, 'grid: snapshotBytesMax is 10; expected at least 64'],
    [{ rings: [{ radius: 20, rate: 1 }] }, "grid: a ring's radius is 20; expected more than 25, where the one inside ends"],
    [{ rings: [{ radius: 50, rate: 0 }] }, 'grid: rings: rate is 0; expected a number above 0'],
    [{ rings: [30, 50, 70, 90].map((radius) => ({ radius, rate: 1 })) }, 'grid: 4 rings; expected at most 3'],
    [{ cellSize: 1 }, 'grid: 10000 cells of 1; expected at most 4096: make cells larger or the world smaller'],
  ])('%j', (options, message) => {
    expect(() => grid({ ...good, ...(options as object) })).toThrow(new RangeError(message));
  });

  it('an interest that is no grid, or two for one table', async () => {
    class Odd extends Room {
      units = this.table(units.schema);
      override interest = 250 as never;
    }
    class Twice extends Room {
      units = this.table(units.schema);
      override interest = [grid({ ...good, table: this.units }), grid({ ...good, table: this.units })];
    }
    const loop = { ringBytes: 4096, pace: { lagLimitMs: 1000, ackTimeoutMs: 5000 } };
    await expect(LoopedRoom.create(Odd, {}, loop)).rejects.toThrow("the room's interest is not a grid; write `interest = grid(");
    await expect(LoopedRoom.create(Twice, {}, loop)).rejects.toThrow("the room's interest has two grids for one table");
  });

  it('a look at nowhere', async () => {
    const viewer = await viewerOf();
    const { error } = await viewer.order('look', ['a', 1]);
    expect(error).toBe('RangeError: client.lookAt(a, 1): expected finite numbers');
  });
});
