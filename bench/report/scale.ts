/** From values to places along an axis, and the values that the axis names. */
export interface Scale {
  /** 0 at the axis' beginning, 1 at its end; what lies outside is put at the nearer end. */
  at(value: number): number;
  readonly ticks: readonly number[];
  readonly isLog: boolean;
}

const STEPS = [1, 2, 2.5, 5, 10];
const INTERVALS_MAX = 6;

/** Steps of 1, 2, 2.5 or 5 that hold both ends. */
export function linearScale(low: number, highest: number): Scale {
  // Where nothing rises over the beginning, an axis of one unit says so.
  const high = highest > low ? highest : low + 1;
  const rough = (high - low) / INTERVALS_MAX;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * STEPS.find((each) => each * power >= rough * 0.999)!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => cleanDecimal((first + i) * step));
  const [from, to] = [first * step, last * step];
  return { at: (value) => clamped((value - from) / (to - from)), ticks, isLog: false };
}

/** From the 1, 2 or 5 below `low` to the one above `high`; over more than three decades it names the powers of ten. */
export function logScale(low: number, high: number): Scale {
  if (!(low > 0)) throw new RangeError(`a logarithmic axis can't begin at ${low}; leave out what isn't positive`);
  const roomy = high / low > 1000;
  const multiples = roomy ? [1] : [1, 2, 5];
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)) + 1; power += 1) {
    for (const multiple of multiples) all.push(Number(`${multiple}e${power}`));
  }
  const last = Math.max(1, all.findIndex((tick) => tick >= high * 0.999_999));
  const first = Math.min(last, all.findIndex((tick) => tick > low * 1.000_001)) - 1;
  const from = Math.log(all[first]!);
  const to = Math.log(all[last]!);
  const at = (value: number): number => (value > 0 ? clamped((Math.log(value) - from) / (to - from)) : 0);
  return { at, ticks: all.slice(first, last + 1), isLog: true };
}

/** The given values are its ticks, as where rooms were doubled from run to run. */
export function logScaleOf(values: readonly number[]): Scale {
  const ticks = [...new Set(values)].sort((a, b) => a - b);
  const from = Math.log(ticks[0]!);
  const span = Math.log(ticks.at(-1)!) - from;
  // A single value stands in the middle.
  return { at: (value) => (span === 0 ? 0.5 : clamped((Math.log(value) - from) / span)), ticks, isLog: true };
}

function clamped(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** 0.6000000000000001 is 0.6. */
function cleanDecimal(value: number): number {
  return Number(value.toPrecision(12));
}
