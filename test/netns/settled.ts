import type { AddressWatch } from './address-watch.ts';
import type { Daemon } from './daemon.ts';
import type { LabNode } from './node.ts';
import { until, sleep, wallClock } from './wait.ts';
import type { Advert, Witness } from './witness.ts';

/** What a router holds, now and in the past. */
export type Holdings = Pick<AddressWatch, 'has' | 'all' | 'changes'>;

/** A director of a pair: the node and the daemon that runs, or ran last, on it. */
export interface Director {
  readonly node: LabNode;
  daemon: Daemon;
  /** Where holding an address is more than having it on the machine; default: the node's addresses. */
  readonly holdings?: Holdings;
  /** Whether an advert is this one's, where its MAC does not tell. */
  readonly sent?: (advert: Advert) => boolean;
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
  /** Addresses that are where `vip` is. */
  readonly along?: readonly string[];
  readonly master: Director;
  readonly directors: readonly Director[];
  readonly witness: Witness;
  /** When the event happened whose outcome is awaited. */
  readonly since: number;
  readonly bound?: number;
  readonly watch?: number;
}): Promise<number> {
  const { vip, along = [], master, directors, witness, since, bound = 15_000, watch = 2500 } = spec;
  const vips = [vip, ...along];
  const end = wallClock() + bound;
  const tell = (): string => directors.map((director) => `${director.node.name} has ${holdings(director).all().join(' ')}\n${director.daemon.tail()}`).join('\n');
  const holds = (director: Director): boolean => vips.some((address) => holdings(director).has(address));
  const alone = (): boolean => vips.every((address) => holdings(master).has(address)) && directors.every((one) => one === master || !one.daemon.running || !holds(one));
  const heard = (from: number): Advert[] => witness.advertsSince(from).filter((advert) => advert.priority > 0);
  const sent = master.sent ?? ((advert: Advert) => advert.mac === master.node.mac);

  /** What broke the state that began at `from`; null: nothing has. */
  const broken = (from: number): string | null => {
    if (!alone()) return `${master.node.name} did not own ${vips.join(' ')} alone for ${watch} ms`;
    const moved = directors.flatMap((one) => holdings(one).changes.filter((change) => change.at >= from && vips.includes(change.address)));
    if (moved.length > 0) return `${vips.join(' ')} came or went: ${JSON.stringify(moved)}`;
    const others = heard(from).filter((advert) => !sent(advert));
    return others.length === 0 ? null : `adverts from others than ${master.node.name}: ${JSON.stringify(others)}`;
  };

  for (let from = since, flaps = 0; ; flaps += 1) {
    await until(`${master.node.name} alone owns ${vip} and advertises`, Math.max(end - wallClock(), 0), () => alone() && heard(from).some(sent), tell);
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

/** When the address came to a director, at or after `since`. */
export function cameAt(director: Director, address: string, since: number): number {
  const change = holdings(director).changes.find((one) => one.at >= since && one.present && one.address === address);
  if (change === undefined) throw new Error(`${address} did not come to ${director.node.name}`);
  return change.at;
}

function holdings(director: Director): Holdings {
  return director.holdings ?? director.node.watch;
}
