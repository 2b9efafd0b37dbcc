/**
 * Many virtual routers on one link, nothing happening: what it costs to keep them, and how evenly their adverts come.
 *
 *     npm run bench jitter -- --seconds=20
 */
import type { DaemonKind } from '../netns/daemon.ts';
import { Lab } from '../netns/lab.ts';
import { sleep, until, wallClock } from '../netns/wait.ts';
import type { Advert } from '../netns/witness.ts';
import { benchKinds } from './support/kinds.ts';
import { numberOption, printTable } from './support/table.ts';
import { cpu, residentKilobytes } from './support/usage.ts';

interface Load {
  readonly name: string;
  readonly routers: number;
  /** Milliseconds. */
  readonly interval: number;
}

interface Measured {
  readonly cpu: number;
  readonly rss: number;
  /** How far the time between two adverts of one router was from its interval, milliseconds, ascending. */
  readonly off: readonly number[];
  /** Adverts a second, of those that there should be. */
  readonly sent: number;
}

const LOADS: readonly Load[] = [
  { name: '255 virtual routers, an advert a second', routers: 255, interval: 1000 },
  { name: '50 virtual routers, ten adverts a second', routers: 50, interval: 100 },
];
/** Addresses are announced a second time after 5 s, and V8 tidies up for some ten seconds after the start. */
const SETTLE = 15_000;

const seconds = numberOption('seconds', 10);
const kinds = benchKinds(`Adverts of many virtual routers, ${seconds} s at rest`);
for (const load of LOADS) {
  const measured = new Map<DaemonKind, Measured>();
  for (const kind of kinds) measured.set(kind, await once(kind, load));
  const rows: [string, (one: Measured) => number, number][] = [
    ['CPU, ms per s', (one) => one.cpu, 1],
    ['resident memory, all processes, MB', (one) => one.rss, 1],
    ['off the interval, median, ms', (one) => quantile(one.off, 0.5), 3],
    ['off the interval, 99 %, ms', (one) => quantile(one.off, 0.99), 3],
    ['off the interval, most, ms', (one) => quantile(one.off, 1), 3],
    ['adverts, of those due', (one) => one.sent, 3],
  ];
  printTable([
    [load.name, ...kinds, 'ours/keepalived'],
    ...rows.map(([name, value, digits]) => {
      const cells = kinds.map((kind) => { const one = measured.get(kind); return one === undefined ? NaN : value(one); });
      const [ours = NaN, theirs = NaN] = cells;
      return [name, ...cells.map((cell) => cell.toFixed(digits)), Number.isNaN(theirs) ? '–' : (ours / theirs).toFixed(2)];
    }),
  ]);
  console.log('');
}

async function once(kind: DaemonKind, load: Load): Promise<Measured> {
  const lab = await Lab.open({ nodes: { a: '192.0.2.1/24' }, witness: 'tcpdump' });
  try {
    const daemon = lab.nodes.a.start(kind, configuration(load));
    const heard = (): number => new Set(lab.witness.adverts.map((advert) => advert.vrid)).size;
    await until('all are masters', 30_000, () => heard() === load.routers, () => daemon.tail());
    await sleep(SETTLE);
    const from = wallClock();
    const before = cpu(daemon.pids());
    await sleep(seconds * 1000);
    const pids = daemon.pids();
    const used = cpu(pids) - before;
    const took = wallClock() - from;
    const adverts = lab.witness.advertsSince(from);
    return {
      cpu: used / (took / 1000),
      rss: pids.reduce((sum, pid) => sum + residentKilobytes(pid), 0) / 1024,
      off: deviations(adverts, load.interval),
      sent: adverts.length / ((load.routers * took) / load.interval),
    };
  } finally {
    lab.close();
  }
}

function deviations(adverts: readonly Advert[], interval: number): number[] {
  const last = new Map<number, number>();
  const off: number[] = [];
  for (const { vrid, at } of adverts) {
    const before = last.get(vrid);
    if (before !== undefined) off.push(Math.abs(at - before - interval));
    last.set(vrid, at);
  }
  return off.sort((a, b) => a - b);
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
}

function configuration({ routers, interval }: Load): string {
  return Array.from({ length: routers }, (_, i) => `vrrp_instance VI_${i + 1} {
  state MASTER
  interface eth0
  version 3
  virtual_router_id ${i + 1}
  priority 255
  advert_int ${interval / 1000}
  virtual_ipaddress {
    10.1.0.${i + 1}/32
  }
}
`).join('');
}
