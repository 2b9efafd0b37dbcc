import { expect } from 'chai';
import { requirePrograms } from '../needs.ts';
import type { Daemon, DaemonKind } from './daemon.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import { settles } from './settled.ts';
import type { Director } from './settled.ts';
import { until, wallClock } from './wait.ts';

const PAIRS: readonly (readonly [DaemonKind, DaemonKind])[] = [
  ['ours', 'ours'],
  ['ours', 'keepalived'],
  ['keepalived', 'ours'],
];

const FAMILIES = {
  IPv4: { vip: '192.0.2.100/24', addresses: ['192.0.2.100/24'], group: '224.0.0.18' },
  IPv6: { vip: '2001:db8::100/64', addresses: ['fe80::100/64', '2001:db8::100/64'], group: 'ff02:0:0:0:0:0:0:12' },
} as const;

describe('netns: VRRPv3 at ten adverts a second', function () {
  this.timeout(40_000);
  before(function () {
    requireLab(this);
  });

  for (const [family, { vip, addresses, group }] of Object.entries(FAMILIES)) {
    for (const [first, second] of PAIRS) {
      it(`${family}, ${first} with ${second}: election, SIGKILL, return, graceful stop`, async function () {
        if (first !== second) requirePrograms(this, 'keepalived');
        const lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24' } });
        try {
          const { a, b } = lab.nodes;
          // No duplicate address detection: its random delay is not what is tested here.
          for (const node of [a, b]) await node.sh(`echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad; ip address add 2001:db8::${node === a ? 1 : 2}/64 dev eth0 nodad`);
          const start = (node: typeof a): Daemon => node.start(node === a ? first : second, configuration(node === a ? 150 : 100, addresses));
          const one: Director = { node: a, daemon: start(a) };
          const two: Director = { node: b, daemon: start(b) };
          const settled = (master: Director, since: number): Promise<number> => settles({ vip, master, directors: [one, two], witness: lab.witness, since, watch: 800 });
          await settled(one, one.daemon.started);
          await settled(two, one.daemon.kill());
          one.daemon = start(a);
          await settled(one, one.daemon.started);
          await settled(two, one.daemon.terminate());
          for (const advert of lab.witness.adverts) expect(advert).to.include({ version: 3, vrid: 51, ttl: 255, to: group });
        } finally {
          lab.close();
        }
      });
    }
  }

  it('adverts come at their interval, not in whole seconds', async () => {
    const lab = await Lab.open({ nodes: { a: '192.0.2.1/24' } });
    try {
      const daemon = lab.nodes.a.start('ours', configuration(150, FAMILIES.IPv4.addresses));
      await daemon.says(/Entering MASTER STATE/, 10_000);
      const since = wallClock();
      // One a second would take ten.
      await until('ten adverts', 8000, () => lab.witness.advertsSince(since).length >= 10, () => daemon.tail());
    } finally {
      lab.close();
    }
  });
});

function configuration(priority: number, addresses: readonly string[]): string {
  return `vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  version 3
  virtual_router_id 51
  priority ${priority}
  advert_int 0.1
  virtual_ipaddress {
    ${addresses.join('\n    ')}
  }
}
`;
}
