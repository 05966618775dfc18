/** The heavy bench's room on Colyseus: the arena's, which also steps a world of discs in each tick. */
import type { Room } from '@colyseus/core';
import { DiscWorld, WORLD_SEED } from '../../../heavy-physics.ts';

/**
 * Begins the ids of this process's rooms: a proxy that knows them finds the process of a room by its id
 * (bench/heavy/proxy.ts). Without a proxy it's empty.
 */
const ROOM_ID_START = process.env['ROOM_ID_START'] ?? '';

/** @param Arena the arena's room, which calls `setTimestep` in `onCreate` */
export function heavyRoomOf(Arena: new () => Room): new () => Room {
  return class HeavyRoom extends Arena {
    readonly #world = new DiscWorld(WORLD_SEED);

    override onCreate(): void {
      this.roomId = ROOM_ID_START + this.roomId;
      super.onCreate!({});
    }

    override setTimestep(step: (deltaMs: number) => void, delayMs: number): void {
      super.setTimestep((deltaMs) => {
        step(deltaMs);
        this.#world.step();
      }, delayMs);
    }
  };
}
