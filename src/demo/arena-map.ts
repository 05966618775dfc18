import { playerRadius, worldSize } from './arena-rules.js';

/**
 * The ground: what stands on it and how discs and shots meet it. The same code runs in the room and in the
 * page, where it predicts the own player and stops tracers.
 *
 * Coordinates travel in objects that the caller keeps (`Disc`, `Ray`), not as arguments: V8 boxes every double
 * it passes to a function it did not inline, and these run hundreds of times per tick.
 */

/** A round pillar. */
export interface Pillar {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/** An upright rectangle; (x, y) is its corner nearest to the origin. */
export interface Block {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

// Every gap is at least 100 wide (a player needs 40), so a disc never touches two obstacles at once and one
// pass over them is enough to free it. The map test holds this.
//
//        0                1000               2000
//     0  +------------------------------------+
//        |               ======               |
//        |      ( )                 ( )       |
//        |           []         []            |
//  1000  |   |             ( )            |   |
//        |           []         []            |
//        |      ( )                 ( )       |
//        |               ======               |
//  2000  +------------------------------------+
export const pillars: readonly Pillar[] = [
  { x: 1000, y: 1000, radius: 80 },
  { x: 470, y: 470, radius: 85 },
  { x: 1530, y: 470, radius: 85 },
  { x: 470, y: 1530, radius: 85 },
  { x: 1530, y: 1530, radius: 85 },
];

export const blocks: readonly Block[] = [
  { x: 840, y: 250, width: 320, height: 60 },
  { x: 840, y: 1690, width: 320, height: 60 },
  { x: 250, y: 840, width: 60, height: 320 },
  { x: 1690, y: 840, width: 60, height: 320 },
  { x: 690, y: 690, width: 110, height: 110 },
  { x: 1200, y: 690, width: 110, height: 110 },
  { x: 690, y: 1200, width: 110, height: 110 },
  { x: 1200, y: 1200, width: 110, height: 110 },
];

/** A disc that can be moved. */
export class Disc {
  x = 0;
  y = 0;
  constructor(public radius = playerRadius) {}
}

/** A straight shot. `reach` is the part of it that is free, 0 to 1; a cast only ever lowers it. */
export class Ray {
  fromX = 0;
  fromY = 0;
  toX = 0;
  toY = 0;
  reach = 1;
}

/**
 * Moves a disc out of every obstacle and into the world, by the shortest way, so that a player who walks into
 * a wall at an angle slides along it.
 */
export function pushFree(disc: Disc): void {
  for (let i = 0; i < pillars.length; i++) {
    const pillar = pillars[i]!;
    const dx = disc.x - pillar.x;
    const dy = disc.y - pillar.y;
    const gap = pillar.radius + disc.radius;
    const squared = dx * dx + dy * dy;
    if (squared >= gap * gap) continue;
    const distance = Math.sqrt(squared);
    // A disc exactly on the centre has no shortest way out; any fixed one keeps the game deterministic.
    disc.x = distance === 0 ? pillar.x + gap : pillar.x + dx * (gap / distance);
    disc.y = distance === 0 ? pillar.y : pillar.y + dy * (gap / distance);
  }
  for (let i = 0; i < blocks.length; i++) pushOffBlock(disc, blocks[i]!);
  disc.x = Math.min(Math.max(disc.x, disc.radius), worldSize - disc.radius);
  disc.y = Math.min(Math.max(disc.y, disc.radius), worldSize - disc.radius);
}

function pushOffBlock(disc: Disc, block: Block): void {
  const right = block.x + block.width;
  const bottom = block.y + block.height;
  const nearX = Math.min(Math.max(disc.x, block.x), right);
  const nearY = Math.min(Math.max(disc.y, block.y), bottom);
  const dx = disc.x - nearX;
  const dy = disc.y - nearY;
  const squared = dx * dx + dy * dy;
  if (squared >= disc.radius * disc.radius) return;
  if (squared > 0) {
    const scale = disc.radius / Math.sqrt(squared);
    disc.x = nearX + dx * scale;
    disc.y = nearY + dy * scale;
    return;
  }
  // The centre itself is inside: leave through the nearest side.
  const toLeft = disc.x - block.x;
  const toRight = right - disc.x;
  const toTop = disc.y - block.y;
  const toBottom = bottom - disc.y;
  const least = Math.min(toLeft, toRight, toTop, toBottom);
  if (least === toLeft) disc.x = block.x - disc.radius;
  else if (least === toRight) disc.x = right + disc.radius;
  else if (least === toTop) disc.y = block.y - disc.radius;
  else disc.y = bottom + disc.radius;
}

/** Whether the disc touches an obstacle or sticks out of the world. */
export function isBlocked(disc: Disc): boolean {
  const r = disc.radius;
  if (disc.x < r || disc.y < r || disc.x > worldSize - r || disc.y > worldSize - r) return true;
  for (let i = 0; i < pillars.length; i++) {
    const dx = disc.x - pillars[i]!.x;
    const dy = disc.y - pillars[i]!.y;
    const gap = pillars[i]!.radius + r;
    if (dx * dx + dy * dy < gap * gap) return true;
  }
  for (let i = 0; i < blocks.length; i++) {
    const block = blocks[i]!;
    const dx = disc.x - Math.min(Math.max(disc.x, block.x), block.x + block.width);
    const dy = disc.y - Math.min(Math.max(disc.y, block.y), block.y + block.height);
    if (dx * dx + dy * dy < r * r) return true;
  }
  return false;
}

/** Shortens the ray to the first obstacle or the edge of the world; true when it did. */
export function castAtMap(ray: Ray): boolean {
  const reachBefore = ray.reach;
  const dx = ray.toX - ray.fromX;
  const dy = ray.toY - ray.fromY;
  if (ray.toX < 0) ray.reach = Math.min(ray.reach, ray.fromX / -dx);
  else if (ray.toX > worldSize) ray.reach = Math.min(ray.reach, (worldSize - ray.fromX) / dx);
  if (ray.toY < 0) ray.reach = Math.min(ray.reach, ray.fromY / -dy);
  else if (ray.toY > worldSize) ray.reach = Math.min(ray.reach, (worldSize - ray.fromY) / dy);
  for (let i = 0; i < pillars.length; i++) castAtRound(ray, pillars[i]!);
  for (let i = 0; i < blocks.length; i++) castAtBlock(ray, blocks[i]!);
  return ray.reach < reachBefore;
}

/**
 * Shortens the ray to where it enters a pillar or disc; true when it did. A ray that starts inside stops at 0.
 * This is the quadratic of |from + t * d - centre| = radius with b halved, and only its nearer root matters.
 */
export function castAtRound(ray: Ray, round: Pillar): boolean {
  const dx = ray.toX - ray.fromX;
  const dy = ray.toY - ray.fromY;
  const fx = ray.fromX - round.x;
  const fy = ray.fromY - round.y;
  const c = fx * fx + fy * fy - round.radius * round.radius;
  if (c <= 0) {
    ray.reach = 0;
    return true;
  }
  const b = fx * dx + fy * dy;
  if (b >= 0) return false;
  const a = dx * dx + dy * dy;
  const discriminant = b * b - a * c;
  if (discriminant < 0) return false;
  const at = (-b - Math.sqrt(discriminant)) / a;
  if (at >= ray.reach) return false;
  ray.reach = at;
  return true;
}

/** The slab test: the ray is inside the block while it is between both pairs of sides at once. */
function castAtBlock(ray: Ray, block: Block): void {
  const dx = ray.toX - ray.fromX;
  const dy = ray.toY - ray.fromY;
  let enter = 0;
  let leave = ray.reach;
  if (dx === 0) {
    if (ray.fromX <= block.x || ray.fromX >= block.x + block.width) return;
  } else {
    const a = (block.x - ray.fromX) / dx;
    const b = (block.x + block.width - ray.fromX) / dx;
    enter = Math.max(enter, Math.min(a, b));
    leave = Math.min(leave, Math.max(a, b));
  }
  if (dy === 0) {
    if (ray.fromY <= block.y || ray.fromY >= block.y + block.height) return;
  } else {
    const a = (block.y - ray.fromY) / dy;
    const b = (block.y + block.height - ray.fromY) / dy;
    enter = Math.max(enter, Math.min(a, b));
    leave = Math.min(leave, Math.max(a, b));
  }
  if (enter < leave) ray.reach = enter;
}
