/** What the floor and its clients agree on. */

/** As long as one of our inputs with a heading. */
export const INPUT_FRAME_BYTES = 33;
