/**
 * The card that every chart is drawn on: its size, colours, letters and captions.
 *
 * A README shows the pictures as images, which know the reader's system but not the page they are on: GitHub in its dark
 * theme on a bright system is common. So a card brings its own background, bright or dark, and is legible on both pages.
 */
import { markup, trusted, type Markup } from './markup.js';

export const WIDTH = 820;
export const MARGIN = 24;
export const LABEL_SIZE = 13;

/** Who or what a mark stands for; the same in all charts. */
export type Tone = 'blue' | 'orange' | 'purple' | 'green' | 'grey';

/** Bright card, dark card. Each has a contrast of 4.5 or more to its card, as labels are written in them, too. */
const TONES: Readonly<Record<Tone, readonly [bright: string, dark: string]>> = {
  blue: ['#0969da', '#58a6ff'],
  orange: ['#bc4c00', '#f0883e'],
  purple: ['#8250df', '#bc8cff'],
  green: ['#1a7f37', '#3fb950'],
  grey: ['#656d76', '#9aa4af'],
};

const NEUTRALS = {
  card: ['#ffffff', '#0d1117'],
  edge: ['#d0d7de', '#30363d'],
  ink: ['#1f2328', '#e6edf3'],
  muted: ['#59636e', '#9aa4af'],
  grid: ['#e4e8ec', '#21262d'],
  axis: ['#8c959f', '#6e7681'],
} as const;

function coloursOf(theme: 0 | 1): string {
  const { card, edge, ink, muted, grid, axis } = NEUTRALS;
  const tones = Object.entries(TONES).map(([tone, shades]) =>
    `.chart .fill-${tone}{fill:${shades[theme]}}.chart .line-${tone}{stroke:${shades[theme]}}`);
  return [
    `.chart .card{fill:${card[theme]};stroke:${edge[theme]}}`,
    `.chart text{fill:${ink[theme]}}`,
    `.chart .muted{fill:${muted[theme]}}`,
    `.chart .value{stroke:${card[theme]}}`,
    `.chart .on-fill{fill:${card[theme]}}`,
    `.chart .ink-line{stroke:${ink[theme]}}`,
    `.chart .grid{stroke:${grid[theme]}}`,
    `.chart .axis{stroke:${axis[theme]}}`,
    `.chart .hollow{fill:${card[theme]}}`,
    ...tones,
  ].join('\n');
}

/** Style sheet of a picture of its own, and once of a page with many. */
export const CHART_STYLE = `
.chart text{font:${LABEL_SIZE}px -apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
.chart .title{font-size:16px;font-weight:600}
.chart .strong{font-weight:600}
.chart .small{font-size:11px}
.chart .line{fill:none;stroke-width:2;stroke-linejoin:round}
.chart .thin{stroke-width:1}
.chart .dashed{stroke-dasharray:6 4}
.chart .pale{opacity:.45}
.chart .value{paint-order:stroke;stroke-width:4px;stroke-linejoin:round}
.chart .model{fill-opacity:.18;stroke-width:1.5;stroke-dasharray:4 3}
${coloursOf(0)}
@media (prefers-color-scheme:dark){
${coloursOf(1)}
}
`;

export interface Caption {
  readonly title: string;
  /** What is shown, in which unit, and which way is better. */
  readonly subtitle: string;
  /** Where the figures come from. */
  readonly source: string;
}

/** The top of what a chart draws itself. */
export const CONTENT_TOP = 80;
const SOURCE_HEIGHT = 36;

/** @param bottom the bottom of what the chart has drawn. */
export function card({ title, subtitle, source }: Caption, bottom: number, content: Markup): Markup {
  const height = Math.ceil(bottom + SOURCE_HEIGHT);
  const inner = WIDTH - 2 * MARGIN;
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" width="${WIDTH}" height="${height}" ${
    trusted(`viewBox="0 0 ${WIDTH} ${height}"`)}>
<title>${title}: ${subtitle}</title>
<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>
${textAt(MARGIN, 36, fitted(title, 16, inner), 'title')}
${textAt(MARGIN, 57, fitted(subtitle, LABEL_SIZE, inner), 'muted')}
${content}
${textAt(MARGIN, height - 14, fitted(source, 11, inner), 'small muted')}
</svg>
`;
}

/** A picture that stands alone: the card with its style sheet inside. */
export function standalone({ text }: Markup): string {
  return text.replace('>', `>\n<style>${CHART_STYLE}</style>`);
}

export type Anchor = 'start' | 'middle' | 'end';

export function textAt(x: number, y: number, text: string, style = '', anchor: Anchor = 'start'): Markup {
  return markup`<text class="${style}" x="${tenths(x)}" y="${tenths(y)}" text-anchor="${anchor}">${text}</text>`;
}

export function lineAt(x1: number, y1: number, x2: number, y2: number, style: string): Markup {
  return markup`<line class="${style}" x1="${tenths(x1)}" y1="${tenths(y1)}" x2="${tenths(x2)}" y2="${tenths(y2)}"/>`;
}

/** Nobody sees more, and files stay readable. */
export function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

/**
 * About as wide as the text will be, rather more: nobody knows the reader's font. Shares of the size, measured of
 * Helvetica and widened by what Segoe UI and DejaVu Sans need.
 */
export function textWidth(text: string, size = LABEL_SIZE): number {
  let width = 0;
  for (const character of text) {
    if (/[ijl.,:;'|!()[\] ]/.test(character)) width += 0.34;
    else if (/[mwMW@%]/.test(character)) width += 0.92;
    else if (/[A-Z]/.test(character)) width += 0.7;
    else if (character > '\u2fff') width += 1.05;
    else width += 0.58;
  }
  return width * size;
}

/** The text, or as much of it as there is room for. */
export function fitted(text: string, size: number, width: number): string {
  if (textWidth(text, size) <= width) return text;
  const characters = [...text];
  while (characters.length > 0 && textWidth(`${characters.join('')}…`, size) > width) characters.pop();
  return `${characters.join('').trimEnd()}…`;
}

/** Names beside samples of their colour, in one row. */
export interface LegendEntry {
  readonly label: string;
  readonly tone: Tone;
  readonly isPale?: boolean;
}

export function legend(entries: readonly LegendEntry[], y: number): Markup {
  let x = MARGIN;
  const drawn = entries.map(({ label, tone, isPale }) => {
    const style = `fill-${tone}${isPale ? ' pale' : ''}`;
    const swatch = markup`<rect class="${style}" x="${tenths(x)}" y="${y - 10}" width="12" height="12" rx="2"/>`;
    const name = textAt(x + 18, y, label);
    x += 18 + textWidth(label) + 20;
    return markup`${swatch}${name}\n`;
  });
  return markup`${drawn}`;
}
