/** The page: what was to be reached and what was, where it was measured, then each bench with its plots and tables. */
import type { BenchReport } from '../run.js';
import { CHART_STYLE } from './chart-card.js';
import { markup, trusted, type Markup } from './markup.js';
import { metricTables } from './metric-table.js';
import { fullNumber, unitOf } from './metric-name.js';
import { PAGE_STYLE } from './page-style.js';
import { commitText, machineText } from './provenance.js';

/** One bench on the page. */
export interface Section {
  readonly bench: string;
  /** Without it the page says what is missing and how to get it. */
  readonly report?: BenchReport;
  readonly plots: readonly Plot[];
}

export interface Plot {
  readonly title: string;
  /** Nothing when the report has none of its metrics. */
  readonly drawing?: Markup;
}

type Goal = BenchReport['goals'][number];

/** Has no date: the same reports give the same page, and a diff shows what was measured anew. */
export function pageOf(sections: readonly Section[]): string {
  const reports = sections.flatMap(({ report }) => (report === undefined ? [] : [report]));
  const links = sections.map(({ bench, report }) =>
    markup`<a href="#${bench}"${report === undefined ? trusted(' class="muted"') : undefined}>${bench}</a> `);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>escapement, measured</title>
<style>${trusted(PAGE_STYLE + CHART_STYLE)}</style>
</head>
<body>
<header>
<h1>escapement, measured</h1>
<p class="lead">${summaryOf(reports.flatMap(({ goals }) => goals))}</p>
<nav>${links}</nav>
</header>
<h2>Goals</h2>
${goalTable(reports)}
<h2>Where it was measured</h2>
${placeTable(reports)}
${sections.map(sectionOf)}
</body>
</html>
`.text;
}

function summaryOf(goals: readonly Goal[]): string {
  const met = goals.filter((goal) => goal.met).length;
  const rest = goals.length - met;
  return `${met} of ${goals.length} goals met${rest === 0 ? '.' : `, ${rest} NOT MET.`}`;
}

/** The bench is named where its goals begin, or nowhere when there is only one. */
function goalTable(reports: readonly BenchReport[], isNamed = true): Markup {
  const rows = reports.flatMap(({ bench, goals }) =>
    goals.map(({ name, value, rule, limit, met }, i) => markup`
<tr class="${met ? 'met' : 'unmet'}${i === 0 && isNamed ? ' first' : ''}">${
  isNamed ? markup`<th scope="row">${i === 0 ? markup`<a href="#${bench}">${bench}</a>` : undefined}</th>` : undefined
}<td><code>${name}</code></td><td class="number">${fullNumber(value)}</td><td class="number">${
  SIGNS[rule]} ${fullNumber(limit)}</td><td>${unitOf(name)}</td><td class="verdict">${met ? 'met' : 'NOT MET'}</td></tr>`));
  if (rows.length === 0) return markup`<p>No report has goals.</p>`;
  return markup`<div class="wide"><table class="goals">
<thead><tr>${isNamed ? markup`<th class="bench">bench</th>` : undefined}<th>goal</th><th class="number">seen</th>
<th class="number">goal</th><th class="unit">unit</th><th class="verdict"></th></tr></thead>
<tbody>${rows}
</tbody></table></div>
`;
}

const SIGNS: Readonly<Record<Goal['rule'], string>> = { '<=': '≤', '>=': '≥', '=': '=' };

function placeTable(reports: readonly BenchReport[]): Markup {
  const places = new Map<string, { machine: string; commit: string; benches: string[] }>();
  for (const { bench, machine, commit } of reports) {
    const key = `${machineText(machine)}\n${commit}`;
    const place = places.get(key);
    if (place === undefined) places.set(key, { machine: machineText(machine), commit, benches: [bench] });
    else place.benches.push(bench);
  }
  const rows = [...places.values()].map(({ machine, commit, benches }) => markup`
<tr><td>${machine}</td><td>${commitCode(commit)}</td><td>${benches.join(', ')}</td></tr>`);
  return markup`<div class="wide"><table>
<thead><tr><th>machine</th><th>commit</th><th>benches</th></tr></thead>
<tbody>${rows}
</tbody></table></div>
`;
}

function commitCode(commit: string): Markup {
  return markup`<code title="${commit}">${commitText(commit)}</code>`;
}

/** Longer tables wait until somebody asks. */
const OPEN_METRICS_MAX = 12;

function sectionOf(section: Section): Markup {
  const { bench, report, plots } = section;
  return markup`<section id="${bench}">
<h2>${bench}</h2>
${report === undefined ? absence(section) : results(report, plots)}
</section>
`;
}

function absence({ bench, plots }: Section): Markup {
  const titles = plots.map(({ title }) => `“${title}”`).join(', ');
  const lost = plots.length === 0 ? '' : `, so ${titles} ${plots.length === 1 ? 'is' : 'are'} not drawn`;
  return markup`<p class="absent">There is no report of this bench${lost}. To measure it:
<code>npm run bench -- ${bench} --json bench/results/${bench}.json</code></p>`;
}

function results(report: BenchReport, plots: readonly Plot[]): Markup {
  const { machine, commit, seed, metrics, goals, notes = [] } = report;
  const count = Object.keys(metrics).length;
  return markup`${plots.map(({ title, drawing }) => (drawing === undefined
    ? markup`<p class="absent">“${title}” is not drawn: the report has none of its metrics.</p>\n`
    : markup`<figure>${drawing}</figure>\n`))}
${notes.length === 0 ? undefined : markup`<p class="notes">${notes.map((note) => markup`<span>${note}</span>\n`)}</p>`}
${goals.length === 0 ? undefined : goalTable([report], false)}
<details${count <= OPEN_METRICS_MAX ? trusted(' open') : undefined}>
<summary>${count === 1 ? 'The metric' : `All ${count} metrics`}</summary>
${metricTables(metrics)}</details>
<p class="muted small">${machineText(machine)}; commit ${commitCode(commit)}; seed ${seed}</p>`;
}
