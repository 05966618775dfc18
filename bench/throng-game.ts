/**
 * What the throng of the crowd bench adds to the arena's rules (arena-game.ts): a room in which a hundred players all see
 * each other, and bots among them. As that file it imports nothing, so that the peers run it as it is.
 */

export const PLAYERS = 100;
/** Of the larger room: with its players a thousand entities. */
export const BOTS = 900;
export const SNAPSHOT_RATE_HZ = 30;

/** A bot runs elsewhere once a second, as players do. */
const TURN_TICKS = 60;
/** About three eighths of a full turn of 256, and odd: a bot comes to every heading. */
const TURN_STEPS = 97;

/** Spreads entities over a field of so many units: neither factor divides it. */
export function placeOf(slot: number, fieldSize: number): { x: number; y: number } {
  return { x: (slot * 619) % fieldSize, y: (slot * 1373) % fieldSize };
}

export function botHeadingAfter(heading: number, tick: number, slot: number): number {
  return (tick + 7 * slot) % TURN_TICKS === 0 ? (heading + TURN_STEPS) % 256 : heading;
}
