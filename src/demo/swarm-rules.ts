/**
 * The numbers of the swarm: a world far too large to send whole, cut into a grid. The room simulates with them and the
 * page draws and predicts with them, so both sides read this one file. Lengths are world units, times are seconds.
 */

/** The world is a square; its corner is (0, 0) and y grows downwards, as on a canvas. */
export const swarmSize = 4000;

/** There are always this many: one that is eaten comes back somewhere else. */
export const creatureCount = 5000;

/** Side of a cell. 20 x 20 cells of 12 creatures each: what is sent at a border isn't much more than what is seen. */
export const cellSize = 200;
/** Cells nearer than this are in every snapshot. */
export const nearRadius = 500;
/** Cells nearer than this are sent as well, but only so often. */
export const farRadius = 1000;
export const farRateHz = 5;

export const bodiesMax = 200;
export const bodySpeedPerSec = 320;
/** The body of a beginner. It grows with the score, and so does its reach; the grown reach wide, but not everywhere. */
const bodyRadiusMin = 16;
const bodyRadiusMax = 44;

export function bodyRadius(score: number): number {
  return Math.min(bodyRadiusMin + 0.9 * Math.sqrt(score), bodyRadiusMax);
}

export interface Kind {
  readonly name: string;
  /** How many of every hundred creatures are of this kind. */
  readonly percent: number;
  readonly speedPerSec: number;
  /** Speed away from a body that is near. */
  readonly fleeSpeedPerSec: number;
  /** What eating one adds to the score. */
  readonly points: number;
  /** Degrees round the colour wheel. */
  readonly hue: number;
  readonly radius: number;
}

/** Creatures by the number in their `kind`. */
export const kinds: readonly Kind[] = [
  { name: 'drifter', percent: 61, speedPerSec: 30, fleeSpeedPerSec: 60, points: 1, hue: 168, radius: 7 },
  { name: 'shoal', percent: 30, speedPerSec: 75, fleeSpeedPerSec: 150, points: 2, hue: 208, radius: 8 },
  { name: 'darter', percent: 8, speedPerSec: 120, fleeSpeedPerSec: 270, points: 10, hue: 44, radius: 9 },
  { name: 'stinger', percent: 1, speedPerSec: 170, fleeSpeedPerSec: 0, points: 0, hue: 356, radius: 11 },
];
export const shoalKind = 1;
/** Shoals up to this size draw together; larger ones come apart, or one shoal would swallow all others in a minute. */
export const shoalSizeMax = 24;
export const stingerKind = 3;

/** Creatures of the harmless kinds turn away from a body that is this near. */
export const scareRadius = 150;
/** Stingers head for a body that is this near. */
export const huntRadius = 350;
/** A sting takes this part of the score, and for a while the use of the stick. Then for a while no other sting counts. */
export const stingPart = 0.2;
export const stunSec = 0.7;
export const graceSec = 2;

/** Length of `dx, dy` of an input that means full speed. Longer vectors are cut to it. */
export const steerFull = 127;
/** A client that has sent no input for this long stands still. */
export const steerExpirySec = 0.5;
/** How often the page sends an input: each tick of the room has a new one. */
export const steerRateHz = 20;
