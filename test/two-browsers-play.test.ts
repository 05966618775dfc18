/** Two real Chromium pages in one arena: they see each other move, shoot and score. */
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { Page } from 'playwright-core';
import type { TestPlayer } from '../src/demo/page/test-window.js';
import { Browser } from './support/browser.js';
import { ServerProcess } from './support/server-process.js';

let server: ServerProcess;
let browser: Browser;

beforeAll(async () => {
  server = await ServerProcess.start({ args: ['--log-level', 'warn'] });
  browser = await Browser.launch(inject('chromium'));
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const me = (page: Page): Promise<TestPlayer> => page.evaluate(() => window.__arena.me()!);
const seenAs = (page: Page, id: number): Promise<TestPlayer | undefined> =>
  page.evaluate((wanted) => window.__arena.players().find((each) => each.id === wanted), id);
const joined = (page: Page): Promise<unknown> => page.waitForFunction(() => window.__arena?.ready === true);

/** Holds exactly these keys. */
class Hands {
  private readonly held = new Set<string>();

  constructor(private readonly page: Page) {}

  async hold(keys: readonly string[]): Promise<void> {
    for (const key of [...this.held]) {
      if (keys.includes(key)) continue;
      await this.page.keyboard.up(key);
      this.held.delete(key);
    }
    for (const key of keys) {
      if (this.held.has(key)) continue;
      await this.page.keyboard.down(key);
      this.held.add(key);
    }
  }
}

/** The way to somebody: straight, and round whatever stands in it. */
class Route {
  private lastX = NaN;
  private lastY = NaN;
  private stuckLooks = 0;
  private detours = 0;
  private detourLooks = 0;
  private detourKey = '';

  keys({ x, y }: TestPlayer, dx: number, dy: number): string[] {
    if (Math.hypot(dx, dy) < 120) return [];
    this.stuckLooks = Math.hypot(x - this.lastX, y - this.lastY) < 1 ? this.stuckLooks + 1 : 0;
    [this.lastX, this.lastY] = [x, y];
    if (this.stuckLooks > 6) this.beginDetour(dx, dy);
    this.detourLooks -= 1;
    if (this.detourLooks > 0) return [this.detourKey];
    return [...(Math.abs(dx) > 30 ? [dx > 0 ? 'd' : 'a'] : []), ...(Math.abs(dy) > 30 ? [dy > 0 ? 's' : 'w'] : [])];
  }

  /** Sideways to the way that is blocked, each time further and to the other side: round whatever is there. */
  private beginDetour(dx: number, dy: number): void {
    this.detours += 1;
    this.stuckLooks = 0;
    this.detourLooks = Math.min(12 * this.detours, 72);
    const there = this.detours % 2 === 1;
    if (Math.abs(dx) > Math.abs(dy)) this.detourKey = dy > 0 === there ? 's' : 'w';
    else this.detourKey = dx > 0 === there ? 'd' : 'a';
  }
}

it('two pages see each other move, shoot and score', { timeout: 120_000 }, async () => {
  const first = await browser.open(`${server.url}/?name=Ada&bots=0`);
  await joined(first);
  const second = await browser.open(`${server.url}/?name=Grace&bots=0`);
  await joined(second);

  const ada = await me(first);
  const grace = await me(second);
  expect(await first.evaluate(() => window.__arena.roomId)).toBe(await second.evaluate(() => window.__arena.roomId));
  await expect.poll(async () => (await seenAs(first, grace.id))?.name).toBe('Grace');
  await expect.poll(async () => (await seenAs(second, ada.id))?.name).toBe('Ada');

  // Movement: Grace walks away from the nearer wall, and Ada's page sees her go.
  const seenBefore = (await seenAs(first, grace.id))!;
  const key = seenBefore.x < 1000 ? 'd' : 'a';
  await second.keyboard.down(key);
  await expect
    .poll(async () => Math.abs((await seenAs(first, grace.id))!.x - seenBefore.x), { timeout: 20_000 })
    .toBeGreaterThan(50);
  await second.keyboard.up(key);

  // Ada hunts Grace: walks up to her by keyboard, aims and shoots by mouse, until her own score says 1.
  const hands = new Hands(first);
  const route = new Route();
  let hurt = false;
  await first.mouse.move(500, 350);
  await first.mouse.down();
  await expect
    .poll(
      async () => {
        const [hunter, prey] = [await me(first), (await seenAs(first, grace.id))!];
        const [dx, dy] = [prey.x - hunter.x, prey.y - hunter.y];
        await hands.hold(route.keys(hunter, dx, dy));
        const at = await first.evaluate(([x, y]) => window.__arena.toScreen(x!, y!), [prey.x, prey.y]);
        await first.mouse.move(Math.min(Math.max(at.x, 5), 995), Math.min(Math.max(at.y, 5), 695));
        hurt ||= (await me(second)).health < 100;
        return hunter.score;
      },
      { timeout: 80_000, interval: 60 },
    )
    .toBeGreaterThanOrEqual(1);
  await first.mouse.up();
  await hands.hold([]);
  expect(hurt).toBe(true);
  // Grace's page shows the same score, and that she fell and came back.
  await expect.poll(async () => (await seenAs(second, ada.id))!.score).toBeGreaterThanOrEqual(1);
  await expect.poll(async () => (await me(second)).dead, { timeout: 10_000 }).toBe(false);

  // The overlay comes and goes with its key.
  await first.keyboard.press('F3');
  await expect.poll(() => first.evaluate(() => window.__arena.overlayVisible)).toBe(true);
  await first.keyboard.press('F3');
  await expect.poll(() => first.evaluate(() => window.__arena.overlayVisible)).toBe(false);
  expect(browser.complaints).toEqual([]);
  await first.close();
  await second.close();
  await expect.poll(() => server.metric('escapement_rooms'), { timeout: 10_000 }).toBe(0);
});

it('bots fill the places that people leave empty', async () => {
  const people = async (page: Page): Promise<number[]> => {
    const players = await page.evaluate(() => window.__arena.players());
    return [players.filter(({ bot }) => !bot).length, players.length];
  };
  const first = await browser.open(`${server.url}/?name=Lovelace`);
  await joined(first);
  await expect.poll(() => people(first)).toEqual([1, 16]);
  const second = await browser.open(`${server.url}/?name=Hopper`);
  await joined(second);
  await expect.poll(() => people(first)).toEqual([2, 16]);
  await second.close();
  await expect.poll(() => people(first), { timeout: 10_000 }).toEqual([1, 16]);
  await first.close();
});
