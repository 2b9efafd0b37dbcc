import { expect } from 'chai';
import type { DaemonKind } from './daemon.ts';
import { Lab } from './lab.ts';
import { cameAt, settles } from './settled.ts';
import type { Director } from './settled.ts';
import { wallClock } from './wait.ts';
import type { Witness } from './witness.ts';

/** What is played with each pair; all begin with both running and `a`, of higher priority, the master. */
export const SCENARIOS: Readonly<Record<string, (pair: Pair) => Promise<void>>> = {
  election: async (pair) => {
    // Both ran from the start; the lower one never sent an advert.
    expect(pair.witness.adverts.filter((advert) => advert.mac === pair.b.node.mac)).to.have.length(0);
    for (const advert of pair.witness.adverts) {
      expect(advert).to.include({ version: 2, vrid: 51, ttl: 255, priority: 150, to: '224.0.0.18' });
    }
    await Promise.resolve();
  },

  'graceful stop': async (pair) => {
    const since = wallClock();
    pair.a.daemon.terminate();
    await pair.taken(pair.b, since);
    expect((await pair.a.daemon.ended(5000)).status, 'exit status of a stopped daemon').to.equal(0);
    const zeros = pair.witness.advertsSince(since).filter((advert) => advert.priority === 0);
    expect(zeros.map((advert) => advert.mac), 'priority 0 on leaving, once').to.deep.equal([pair.a.node.mac]);
  },

  SIGKILL: async (pair) => {
    const since = pair.a.daemon.kill();
    await pair.taken(pair.b, since);
    // One may have been under way; from then on there is none.
    expect(pair.witness.advertsSince(since).filter((advert) => advert.mac === pair.a.node.mac).length, 'adverts of the dead').to.be.lessThan(2);
  },

  'link down': async (pair) => {
    const since = wallClock();
    await pair.a.node.link('down');
    await pair.taken(pair.b, since);
    expect(pair.a.node.watch.has(VIP), 'the VIP on the node whose link is down').to.equal(false);
    const back = wallClock();
    await pair.a.node.link('up');
    await pair.taken(pair.a, back);
  },

  'script failure': async (pair) => {
    const since = wallClock();
    await pair.a.node.sh('rm /run/healthy');
    await pair.taken(pair.b, since);
    const back = wallClock();
    await pair.a.node.sh('touch /run/healthy');
    await pair.taken(pair.a, back);
  },

  'return with preemption': async (pair) => {
    const since = wallClock();
    pair.a.daemon.kill();
    await pair.taken(pair.b, since);
    const back = wallClock();
    pair.a.daemon = pair.start('a');
    await pair.taken(pair.a, back);
  },

  'return without preemption': async (pair) => {
    const since = wallClock();
    pair.a.daemon.terminate();
    await pair.taken(pair.b, since);
    await pair.a.daemon.ended(5000);
    pair.a.daemon = pair.start('a');
    await pair.a.daemon.says(/\(VI_1\) Entering BACKUP STATE/, 10_000);
    // Twice as long as it would wait for a master that says nothing.
    await settles({ ...pair.all, master: pair.b, since: wallClock(), watch: 7500 });
    expect(pair.witness.advertsSince(pair.a.daemon.started).filter((advert) => advert.mac === pair.a.node.mac)).to.have.length(0);
  },
};

export interface PairResult {
  /** For each take-over of the scenario: from the event to the address on the new owner, in milliseconds. */
  readonly takeovers: readonly number[];
}

/** Builds a lab, starts `first` on a (priority 150) and `second` on b (100), waits for the election, plays the scenario. */
export async function playPair(scenario: string, first: DaemonKind, second: DaemonKind): Promise<PairResult> {
  const play = SCENARIOS[scenario];
  if (play === undefined) throw new Error(`no scenario ${scenario}`);
  const lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24' } });
  try {
    const { a, b } = lab.nodes;
    for (const node of [a, b]) await node.sh('touch /run/healthy');
    const nopreempt = scenario === 'return without preemption';
    const kinds = { a: first, b: second };
    const start = (name: 'a' | 'b'): Director['daemon'] => lab.nodes[name].start(kinds[name], configuration(name, nopreempt));
    const since = wallClock();
    const higher = start('a');
    // Node takes a while to start: were b's timer set first, b might rightly become master for a moment.
    await higher.says(/Entering BACKUP STATE/, 10_000);
    const pair = new Pair({ node: a, daemon: higher }, { node: b, daemon: start('b') }, start, lab.witness);
    await settles({ ...pair.all, master: pair.a, since });
    await play(pair);
    return { takeovers: pair.takeovers };
  } finally {
    lab.close();
  }
}

class Pair {
  readonly a: Director;
  readonly b: Director;
  readonly start: (name: 'a' | 'b') => Director['daemon'];
  readonly witness: Witness;
  readonly takeovers: number[] = [];

  constructor(a: Director, b: Director, start: (name: 'a' | 'b') => Director['daemon'], witness: Witness) {
    this.a = a;
    this.b = b;
    this.start = start;
    this.witness = witness;
  }

  get all(): { vip: string; directors: readonly Director[]; witness: Witness } {
    return { vip: VIP, directors: [this.a, this.b], witness: this.witness };
  }

  /** Waits until things have settled with this master, and notes how long that took after `since`. */
  async taken(master: Director, since: number): Promise<void> {
    await settles({ ...this.all, master, since });
    this.takeovers.push(cameAt(master, VIP, since) - since);
  }
}

const VIP = '192.0.2.100/24';

function configuration(name: 'a' | 'b', nopreempt: boolean): string {
  return `global_defs {
  router_id ${name}
  enable_script_security
  script_user root
}
vrrp_script healthy {
  script "/usr/bin/test -e /run/healthy"
  interval 1
  fall 1
  rise 1
}
vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority ${name === 'a' ? 150 : 100}
  advert_int 1
  ${nopreempt ? 'nopreempt' : ''}
  authentication {
    auth_type PASS
    auth_pass 1111
  }
  virtual_ipaddress {
    ${VIP}
  }
  track_script {
    healthy
  }
}
`;
}
