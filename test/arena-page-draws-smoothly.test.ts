import { describe, expect, it } from 'vitest';
import { playerSpeedPerSec } from '../src/demo/arena-rules.js';
import { OwnShip } from '../src/demo/page/own-ship.js';
import { Timeline } from '../src/demo/page/timeline.js';
import { Track } from '../src/demo/page/track.js';
import { Tracers } from '../src/demo/page/tracers.js';
import { Random } from '../src/shard/random.js';

const tickRate = 60;
const snapshotTicks = 3;
const frameMs = 1000 / 60;

describe('the timeline', () => {
  it('runs on evenly under jitter, a tenth of a second behind', () => {
    const random = new Random(5);
    const timeline = new Timeline(tickRate, 100);
    let nextTick = snapshotTicks;
    let drawn = NaN;
    for (let nowMs = 0; nowMs < 5000; nowMs += frameMs) {
      while ((nextTick * 1000) / tickRate + 20 + random.next() * 15 <= nowMs) {
        timeline.arrived(nextTick, nowMs);
        nextTick += snapshotTicks;
      }
      const tick = timeline.drawTick(nowMs);
      if (nowMs > 1000) {
        const step = tick - drawn;
        expect(step).toBeGreaterThan(0.8);
        expect(step).toBeLessThan(1.2);
        // Between two snapshots that are both there.
        expect(tick).toBeLessThan(nextTick - snapshotTicks);
        expect(tick).toBeGreaterThan(nextTick - snapshotTicks - 12);
      }
      drawn = tick;
    }
  });

  it('starts anew after a long stop', () => {
    const timeline = new Timeline(tickRate, 100);
    timeline.arrived(60, 1000);
    timeline.drawTick(1000);
    timeline.arrived(63, 9000);
    expect(timeline.drawTick(9100)).toBeCloseTo(63);
  });
});

describe('a track', () => {
  const at = (x: number, more = {}) => ({ x, y: 0, heading: 0, health: 100, dead: false, ...more });

  it('shows places between two snapshots, and stays at the newest', () => {
    const track = new Track();
    expect(track.seek(1)).toBe(false);
    [0, 12, 24].forEach((x, i) => track.record(3 * i, at(x)));
    for (const [tick, x] of [[-5, 0], [1.5, 6], [3, 12], [5, 20], [6, 24], [50, 24]] as const) {
      expect(track.seek(tick)).toBe(true);
      expect(track.x).toBeCloseTo(x);
    }
  });

  it('turns the short way and does not slide to the place of a new life', () => {
    const track = new Track();
    track.record(3, at(0, { heading: 6.2 }));
    track.record(6, at(0, { heading: 0.1 }));
    track.record(9, at(900));
    track.seek(4.5);
    expect(Math.cos(track.heading)).toBeGreaterThan(0.98);
    track.seek(8.9);
    expect(track.x).toBe(0);
    track.seek(9);
    expect(track.x).toBe(900);
  });
});

describe('the own ship', () => {
  /** A room 40 ms away, 20 snapshots a second; returns drawn and true places, frame by frame. */
  function drive(pushAtFrame = -1): { drawn: number[]; truth: number[] } {
    const random = new Random(9);
    const ship = new OwnShip();
    const drawn: number[] = [];
    const truth: number[] = [];
    const inFlight: { atMs: number; seq: number; dx: number }[] = [];
    const back: { atMs: number; dueMs: number; x: number; seq: number }[] = [];
    let roomX = 300;
    let roomDx = 0;
    let acked = 0;
    let seq = 0;
    ship.reset(roomX, 600);
    for (let frame = 0; frame < 600; frame += 1) {
      const nowMs = 1000 + frame * frameMs;
      const dx = frame < 60 || Math.floor(frame / 90) % 2 === 0 ? 0 : Math.floor(frame / 180) % 2 === 0 ? 127 : -127;
      if (frame % 2 === 0) {
        seq += 1;
        ship.sent(seq, nowMs);
        inFlight.push({ atMs: nowMs + 20 + random.next() * 4, seq, dx });
      }
      while (inFlight.length > 0 && inFlight[0]!.atMs <= nowMs) {
        const input = inFlight.shift()!;
        roomDx = input.dx;
        acked = input.seq;
      }
      roomX += (roomDx / 127) * (playerSpeedPerSec / tickRate);
      if (frame === pushAtFrame) roomX += 30;
      if (frame % 3 === 0) back.push({ atMs: nowMs + 20 + random.next() * 8, dueMs: nowMs + 22, x: roomX, seq: acked });
      while (back.length > 0 && back[0]!.atMs <= nowMs) {
        const snapshot = back.shift()!;
        ship.reconcile(snapshot.x, 600, snapshot.seq, snapshot.dueMs, 1000 / 30);
      }
      ship.step(dx, 0, frameMs / 1000, nowMs);
      drawn.push(ship.x);
      truth.push(roomX);
    }
    return { drawn, truth };
  }

  it('moves with the keys at once, without jitter, and ends where the room has it', () => {
    const { drawn, truth } = drive();
    const perFrame = playerSpeedPerSec / tickRate;
    for (let frame = 62; frame < drawn.length; frame += 1) {
      const step = drawn[frame]! - drawn[frame - 1]!;
      const asked = [0, perFrame, -perFrame].map((each) => Math.abs(step - each));
      // A frame may show a correction of up to a fifth of a step more or less, never a jump.
      expect(Math.min(...asked)).toBeLessThan(perFrame * 0.25);
    }
    expect(Math.abs(drawn.at(-1)! - truth.at(-1)!)).toBeLessThan(1.5);
  });

  it('glides to the room’s place after a push it could not foresee', () => {
    const { drawn, truth } = drive(400);
    expect(Math.abs(drawn.at(-1)! - truth.at(-1)!)).toBeLessThan(2);
  });
});

describe('tracers', () => {
  it('start at the shooter, though the bullet was first seen on its way', () => {
    const tracers = new Tracers(tickRate);
    tracers.appear(1, 7, 0, 440, 650, 0, 100, 400, 650);
    const tracer = tracers.list[0]!;
    expect(tracers.xAt(tracer, 100)).toBeCloseTo(440);
    expect(tracers.xAt(tracer, tracer.fromTick)).toBeCloseTo(400);
  });

  it('end at walls, and at the player where the bullet vanished', () => {
    const tracers = new Tracers(tickRate);
    tracers.appear(1, 7, 0, 100, 650, Math.PI, 100, 140, 650);
    expect(tracers.xAt(tracers.list[0]!, tracers.list[0]!.endTick)).toBeCloseTo(0);
    tracers.appear(2, 7, 0, 440, 650, 0, 100, 400, 650);
    const target = { id: 8, x: 500, y: 650, radius: 20 };
    tracers.vanish(2, 100, 106, [{ id: 7, x: 420, y: 650, radius: 20 }, target]);
    expect(tracers.xAt(tracers.list[1]!, tracers.list[1]!.endTick)).toBeCloseTo(480);
    expect(tracers.list[1]!.strikes).toBe(true);
    const ended: number[] = [];
    tracers.sweep(() => 1000, (tracer) => ended.push(tracer.owner));
    expect(ended).toEqual([7, 7]);
    expect(tracers.list).toHaveLength(0);
  });
});
