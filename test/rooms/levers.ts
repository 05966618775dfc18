/** A room that writes every kind of input field into its state, tells what it read, and sends as much as it is asked. */
import {
  angle, bool, fixed, float32, input, int16, int32, int8, Room, table, uint16, uint32, uint8, type Client,
} from 'escapement';

const fields = {
  i8: int8,
  u8: uint8,
  i16: int16,
  u16: uint16,
  i32: int32,
  u32: uint32,
  real: float32,
  pull: fixed(-1, 1, 0.01), // 201 quanta in one byte
  reach: fixed(-1000, 1000, 0.25), // 8,001 in two
  depth: fixed(0, 1_000_000, 0.001), // 1,000,000,001 in four
  turn: angle(5), // 32 in one byte
  bearing: angle(12), // 4,096 in two
  held: bool,
};

const Board = table(fields, { capacity: 16 });
const Pull = input(fields);

export type LeverValues = Record<keyof typeof fields, number | boolean>;

/** What the room has read of a client's inputs since it was last asked. */
export interface Readings {
  readonly values: readonly LeverValues[];
  /** Fields of these and of the client's row whose value was not finite. JSON can't say so. */
  readonly notFinite: readonly string[];
}

export default class Levers extends Room {
  static override tickRate = 60;
  static override snapshotRate = 20;
  static override maxClients = 8;

  boards = this.table(Board);
  pulls = this.input(Pull);
  #asking: Client[] = [];
  #toldTick = 0;

  onCreate(): void {
    this.onMessage('read', (client) => void this.#asking.push(client));
    this.onMessage('fill', (client, bytes: number) => client.send('fill', new Uint8Array(bytes)));
  }

  onJoin(client: Client): void {
    client.data = { board: this.boards.spawn(), values: [], notFinite: [] };
  }

  onTick(): void {
    if (this.snapshotTick !== this.#toldTick) {
      this.#toldTick = this.snapshotTick;
      this.broadcast('hash', { tick: this.snapshotTick, hash: this.snapshotHash() });
    }
    for (const client of this.clients) {
      const { board, values, notFinite } = client.data;
      let pull;
      while ((pull = this.pulls.next(client))) {
        values.push({ ...pull });
        Object.assign(board, pull);
        for (const source of [pull, board]) {
          for (const name of Object.keys(fields)) if (!Number.isFinite(Number(source[name]))) notFinite.push(name);
        }
      }
    }
    // Asked for in a message, which overtakes inputs that wait for this tick.
    for (const client of this.#asking.splice(0)) {
      const { values, notFinite } = client.data;
      client.send('read', { values, notFinite } satisfies Readings);
      client.data.values = [];
      client.data.notFinite = [];
    }
  }

  onLeave(client: Client): void {
    this.boards.despawn(client.data.board);
  }
}
