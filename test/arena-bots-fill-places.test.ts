import { describe, expect, it } from 'vitest';
import { Disc, isBlocked } from '../src/demo/arena-map.js';
import { playerRadius } from '../src/demo/arena-rules.js';
import { BareArena, tickRate } from './support/bare-arena.js';

describe('bots', () => {
  it('come and go as places do, and the weakest go first', () => {
    const arena = new BareArena();
    arena.bots.keep(16);
    expect(arena.players.size).toBe(16);
    const rows = [...arena.players];
    expect(new Set(rows.map((row) => row.name)).size).toBe(16);
    rows.forEach((row, i) => (row.score = i + 1));
    arena.bots.keep(14);
    expect(rows.filter((row) => !row.alive)).toEqual([rows[0], rows[1]]);
    arena.bots.keep(16);
    expect(arena.players.size).toBe(16);
    arena.bots.keep(0);
    expect(arena.players.size).toBe(0);
  });

  it('never count a human as one of theirs', () => {
    const arena = new BareArena();
    const human = arena.join('human', 600, 650);
    arena.bots.keep(3);
    arena.bots.keep(0);
    expect([...arena.players]).toEqual([human]);
  });

  it('begin on free ground', () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const arena = new BareArena(seed);
      arena.bots.keep(16);
      const disc = new Disc(playerRadius - 0.1);
      for (const row of arena.players) {
        disc.x = row.x;
        disc.y = row.y;
        expect(isBlocked(disc)).toBe(false);
      }
    }
  });

  it('fight: all of them walk, shoot and now and then win', () => {
    const arena = new BareArena(3);
    arena.bots.keep(16);
    const walked = new Float64Array(16);
    const rows = [...arena.players];
    for (let tick = 0; tick < 60 * tickRate; tick += 1) {
      const before = rows.map(({ x, y }) => [x, y] as const);
      arena.step();
      rows.forEach((row, i) => (walked[i]! += Math.hypot(row.x - before[i]![0], row.y - before[i]![1])));
    }
    expect(Math.min(...walked)).toBeGreaterThan(3000);
    expect(arena.kills.length).toBeGreaterThan(15);
    expect(new Set(arena.kills.map((kill) => kill.shooter)).size).toBeGreaterThan(8);
    expect(rows.reduce((sum, row) => sum + row.score, 0)).toBe(arena.kills.length);
  });

  it('play the same game again from the same seed, and another from another', () => {
    const play = (seed: number): number[] => {
      const arena = new BareArena(seed);
      arena.bots.keep(16);
      const hashes: number[] = [];
      for (let second = 0; second < 10; second += 1) {
        arena.step(tickRate);
        hashes.push(arena.hash());
      }
      return hashes;
    };
    expect(play(42)).toEqual(play(42));
    expect(play(42)).not.toEqual(play(43));
  });
});
