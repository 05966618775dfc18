/** A plane with a grid, on which things are where a test puts them; and a table that everyone is sent. */
import { fixed, grid, Room, table, text, uint16, uint8, type Client, type Row } from 'escapement';

const SIZE = 1000;

const thing = { tag: text(12), x: fixed(0, SIZE, 0.25), y: fixed(0, SIZE, 0.25), count: uint16 };
const Thing = table(thing, { capacity: 2000 });
const Sign = table({ text: text(12), value: uint8 }, { capacity: 4 });

export type PlaneOptions = {
  /** Looked at from the start; nothing is, without it. */
  readonly look?: readonly [number, number];
  readonly leaveRadius?: number;
  readonly rings?: readonly { readonly radius: number; readonly rate: number }[];
  readonly snapshotBytesMax?: number;
};

/** Rows and columns of things, `step` apart; their tags are the prefix and a number. */
export interface Crowd {
  readonly prefix: string;
  readonly side: number;
  readonly x: number;
  readonly y: number;
  readonly step: number;
}

export interface Place {
  readonly tag: string;
  readonly x: number;
  readonly y: number;
}

export default class Plane extends Room {
  static override tickRate = 60;
  static override snapshotRate = 30;
  static override maxClients = 16;

  things = this.table(Thing);
  signs = this.table(Sign);
  #byTag = new Map<string, Row<typeof thing>>();
  #isBusy = false;

  onCreate({ leaveRadius, rings, snapshotBytesMax }: PlaneOptions): void {
    this.interest = grid({
      table: this.things, x: 'x', y: 'y', cellSize: 100, radius: 250, leaveRadius, rings, snapshotBytesMax,
    });
    this.signs.spawn({ text: 'hello' });
    const orders: Record<string, (client: Client, payload: any) => void> = {
      put: (_, places: readonly Place[]) => places.forEach((place) => this.put(place)),
      crowd: (_, { prefix, side, x, y, step }: Crowd) => {
        for (let i = 0; i < side * side; i += 1) {
          this.put({ tag: `${prefix}${i}`, x: x + (i % side) * step, y: y + Math.floor(i / side) * step });
        }
      },
      remove: (_, tag: string) => void this.things.despawn(this.#byTag.get(tag)!),
      look: (client, [x, y]: readonly [number, number]) => client.lookAt(x, y),
      follow: (client, tag: string) => client.follow(this.#byTag.get(tag)!),
      'follow a sign': (client) => client.follow([...this.signs][0]!),
      // All things count ticks, and some wander about.
      busy: (_, isBusy: boolean) => void (this.#isBusy = isBusy),
    };
    for (const [order, carryOut] of Object.entries(orders)) {
      this.onMessage(order, (client, payload) => {
        let error = '';
        try {
          carryOut(client, payload);
        } catch (thrown) {
          error = String(thrown);
        }
        client.send('done', { tick: this.tick, error, things: payload === false ? [...this.things].map((row) => row.toJSON()) : [] });
      });
    }
  }

  onJoin(client: Client, { look }: PlaneOptions): void {
    if (look !== undefined) client.lookAt(look[0], look[1]);
  }

  onTick(): void {
    if (!this.#isBusy) return;
    const { columns, rowEnd } = this.things;
    for (let i = 0; i < rowEnd; i += 1) {
      columns.count[i] += 1;
      if (i % 4 === 0) columns.x[i] += this.tick % 120 < 60 ? 2 : -2;
    }
  }

  private put({ tag, x, y }: Place): void {
    const row = this.#byTag.get(tag);
    if (row === undefined) this.#byTag.set(tag, this.things.spawn({ tag, x, y }));
    else Object.assign(row, { x, y });
  }
}
