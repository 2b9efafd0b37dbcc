import { expect } from 'chai';
import type { Daemon } from './daemon.ts';
import { Frr } from './frr.ts';
import { Lab } from './lab.ts';
import { MODES, prepare, PRIORITY } from './matrix-modes.ts';
import type { Mode, Role } from './matrix-modes.ts';
import { cameAt, settles } from './settled.ts';
import type { Director, Holdings } from './settled.ts';
import { wallClock } from './wait.ts';
import type { Advert } from './witness.ts';

export type Router = 'ours' | 'keepalived' | 'FRR';

/** For each way in which a left: from the event to the addresses on b, in milliseconds. */
export interface Played {
  readonly stop: number;
  readonly kill: number;
  readonly loss: number;
}

/**
 * Election, graceful stop, return, SIGKILL, return, link loss, return: with `first` on a, the preferred one, and `second` on
 * b. After each, exactly one owner and one sender; throws where not.
 */
export async function playMode(name: string, first: Router, second: Router): Promise<Played> {
  const mode = MODES[name];
  if (mode === undefined) throw new Error(`no mode ${name}`);
  const lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24' } });
  try {
    await prepare(lab, mode);
    const a = await Side.open(lab, mode, 'a', first);
    const b = await Side.open(lab, mode, 'b', second);
    const master = (one: Side, since: number): Promise<number> => settled(lab, mode, one, one === a ? b : a, since);
    const elected = a.started();
    b.started();
    await master(a, elected);

    const leaving = a.daemon.terminate();
    const stop = await left(leaving, b, master, mode);
    if (first === 'ours') expect(lab.witness.advertsSince(leaving).map((advert) => advert.priority), 'a priority 0 on leaving').to.include(0);
    const { status } = await a.daemon.ended(10_000);
    expect(status, 'exit status of a stopped daemon').to.equal(0);
    await master(a, a.started());
    const kill = await left(a.daemon.kill(), b, master, mode);
    await master(a, a.started());
    const loss = await left(await lose(lab, mode), b, master, mode);
    const healed = wallClock();
    await (mode.loss === undefined ? lab.nodes.a.carrier('up') : lab.nodes.a.sh(mode.loss.heal));
    await master(a, healed);

    for (const advert of lab.witness.adverts) {
      expect(advert, JSON.stringify(advert)).to.include(mode.adverts);
      expect(Object.values(PRIORITY).concat(0)).to.include(advert.priority);
    }
    return { stop, kill, loss };
  } finally {
    lab.close();
  }
}

/** One of the two routers: its node, its daemon once started, and how to tell what it does. */
class Side implements Director {
  readonly node: Director['node'];
  readonly holdings: Holdings;
  readonly sent: (advert: Advert) => boolean;
  private current: Daemon | null = null;
  private readonly start: () => Daemon;

  static async open(lab: Lab<Role>, mode: Mode, role: Role, kind: Router): Promise<Side> {
    const node = lab.nodes[role];
    if (kind !== 'FRR') return new Side(role, node, node.watch, () => node.start(kind, mode.configuration(role)));
    const lines = mode.frr?.(role);
    if (lines === undefined) throw new Error('not a mode of FRR');
    const frr = await Frr.prepare(node, 51, mode.vips);
    return new Side(role, node, frr, () => frr.start(lines));
  }

  private constructor(role: Role, node: Director['node'], holdings: Holdings, start: () => Daemon) {
    this.node = node;
    this.holdings = holdings;
    this.start = start;
    this.sent = (advert) => advert.priority === PRIORITY[role];
  }

  get daemon(): Daemon {
    if (this.current === null) throw new Error(`${this.node.name} was not started`);
    return this.current;
  }

  /** Starts its daemon; brings when. */
  started(): number {
    this.current = this.start();
    return this.current.started;
  }
}

function settled(lab: Lab<Role>, mode: Mode, master: Side, other: Side, since: number): Promise<number> {
  const [vip = '', ...along] = mode.vips;
  // A CI machine plays many of these at a time.
  return settles({ vip, along, master, directors: [master, other], witness: lab.witness, since, bound: 40_000, watch: 1500 });
}

/** After a left at `since`: how long until all addresses were on b. */
async function left(since: number, b: Side, master: (one: Side, since: number) => Promise<number>, mode: Mode): Promise<number> {
  await master(b, since);
  return Math.max(...mode.vips.map((vip) => cameAt(b, vip, since) - since));
}

async function lose(lab: Lab<Role>, mode: Mode): Promise<number> {
  const since = wallClock();
  await (mode.loss === undefined ? lab.nodes.a.carrier('down') : lab.nodes.a.sh(mode.loss.lose));
  return since;
}
