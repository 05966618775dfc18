import type { ArenaTable } from './arena-workload.js';

/** One way to bring an arena's snapshots to a client, as the snapshot bench measures it. */
export interface SnapshotContender {
  /** Called after every snapshot's ticks, out of the timed part. */
  prepare(): void;
  /** What a game has to do so that the values can be sent, beyond writing them into the table. */
  write(): void;
  /** To bytes that can be sent. Returns how many go over the wire. */
  encode(): number;
  /** From those bytes to values that a game can read. */
  decode(): void;
  /** Throws unless the values read are those of the table. */
  check(): void;
}

/** How exactly a contender carries a heading, which is the only value of the arena that is no binary fraction. */
export type Precision = (value: number) => number;

/** Compares one player with its row. */
export function checkPlayer(
  who: string,
  { columns }: ArenaTable,
  i: number,
  player: { x: number; y: number; heading: number; health: number; score: number },
  precision: Precision,
): void {
  const { x, y, heading, health, score } = columns;
  if (
    player.x !== x[i] ||
    player.y !== y[i] ||
    player.heading !== precision(heading[i]!) ||
    player.health !== health[i] ||
    player.score !== score[i]
  ) {
    const row = JSON.stringify({ x: x[i], y: y[i], heading: heading[i], health: health[i], score: score[i] });
    throw new Error(`${who}: player ${i} is ${JSON.stringify(player)}; expected ${row}`);
  }
}
