/** The plots of the joins bench: our server and Colyseus on both its transports. */
import type { BenchReport } from '../run.js';
import type { Bar } from './bar-chart.js';
import type { Tone } from './chart-card.js';
import { barsOf, type Figure } from './figure.js';

const SERVERS: readonly (readonly [label: string, key: string, tone: Tone])[] = [
  ['escapement', 'escapement', 'blue'],
  ['Colyseus, uWebSockets.js', 'colyseusUws', 'orange'],
  ['Colyseus, ws', 'colyseusWs', 'purple'],
];

export const JOINS_FIGURES: readonly Figure[] = [
  {
    name: 'joins-rate',
    title: 'Players joining rooms of 16',
    subtitle: 'By joinOrCreate, from the call to the first keyframe, the server on one core; more is better.',
    chart: (report) => ({
      kind: 'bars', groups: [{ bars: bars(report, 'JoinsPerSec') }], axis: 'joins per second', unit: '/s',
    }),
  },
  {
    name: 'joins-time',
    title: 'From the call to the first keyframe',
    subtitle: 'While a server has time for more players; less is better.',
    chart: (report) => ({
      kind: 'bars',
      groups: [{ label: 'p50', bars: bars(report, 'JoinP50Ms') }, { label: 'p99', bars: bars(report, 'JoinP99Ms') }],
      axis: 'ms',
      unit: 'ms',
    }),
  },
];

function bars(report: BenchReport, what: string): Bar[] {
  return barsOf(report, SERVERS.map(([label, key, tone]) => [label, key + what, tone]));
}
