import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { iprouteNames } from '../../lib/cli/iproute-names.ts';
import { UNKNOWN_MACHINE, type Machine } from '../../lib/config/machine.ts';
import { loadText } from '../../lib/config/load.ts';
import type { RouteSpec } from '../../lib/config/keywords/route-spec.ts';
import { ip } from '../../lib/util/ip.ts';
import type { RuleOf } from '../../lib/util/route.ts';

const NAMES: Readonly<Record<string, Readonly<Record<string, number>>>> = { rt_tables: { blue: 4242 }, rt_protos: { mine: 77 }, rt_dsfield: { AF11: 0x28 }, rt_realms: { inside: 3 }, group: { lan: 9 } };
const MACHINE: Machine = { ...UNKNOWN_MACHINE, names: (table) => new Map(Object.entries(NAMES[table] ?? {})) };

/** What comes of one line of a list: the one entry, and what was said. */
function load(list: 'static_routes' | 'static_rules', line: string, head = '', machine = MACHINE): { route: RouteSpec | undefined; rule: RuleOf | undefined; said: string[] } {
  const nowhere = { read: () => ({ ok: false as const, error: 'ENOENT' }), facts: () => ({ kind: 'missing' as const, mode: 0, uid: 0, gid: 0, target: null }), glob: () => [] };
  const { config, diagnostics } = loadText('t.conf', `${head}${list} {\n ${line}\n}\n`, nowhere, { configId: 't', machine });
  return { route: config?.statics.routes[0]?.spec, rule: config?.statics.rules[0]?.spec, said: diagnostics.map((d) => d.message) };
}

