/**
 * Start, stop and rest: how soon a master advertises and has its address, how soon it is gone, and what it costs while
 * nothing happens. One virtual router that owns its address (priority 255), one advert a second.
 *
 *     npm run bench footprint -- --reps=10
 */
import type { DaemonKind } from '../netns/daemon.ts';
import { Lab } from '../netns/lab.ts';
import { sleep, until } from '../netns/wait.ts';
import { benchKinds } from './support/kinds.ts';
import { numberOption, printTable, ratio, spread } from './support/table.ts';
import { cpu, residentKilobytes } from './support/usage.ts';

const VIP = '192.0.2.100/24';
const CONFIGURATION = `vrrp_instance VI_1 {
  state MASTER
  interface eth0
  virtual_router_id 51
  priority 255
  virtual_ipaddress {
    ${VIP}
  }
}
`;
/** The second burst of gratuitous ARP comes 5 s after the first, and V8 tidies up for some ten seconds after the start. */
const SETTLE = 15_000;
/** How long the idle daemon is watched. */
const REST = 5000;
interface Sample {
  readonly advert: number;
  readonly address: number;
  readonly gone: number;
  readonly exit: number;
  readonly rss: number;
  readonly cpu: number;
  readonly processes: number;
}

const reps = numberOption('reps', 3);
const kinds = benchKinds(`Start, stop and rest, ${reps} times each`);
const samples = new Map<DaemonKind, Sample[]>(kinds.map((kind) => [kind, []]));
for (let i = 0; i < reps; i += 1) for (const kind of kinds) samples.get(kind)?.push(await once(kind));

const rows: [string, keyof Sample, number][] = [
  ['start → first advert, ms', 'advert', 1],
  ['start → address there, ms', 'address', 1],
  ['SIGTERM → address gone, ms', 'gone', 1],
  ['SIGTERM → exit, ms', 'exit', 1],
  ['resident memory, all processes, MB', 'rss', 1],
  ['CPU at rest, ms per s', 'cpu', 2],
  ['processes', 'processes', 0],
];
const values = (kind: DaemonKind, key: keyof Sample): number[] => (samples.get(kind) ?? []).map((sample) => sample[key]);
printTable([
  ['median [least..most]', ...kinds, 'ours/keepalived'],
  ...rows.map(([name, key, digits]) => [name, ...kinds.map((kind) => spread(values(kind, key), digits)), ratio(values('ours', key), values('keepalived', key))]),
]);
console.log('(times from spawning nsenter)');

async function once(kind: DaemonKind): Promise<Sample> {
  const lab = await Lab.open({ nodes: { a: '192.0.2.1/24' }, witness: 'tcpdump' });
  try {
    const { a } = lab.nodes;
    const { witness } = lab;
    const daemon = a.start(kind, CONFIGURATION);
    await until('it advertises and has its address', 15_000, () => witness.adverts.length > 0 && a.watch.has(VIP), () => daemon.tail());
    await sleep(SETTLE);
    const before = cpu(daemon.pids());
    await sleep(REST);
    const pids = daemon.pids();
    const used = cpu(pids) - before;
    const rss = pids.reduce((sum, pid) => sum + residentKilobytes(pid), 0) / 1024;
    const since = daemon.terminate();
    const { at: exited } = await daemon.ended(10_000);
    await a.holds(VIP, 2000, false);
    const came = a.watch.changes.find((change) => change.present && change.address === VIP);
    const went = a.watch.changes.find((change) => !change.present && change.address === VIP);
    const first = witness.adverts[0];
    if (came === undefined || went === undefined || first === undefined) throw new Error('the address was not seen coming and going');
    return {
      advert: first.at - daemon.started,
      address: came.at - daemon.started,
      gone: went.at - since,
      exit: exited - since,
      rss,
      cpu: used / (REST / 1000),
      processes: pids.length,
    };
  } finally {
    lab.close();
  }
}
