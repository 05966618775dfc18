/** When the front sends, reads and waits: without sockets, so that turns of the event loop can be counted. */
import { afterEach, describe, expect, it } from 'vitest';
import { FrontTurns, type TurnActions } from '../src/front/front-turns.js';
import { BELL_BYTES, BellRinger } from '../src/memory/bell.js';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Recorded implements TurnActions {
  readonly calls: string[] = [];
  /** Portions that the shards have. */
  portions = 0;

  publish(): void {
    this.calls.push('publish');
  }

  drain(): boolean {
    this.calls.push('drain');
    this.portions = Math.max(0, this.portions - 1);
    return this.portions > 0;
  }

  get hasEgress(): boolean {
    return this.portions > 0;
  }

  count(call: string): number {
    return this.calls.filter((each) => each === call).length;
  }
}

let turns: FrontTurns;
afterEach(() => turns.close());

function start(actions: TurnActions, napMs: number): BellRinger {
  const bell = new SharedArrayBuffer(BELL_BYTES);
  turns = new FrontTurns(bell, napMs, actions, () => performance.now());
  return new BellRinger(bell, 0);
}

describe('the turns of the front', () => {
  it('a shard that never pauses is drained once a turn, however many frames come meanwhile', async () => {
    const actions = new Recorded();
    start(actions, 2);
    actions.portions = Infinity;
    turns.resume();
    for (let turn = 0; turn < 50; turn += 1) {
      turns.arrived();
      await nextTurn();
    }
    expect(actions.count('drain')).toBeLessThanOrEqual(52);
    expect(actions.count('drain')).toBeGreaterThan(40);
  });

  it('what was read is shown to the shards before anything is sent', async () => {
    const actions = new Recorded();
    start(actions, 2);
    actions.portions = 3;
    turns.arrived();
    turns.resume();
    await nextTurn();
    await nextTurn();
    expect(actions.calls[0]).toBe('publish');
    actions.calls.forEach((call, i) => {
      if (call === 'drain') expect(actions.calls.slice(0, i)).toContain('publish');
    });
  });

  it('frames of one turn are published once, and naps that are off cost nothing', async () => {
    const actions = new Recorded();
    start(actions, 0);
    for (let frame = 0; frame < 100; frame += 1) turns.arrived();
    await nextTurn();
    expect(actions.calls).toEqual(['publish']);
  });

  it('a nap lasts as long as it may when no shard has anything, and then the bell is listened for', async () => {
    const actions = new Recorded();
    const ringer = start(actions, 5);
    turns.arrived();
    const beganMs = performance.now();
    await nextTurn();
    expect(performance.now() - beganMs).toBeGreaterThan(4);
    actions.calls.length = 0;
    const drained = new Promise<void>((resolve) => {
      actions.drain = () => {
        resolve();
        return false;
      };
    });
    expect(ringer.ring()).toBe(true);
    await drained;
  });

  it('after it is closed nothing is drained, and nobody naps', async () => {
    const actions = new Recorded();
    start(actions, 1000);
    turns.arrived();
    turns.close();
    const beganMs = performance.now();
    await nextTurn();
    turns.resume();
    expect(performance.now() - beganMs).toBeLessThan(900);
    expect(actions.count('drain')).toBe(0);
  });
});
