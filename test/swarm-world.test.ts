/** The swarm's rules without room, shard or sockets. */
import { describe, expect, it } from 'vitest';
import { creatureCount, kinds, stingerKind, swarmSize } from '../src/demo/swarm-rules.js';
import { Body, Creature } from '../src/demo/swarm-tables.js';
import { SwarmWorld, type BodyRow } from '../src/demo/swarm-world.js';
import { Random } from '../src/shard/random.js';
import { hashImages } from '../src/state/image.js';
import { Table } from '../src/state/table.js';

const tickRate = 20;

class BareSwarm {
  readonly creatures = new Table(Creature);
  readonly bodies = new Table(Body);
  readonly world: SwarmWorld;

  constructor(seed: number) {
    const generator = new Random(seed);
    this.world = new SwarmWorld(this.creatures, this.bodies, tickRate, () => generator.next());
  }

  step(): void {
    this.world.step(1 / tickRate);
    this.creatures.settle();
    this.bodies.settle();
  }

  /** Steers to the nearest creature of a kind, for a number of ticks. */
  hunt(body: BodyRow, isPrey: (kind: number) => boolean, ticks: number): void {
    for (let t = 0; t < ticks; t += 1) {
      let nearest = Infinity;
      let [dx, dy] = [0, 0];
      for (const { x, y, kind } of this.creatures) {
        const distance = Math.hypot(x - body.x, y - body.y);
        if (!isPrey(kind) || distance >= nearest) continue;
        nearest = distance;
        [dx, dy] = [x - body.x, y - body.y];
      }
      this.world.steer(body, (127 * dx) / nearest, (127 * dy) / nearest);
      this.step();
    }
  }

  hash(): number {
    return hashImages([this.creatures.image, this.bodies.image]);
  }
}

describe('the swarm', () => {
  it('is always whole: who is eaten comes back as another, somewhere else', () => {
    const swarm = new BareSwarm(1);
    const body = swarm.world.addBody('Ada', 'session');
    const born = new Set([...swarm.creatures].map(({ id }) => id));
    const byKind = (): number[] => kinds.map((_, kind) => [...swarm.creatures].filter((row) => row.kind === kind).length);
    const census = byKind();
    swarm.hunt(body, (kind) => kind !== stingerKind, 300);
    expect(body.score).toBeGreaterThan(20);
    expect(swarm.creatures.size).toBe(creatureCount);
    expect(byKind()).toEqual(census);
    const later = [...swarm.creatures].filter(({ id }) => !born.has(id));
    expect(later.length).toBeGreaterThan(10);
    for (const { x, y } of swarm.creatures) {
      expect(x >= 0 && x <= swarmSize && y >= 0 && y <= swarmSize).toBe(true);
    }
  });

  it('bodies that meet stingers are stunned and lose a part of their score, but not twice at once', () => {
    const swarm = new BareSwarm(2);
    const body = swarm.world.addBody('Ada', 'session');
    body.score = 1000;
    let before = 0;
    for (let t = 0; t < 600 && body.score >= before; t += 1) {
      before = body.score;
      swarm.hunt(body, (kind) => kind === stingerKind, 1);
    }
    // A fifth; what it ate in the same tick may have come before or after.
    expect(body.score / before).toBeGreaterThan(0.79);
    expect(body.score / before).toBeLessThan(0.83);
    const left = body.score;
    swarm.step();
    expect(body.stunned).toBe(true);
    const { x, y } = body;
    swarm.world.steer(body, 127, 0);
    swarm.step();
    expect([body.x, body.y]).toEqual([x, y]);
    for (let t = 0; t < 20; t += 1) swarm.step();
    expect(body.stunned).toBe(false);
    expect(body.score).toBeGreaterThanOrEqual(left);
  });

  it('the same seed and the same sticks give the same swarm', () => {
    const play = (seed: number): number => {
      const swarm = new BareSwarm(seed);
      const body = swarm.world.addBody('Ada', 'session');
      swarm.hunt(body, () => true, 100);
      return swarm.hash();
    };
    expect(play(5)).toBe(play(5));
    expect(play(5)).not.toBe(play(6));
  });

  it('creatures mostly keep their course from tick to tick, which costs nothing to send', () => {
    const swarm = new BareSwarm(3);
    const { x } = swarm.creatures.columns;
    const steps = new Float64Array(creatureCount);
    const places = x.slice();
    let same = 0;
    let seen = 0;
    for (let t = 0; t < 60; t += 1) {
      swarm.step();
      for (let i = 0; i < creatureCount; i += 1) {
        const step = x[i]! - places[i]!;
        if (t > 10) seen += 1;
        if (t > 10 && step === steps[i]) same += 1;
        steps[i] = step;
        places[i] = x[i]!;
      }
    }
    expect(same / seen).toBeGreaterThan(0.85);
  });
});
