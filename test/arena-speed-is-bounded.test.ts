import { describe, expect, it } from 'vitest';
import { playerSpeedPerSec } from '../src/demo/arena-rules.js';
import { BareArena, tickRate } from './support/bare-arena.js';

/** How far a player gets in one second with `perTick` inputs before every `everyTicks`-th tick. */
function distance(dx: number, dy: number, perTick: number, everyTicks: number): number {
  const arena = new BareArena();
  const row = arena.join('runner', 400, 700);
  for (let tick = 0; tick < tickRate; tick += 1) {
    for (let n = 0; n < perTick && tick % everyTicks === 0; n += 1) arena.input(row, dx, dy);
    arena.step();
  }
  return Math.hypot(row.x - 400, row.y - 700);
}

describe('speed in the arena', () => {
  it('is that of the rules at the usual rate of inputs', () => {
    expect(distance(127, 0, 1, 2)).toBeCloseTo(playerSpeedPerSec, 0);
  });

  it('does not depend on how often inputs are sent', () => {
    const usual = distance(127, 0, 1, 2);
    expect(distance(127, 0, 20, 1)).toBe(usual);
    expect(distance(127, 0, 1, 10)).toBe(usual);
  });

  it('is not greater on a diagonal, nor with numbers no stick can give', () => {
    expect(distance(127, 127, 1, 2)).toBeCloseTo(playerSpeedPerSec, 0);
    expect(distance(-128, -128, 1, 2)).toBeLessThan(playerSpeedPerSec + 1);
  });

  it('follows the length of the stick', () => {
    // Places are rounded to 1/32 after every tick: up to 1/64 x 60 in a second.
    expect(Math.abs(distance(64, 0, 1, 2) - (playerSpeedPerSec * 64) / 127)).toBeLessThan(1);
  });

  it('of several inputs before one tick takes the newest', () => {
    const arena = new BareArena();
    const row = arena.join('runner', 400, 700);
    arena.input(row, 127, 0);
    arena.input(row, -127, 0);
    arena.step();
    expect(row.x).toBeLessThan(400);
  });

  it('ends half a second after the last input, when a client went silent', () => {
    const arena = new BareArena();
    const row = arena.join('ghost', 400, 700);
    arena.input(row, 0, 127, 0, true);
    arena.step(5 * tickRate);
    expect(row.y - 700).toBeGreaterThan(playerSpeedPerSec * 0.45);
    expect(row.y - 700).toBeLessThan(playerSpeedPerSec * 0.6);
    expect(arena.bullets.size).toBe(0);
  });
});
