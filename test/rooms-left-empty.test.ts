/** A room that everybody has left keeps no baselines; whoever comes next is sent what it has become meanwhile. */
import { expect, it } from 'vitest';
import { grid, Room, table, text, uint16, type Client } from '../src/index.js';
import { LoopedRoom } from './support/looped-room.js';

const CAPACITY = 50;
const VISIT_TICKS = 20;
/** Empty for so many ticks between two visits. 0: one comes before the room has noticed that it was empty. */
const PAUSES = [0, 1, 7, 300];

const Thing = table({ x: uint16, y: uint16, name: text(16) }, { capacity: CAPACITY });

class Plain extends Room {
  static override tickRate = 20;
  things = this.table(Thing);

  override onTick(): void {
    if (this.things.size === CAPACITY) this.things.despawn(this.things.at(this.tick % CAPACITY)!);
    this.things.spawn({ x: (this.tick * 37) % 1000, y: this.tick, name: `thing ${this.tick}` });
    for (const thing of this.things) thing.x = (thing.x + 3) % 1000;
  }
}

class Cells extends Plain {
  override interest = grid({ table: this.things, x: 'x', y: 'y', cellSize: 10_000, radius: 100_000 });

  override onJoin(client: Client): void {
    client.lookAt(0, 0);
  }
}

/** Its first rows are hidden for a moment, so from then on clients may be sent different things. */
class Secrets extends Plain {
  override onTick(): void {
    super.onTick();
    if (this.tick !== 30) return;
    for (const thing of this.things) this.hide(thing);
    for (const thing of this.things) this.show(thing);
  }
}

it.each([
  ['where all see the same', Plain],
  ['with a grid', Cells],
  ['that has begun to hide rows', Secrets],
])('a room %s', async (_, roomClass) => {
  const pace = { lagLimitMs: 60_000, ackTimeoutMs: 90_000 };
  const loop = await LoopedRoom.create(roomClass, {}, { ringBytes: 2 ** 20, pace });
  for (const pause of PAUSES) {
    let hashes = 0;
    const client = await loop.join(({ room }) => {
      room!.onStateChange(() => {
        expect(room!.stateHash()).toBe(loop.runner.snapshotHash());
        hashes += 1;
      });
    });
    for (let tick = 0; tick < VISIT_TICKS; tick += 1) {
      loop.runTick();
      loop.drain();
      client.listen();
    }
    expect(client.errors).toEqual([]);
    expect(hashes).toBe(VISIT_TICKS);
    // The first keyframe; a second one when it was in the room that began to send different things.
    expect(client.room!.stats.keyframes).toBeLessThanOrEqual(2);
    expect(client.room!.stats.resyncs).toBe(0);
    loop.leave(client);
    for (let tick = 0; tick < pause; tick += 1) loop.runTick();
    // Two seconds: who comes back sooner finds everything as it was.
    if (pause > 2 * roomClass.tickRate) expect(loop.runner).toHaveProperty('snapshots.snapshots', null);
  }
  expect(loop.failure).toBeUndefined();
});