describe('routes: from words to what the kernel is asked for', () => {
  for (const [line, said] of [
    ['10.1.0.0/24 via 10.0.0.1 table green', 'Routing table green not found for route'],
    ['10.1.0.0/24 via 10.0.0.1 table 4294967296', 'Routing table 4294967296 not found for route'],
    ['10.1.0.0/24 via 10.0.0.1 protocol yours no_track', 'Protocol yours not found or invalid for route'],
    ['10.1.0.0/24 via 10.0.0.1 protocol 256 no_track', 'Protocol 256 not found or invalid for route'],
    ['10.1.0.0/24 via 10.0.0.1 realms 1/outside', 'Invalid realms 1/outside for route'],
    ['10.1.0.0/24 via 10.0.0.1 realms 1/2/3', 'Invalid realms 1/2/3 for route'],
    ['10.1.0.0/24 via 10.0.0.1 tos 0x100', 'TOS value 0x100 is invalid'],
    ['10.1.0.0/24 encap mpls 100/x', 'invalid mpls address 100/x for encapsulation'],
    ['10.1.0.0/24 encap mpls 1048576', 'invalid mpls address 1048576 for encapsulation'],
    ['10.1.0.0/24 encap ila 1:2:3', 'invalid locator 1:2:3 for ila encapsulation'],
    ['10.1.0.0/24 encap ip id 18446744073709551616', 'encap id 18446744073709551616 value is invalid'],
    ['10.1.0.0/24 encap ip dst 2001:db8::1', 'Invalid encap ip dst 2001:db8::1'],
    ['10.1.0.0/24 encap ip ttl 256', 'ttl 256 is not valid for ip encapsulation'],
    ['10.1.0.0/24 encap ip6 hoplimit x', 'hoplimit x is not valid for ip6 encapsulation'],
    ['10.1.0.0/24 encap ip flags 0x10', 'flags 0x10 is not valid for ip encapsulation'],
    ['10.1.0.0/24 encap gre 1', 'Unknown encap type - gre'],
    ['10.1.0.0/24 nexthop via here', 'invalid nexthop address here'],
    ['10.1.0.0/24 nexthop via inet6 fe80::1', 'IPv4/6 mismatch for nexthop'],
    ['10.1.0.0/24 nexthop via 10.0.0.1 table 5', 'Route has trailing nonsense after nexthops - table'],
    ['10.1.0.0/24 nexthop via 10.0.0.1 realms outside', 'Invalid realms outside for route'],
  ] as const) {
    it(`refused: ${line}`, () => {
      const { route, said: all } = load('static_routes', line);
      expect(all).to.include(said);
      expect(route).to.equal(undefined);
    });
  }

  it('a weight out of range is said, and counts as 1', () => {
    const { route, said } = load('static_routes', '10.1.0.0/24 nexthop via 10.0.0.1 weight 257 nexthop via 10.0.0.2 weight 0');
    expect(said).to.include.members(['Invalid weight 257 specified for route', 'Invalid weight 0 specified for route']);
    expect(route?.nexthops.map((hop) => hop.weight)).to.deep.equal([1, 1]);
  });

  for (const [line, expected] of [
    ['10.1.0.0/24 via 10.0.0.1', { family: 'inet', type: 1, tos: 0, table: 254, protocol: 18, scope: 0, priority: null, gateway: '10.0.0.1', link: null, place: 'prepend', vrf: null, nexthops: [] }],
    ['10.1.0.0/24 dev eth0', { scope: 0, gateway: null, link: 'eth0' }],
    ['default via 10.0.0.1', { family: 'inet', destination: { address: '0.0.0.0', length: 0 } }],
    ['default via fe80::1 dev eth0', { family: 'inet6', destination: { address: '::', length: 0 } }],
    ['default6 dev eth0', { family: 'inet6', destination: { address: '::', length: 0 } }],
    ['default nexthop via fe80::1 dev eth0', { family: 'inet6', link: null }],
    ['10.1.0.0/24 table blue protocol mine no_track tos AF11 realms inside/cosmos', { table: 4242, protocol: 77, tos: 0x28, realms: 0x30000 }],
    ['10.1.0.0/24 table main realms 6', { table: 254, realms: 6 }],
    ['10.1.0.0/24 scope site', { scope: 200 }],
    ['10.1.0.0/24 scope 7', { scope: 7 }],
    ['blackhole 10.1.0.0/24', { type: 6, scope: 0, place: 'add' }],
    ['local 10.1.0.0/24 dev eth0', { type: 2, scope: 254, place: 'add' }],
    ['brd 10.1.0.255 dev eth0', { type: 3, scope: 253 }],
    ['blackhole 10.1.0.0/24 append', { place: 'append' }],
    ['10.1.0.0/24 dev eth0 add', { place: 'add' }],
    ['10.1.0.0/24 dev eth0 prepend onlink', { place: 'prepend', onlink: true }],
    ['10.1.0.0/24 via 10.0.0.1 or 10.0.0.2 dev eth0', { gateway: null, link: null, nexthops: [hop('10.0.0.1', 'eth0'), hop('10.0.0.2', 'eth0')] }],
    ['10.1.0.0/24 nexthop via 10.0.0.1 dev eth0 weight 3 onlink realms 1/2 nexthop via 10.0.0.2', { nexthops: [{ ...hop('10.0.0.1', 'eth0'), weight: 3, onlink: true, realms: 0x10002 }, hop('10.0.0.2', null)] }],
    ['10.1.0.0/24 nexthop encap mpls 7 via 10.0.0.1', { nexthops: [{ ...hop('10.0.0.1', null), encap: { type: 'mpls', labels: [7] } }] }],
    ['10.1.0.0/24 encap ip id 5 dst 10.0.0.7 src 10.0.0.8 ttl 9 tos 4 flags 1 dev eth0', { link: 'eth0', encap: { type: 'ip', id: '5', target: '10.0.0.7', source: '10.0.0.8', hops: 9, tos: 4, flags: 1 } }],
    ['2001:db8::/32 encap ip6 dst 2001:db8::7 hoplimit 9 tc 4 dev eth0', { encap: { type: 'ip6', id: null, target: '2001:db8::7', source: null, hops: 9, tos: 4, flags: null } }],
    ['10.1.0.0/24 encap mpls 100/200 via 10.0.0.1', { gateway: '10.0.0.1', encap: { type: 'mpls', labels: [100, 200] } }],
    ['2001:db8::/32 encap ila 2001:0DB8:0:1 dev eth0', { encap: { type: 'ila', locator: '2001:db8:0:1' } }],
    ['10.1.0.0/24 dev eth0 mtu lock 1400 rtt 300ms rttvar 1s rto_min 250 cwnd 7 features ecn quickack 1 congctl lock bbr', {
      metrics: [{ metric: 2, value: 1400, locked: true }, { metric: 4, value: 2400, locked: false }, { metric: 5, value: 4000, locked: false }, { metric: 7, value: 7, locked: false }, { metric: 12, value: 1, locked: false }, { metric: 13, value: 250, locked: false }, { metric: 15, value: 1, locked: false }],
      congestion: { name: 'bbr', locked: true },
    }],
    ['2001:db8::/32 from 2001:db8:1::/48 dev eth0 expires 100 pref high ttl-propagate disabled metric 5 src 2001:db8::1', {
      source: { address: '2001:db8:1::', length: 48 }, expires: 100, preference: 1, ttlPropagate: false, priority: 5, preferredSource: '2001:db8::1',
    }],
    ['10.1.0.0/24 dev eth0 vrf red', { vrf: 'red' }],
  ] as const) {
    it(line, () => {
      const { route, said } = load('static_routes', line);
      expect(route, said.join('\n')).to.deep.include(expected);
    });
  }

  it('of a machine that is not known any name is taken', () => {
    expect(load('static_routes', '10.1.0.0/24 dev eth0 table anything', '', UNKNOWN_MACHINE).said).to.deep.equal([]);
  });
});

