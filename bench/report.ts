/**
 * Plots and tables of what the benches measured: one page, and the pictures that README.md shows.
 *
 * ```
 *   npm run bench:report -- [--from FOLDER] [--out FOLDER]
 *
 *   bench/results/arena.json    read: a report for each bench, NAME.json, of `npm run bench -- NAME --json FILE`
 *                 report.html   written
 *                 svg/*.svg     written
 * ```
 *
 * Wrong usage, or a report that is missing, malformed or of a small size: exit code 2, and nothing is written. The same
 * reports give the same bytes.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { standalone } from './report/chart-card.js';
import { drawFigure } from './report/figure.js';
import { FIGURES } from './report/figures.js';
import { pageOf, type Section } from './report/page.js';
import { readReports, ReportFolderError } from './report/report-folder.js';
import type { BenchReport } from './run.js';

const RESULTS = 'bench/results';
const USAGE = `npm run bench:report -- [--from FOLDER] [--out FOLDER]; both are ${RESULTS} unless given`;

function main(): number {
  let folders: { from: string; out: string };
  try {
    const options = { from: { type: 'string', default: RESULTS }, out: { type: 'string', default: RESULTS } } as const;
    folders = parseArgs({ options }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  try {
    write(readReports(folders.from), folders.out);
    return 0;
  } catch (error) {
    if (!(error instanceof ReportFolderError)) throw error;
    console.error(error.message);
    return 2;
  }
}

function write(reports: readonly BenchReport[], out: string): void {
  const pictures = path.join(out, 'svg');
  mkdirSync(pictures, { recursive: true });
  const named = new Map(reports.map((report) => [report.bench, report]));
  const others = [...named.keys()].filter((bench) => !FIGURES.has(bench));
  let drawn = 0;
  const sections = [...FIGURES.keys(), ...others].map((bench): Section => {
    const report = named.get(bench);
    const plots = (FIGURES.get(bench) ?? []).map((figure) => {
      const drawing = report === undefined ? undefined : drawFigure(figure, report);
      const file = path.join(pictures, `${figure.name}.svg`);
      if (drawing !== undefined) {
        writeFileSync(file, standalone(drawing));
        drawn += 1;
      } else {
        const reason = report === undefined ? `there is no report of ${bench}` : `the report of ${bench} has none of its metrics`;
        console.log(`not drawn: ${file}, as ${reason}${existsSync(file) ? '; the file there is an earlier one' : ''}`);
      }
      return { title: figure.title, drawing };
    });
    return { bench, report, plots };
  });
  const page = path.join(out, 'report.html');
  writeFileSync(page, pageOf(sections));
  console.log(`written: ${page}, and ${drawn} pictures in ${pictures}`);
}

process.exitCode = main();
