import { expect, it } from 'vitest';
import { fixed, grid, Room, table, text } from '../src/index.js';
import { LoopedRoom } from './support/looped-room.js';
class Plane extends Room {
  static override tickRate = 20;
  static override snapshotRate = 20;
  units = this.table(table({ x: fixed(0, 1000, 0.5), y: fixed(0, 1000, 0.5), name: text(4) }, { capacity: 20 }));
  override interest = grid({ table: this.units, x: 'x', y: 'y', cellSize: 100, radius: 250, rings: [{ radius: 600, rate: 5 }] });
}
it.each([0, 1, 2, 3])('a row that goes over to a far cell is the same row, phase %i', async (phase) => {
  const loop = await LoopedRoom.create(Plane, {}, { ringBytes: 65536, pace: { lagLimitMs: 5000, ackTimeoutMs: 9000 } });
  const { units } = loop.room as Plane;
  const unit = units.spawn({ x: 350, y: 50, name: 'u' });
  const events: string[] = [];
  const client = await loop.join(({ seat, room }) => {
    seat!.lookAt(50, 50);
    room!.state.units.onAdd(() => events.push('+'));
    room!.state.units.onRemove(() => events.push('-'));
  });
  const tick = (n: number) => { for (; n > 0; n -= 1) { loop.runTick(); loop.drain(); client.listen(); } };
  tick(8 + phase);
  unit.x = 450; tick(6);
  unit.x = 350; tick(6);
  unit.x = 450; tick(6);
  loop.runner.resync(client.seat!); tick(6);
  expect(events).toEqual(['+']);
  expect(client.errors).toEqual([]);
});
