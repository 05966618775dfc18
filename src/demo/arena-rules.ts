/**
 * The numbers of the game. The room simulates with them and the page predicts with them, so both sides read
 * this one file. Lengths are world units, times are seconds.
 */

/** The world is a square; its corner is (0, 0) and y grows downwards, as on a canvas. */
export const worldSize = 2000;

/** Players in one room, humans and bots together. */
export const placesMax = 16;

export const playerRadius = 20;
export const playerSpeedPerSec = 270;
export const healthMax = 100;

/** A player nobody has hit for this long heals, so that a survivor of a fight is not doomed to the next one. */
export const healDelaySec = 5;
export const healPerSec = 12;

export const respawnSec = 2;

/** Most bullets in flight: 16 players x 5 shots/s x 0.85 s = 68, and the rest is room for change. */
export const bulletsMax = 128;
export const bulletSpeedPerSec = 950;
export const bulletLifeSec = 0.85;
export const fireIntervalSec = 0.2;

/** Each hit takes a whole number of health in this range, both ends included: four or five hits kill. */
export const damageMin = 20;
export const damageMax = 25;

/** Length of `dx, dy` of an input that means full speed. Longer vectors are cut to it. */
export const stickFull = 127;

/** A client that has sent no input for this long stands still and holds its fire. */
export const moveExpirySec = 0.5;

/** How often the page sends an input. */
export const inputRateHz = 30;

/** Longest name in UTF-8 bytes, and longest chat line in characters. */
export const nameBytesMax = 24;
export const chatCharsMax = 120;
/** A client's chat lines closer together than this are dropped. */
export const chatIntervalSec = 0.5;
