import { expect } from 'chai';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import { until, wallClock } from './wait.ts';

const ADDRESSES = {
  inet: { a: '192.0.2.1', b: '192.0.2.2', c: '192.0.2.3' },
  inet6: { a: '2001:db8::1', b: '2001:db8::2', c: '2001:db8::3' },
} as const;
type Name = keyof (typeof ADDRESSES)['inet'];

const MODES: Readonly<Record<string, { readonly family: 'inet' | 'inet6'; readonly lines: readonly string[] }>> = {
  'version 2': { family: 'inet', lines: [] },
  'version 3, IPv4': { family: 'inet', lines: ['version 3'] },
  'version 3, IPv6': { family: 'inet6', lines: [] },
  'password': { family: 'inet', lines: ['authentication {', '  auth_type PASS', '  auth_pass secret12', '}'] },
  'authentication header': { family: 'inet', lines: ['authentication {', '  auth_type AH', '  auth_pass secret12', '}'] },
};
const PRIORITY: Readonly<Record<Name, number>> = { a: 150, b: 100, c: 50 };
/** So many adverts that a packet that is made once and sent again has been sent again. */
const ROUNDS = 6;

function configuration(me: Name, { family, lines }: (typeof MODES)[string]): string {
  const others = (['a', 'b', 'c'] as const).filter((name) => name !== me).map((name) => `    ${ADDRESSES[family][name]}\n`);
  return `vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  priority ${PRIORITY[me]}
  advert_int 1
  unicast_src_ip ${ADDRESSES[family][me]}
  unicast_peer {
${others.join('')}  }
${lines.map((line) => `  ${line}\n`).join('')}  virtual_ipaddress {
    ${family === 'inet' ? '192.0.2.100/24' : 'fe80::100/64'}
  }
}
`;
}

describe('netns: several unicast peers', function () {
  this.timeout(90_000);
  let lab: Lab<Name>;

  beforeEach(async function () {
    requireLab(this);
    lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24', c: '192.0.2.3/24' } });
  });
  afterEach(() => lab?.close());

  for (const [mode, shape] of Object.entries(MODES)) {
    it(`${mode}: each hears every advert, and nobody else becomes Master`, async () => {
      const { nodes, witness } = lab;
      const names = ['a', 'b', 'c'] as const;
      if (shape.family === 'inet6') for (const name of names) await nodes[name].sh(`echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip address add ${ADDRESSES.inet6[name]}/64 dev eth0 nodad`);
      // The others when there is a Master, so that it is adverts alone that keep them from becoming one.
      const master = nodes.a.start('ours', configuration('a', shape));
      await master.says(/Entering MASTER STATE/, 30_000);
      const others = [nodes.b, nodes.c].map((node) => node.start('ours', configuration(node.name as Name, shape)));
      for (const daemon of others) await daemon.says(/Entering BACKUP STATE/, 30_000);
      const since = wallClock();
      const said = (): string => [master, ...others].map((daemon) => daemon.tail(12)).join('\n');
      const heard = (to: Name): number => witness.advertsSince(since).filter((advert) => advert.mac === nodes.a.mac && canonical(advert.to) === ADDRESSES[shape.family][to]).length;
      await until(`${ROUNDS} adverts`, 30_000, () => heard('b') + heard('c') >= 2 * ROUNDS, said);
      expect(Math.abs(heard('b') - heard('c')), `${heard('b')} to b, ${heard('c')} to c`).to.be.lessThan(2);
      expect(others.filter((daemon) => daemon.said(/Entering MASTER STATE/)).map((daemon) => daemon.node), said()).to.deep.equal([]);
    });
  }
});

/** The witness writes all eight groups of an IPv6 address. */
function canonical(address: string): string {
  return address.includes(':') ? address.replace(/(:0)+:/u, '::') : address;
}
