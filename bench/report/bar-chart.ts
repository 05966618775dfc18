/** Horizontal bars, in groups, on a linear or logarithmic axis; whole ones, modelled ones, or stacks of parts. */
import {
  card, CONTENT_TOP, fitted, LABEL_SIZE, legend, lineAt, MARGIN, textAt, textWidth, tenths, WIDTH,
  type Caption, type LegendEntry, type Tone,
} from './chart-card.js';
import { markup, type Markup } from './markup.js';
import { shortNumber } from './metric-name.js';
import { linearScale, logScale, type Scale } from './scale.js';

export interface Bar {
  readonly label: string;
  readonly tone: Tone;
  readonly value: number;
  /** Written behind the number. */
  readonly remark?: string;
  /** Not measured: drawn as an outline. */
  readonly isModel?: boolean;
  /** From left to right; `value` is their sum. */
  readonly parts?: readonly BarPart[];
  readonly goal?: BarGoal;
}

export interface BarPart {
  readonly value: number;
  readonly tone: Tone;
  readonly isPale?: boolean;
}

export interface BarGoal {
  readonly rule: string;
  readonly limit: number;
  readonly met: boolean;
}

export interface BarGroup {
  /** No label, no heading: for a chart of one group. */
  readonly label?: string;
  readonly bars: readonly Bar[];
}

export interface BarChart {
  readonly kind: 'bars';
  readonly groups: readonly BarGroup[];
  /** Under the axis: what it counts, with the unit. */
  readonly axis: string;
  /** Behind every number. */
  readonly unit: string;
  readonly isLog?: boolean;
  readonly legend?: readonly LegendEntry[];
}

const ROW_HEIGHT = 26;
const BAR_HEIGHT = 16;
const HEADING_HEIGHT = 28;
const GROUP_GAP = 8;
const LABEL_WIDTH_MAX = 250;
const GAP = 8;

export function drawBars(chart: BarChart, caption: Caption): Markup {
  const bars = chart.groups.flatMap((group) => group.bars);
  const scale = scaleOf(chart, bars);
  const labelWidth = Math.min(LABEL_WIDTH_MAX, Math.max(...bars.map(({ label }) => textWidth(label))));
  const left = MARGIN + labelWidth + GAP;
  // Room for the longest text even behind the longest bar, so no text leaves the card.
  const right = WIDTH - MARGIN - GAP - Math.max(...bars.map((bar) => textWidth(textsOf(bar, chart.unit).join(' '))));
  const plot = new Plot(chart, scale, left, right);
  const entries = chart.legend ?? [];

  let y = CONTENT_TOP + (entries.length > 0 ? HEADING_HEIGHT : 0);
  const rows: Markup[] = [];
  const areas: Area[] = [];
  for (const { label, bars: members } of chart.groups) {
    if (label !== undefined) {
      rows.push(textAt(MARGIN, y + 18, fitted(label, LABEL_SIZE, WIDTH - 2 * MARGIN), 'strong'));
      y += HEADING_HEIGHT;
    }
    const top = y;
    for (const bar of members) {
      rows.push(plot.row(bar, y, labelWidth));
      y += ROW_HEIGHT;
    }
    areas.push({ top, bottom: y });
    y += GROUP_GAP;
  }
  return card(caption, y + 32, markup`${legend(entries, CONTENT_TOP + 12)}${plot.axis(areas)}${rows}`);
}

function scaleOf({ isLog }: BarChart, bars: readonly Bar[]): Scale {
  // A goal is a value the eye compares with, so it has to be on the axis.
  const values = bars.flatMap(({ value, goal }) => (goal === undefined ? [value] : [value, goal.limit]));
  const high = Math.max(...values);
  if (!isLog) return linearScale(0, high);
  const positive = values.filter((value) => value > 0);
  // Half of the smallest: its bar needs a length.
  return positive.length === 0 ? linearScale(0, high) : logScale(Math.min(...positive) / 2, high);
}

/** The number with its unit and remark, and the goal. */
function textsOf({ value, remark, isModel, goal }: Bar, unit: string): readonly [figure: string, goal: string] {
  const number = `${shortNumber(value)}${unit === '' ? '' : ` ${unit}`}`;
  const figure = [number, isModel ? '(model)' : '', remark ?? ''].filter((text) => text !== '').join(' ');
  if (goal === undefined) return [figure, ''];
  return [figure, `goal ${RULES[goal.rule] ?? goal.rule} ${shortNumber(goal.limit)}: ${goal.met ? 'met' : 'NOT MET'}`];
}

