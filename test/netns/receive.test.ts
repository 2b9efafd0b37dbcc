import { expect } from 'chai';
import { encodeAdvertisement } from '../../lib/codec/vrrp.ts';
import { familyOf, ip } from '../../lib/util/ip.ts';
import { requirePrograms } from '../needs.ts';
import type { Daemon } from './daemon.ts';
import { Lab } from './lab.ts';
import { dumped, statistics } from './dumped.ts';
import { requireLab } from './needs.ts';
import { type RawPacket, sendRaw } from './sender.ts';
import { until, wallClock } from './wait.ts';

/** A way of speaking of the router under test, and how a rival of it would speak. */
interface Way {
  readonly vrid: number;
  readonly version: 2 | 3;
  readonly vip: string;
  readonly lines: readonly string[];
  readonly from: string;
  readonly to: string;
  /** Hop counts that must not be believed, and one that must. */
  readonly bad: readonly number[];
  readonly good: number;
}

const MULTICAST_BAD = [254, 64, 1];
const LINK_LOCAL = 'fe80::ff:fe00:2';
const WAYS: Readonly<Record<string, Way>> = {
  'IPv4, version 2': { vrid: 51, version: 2, vip: '192.0.2.51', lines: [], from: '192.0.2.2', to: '224.0.0.18', bad: MULTICAST_BAD, good: 255 },
  'IPv4, version 3': { vrid: 52, version: 3, vip: '192.0.2.52', lines: [], from: '192.0.2.2', to: '224.0.0.18', bad: MULTICAST_BAD, good: 255 },
  'IPv6': { vrid: 53, version: 3, vip: 'fe80::53', lines: [], from: LINK_LOCAL, to: 'ff02::12', bad: MULTICAST_BAD, good: 255 },
  'unicast IPv4 with a range': { vrid: 54, version: 3, vip: '192.0.2.54', lines: ['unicast_src_ip 192.0.2.1', 'unicast_peer {', '192.0.2.2 min_ttl 64 max_ttl 128', '}'], from: '192.0.2.2', to: '192.0.2.1', bad: [255, 129, 63, 1], good: 128 },
  'unicast IPv6 with a range': { vrid: 55, version: 3, vip: 'fe80::55', lines: ['unicast_src_ip 2001:db8::1', 'unicast_peer {', '2001:db8::2 min_ttl 250', '}'], from: '2001:db8::2', to: '2001:db8::1', bad: [249, 64, 1], good: 250 },
  'unicast IPv4 without a range': { vrid: 56, version: 2, vip: '192.0.2.56', lines: ['unicast_src_ip 192.0.2.1', 'unicast_peer {', '192.0.2.2', '}'], from: '192.0.2.2', to: '192.0.2.1', bad: [], good: 1 },
};
/** So many of each. */
const TIMES = 3;

describe('netns: hop limits of adverts that arrive', function () {
  this.timeout(60_000);
  let lab: Lab<'a' | 'b'>;
  let router: Daemon;

  before(async function () {
    requireLab(this, { witness: false });
    requirePrograms(this, 'python3');
    lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24' }, witness: null });
    const { a, b } = lab.nodes;
    for (const [node, last] of [[a, 1], [b, 2]] as const) {
      await node.sh(`echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad; ip address add 2001:db8::${last}/64 dev eth0 nodad; while ip -6 address show dev eth0 | grep -q tentative; do sleep 0.1; done`);
    }
    router = a.start('ours', Object.values(WAYS).map(configuration).join(''));
    for (const { vrid } of Object.values(WAYS)) await router.says(new RegExp(`\\(VI_${vrid}\\) Entering MASTER STATE`), 20_000);
  });
  after(() => lab?.close());

  for (const [name, way] of Object.entries(WAYS)) {
    const { vrid, bad, good } = way;
    it(`${name}: ${bad.length === 0 ? `${good} is believed` : `${bad.join(', ')} are dropped and counted, the master stays; ${good} is believed`}`, async () => {
      const { a, b } = lab.nodes;
      const since = wallClock();
      await sendRaw(b, bad.flatMap((ttl) => Array.from({ length: TIMES }, () => rival(way, ttl))));
      await sendRaw(b, [rival({ ...way, vrid: 99 }, 255)]);
      const seen = await until('the drops are counted', 10_000, async () => {
        const stats = await statistics(a, router, `VI_${vrid}`);
        return stats['Packet Errors: TTL'] === bad.length * TIMES ? stats : null;
      }, () => router.tail());
      expect(seen).to.include({ 'Advertisements: Received': 0, 'Became master': 1, 'Released master': 0 });
      expect(router.said(new RegExp(`\\(VI_${vrid}\\) .*BACKUP`), since), router.tail()).to.equal(false);
      if (bad.length > 0) expect(router.said(new RegExp(`\\(VI_${vrid}\\) invalid TTL/HL. Received ${bad[0] ?? 0} and expect`), since), router.tail()).to.equal(true);
      expect(await dumped(a, router, 'keepalived.data', 'SIGUSR1')).to.match(new RegExp(`VRRP Instance = VI_${vrid}\n(?:   .*\n)*?   State = MASTER\n`));
      // The same with the right hop limit is believed: it was that alone.
      await sendRaw(b, [rival(way, good)]);
      await router.says(new RegExp(`\\(VI_${vrid}\\) Entering BACKUP STATE`), 5000, since);
    });
  }
});

function configuration({ vrid, version, vip, lines }: Way): string {
  const all = ['state BACKUP', 'interface eth0', `version ${version}`, `virtual_router_id ${vrid}`, 'priority 100', 'advert_int 1', ...lines, 'virtual_ipaddress {', vip, '}'];
  return `vrrp_instance VI_${vrid} {\n${all.join('\n')}\n}\n`;
}

/** An advert of priority 250: whoever believes it is no master any more. */
function rival({ vrid, version, vip, from, to }: Way, ttl: number): RawPacket {
  const ends = { from: ip(from), to: ip(to) };
  const auth = version === 2 ? { type: 0, data: new Uint8Array(8) } : null;
  const pseudo = version === 2 && familyOf(ends.to) === 'inet' ? null : ends;
  return { from, to, ttl, payload: encodeAdvertisement({ version, type: 1, vrid, priority: 250, advertInterval: 1000, addresses: [ip(vip)], auth }, pseudo) };
}
