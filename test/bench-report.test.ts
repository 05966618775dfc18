/** `bench/report.ts` on reports made here: a page and pictures that say what the reports say, or a refusal that says why. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Page } from 'playwright-core';
import type { BenchReport } from '../bench/run.js';
import { Browser } from './support/browser.js';
import { REPOSITORY } from './support/server-process.js';

mkdirSync(`${REPOSITORY}test/.tmp`, { recursive: true });
const root = mkdtempSync(`${REPOSITORY}test/.tmp/bench-report-`);
/** Of its own: the test of the benches compiles to dist, perhaps at this moment. */
const build = path.join(root, 'build');

let browser: Browser;
beforeAll(async () => {
  const tsc = `${REPOSITORY}node_modules/.bin/tsc`;
  execFileSync(tsc, ['-p', 'bench', '--outDir', build], { cwd: REPOSITORY, stdio: 'inherit' });
  browser = await Browser.launch(inject('chromium'));
});
afterAll(async () => {
  await browser?.close();
  rmSync(root, { recursive: true });
});

const MACHINE = {
  node: 'v20.20.0', v8: '11.3', cpu: 'Sample <fast> & "quiet" CPU', cores: 2, memoryMiB: 8192, kernel: 'Linux 6.18',
};
const COMMIT = '0123456789abcdef0123456789abcdef01234567';

type Metrics = Record<string, number>;

function report(bench: string, metrics: Metrics, more: Partial<BenchReport> = {}): BenchReport {
  return { bench, small: false, machine: MACHINE, commit: COMMIT, seed: 7, metrics, goals: [], notes: [], ...more };
}

const SERVERS = { escapement: 61, floor: 57, colyseusUws: 79, colyseusWs: 106, socketio: 119 };
const ROOMS = [4, 16, 32, 64];

function arenaMetrics(): Metrics {
  const metrics: Metrics = {
    maxRooms: 88, maxRoomsFloor: 96, maxRoomsColyseusUws: 64, maxRoomsColyseusWs: 36, maxRoomsSocketio: 30, cpuOverFloor: 1.09,
    frontCorePercentAt32TwoCores: 21, shardCorePercentAt32TwoCores: 14, otherCorePercentAt32TwoCores: 3,
  };
  for (const [server, us] of Object.entries(SERVERS)) {
    for (const rooms of ROOMS) {
      metrics[`${server}CpuUsPerSnapshotAt${rooms}`] = us - rooms / 2;
      metrics[`${server}JitterP99MsAt${rooms}`] = (us / 100) * rooms;
      metrics[`${server}LatencyP50MsAt${rooms}`] = us / 3;
      metrics[`${server}LatencyP99MsAt${rooms}`] = us / 2;
      metrics[`${server}BytesPerClientPerSecAt${rooms}`] = server === 'escapement' ? 1330 : us * 400;
      metrics[`${server}WireBytesPerClientPerSecAt${rooms}`] = server === 'escapement' ? 2900 : us * 450;
      metrics[`${server}RssMiBAt${rooms}`] = 40 + us + rooms;
    }
  }
  return metrics;
}

function sizedMetrics(names: readonly string[], sizes: readonly number[]): Metrics {
  return Object.fromEntries(sizes.flatMap((size) => names.map((name, i) => [name + size, size * (i + 1)])));
}