const RULES: Readonly<Record<string, string>> = { '<=': '≤', '>=': '≥' };

/** From the first row of a group to its last: lines of the axis leave headings alone. */
interface Area {
  readonly top: number;
  readonly bottom: number;
}

/** Where the bars of one chart are. */
class Plot {
  constructor(
    private readonly chart: BarChart,
    private readonly scale: Scale,
    private readonly left: number,
    private readonly right: number,
  ) {}

  row(bar: Bar, y: number, labelWidth: number): Markup {
    const baseline = y + BAR_HEIGHT / 2 + 9.5;
    const end = this.x(bar.value);
    const goalX = bar.goal === undefined ? 0 : this.x(bar.goal.limit);
    const [figure, goal] = textsOf(bar, this.chart.unit);
    // Texts give way to the goal's mark where it would cross them.
    const width = textWidth(`${figure} ${goal}`);
    const isCrossed = goalX > end - 2 && goalX < end + GAP + width;
    const textX = (isCrossed ? goalX : end) + GAP;
    const isWhole = bar.parts === undefined;
    return markup`${textAt(this.left - GAP, baseline, fitted(bar.label, LABEL_SIZE, labelWidth), '', 'end')}
${isWhole ? this.whole(bar, y) : this.stack(bar.parts, y)}
${bar.goal === undefined ? undefined : lineAt(goalX, y + 2, goalX, y + ROW_HEIGHT - 2, 'ink-line')}
<text class="value" x="${tenths(textX)}" y="${tenths(baseline)}">${figure}${
  goal === '' ? undefined : markup`<tspan class="value muted" dx="6">${goal}</tspan>`}</text>
`;
  }

  axis(areas: readonly Area[]): Markup {
    const { bottom } = areas.at(-1)!;
    const across = (x: number, style: string): Markup[] => areas.map((area) => lineAt(x, area.top, x, area.bottom, style));
    let free = -Infinity;
    const ticks = this.scale.ticks.map((tick) => {
      const x = this.x(tick);
      const label = shortNumber(tick);
      const half = textWidth(label, 11) / 2;
      const lines = markup`${across(x, 'grid')}`;
      if (x - half < free) return lines;
      free = x + half + 4;
      return markup`${lines}${textAt(x, bottom + 16, label, 'small muted', 'middle')}\n`;
    });
    const name = this.scale.isLog ? `${this.chart.axis}, logarithmic` : this.chart.axis;
    return markup`${ticks}
${across(this.left, 'axis')}
${textAt(this.left, bottom + 34, name, 'small muted')}
`;
  }

  private whole({ value, tone, isModel }: Bar, y: number): Markup {
    const style = isModel ? `fill-${tone} line-${tone} model` : `fill-${tone}`;
    return rect(style, this.left, this.x(value), y);
  }

  private stack(parts: readonly BarPart[], y: number): Markup {
    let sum = 0;
    const drawn = parts.map(({ value, tone, isPale }) => {
      const from = this.x(sum);
      const to = this.x((sum += value));
      const text = shortNumber(value);
      const fits = textWidth(text, 11) + 10 < to - from;
      const middle = (from + to) / 2;
      const label = fits
        ? textAt(middle, y + BAR_HEIGHT / 2 + 9, text, isPale ? 'small' : 'small on-fill', 'middle')
        : undefined;
      // What is pale lets the axis' lines through, if nothing is behind it.
      const ground = isPale ? rect('hollow', from, to, y) : undefined;
      return markup`${ground}${rect(`fill-${tone}${isPale ? ' pale' : ''}`, from, to, y)}${label}`;
    });
    return markup`${drawn}`;
  }

  private x(value: number): number {
    return this.left + this.scale.at(value) * (this.right - this.left);
  }
}

function rect(style: string, from: number, to: number, y: number): Markup {
  // What rounds to nothing is still there.
  const width = Math.max(1, to - from);
  const top = y + (ROW_HEIGHT - BAR_HEIGHT) / 2;
  return markup`<rect class="${style}" x="${tenths(from)}" y="${top}" width="${tenths(width)}" height="${BAR_HEIGHT}"/>`;
}
