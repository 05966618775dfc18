import { describe, expect, it } from 'vitest';
import { blocks, castAtMap, castAtRound, Disc, isBlocked, pillars, pushFree, Ray } from '../src/demo/arena-map.js';
import { playerRadius, worldSize } from '../src/demo/arena-rules.js';
import { Random } from '../src/shard/random.js';

function rayOf(fromX: number, fromY: number, toX: number, toY: number): Ray {
  return Object.assign(new Ray(), { fromX, fromY, toX, toY });
}

/** Free length between two obstacles, both taken as boxes: never more than the true gap. */
function gap(a: readonly number[], b: readonly number[]): number {
  const dx = Math.max(a[0]! - b[2]!, b[0]! - a[2]!, 0);
  const dy = Math.max(a[1]! - b[3]!, b[1]! - a[3]!, 0);
  return Math.hypot(dx, dy);
}

describe('the map', () => {
  it('leaves at least 100 between obstacles and at the border', () => {
    const boxes = [
      ...pillars.map(({ x, y, radius }) => [x - radius, y - radius, x + radius, y + radius]),
      ...blocks.map(({ x, y, width, height }) => [x, y, x + width, y + height]),
    ];
    boxes.forEach((a, i) => {
      expect(Math.min(a[0]!, a[1]!, worldSize - a[2]!, worldSize - a[3]!)).toBeGreaterThanOrEqual(100);
      boxes.slice(i + 1).forEach((b) => expect(gap(a, b)).toBeGreaterThanOrEqual(100));
    });
  });

  it('frees a disc from any place, in one go', () => {
    const random = new Random(7);
    const disc = new Disc();
    for (let n = 0; n < 20_000; n += 1) {
      disc.x = random.next() * (worldSize + 200) - 100;
      disc.y = random.next() * (worldSize + 200) - 100;
      pushFree(disc);
      disc.radius = playerRadius - 0.001;
      expect(isBlocked(disc)).toBe(false);
      disc.radius = playerRadius;
    }
  });

  it('leaves a free disc where it is, and moves one on a centre too', () => {
    const disc = new Disc();
    Object.assign(disc, { x: 600, y: 650 });
    pushFree(disc);
    expect(disc).toMatchObject({ x: 600, y: 650 });
    Object.assign(disc, { x: pillars[0]!.x, y: pillars[0]!.y });
    pushFree(disc);
    expect(isBlocked(disc)).toBe(false);
  });

  it('stops a shot exactly at a block, a pillar and the border', () => {
    const block = blocks[4]!;
    const atBlock = rayOf(block.x - 100, block.y + 50, block.x + 100, block.y + 50);
    expect(castAtMap(atBlock)).toBe(true);
    expect(atBlock.reach).toBeCloseTo(0.5);
    const pillar = pillars[0]!;
    const atPillar = rayOf(pillar.x, pillar.y - pillar.radius - 30, pillar.x, pillar.y);
    expect(castAtMap(atPillar)).toBe(true);
    expect(atPillar.reach).toBeCloseTo(30 / (pillar.radius + 30));
    const atBorder = rayOf(60, 60, -60, 60);
    expect(castAtMap(atBorder)).toBe(true);
    expect(atBorder.reach).toBeCloseTo(0.5);
  });

  it('agrees with small steps along a shot about what is in the way', () => {
    const random = new Random(11);
    const dot = new Disc(0.01); // nothing touches a disc of no size at all
    for (let n = 0; n < 400; n += 1) {
      dot.x = random.next() * worldSize;
      dot.y = random.next() * worldSize;
      if (isBlocked(dot)) continue;
      const direction = random.next() * 2 * Math.PI;
      const ray = rayOf(dot.x, dot.y, dot.x + 500 * Math.cos(direction), dot.y + 500 * Math.sin(direction));
      castAtMap(ray);
      let free = 0;
      for (; free < 500; free += 0.5) {
        dot.x = ray.fromX + free * Math.cos(direction);
        dot.y = ray.fromY + free * Math.sin(direction);
        if (isBlocked(dot)) break;
      }
      expect(Math.abs(free - 500 * ray.reach)).toBeLessThan(12); // a grazed corner may fall between two steps
    }
  });

  it('keeps the nearest of several things in the way', () => {
    const ray = rayOf(0, 0, 100, 0);
    expect(castAtRound(ray, { x: 80, y: 0, radius: 10 })).toBe(true);
    expect(castAtRound(ray, { x: 50, y: 0, radius: 10 })).toBe(true);
    expect(castAtRound(ray, { x: 70, y: 0, radius: 10 })).toBe(false);
    expect(castAtRound(ray, { x: -30, y: 0, radius: 10 })).toBe(false);
    expect(ray.reach).toBeCloseTo(0.4);
  });
});
