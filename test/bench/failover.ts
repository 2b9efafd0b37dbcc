/**
 * How long a failover takes, seen on the wire (the kernel's time stamps): VRRPv2, advert_int 1, the backup's priority 100,
 * both routers of the same kind. Limits: RFC 3768's timers, 5 ms above in the median.
 *
 *     npm run bench failover -- --reps=10
 */
import type { DaemonKind } from '../netns/daemon.ts';
import { Lab } from '../netns/lab.ts';
import { pool, sleep, until } from '../netns/wait.ts';
import { benchKinds } from './support/kinds.ts';
import { median, numberOption, printTable, ratio, spread } from './support/table.ts';

const SKEW = ((256 - 100) / 256) * 1000;
const MARGIN = 5;
const EVENTS = ['SIGKILL', 'stop'] as const;
type Event = (typeof EVENTS)[number];

/** One failover, in milliseconds. */
interface Sample {
  /** Last advert of the old master (priority 0 when it was stopped) → first advert of the new one. */
  readonly timer: number;
  /** The signal → first advert of the new one. */
  readonly total: number;
  /** The signal → the priority-0 advert; null after SIGKILL. */
  readonly reaction: number | null;
}

const reps = numberOption('reps', 5);
const kinds = benchKinds(`Failover, ${reps} times each`);
const jobs = Array.from({ length: reps }, () => EVENTS.flatMap((event) => kinds.map((kind) => ({ event, kind })))).flat();
// Nearly all of it is waiting; one lab beside another hardly disturbs, more would.
const samples = await Promise.all(pool(numberOption('jobs', 2), jobs.map(({ event, kind }) => () => once(event, kind))));
const of = (event: Event, kind: DaemonKind): Sample[] => samples.filter((_, i) => jobs[i]?.event === event && jobs[i].kind === kind);

const rows: [string, string, (kind: DaemonKind) => number[], number | null][] = [
  ['SIGKILL: last advert → first of the new master', 'ms', (kind) => of('SIGKILL', kind).map((s) => s.timer), 3000 + SKEW + MARGIN],
  ['SIGKILL → first advert of the new master', 'ms', (kind) => of('SIGKILL', kind).map((s) => s.total), 3000 + SKEW + MARGIN],
  ['stop: SIGTERM → priority 0', 'ms', (kind) => of('stop', kind).flatMap((s) => (s.reaction === null ? [] : [s.reaction])), null],
  ['stop: priority 0 → first advert of the new master', 'ms', (kind) => of('stop', kind).map((s) => s.timer), SKEW + MARGIN],
  ['stop: SIGTERM → first advert of the new master', 'ms', (kind) => of('stop', kind).map((s) => s.total), SKEW + MARGIN],
];
printTable([
  ['median [least..most]', ...kinds, 'ours/keepalived', 'limit', 'ours'],
  ...rows.map(([name, unit, values, limit]) => [
    `${name}, ${unit}`,
    ...kinds.map((kind) => spread(values(kind))),
    ratio(values('ours'), values('keepalived')),
    limit === null ? '' : limit.toFixed(1),
    limit === null ? '' : median(values('ours')) <= limit ? 'within' : `${(median(values('ours')) - limit).toFixed(1)} late`,
  ]),
]);

async function once(event: Event, kind: DaemonKind): Promise<Sample> {
  const lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24' }, witness: 'tcpdump' });
  try {
    const { a, b } = lab.nodes;
    const { witness } = lab;
    const first = a.start(kind, configuration(255));
    const sentBy = (mac: string, since = 0): typeof witness.adverts => witness.advertsSince(since).filter((advert) => advert.mac === mac);
    await until('a is master', 10_000, () => sentBy(a.mac).length > 0, () => first.tail());
    const second = b.start(kind, configuration(100));
    await second.says(/Entering BACKUP STATE/, 10_000);
    // At least one advert heard, then any moment of the interval.
    await sleep(1200 + Math.random() * 1000);
    const since = event === 'SIGKILL' ? first.kill() : first.terminate();
    await until('b is master', 10_000, () => sentBy(b.mac, since).length > 0, () => `${first.tail()}\n${second.tail()}`, 50);
    const taken = sentBy(b.mac, since)[0];
    const last = sentBy(a.mac).at(-1);
    if (taken === undefined || last === undefined) throw new Error('no adverts captured');
    if (event === 'stop' && last.priority !== 0) throw new Error(`${kind} stopped without priority 0`);
    return { timer: taken.at - last.at, total: taken.at - since, reaction: event === 'stop' ? last.at - since : null };
  } finally {
    lab.close();
  }
}

function configuration(priority: number): string {
  return `vrrp_instance VI_1 {
  state ${priority === 255 ? 'MASTER' : 'BACKUP'}
  interface eth0
  virtual_router_id 51
  priority ${priority}
  advert_int 1
  virtual_ipaddress {
    192.0.2.100/24
  }
}
`;
}
