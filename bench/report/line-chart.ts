/** Lines with markers over a logarithmic count, named where they end. */
import {
  card, CONTENT_TOP, LABEL_SIZE, lineAt, MARGIN, textAt, textWidth, tenths, WIDTH, type Caption, type Tone,
} from './chart-card.js';
import { markup, type Markup } from './markup.js';
import { shortNumber } from './metric-name.js';
import { linearScale, logScale, logScaleOf, type Scale } from './scale.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly label: string;
  readonly tone: Tone;
  /** By rising x. */
  readonly points: readonly Point[];
  /** For what the others are compared with. */
  readonly isDashed?: boolean;
}

/** A line across, such as a goal. */
export interface Reference {
  readonly label: string;
  readonly y: number;
}

export interface LineChart {
  readonly kind: 'lines';
  /** The first lies on top. */
  readonly series: readonly Series[];
  readonly references?: readonly Reference[];
  /** Under the x axis. */
  readonly xAxis: string;
  /** Over the y axis: what it counts, with the unit. */
  readonly yAxis: string;
  readonly isLog?: boolean;
  /** Where a linear y axis begins, unless something lies below; else 0. */
  readonly yFrom?: number;
}

const PLOT_HEIGHT = 300;
/** Of the names at the end of the lines. */
const NAME_HEIGHT = 18;
const LEADER = 26;
const MARKERS: Readonly<Record<Tone, (x: number, y: number) => string>> = {
  blue: (x, y) => `M${x - 4.5},${y}a4.5,4.5 0 1 0 9,0a4.5,4.5 0 1 0 -9,0z`,
  orange: (x, y) => `M${x - 4},${y - 4}h8v8h-8z`,
  purple: (x, y) => `M${x},${y - 5.5}l5.5,5.5l-5.5,5.5l-5.5,-5.5z`,
  green: (x, y) => `M${x},${y - 5}l5,9h-10z`,
  grey: (x, y) => `M${x},${y + 5}l5,-9h-10z`,
};

/** A name beside the end of its line; `y` is where it would like to be. */
interface EndName {
  readonly text: string;
  readonly style: string;
  /** Of the line's end, which a leader joins with the name. */
  readonly from: Point;
  y: number;
}

export function drawLines(chart: LineChart, caption: Caption): Markup {
  const { series, references = [] } = chart;
  const points = series.flatMap((each) => each.points);
  const xScale = logScaleOf(points.map(({ x }) => x));
  const yScale = yScaleOf(chart, [...points.map(({ y }) => y), ...references.map(({ y }) => y)]);
  const top = CONTENT_TOP + 24;
  const bottom = top + PLOT_HEIGHT;
  const left = MARGIN + Math.max(...yScale.ticks.map((tick) => textWidth(shortNumber(tick), 11))) + 8;
  const texts = [...series.map(nameOf), ...references.map(({ label }) => label)];
  const right = WIDTH - MARGIN - LEADER - Math.max(...texts.map((text) => textWidth(text)));
  const place = ({ x, y }: Point): Point => ({
    x: tenths(left + 14 + xScale.at(x) * (right - left - 28)),
    y: tenths(bottom - yScale.at(y) * PLOT_HEIGHT),
  });

  const names: EndName[] = [
    ...series.map((each) => {
      const from = place(each.points.at(-1)!);
      return { text: nameOf(each), style: `fill-${each.tone} strong`, from, y: from.y };
    }),
    ...references.map(({ label, y }) => {
      const from = { x: right, y: place({ x: 1, y }).y };
      return { text: label, style: 'muted', from, y: from.y };
    }),
  ];
  spread(names, top, bottom);
  const yName = yScale.isLog ? `${chart.yAxis}, logarithmic` : chart.yAxis;
  const content = markup`${textAt(MARGIN, CONTENT_TOP + 8, yName, 'small muted')}
${yAxis(yScale, left, right, top, bottom)}
${xAxis(xScale, (x) => place({ x, y: 0 }).x, left, right, bottom, chart.xAxis)}
${references.map(({ y }) => {
  const at = place({ x: 1, y }).y;
  return markup`<path class="line thin dashed ink-line" d="M${tenths(left)},${at}H${tenths(right)}"/>\n`;
})}
${names.map((name) => endName(name, right))}
${[...series].reverse().map((each) => line(each, each.points.map(place)))}`;
  return card(caption, bottom + 44, content);
}

/** A line's name comes with its last value: the one that is hardest to read off the axis. */
function nameOf({ label, points }: Series): string {
  return `${label}  ${shortNumber(points.at(-1)!.y)}`;
}

function yScaleOf({ isLog, yFrom = 0 }: LineChart, values: readonly number[]): Scale {
  const high = Math.max(...values);
  const positive = values.filter((value) => value > 0);
  if (isLog && positive.length > 0) return logScale(Math.min(...positive), high);
  return linearScale(Math.min(yFrom, ...values), high);
}

function yAxis(scale: Scale, left: number, right: number, top: number, bottom: number): Markup {
  const height = bottom - top;
  const ticks = scale.ticks.map((tick, i) => {
    const y = bottom - scale.at(tick) * height;
    const style = i === 0 ? 'axis' : 'grid';
    return markup`${lineAt(left, y, right, y, style)}${textAt(left - 8, y + 4, shortNumber(tick), 'small muted', 'end')}\n`;
  });
  return markup`${ticks}`;
}

function xAxis(
  scale: Scale, place: (x: number) => number, left: number, right: number, bottom: number, name: string,
): Markup {
  let free = -Infinity;
  const ticks = scale.ticks.map((tick) => {
    const x = place(tick);
    const mark = lineAt(x, bottom, x, bottom + 5, 'axis');
    const label = shortNumber(tick);
    const half = textWidth(label, 11) / 2;
    if (x - half < free) return mark;
    free = x + half + 4;
    return markup`${mark}${textAt(x, bottom + 19, label, 'small muted', 'middle')}\n`;
  });
  return markup`${ticks}${textAt((left + right) / 2, bottom + 38, name, 'small muted', 'middle')}`;
}

/** Keeps the order of the lines' ends and lets no two names meet: downwards first, then back up from the bottom. */
function spread(names: EndName[], top: number, bottom: number): void {
  names.sort((a, b) => a.y - b.y);
  let free = top;
  for (const name of names) {
    name.y = Math.max(name.y, free);
    free = name.y + NAME_HEIGHT;
  }
  free = bottom;
  for (const name of [...names].reverse()) {
    name.y = Math.min(name.y, free);
    free = name.y - NAME_HEIGHT;
  }
}

function endName({ text, style, from, y }: EndName, right: number): Markup {
  const to = right + LEADER - 6;
  const start = Math.min(from.x + 8, right);
  const path = `M${tenths(start)},${from.y}L${tenths(Math.max(start, right))},${from.y}L${tenths(to)},${tenths(y)}`;
  return markup`<path class="line thin grid" d="${path}"/>${textAt(right + LEADER, y + LABEL_SIZE * 0.35, text, style)}\n`;
}

function line({ tone, isDashed }: Series, places: readonly Point[]): Markup {
  const path = `M${places.map(({ x, y }) => `${x},${y}`).join('L')}`;
  const style = `line line-${tone}${isDashed ? ' dashed' : ''}`;
  const markers = places.map(({ x, y }) => MARKERS[tone](x, y)).join('');
  return markup`<path class="${style}" d="${path}"/>
<path class="fill-${tone}" d="${markers}"/>
`;
}