/** What every plot can be drawn of. */
const REPORTS: readonly BenchReport[] = [
  report('arena', arenaMetrics(), {
    goals: [
      { name: 'cpuOverFloor', value: 1.09, rule: '<=', limit: 1.15, met: true },
      { name: 'maxRooms', value: 88, rule: '>=', limit: 100, met: false },
    ],
    notes: ['<script>document.title = "taken over"</script>'],
  }),
  report('heavy', {
    maxRoomsEscapement: 14, maxRoomsColyseus: 9, maxRoomsColyseusTwoProcesses: 17, maxRoomsEscapementTwoShards: 26,
    modelRoomsAt4Cores: 52, modelRoomsAt8Cores: 108, modelRoomsAt16Cores: 214,
  }),
  report('crowd', sizedMetrics(
    ['escapementUserUsPerSnapshot', 'escapementCpuUsPerSnapshot', 'colyseusUserUsPerSnapshot', 'colyseusCpuUsPerSnapshot'],
    [100, 1000],
  )),
  report('memory', { bytesPerIdleConnection: 5210, bytesPerEmptyRoom: 18_800 }),
  report('snapshot', sizedMetrics(
    ['entropyBytes', 'bytes', 'colyseusBytes', 'flatbuffersBytes', 'jsonBytes', 'encodeUs', 'colyseusEncodeUs', 'jsonEncodeUs'],
    [16, 100, 1000],
  ), { goals: [{ name: 'bytes16', value: 32, rule: '<=', limit: 56, met: true }] }),
  report('interest', {
    usPerSnapshot: 250, colyseusUsPerSnapshot: 3641, largeUsPerSnapshot: 1450, largeColyseusUsPerSnapshot: 41_400,
    usPerSnapshotOf25Clients: 165, usPerSnapshotOf400Clients: 640, usPerSnapshotOf500Entities: 175,
    usPerSnapshotOf5000Entities: 930,
  }),
  report('slow', { calmDelayP50Ms: 1.6, calmDelayP99Ms: 3.7, slowDelayP50Ms: 1.5, slowDelayP99Ms: 3.2, delayChangeP99Ms: -0.5 }),
  report('tick', {
    driftMs: 0, latenessP50Ms: 0.1, latenessP99Ms: 0.15, latenessMaxMs: 1.6, setIntervalLatenessP50Ms: 990,
    setIntervalLatenessP99Ms: 1970, setTimeoutLatenessP50Ms: 750, setTimeoutLatenessP99Ms: 1480,
  }, { goals: [{ name: 'driftMs', value: 0, rule: '=', limit: 0, met: true }] }),
  report('latency', {
    latencyP50Ms: 0.26, latencyP99Ms: 2.4, rawLatencyP50Ms: 8.6, rawLatencyP99Ms: 17.2, waitP50Ms: 8.3, waitP99Ms: 16.5,
  }, { goals: [{ name: 'latencyP99Ms', value: 2.4, rule: '<=', limit: 2, met: false }] }),
  report('steady', { garbageBytesPerTick: 57 }, {
    commit: `${'f'.repeat(40)}+changes`,
    goals: [{ name: 'garbageBytesPerTick', value: 57, rule: '<=', limit: 64, met: true }],
  }),
  report('ring', { recordsPerSec: 30_000_000, recordsPerSecMin: 25e6, recordsPerSecMax: 40e6, postMessagePerSec: 3_000_000 }, {
    // A form feed and half of a pair: XML has no way to write them.
    machine: { ...MACHINE, kernel: 'Linux \f and \ud800' },
  }),
];

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly from: string;
  readonly out: string;
}

