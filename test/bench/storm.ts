/**
 * A master at ten adverts a second while 5,000 forged ones a second come in: how late its own are, what it costs, and what the
 * log makes of it.
 *
 *     npm run bench storm -- --seconds=20
 *
 * keepalived 2.2.7 begins its interval anew with each advert that it rejects, so that it is silent as long as they come.
 */
import type { DaemonKind } from '../netns/daemon.ts';
import { Lab } from '../netns/lab.ts';
import { INTERVAL, masters, RATE, weather, type Weathered } from '../netns/storm.ts';
import { benchKinds } from './support/kinds.ts';
import { numberOption, printTable } from './support/table.ts';
import { cpu } from './support/usage.ts';

const seconds = numberOption('seconds', 10);
const kinds = benchKinds(`A storm of ${RATE} forged adverts a second, ${seconds} s`);
const measured = new Map<DaemonKind, Weathered & { readonly cpu: number }>();
for (const kind of kinds) measured.set(kind, await once(kind));

const rows: [string, (one: Weathered & { readonly cpu: number }) => number, number][] = [
  ['between two adverts, median, ms', ({ gaps }) => quantile(gaps.map(({ ms }) => ms), 0.5), 2],
  ['between two adverts, 99 %, ms', ({ gaps }) => quantile(gaps.map(({ ms }) => ms), 0.99), 2],
  ['between two adverts, most, ms', ({ gaps }) => quantile(gaps.map(({ ms }) => ms), 1), 2],
  [`later than one interval of ${INTERVAL} ms`, ({ gaps }) => gaps.filter(({ ms }) => ms > 2 * INTERVAL).length, 0],
  ['forged packets between two adverts, most', ({ gaps }) => quantile(gaps.map(({ forged }) => forged), 1), 0],
  ['waited for a processor, ms', ({ waited }) => waited, 0],
  ['CPU, µs for a forged packet', (one) => (1000 * one.cpu) / one.sent, 1],
  ['lines of the log', ({ lines }) => lines.length, 0],
  ['gratuitous ARPs', ({ garps }) => garps, 0],
];
printTable([
  [`${INTERVAL} ms, ${seconds * RATE} forged packets`, ...kinds],
  ...rows.map(([name, value, digits]) => [name, ...kinds.map((kind) => { const one = measured.get(kind); return one === undefined ? '–' : value(one).toFixed(digits); })]),
]);
const ours = measured.get('ours');
if (ours !== undefined) console.log(`\nours counted ${JSON.stringify(ours.counted)}, lost in a full receive buffer ${ours.lost}, of ${ours.sent} sent`);

async function once(kind: DaemonKind): Promise<Weathered & { readonly cpu: number }> {
  const lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24' }, witness: 'tcpdump' });
  try {
    const daemon = await masters(lab, kind);
    const before = cpu(daemon.pids());
    const weathered = await weather(lab, daemon, seconds * RATE);
    return { ...weathered, cpu: cpu(daemon.pids()) - before };
  } finally {
    lab.close();
  }
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
}
