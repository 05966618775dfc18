/** What a metric's name says about it (its unit, the size it is for), and numbers as people read them. */

/** Names end in their unit, unless the size that was measured comes behind it: `encodeUs1000`, `rssMiBAt32TwoCores`. */
const SIZE = /^(?<stem>.*?)(?<relation>At|Of)?(?<![P\d])(?<size>\d+)(?<tail>[A-Z][A-Za-z]*)?$/;

export interface SizedName {
  /** `escapementRssMiB` of `escapementRssMiBAt32`. */
  readonly stem: string;
  /** `At`, `Of` or nothing. */
  readonly relation: string;
  readonly size: number;
  /** `TwoCores`, `Clients` or nothing. */
  readonly tail: string;
}

/** The parts of a name that says for which size it is. The digits of a quantile (`latencyP50Ms`) are no size. */
export function sizedName(name: string): SizedName | undefined {
  const parts = SIZE.exec(name)?.groups;
  if (parts === undefined || parts['stem'] === '') return undefined;
  const { stem, relation = '', size, tail = '' } = parts;
  return { stem: stem!, relation, size: Number(size), tail };
}

/** `µs per snapshot`, `MiB`, `rooms`; nothing for a count of what the name says. */
export function unitOf(name: string): string {
  return unitOfStem(sizedName(name)?.stem ?? name);
}

const UNITS: Readonly<Record<string, string>> = {
  bytes: 'B', cores: 'cores', hz: 'Hz', mib: 'MiB', ms: 'ms', percent: '%', sec: 's', share: 'of 1', us: 'µs',
};
/** The measure, then what it is for one of: `Us` and `PerSnapshot`. The `Sec` of `PerSec` is not what is measured. */
const MEASURE = /(?:^|[a-z0-9])(?<!Per)(Bytes|Cores|Hz|Mi[Bb]|Ms|Percent|Sec|Share|Us)((?:Per[A-Z][A-Za-z]*)?)$/;
const RATE = /(Per[A-Z][A-Za-z]*)$/;
const RATIO = /(?:[a-z\d]Over[A-Z][A-Za-z]*|PerColyseus|PerEntropy|PerSum|Ratio)$/;
/** Where it was measured, behind the unit: `jitterP99MsTwoCores`. */
const PLACE = /(?:OneCore|TwoCores)$/;

function unitOfStem(stem: string): string {
  const name = (stem[0]!.toUpperCase() + stem.slice(1)).replace(/(?:Min|Max)$/, '');
  if (RATIO.test(name)) return 'ratio';
  if (/Rooms/.test(name)) return 'rooms';
  const measure = MEASURE.exec(name.replace(PLACE, ''));
  if (measure !== null) return unitPer(UNITS[measure[1]!.toLowerCase()]!, measure[2]!);
  const rate = RATE.exec(name);
  return rate === null ? '' : unitPer('', rate[1]!);
}

/** `B` and `PerClientPerSec` are `B/s per client`. */
function unitPer(unit: string, chain: string): string {
  const shares = chain.split('Per').filter((share) => share !== '');
  const perSec = shares.includes('Sec') ? '/s' : '';
  const others = shares.filter((share) => share !== 'Sec').map((share) => ` per ${inWords(share)}`);
  return (unit + perSec + others.join('')).trim();
}

/** `IdleConnection` is `idle connection`. */
export function inWords(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
}

/** Three digits that count, for bars and axes: 30.5 M, 2,450, 0.15. */
export function shortNumber(value: number): string {
  if (Math.abs(value) >= 1e6) return `${inDigits(value / 1e6, 3)} M`;
  return Math.abs(value) >= 1000 ? inDigits(Math.round(value), 15) : inDigits(value, 3);
}

/** Four digits that count and every one before the point, for tables. */
export function fullNumber(value: number): string {
  return Math.abs(value) >= 1000 ? inDigits(Math.round(value), 15) : inDigits(value, 4);
}

function inDigits(value: number, digits: number): string {
  // Adding 0 makes -0 a 0. A hyphen is too short for a minus.
  return (value + 0).toLocaleString('en-US', { maximumSignificantDigits: digits }).replace('-', '\u2212');
}