describe('rules: from words to what the kernel is asked for', () => {
  for (const [line, said] of [
    ['from 10.1.0.0/24 table green preference 1', 'Routing table green not found for rule'],
    ['from 10.1.0.0/24 table 0 preference 1', 'Table 0 is not valid'],
    ['from 10.1.0.0/24 table 5 realms outside preference 1', 'invalid realms outside for rule'],
    ['from 10.1.0.0/24 table 5 tos x preference 1', 'TOS value x is invalid'],
    ['from 10.1.0.0/24 table 5 suppress_ifgroup x preference 1', 'suppress_group x is invalid'],
  ] as const) {
    it(`refused: ${line}`, () => {
      const { rule, said: all } = load('static_rules', line);
      expect(all).to.include(said);
      expect(rule).to.equal(undefined);
    });
  }

  for (const [line, expected] of [
    ['from 10.1.0.0/24 table 5 preference 7', { family: 'inet', source: { address: '10.1.0.0', length: 24 }, destination: null, action: 1, table: 5, priority: 7, protocol: 18, invert: false, l3mdev: false, target: null }],
    ['to 2001:db8::/32 lookup blue order 7', { family: 'inet6', table: 4242, destination: { address: '2001:db8::', length: 32 } }],
    ['inet6 x from all table 5 preference 7', { family: 'inet6', source: null }],
    ['from 10.1.0.0/24 table 5', { priority: 16384 }],
    ['not from all goto 300 preference 7', { invert: true, source: null, action: 2, table: 0, target: 300 }],
    ['from all type nop preference 7', { action: 3 }],
    ['from all blackhole preference 7', { action: 6 }],
    ['from all unreachable preference 7', { action: 7 }],
    ['from all prohibit preference 7 no_track protocol 12', { action: 8, protocol: 12 }],
    ['l3mdev preference 7', { action: 1, table: 0, l3mdev: true }],
    ['from all table 5 preference 7 fwmark 0x18/0xff tos 0x10 realms 30/inside', { mark: 24, markMask: 255, tos: 16, realms: 30 * 65536 + 3 }],
    ['from all table 5 preference 7 fwmark 24', { mark: 24, markMask: null }],
    ['from all table 5 preference 7 suppress_prefixlength 8 suppress_ifgroup lan', { suppressPrefixLength: 8, suppressGroup: 9 }],
    ['iif eth0 oif eth1 table 5 preference 7', { inputLink: 'eth0', outputLink: 'eth1' }],
    ['from all table 5 preference 7 ipproto udp sport 1-2 dport 3-4 uidrange 5-6 tunnel-id 7', { ipProtocol: 17, sourcePorts: { from: 1, to: 2 }, destinationPorts: { from: 3, to: 4 }, users: { from: 5, to: 6 }, tunnelId: 7 }],
    ['from all table 5 preference 7 ipproto 99', { ipProtocol: 99 }],
  ] as const) {
    it(line, () => {
      const { rule, said } = load('static_rules', line);
      expect(rule, said.join('\n')).to.deep.include(expected);
    });
  }
});

describe('names of iproute2', () => {
  let directory: string;
  beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'tska-names-')); });
  afterEach(() => { rmSync(directory, { recursive: true, force: true }); });

  it('directories that are not there name nothing', () => {
    expect([...iprouteNames('rt_tables', { usr: join(directory, 'a'), etc: join(directory, 'b') })]).to.deep.equal([]);
  });

  it('numbers of either base, comments and nonsense; what is in the .d counts, and the own directory for more', () => {
    for (const sub of ['usr', 'etc', 'etc/rt_tables.d']) mkdirSync(join(directory, sub));
    writeFileSync(join(directory, 'usr', 'rt_tables'), '# reserved\n254\tmain\n10 red\n');
    writeFileSync(join(directory, 'etc', 'rt_tables'), '0x14 red # mine\n\nnonsense\n-5 below\n30\n');
    writeFileSync(join(directory, 'etc', 'rt_tables.d', 'more.conf'), '40 blue\n');
    writeFileSync(join(directory, 'etc', 'rt_tables.d', 'more.bak'), '50 green\n');
    expect([...iprouteNames('rt_tables', { usr: join(directory, 'usr'), etc: join(directory, 'etc') })]).to.deep.equal([['main', 254], ['red', 20], ['blue', 40]]);
  });

  it('are looked for where the configuration says, also when it says so further down', () => {
    mkdirSync(join(directory, 'etc'));
    writeFileSync(join(directory, 'etc', 'rt_tables'), '77 special\n');
    const machine: Machine = { ...UNKNOWN_MACHINE, names: iprouteNames };
    const global = `global_defs {\n iproute_usr_dir ${directory}/none\n iproute_etc_dir ${directory}/etc\n}\n`;
    expect(load('static_routes', '10.1.0.0/24 dev eth0 table special', global, machine).route?.table).to.equal(77);
    expect(load('static_routes', `10.1.0.0/24 dev eth0 table special\n}\n${global}static_rules {`, '', machine).route?.table).to.equal(77);
  });
});

function hop(gateway: string, link: string | null): object {
  return { gateway: ip(gateway), link, weight: 1, onlink: false, realms: null, encap: null };
}