/** Writes the files, text as it is and all else as JSON, and runs the program over them. */
function run(files: Readonly<Record<string, unknown>>): Run {
  const from = mkdtempSync(path.join(root, 'from-'));
  const out = path.join(from, 'out');
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(path.join(from, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return { ...runWith('--from', from, '--out', out), from, out };
}

function runWith(...args: string[]) {
  return spawnSync(process.execPath, [path.join(build, 'bench/report.js'), ...args], { cwd: REPOSITORY, encoding: 'utf8' });
}

function runAll(reports: readonly BenchReport[]): Run {
  return run(Object.fromEntries(reports.map((each) => [`${each.bench}.json`, each])));
}

const openPage = ({ out }: Run): Promise<Page> => browser.open(`file://${out}/report.html`);

describe('a folder of every report', () => {
  let all: Run;
  let page: Page;
  beforeAll(async () => {
    all = runAll(REPORTS);
    expect(all.stderr).toBe('');
    expect(all.status).toBe(0);
    page = await openPage(all);
  });

  it('the page opens with every goal, met or not met', async () => {
    const rows = await page.locator('table.goals').first().locator('tbody tr').allInnerTexts();
    const goals = REPORTS.flatMap((each) => each.goals);
    expect(rows).toHaveLength(goals.length);
    goals.forEach(({ name, met }, i) => {
      expect(rows[i]).toContain(name);
      expect(rows[i]!.includes('NOT MET')).toBe(!met);
    });
    expect(await page.locator('.lead').innerText()).toBe('4 of 6 goals met, 2 NOT MET.');
    // With the unit that the name ends in.
    expect(rows.at(-1)).toMatch(/garbageBytesPerTick\s+57\s+≤ 64\s+B per tick\s+met/);
  });

  it('the page names the machine, and each commit with its benches', async () => {
    const body = await page.locator('body').innerText();
    expect(body).toContain(MACHINE.cpu);
    expect(body).toContain('2 cores, 8.0 GiB, Node 20.20.0, Linux 6.18');
    const html = readFileSync(path.join(all.out, 'report.html'), 'utf8');
    expect(html).toContain(COMMIT);
    const changed = page.locator('tr', { hasText: 'ffffffffff + changes' });
    expect(await changed.innerText()).toMatch(/steady$/);
  });

  it('every metric is in a table, with its value', async () => {
    const cells = new Map(await page.locator('td[title], tbody tr:has(th code)').evaluateAll((elements) =>
      elements.flatMap((element): [string, string][] => {
        const name = element.getAttribute('title') ?? element.querySelector('th code')?.textContent;
        const cell = element.matches('td') ? element : element.querySelector('td.number:not([title])');
        return name && cell ? [[name, cell.textContent!]] : [];
      })));
    for (const { metrics } of REPORTS) {
      for (const [name, value] of Object.entries(metrics)) {
        const shown = Number(cells.get(name)?.replaceAll(',', '').replace('−', '-'));
        expect(Math.abs(shown - value), name).toBeLessThanOrEqual(Math.abs(value) * 0.001);
      }
    }
  });

  it('text of a report stays text', async () => {
    expect(await page.title()).toBe('escapement, measured');
    expect(await page.locator('script').count()).toBe(0);
    expect(await page.locator('.notes').first().innerText()).toContain('<script>document.title = "taken over"</script>');
    expect(browser.complaints).toEqual([]);
  });

  it('every picture is a well-formed SVG that needs nothing from elsewhere', async () => {
    const files = readdirSync(path.join(all.out, 'svg'));
    expect(files).toHaveLength(await page.locator('figure svg').count());
    expect(files.length).toBeGreaterThanOrEqual(18);
    for (const file of files) {
      const text = readFileSync(path.join(all.out, 'svg', file), 'utf8');
      const parsed = await page.evaluate((xml) => {
        const { documentElement: element } = new DOMParser().parseFromString(xml, 'application/xml');
        return [element.namespaceURI, element.nodeName, element.querySelector('parsererror')?.textContent];
      }, text);
      expect(parsed, file).toEqual(['http://www.w3.org/2000/svg', 'svg', undefined]);
      expect(text).not.toMatch(/href=|url\(|@import|NaN|Infinity|undefined/);
      // Nothing had to be shortened.
      expect(text, file).not.toContain('…');
    }
  });

  it('no two texts of a picture overlap, and none leaves its card', async () => {
    const clashes = await page.locator('figure svg').evaluateAll((pictures) => pictures.flatMap((picture) => {
      const card = picture.getBoundingClientRect();
      const texts = [...picture.querySelectorAll('text')].map((element) => ({
        text: `${picture.querySelector('title')!.textContent}: ${element.textContent}`, box: element.getBoundingClientRect(),
      }));
      return texts.flatMap(({ text, box }, i) => {
        const leaves = box.left < card.left + 8 || box.right > card.right - 8 || box.bottom > card.bottom;
        // Boxes are of lines, which have some air above and below their letters.
        const met = texts.slice(i + 1).filter(({ box: other }) =>
          box.left < other.right && other.left < box.right && box.top + 2 < other.bottom && other.top + 2 < box.bottom);
        return [...(leaves ? [`${text} leaves`] : []), ...met.map((other) => `${text} and ${other.text}`)];
      });
    }));
    expect(clashes).toEqual([]);
  });

  it('bars are as long as their values, and the model is marked', async () => {
    const widths = async (title: string, selector: string): Promise<number[]> =>
      page.locator('figure svg', { hasText: title }).locator(`rect${selector}`)
        .evaluateAll((bars) => bars.map((bar) => Number(bar.getAttribute('width'))));
    const [ring, postMessage] = await widths('64 bytes from one thread', ':not(.card)');
    expect(ring! / postMessage!).toBeCloseTo(10, 1);
    const models = await widths('Rooms held when rooms compute', '.model');
    expect(models).toHaveLength(3);
    expect(models[2]! / models[0]!).toBeCloseTo(214 / 52, 1);
    const heavy = await page.locator('figure svg', { hasText: 'Rooms held when rooms compute' }).innerHTML();
    expect(heavy.match(/\(model\)/g)).toHaveLength(3);
  });

  it('points stand where their values are: twice the rooms, as far again', async () => {
    const path = await page.locator('figure svg', { hasText: 'CPU per delivered snapshot' }).first()
      .locator('path.line-blue').getAttribute('d');
    const points = path!.slice(1).split('L').map((point) => point.split(',').map(Number) as [number, number]);
    expect(points).toHaveLength(ROOMS.length);
    const [at4, at16, at32, at64] = points as [[number, number], [number, number], [number, number], [number, number]];
    expect(at64[0] - at32[0]).toBeCloseTo(at32[0] - at16[0], 0);
    expect(at16[0] - at4[0]).toBeCloseTo(2 * (at32[0] - at16[0]), 0);
    // 6 µs less from 4 to 16, 16 less from 32 to 64: y grows downwards.
    expect((at64[1] - at32[1]) / (at16[1] - at4[1])).toBeCloseTo(16 / 6, 1);
  });

  it('the same reports give the same bytes', () => {
    const again = runAll(REPORTS);
    for (const file of ['report.html', ...readdirSync(path.join(all.out, 'svg')).map((name) => `svg/${name}`)]) {
      expect(readFileSync(path.join(again.out, file), 'utf8'), file).toBe(readFileSync(path.join(all.out, file), 'utf8'));
    }
  });
});

describe('reports that are not there', () => {
  it('the page and the program say which plots are not drawn, and what to run', async () => {
    const some = runAll(REPORTS.filter(({ bench }) => bench === 'ring' || bench === 'memory'));
    expect(some.status).toBe(0);
    expect(readdirSync(path.join(some.out, 'svg'))).toEqual(['ring-rate.svg']);
    expect(some.stdout).toContain('arena-cpu.svg, as there is no report of arena');
    const page = await openPage(some);
    const arena = await page.locator('section#arena').innerText();
    expect(arena).toContain('“CPU per delivered snapshot”');
    expect(arena).toContain('npm run bench -- arena --json bench/results/arena.json');
  });

  it('a picture of an earlier run is not passed off as one of this', () => {
    const { from, out } = runAll(REPORTS.filter(({ bench }) => bench === 'ring'));
    writeFileSync(path.join(out, 'svg/tick-lateness.svg'), 'of yesterday');
    expect(runWith('--from', from, '--out', out).stdout).toMatch(/tick-lateness\.svg.*; the file there is an earlier one/);
  });

  it('a point without its metric is left out; a plot without any is said to be', async () => {
    const few = run({ 'arena.json': report('arena', { escapementRssMiBAt4: 88, socketioRssMiBAt16: 0, maxRooms: 0 }) });
    expect(few.stderr).toBe('');
    expect(readdirSync(path.join(few.out, 'svg'))).toEqual(['arena-memory.svg', 'arena-rooms.svg']);
    const page = await openPage(few);
    expect(await page.locator('section#arena').innerText()).toContain('“Snapshot jitter, p99” is not drawn');
    expect(await page.locator('section#arena').innerHTML()).not.toMatch(/NaN|Infinity/);
  });

  it('a bench that the report has no plots for gets its tables', async () => {
    const page = await openPage(run({ 'novel.json': report('novel', { thingsPerSec: 12 }) }));
    expect(await page.locator('section#novel').innerText()).toMatch(/thingsPerSec\s+12\s+\/s/);
  });

  it('an array, as `all` writes it, is as good as a file each', () => {
    const array = run({ 'all.json': REPORTS });
    expect(array.stderr).toBe('');
    const each = readFileSync(path.join(runAll(REPORTS).out, 'report.html'), 'utf8');
    expect(readFileSync(path.join(array.out, 'report.html'), 'utf8').length).toBe(each.length);
  });
});

describe('refused with exit code 2, the file, the field and the remedy; nothing is written', () => {
  const ring = report('ring', { recordsPerSec: 1 });
  const goal = { name: 'recordsPerSec', value: 1, rule: '>=', limit: 2, met: false };
  const without = (field: keyof BenchReport): object => ({ ...ring, [field]: undefined });

  it.each([
    ['a small size', { ...ring, small: true }, /small is true; expected false: the small size .* is not a measurement/],
    ['text that is no JSON', '{"bench": "ring",', /is no JSON/],
    ['what the runner writes for a wrong bench', null, /the report is null; expected an object/],
    ['no machine', without('machine'), /machine is missing; expected an object/],
    ['half a machine', { ...ring, machine: { ...MACHINE, cores: '2' } }, /machine\.cores is "2"; expected a finite number/],
    ['no commit', without('commit'), /commit is missing; expected a string/],
    ['no metrics', without('metrics'), /metrics is missing; expected an object of numbers/],
    ['NaN', { ...ring, metrics: { ratio: NaN } }, /metrics\.ratio is null; expected a finite number \(NaN/],
    ['a goal without a limit', { ...ring, goals: [{ ...goal, limit: 'low' }] }, /goals\[0\]\.limit is "low"; expected/],
    ['an unknown rule', { ...ring, goals: [{ ...goal, rule: 'toString' }] }, /goals\[0\]\.rule is "toString"; expected one of/],
    ['met by hand', { ...ring, goals: [{ ...goal, met: true }] }, /goals\[0\]\.met is true; expected false: 1 >= 2/],
    ['notes that are no texts', { ...ring, notes: [1] }, /notes is \[1\]; expected an array of strings/],
    ['another bench than the file says', { ...ring, bench: 'tick' }, /bench is "tick"; expected ring, as the file is called/],
  ])('%s', (_, content, problem) => {
    const { status, stderr, from, out } = run({ 'ring.json': content });
    expect(stderr).toMatch(problem);
    expect(stderr).toContain(path.join(from, 'ring.json'));
    expect(stderr).toContain('npm run bench -- ring --json');
    expect(status).toBe(2);
    expect(existsSync(out)).toBe(false);
  });

  it('every problem of every file at once', () => {
    const { stderr } = run({ 'ring.json': { ...ring, small: true, seed: 'x' }, 'tick.json': 'no' });
    expect(stderr).toMatch(/ring\.json: small is true[^]*ring\.json: seed is "x"[^]*tick\.json: is no JSON/);
  });

  it('two reports of one bench', () => {
    const { status, stderr } = run({ 'ring.json': ring, 'all.json': [ring] });
    expect(status).toBe(2);
    expect(stderr).toMatch(/ring\.json: bench is ring, as in .*all\.json\[0\]; expected one report of each/);
  });

  it('a folder without reports, no folder, and flags that there are not', () => {
    const empty = run({});
    expect(empty.status).toBe(2);
    expect(empty.stderr).toMatch(/has no reports, NAME\.json; .*npm run bench -- ring --json/);
    const nowhere = runWith('--from', '/nowhere');
    expect(nowhere.status).toBe(2);
    expect(nowhere.stderr).toMatch(/\/nowhere can't be read .*mkdir -p .*npm run bench -- ring --json/);
    const unknown = runWith('--form', '/nowhere');
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toMatch(/'--form'[^]*npm run bench:report -- \[--from FOLDER\]/);
  });
});
