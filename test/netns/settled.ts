import type { Daemon } from './daemon.ts';
import type { LabNode } from './node.ts';
import { until, sleep, wallClock } from './wait.ts';
import type { Witness } from './witness.ts';

/** A director of a pair: the node and the daemon that runs, or ran last, on it. */
export interface Director {
  readonly node: LabNode;
  daemon: Daemon;
}

/** Flaps within one wait beyond which it is no busy machine any more. */
const FLAPS = 3;

/**
 * Waits until `master` owns `vip` and its adverts are heard, and that has been so for `watch` ms without a break: exactly one
 * owner among those whose daemon lives, no address coming or going, adverts from exactly one sender. Where a busy machine
 * holds a router up while things are still settling, the watch begins anew, a few times and within `bound`; the last one is
 * clean. Brings when the state was reached that then stayed (milliseconds since the epoch).
 */
export async function settles(spec: {
  readonly vip: string;
  readonly master: Director;
  readonly directors: readonly Director[];
  readonly witness: Witness;
  /** When the event happened whose outcome is awaited. */
  readonly since: number;
  readonly bound?: number;
  readonly watch?: number;
}): Promise<number> {
  const { vip, master, directors, witness, since, bound = 15_000, watch = 2500 } = spec;
  const end = wallClock() + bound;
  const tell = (): string => directors.map(({ node, daemon }) => `${node.name} has ${node.watch.all().join(' ')}\n${daemon.tail()}`).join('\n');
  const alone = (): boolean => directors.every(({ node, daemon }) => node.watch.has(vip) === (node === master.node) || (node !== master.node && !daemon.running));
  const heard = (from: number): string[] => [...new Set(witness.advertsSince(from).filter((advert) => advert.priority > 0).map((advert) => advert.mac))];

  /** What broke the state that began at `from`; null: nothing has. */
  const broken = (from: number): string | null => {
    if (!alone()) return `${master.node.name} did not own ${vip} alone for ${watch} ms`;
    const moved = directors.flatMap(({ node }) => node.watch.changes.filter((change) => change.at >= from && change.address === vip));
    if (moved.length > 0) return `${vip} came or went: ${JSON.stringify(moved)}`;
    const others = heard(from).filter((mac) => mac !== master.node.mac);
    return others.length === 0 ? null : `adverts from ${others.join(' and ')}, not from ${master.node.name} (${master.node.mac}) alone`;
  };

  for (let from = since, flaps = 0; ; flaps += 1) {
    await until(`${master.node.name} alone owns ${vip} and advertises`, Math.max(end - wallClock(), 0), () => alone() && heard(from).includes(master.node.mac), tell);
    // A rival may have sent its last advert in the turn in which it yielded; from here on there must be none.
    await sleep(60);
    const reached = wallClock();
    let problem = broken(reached);
    while (problem === null && wallClock() < reached + watch) {
      await sleep(20);
      problem = broken(reached);
    }
    if (problem === null) {
      // Late perhaps, on a busy machine, but it must come.
      await until(`${master.node.name} goes on advertising`, 3000, () => heard(reached).length > 0, tell);
      problem = broken(reached);
    }
    if (problem === null) return reached;
    if (flaps === FLAPS || wallClock() > end) throw new Error(`things do not settle: ${problem}\n${tell()}`);
    from = wallClock();
  }
}

/** When the address came to the node, at or after `since`. */
export function cameAt(node: LabNode, address: string, since: number): number {
  const change = node.watch.changes.find((one) => one.at >= since && one.present && one.address === address);
  if (change === undefined) throw new Error(`${address} did not come to ${node.name}`);
  return change.at;
}
