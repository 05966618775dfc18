import { bool, fixed, input, int8, table, text, uint8, uint16 } from '../index.js';
import { nameBytesMax } from './arena-rules.js';
import { bodiesMax, creatureCount, swarmSize } from './swarm-rules.js';

const position = fixed(0, swarmSize, 1 / 8);

/** Which way a creature faces isn't sent: it faces where it goes. */
export const Creature = table({ x: position, y: position, kind: uint8 }, { capacity: creatureCount });

/** One row per client. Like creatures, it is sent to those who are near. */
export const Body = table(
  {
    /** The session that steers this row, so that a client finds its own. */
    session: text(32),
    name: text(nameBytesMax),
    x: position,
    y: position,
    score: uint16,
    /** Just stung: deaf to its stick. */
    stunned: bool,
    /** Colour: 0 to 255 round the colour wheel. */
    hue: uint8,
  },
  { capacity: bodiesMax },
);

/** A stick: -127 to 127 each way, and the length counts. */
export const Steer = input({ dx: int8, dy: int8 });
