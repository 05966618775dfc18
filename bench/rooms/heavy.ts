/** The room of the heavy bench: the arena's, which also steps a world of discs in each tick (bench/heavy-physics.ts). */
import { DiscWorld, WORLD_SEED } from '../heavy-physics.js';
import ArenaRoom from './arena.js';

export default class HeavyRoom extends ArenaRoom {
  readonly #world = new DiscWorld(WORLD_SEED);

  override onTick(): void {
    super.onTick();
    this.#world.step();
  }
}
