import { angle, bool, fixed, input, int8, table, text, uint8, uint16, uint32 } from '../index.js';
import { bulletsMax, nameBytesMax, placesMax, worldSize } from './arena-rules.js';

const position = fixed(0, worldSize, 1 / 32);

/** One row per player, human or bot. `dead` rows stay where they fell until they respawn. */
export const Player = table(
  {
    /** The session that plays this row, so that a client finds its own; empty for a bot. */
    session: text(32),
    name: text(nameBytesMax),
    x: position,
    y: position,
    heading: angle(8),
    health: uint8,
    score: uint16,
    dead: bool,
    bot: bool,
    /** Colour: 0 to 255 round the colour wheel. */
    hue: uint8,
  },
  // A human may take a seat a moment before the bot that makes room for them is gone.
  { capacity: 2 * placesMax },
);

/** Bullets in flight. Their speed is a rule of the game, so a heading is all a client needs to carry them on. */
export const Bullet = table(
  {
    x: position,
    y: position,
    heading: angle(8),
    /** Entity id of the player who fired; the player may be gone by now. */
    shooter: uint32,
  },
  { capacity: bulletsMax },
);

/** What a client does now: a stick (-127 to 127 each way, the length counts), a direction and a trigger. */
export const Move = input({ dx: int8, dy: int8, aim: angle(8), fire: bool });
