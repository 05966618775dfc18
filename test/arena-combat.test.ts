import { describe, expect, it } from 'vitest';
import { pillars } from '../src/demo/arena-map.js';
import {
  bulletLifeSec, damageMax, damageMin, fireIntervalSec, healDelaySec, healthMax, respawnSec,
} from '../src/demo/arena-rules.js';
import { BareArena, tickRate } from './support/bare-arena.js';

const west = Math.PI;

describe('combat in the arena', () => {
  it('takes 20 to 25 health for a hit', () => {
    for (let seed = 0; seed < 40; seed += 1) {
      const arena = new BareArena(seed);
      const shooter = arena.join('a', 400, 650);
      const victim = arena.join('b', 600, 650);
      arena.input(shooter, 0, 0, 0, true);
      arena.input(shooter, 0, 0, 0, false);
      arena.step(tickRate);
      expect(arena.hits).toHaveLength(1);
      expect(healthMax - victim.health).toBe(arena.hits[0]!.damage);
      expect(arena.hits[0]!.damage).toBeGreaterThanOrEqual(damageMin);
      expect(arena.hits[0]!.damage).toBeLessThanOrEqual(damageMax);
    }
  });

  it('gives the killer a point, and the dead a new place after two seconds', () => {
    const arena = new BareArena();
    const shooter = arena.join('a', 400, 650);
    const victim = arena.join('b', 600, 650);
    let ticks = 0;
    for (; arena.kills.length === 0 && ticks < 3 * tickRate; ticks += 1) {
      arena.input(shooter, 0, 0, 0, true);
      arena.step();
    }
    expect(arena.kills).toEqual([{ shooter: shooter.index, victim: victim.index }]);
    expect(shooter.score).toBe(1);
    expect(victim).toMatchObject({ dead: true, health: 0, score: 0 });
    arena.input(shooter, 0, 0, 0, false);
    arena.step(respawnSec * tickRate - 1);
    expect(victim.dead).toBe(true);
    arena.step();
    expect(victim).toMatchObject({ dead: false, health: healthMax });
  });

  it('lets the dead neither move nor shoot nor be hit', () => {
    const arena = new BareArena();
    const shooter = arena.join('a', 400, 650);
    const victim = arena.join('b', 600, 650);
    while (arena.kills.length === 0) {
      arena.input(shooter, 0, 0, 0, true);
      arena.step();
    }
    const hits = arena.hits.length;
    for (let tick = 0; tick < tickRate; tick += 1) {
      arena.input(shooter, 0, 0, 0, true);
      arena.input(victim, 127, 0, west, true);
      arena.step();
    }
    expect(victim).toMatchObject({ x: 600, y: 650, dead: true });
    expect(arena.hits).toHaveLength(hits);
    expect(shooter).toMatchObject({ health: healthMax, score: 1 });
  });

  it('fires at the rate of the rules however long or often the trigger is pulled', () => {
    for (const pulls of [1, 2, 9]) {
      const arena = new BareArena();
      const shooter = arena.join('a', 400, 650);
      let fired = 0;
      for (let tick = 0; tick < 2 * tickRate; tick += 1) {
        for (let n = 0; n < pulls; n += 1) arena.input(shooter, 0, 0, 0, pulls === 1 || n % 2 === 0);
        const before = arena.bullets.size;
        arena.step();
        if (arena.bullets.size > before) fired += 1;
      }
      // Some ticks lose a bullet as they gain one, so the count can only be too low.
      expect(fired).toBeLessThanOrEqual(Math.ceil(2 / fireIntervalSec));
      expect(fired).toBeGreaterThan(3);
    }
  });

  it('fires once for a click that begins and ends between two ticks', () => {
    const arena = new BareArena();
    const shooter = arena.join('a', 400, 650);
    arena.input(shooter, 0, 0, 0, true);
    arena.input(shooter, 0, 0, 0, false);
    arena.step();
    expect(arena.bullets.size).toBe(1);
    arena.step(fireIntervalSec * tickRate * 2);
    expect(arena.bullets.size).toBe(1);
  });

  it('fires no shot after a held trigger was let go', () => {
    const arena = new BareArena();
    const shooter = arena.join('a', 400, 650);
    arena.input(shooter, 0, 0, 0, true);
    arena.step(2);
    arena.input(shooter, 0, 0, 0, true);
    arena.step(2);
    arena.input(shooter, 0, 0, 0, false);
    arena.step(fireIntervalSec * tickRate);
    expect(arena.bullets.size).toBe(1);
  });

  it('is stopped by cover', () => {
    const arena = new BareArena();
    const pillar = pillars[1]!;
    const shooter = arena.join('a', pillar.x - pillar.radius - 60, pillar.y);
    arena.join('b', pillar.x + pillar.radius + 60, pillar.y);
    for (let tick = 0; tick < 2 * tickRate; tick += 1) {
      arena.input(shooter, 0, 0, 0, true);
      arena.step();
    }
    expect(arena.hits).toHaveLength(0);
  });

  it('hits at point-blank range, and never the shooter', () => {
    const arena = new BareArena();
    const shooter = arena.join('a', 400, 650);
    const victim = arena.join('b', 441, 650);
    arena.input(shooter, 0, 0, 0, true);
    arena.step(4);
    expect(victim.health).toBeLessThan(healthMax);
    expect(shooter.health).toBe(healthMax);
  });

  it('ends every bullet within its life, also with its shooter gone', () => {
    const arena = new BareArena();
    const shooter = arena.join('a', 300, 700);
    const victim = arena.join('b', 560, 700);
    arena.input(shooter, 0, 0, 0, true);
    arena.step();
    arena.world.removePlayer(shooter.id);
    arena.step(bulletLifeSec * tickRate);
    expect(arena.bullets.size).toBe(0);
    expect(arena.hits).toEqual([{ shooter: -1, victim: victim.index, damage: healthMax - victim.health }]);
  });

  it('heals who was left alone for five seconds', () => {
    const arena = new BareArena();
    const shooter = arena.join('a', 400, 650);
    const victim = arena.join('b', 600, 650);
    arena.input(shooter, 0, 0, 0, true);
    arena.input(shooter, 0, 0, 0, false);
    arena.step((healDelaySec - 1) * tickRate);
    const hurt = victim.health;
    expect(hurt).toBeLessThan(healthMax);
    arena.step(5 * tickRate);
    expect(victim.health).toBe(healthMax);
  });

  it('keeps two players from standing on one spot', () => {
    const arena = new BareArena();
    const a = arena.join('a', 400, 650);
    const b = arena.join('b', 400, 650);
    arena.step(3);
    expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThan(39);
  });
});
