/** A plot before it is drawn: what it is called and which of a report's metrics it takes. */
import type { BenchReport } from '../run.js';
import { drawBars, type Bar, type BarChart, type BarGroup } from './bar-chart.js';
import { drawLines, type LineChart, type Point } from './line-chart.js';
import type { Markup } from './markup.js';
import { sizedName } from './metric-name.js';
import { sourceOf } from './provenance.js';

export interface Figure {
  /** Of its file, `svg/NAME.svg`. README.md points there. */
  readonly name: string;
  readonly title: string;
  /** What is shown, in which unit, and which way is better. */
  readonly subtitle: string;
  /** May come out without a bar or point when the report has none of the metrics: then there is nothing to draw. */
  chart(report: BenchReport): BarChart | LineChart;
}

/** `undefined` when the report has none of what the figure shows. */
export function drawFigure({ title, subtitle, chart }: Figure, report: BenchReport): Markup | undefined {
  const caption = { title, subtitle, source: sourceOf(report) };
  const drawing = chart(report);
  if (drawing.kind === 'bars') {
    const groups = drawing.groups.filter(({ bars }) => bars.length > 0);
    return groups.length === 0 ? undefined : drawBars({ ...drawing, groups }, caption);
  }
  const series = drawing.series.filter(({ points }) => points.length > 0);
  return series.length === 0 ? undefined : drawLines({ ...drawing, series }, caption);
}

/** Label, metric and tone of a bar, and what else it shows. */
export type BarOf = readonly [label: string, metric: string, tone: Bar['tone'], more?: Pick<Bar, 'isModel' | 'remark'>];

/** Bars of those metrics that are there, each with the goal of its name. */
export function barsOf({ metrics, goals }: BenchReport, wanted: readonly BarOf[]): Bar[] {
  return wanted.flatMap(([label, metric, tone, more]) => {
    const value = metrics[metric];
    if (value === undefined) return [];
    return [{ label, tone, value, goal: goals.find(({ name }) => name === metric), ...more }];
  });
}

/** All sizes that a measure was taken at: `pointsOf(report, 'rssMiB', 'At')` of `rssMiBAt4`, `rssMiBAt16` and so on. */
export function pointsOf({ metrics }: BenchReport, stem: string, relation = '', tail = ''): Point[] {
  return Object.entries(metrics)
    .flatMap(([name, y]) => {
      const sized = sizedName(name);
      const isOfStem = sized?.stem === stem && sized.relation === relation && sized.tail === tail;
      return isOfStem && sized.size > 0 ? [{ x: sized.size, y }] : [];
    })
    .sort((a, b) => a.x - b.x);
}

/** A group for each size at which one of the stems was measured. */
export function groupsBySize(
  report: BenchReport, stems: readonly string[], groupOf: (size: number) => BarGroup,
): BarGroup[] {
  const sizes = new Set(stems.flatMap((stem) => pointsOf(report, stem).map(({ x }) => x)));
  return [...sizes].sort((a, b) => a - b).map(groupOf);
}
