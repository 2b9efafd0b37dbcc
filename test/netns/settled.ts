import type { Daemon } from './daemon.ts';
import type { LabNode } from './node.ts';
import { until, sleep, wallClock } from './wait.ts';
import type { Witness } from './witness.ts';

/** A director of a pair: the node and the daemon that runs, or ran last, on it. */
export interface Director {
  readonly node: LabNode;
  daemon: Daemon;
}

/**
 * Waits until `master` owns `vip` and its adverts are heard, then watches for `watch` ms that it stays so: exactly one
 * owner among those whose daemon lives, no address coming or going, adverts from exactly one sender. Brings when the
 * state was reached (milliseconds since the epoch).
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
  const tell = (): string => directors.map(({ node, daemon }) => `${node.name} has ${node.watch.all().join(' ')}\n${daemon.tail()}`).join('\n');
  const alone = (): boolean => directors.every(({ node, daemon }) => node.watch.has(vip) === (node === master.node) || (node !== master.node && !daemon.running));
  const heard = (from: number): string[] => [...new Set(witness.advertsSince(from).filter((advert) => advert.priority > 0).map((advert) => advert.mac))];
  await until(`${master.node.name} alone owns ${vip} and advertises`, bound, () => alone() && heard(since).includes(master.node.mac), tell);
  // A rival may have sent its last advert in the turn in which it yielded; from here on there must be none.
  await sleep(60);
  const reached = wallClock();
  while (wallClock() < reached + watch) {
    if (!alone()) throw new Error(`${master.node.name} owned ${vip} alone, but not for ${watch} ms\n${tell()}`);
    await sleep(20);
  }
  // Late perhaps, on a busy machine, but it must come.
  await until(`${master.node.name} goes on advertising`, 3000, () => heard(reached).length > 0, tell);
  const moved = directors.flatMap(({ node }) => node.watch.changes.filter((change) => change.at >= reached && change.address === vip));
  if (moved.length > 0) throw new Error(`${vip} came or went after things had settled: ${JSON.stringify(moved)}\n${tell()}`);
  const senders = heard(reached);
  if (senders.length !== 1 || senders[0] !== master.node.mac) {
    throw new Error(`adverts from ${senders.join(' and ') || 'nobody'}, not from ${master.node.name} (${master.node.mac}) alone\n${tell()}`);
  }
  return reached;
}

/** When the address came to the node, at or after `since`. */
export function cameAt(node: LabNode, address: string, since: number): number {
  const change = node.watch.changes.find((one) => one.at >= since && one.present && one.address === address);
  if (change === undefined) throw new Error(`${address} did not come to ${node.name}`);
  return change.at;
}
