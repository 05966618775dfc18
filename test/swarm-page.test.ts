/** A real Chromium page in the swarm: it is sent what is near, and sees cells come and go as it moves. */
import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { Page } from 'playwright-core';
import type { SwarmCounts } from '../src/demo/page/swarm/swarm-test-window.js';
import { cellSize, creatureCount, farRadius, swarmSize } from '../src/demo/swarm-rules.js';
import { Browser } from './support/browser.js';
import { REPOSITORY, ServerProcess } from './support/server-process.js';

/** Where a person can look at what the test saw. */
const PICTURES = `${REPOSITORY}test/.tmp/pictures`;

/** Pages are drawn without a graphics card here, and other tests run beside this one. */
const patient = { timeout: 15_000 };

let server: ServerProcess;
let browser: Browser;

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  server = await ServerProcess.start({ args: ['--log-level', 'warn'] });
  browser = await Browser.launch(inject('chromium'));
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const counts = (page: Page): Promise<SwarmCounts> => page.evaluate(() => window.__swarm.counts()!);
const me = (page: Page) => page.evaluate(() => window.__swarm.me()!);

/** From a body to the nearest point of the cell that (x, y) is in. */
function distanceOfCell(x: number, y: number, body: { x: number; y: number }): number {
  const outside = (at: number, bodyAt: number): number => {
    const start = Math.floor(at / cellSize) * cellSize;
    return Math.max(start - bodyAt, 0, bodyAt - start - cellSize);
  };
  return Math.hypot(outside(x, body.x), outside(y, body.y));
}

async function join(name: string): Promise<Page> {
  const page = await browser.open(`${server.url}/swarm?name=${name}`);
  await page.waitForFunction(() => window.__swarm?.ready === true);
  return page;
}

it('a page holds the creatures of near cells, draws the grid, and gets others as it moves', { timeout: 60_000 }, async () => {
  const page = await join('Ada');
  await expect.poll(async () => (await counts(page)).drawn.creatures, patient).toBeGreaterThan(30);
  // Let the join and its first keyframe pass: what is measured is the movement.
  await expect.poll(async () => (await counts(page)).stats.snapshots, patient).toBeGreaterThan(20);
  const before = await counts(page);
  expect(before.held).toBeGreaterThan(50);
  expect(before.held).toBeLessThan(creatureCount / 2);

  // The grid: its lines, and the cells in view by how they are sent.
  expect(before.drawn.lines).toBeGreaterThanOrEqual(38);
  expect(before.drawn.cells).toBeGreaterThan(20);
  expect(before.nearCells).toBeGreaterThan(10);
  expect(before.farCells).toBeGreaterThan(before.nearCells / 2);
  await page.screenshot({ path: `${PICTURES}/swarm-joined.png` });

  const from = await me(page);
  // Across cells: towards the wall that is farther away, for about 800 units, four cells.
  const key = from.x < swarmSize / 2 ? 'd' : 'a';
  await page.keyboard.down(key);
  await expect.poll(async () => Math.abs((await me(page)).x - from.x), { timeout: 20_000 }).toBeGreaterThan(800);
  await page.keyboard.up(key);
  const after = await counts(page);
  expect(after.added - before.added).toBeGreaterThan(50);
  expect(after.removed - before.removed).toBeGreaterThan(50);
  expect(after.held).toBe(after.added - after.removed);
  expect(after.held).toBeLessThan(creatureCount / 2);
  await expect.poll(async () => Math.abs((await me(page)).drawnX - (await me(page)).x), patient).toBeLessThan(5);

  // What is sent is of the cells that the page draws as sent, and these are those round the body: a few rows may be past a
  // border since the last snapshot of theirs.
  await expect.poll(async () => (await counts(page)).strays / after.held, patient).toBeLessThan(0.02);
  const cells = await page.evaluate(() => ({ me: window.__swarm.me()!, creatures: window.__swarm.creatures() }));
  const isFar = ({ x, y }: { x: number; y: number }): boolean => distanceOfCell(x, y, cells.me) > farRadius + cellSize;
  expect(cells.creatures.filter(isFar).length / cells.creatures.length).toBeLessThan(0.02);

  // The stream never broke on the way.
  const { stats } = await counts(page);
  expect(stats.resyncs).toBe(0);
  expect(stats.keyframes).toBe(1);
  expect(stats.snapshots).toBeGreaterThan(before.stats.snapshots + 20);

  await page.keyboard.press('F3');
  await expect.poll(() => page.evaluate(() => window.__swarm.overlayVisible), patient).toBe(true);
  const figure = (name: string) => page.locator(`[data-figure=${name}]`).textContent();
  for (const name of ['bytes', 'bytesPerSec', 'snapshotsPerSec', 'rowsHeld', 'keyframes', 'skipped', 'resyncs', 'addsPerSec']) {
    await expect.poll(() => figure(name), { ...patient, message: name }).toMatch(/^[\d,]+$/);
  }
  await page.screenshot({ path: `${PICTURES}/swarm-overlay.png` });
  await page.close();
  expect(browser.complaints).toEqual([]);
});

it('the scores name everybody, also those who are too far away to be sent', async () => {
  const first = await join('Grace');
  const second = await join('Lovelace');
  const names = (page: Page) => page.locator('#score-rows td:first-child').allTextContents();
  await expect.poll(() => names(first), patient).toEqual(expect.arrayContaining(['Grace', 'Lovelace']));
  await expect.poll(() => names(second), patient).toEqual(expect.arrayContaining(['Grace', 'Lovelace']));
  await second.close();
  await expect.poll(() => names(first), patient).not.toContain('Lovelace');
  await first.close();
  expect(browser.complaints).toEqual([]);
});

it('the two demos lead to each other', async () => {
  const page = await browser.open(server.url);
  await page.click('a[href="/swarm"]');
  await page.waitForFunction(() => window.__swarm?.ready === true);
  await page.click('a[href="/"]');
  await page.waitForSelector('#join');
  expect(new URL(page.url()).pathname).toBe('/');
  await page.close();
});
