import { expect } from 'chai';
import type { DestinationStatus, IpvsStats, ServiceEntryStatus, ServiceId } from '../../lib/codec/ipvs-values.ts';
import { budgetAlarms, NO_ALARMS, type BudgetAlarms } from '../../lib/ipvs/fullnat/budget-alarms.ts';
import { parseConntrackStat, type Conntrack } from '../../lib/ipvs/fullnat/conntrack.ts';
import type { FullnatPlan } from '../../lib/ipvs/fullnat/plan.ts';
import { portUse, type PortUse } from '../../lib/ipvs/fullnat/port-budget.ts';
import { ip } from '../../lib/util/ip.ts';

const STATS = {} as IpvsStats;
const LOCAL = ['10.0.0.21', '10.0.0.22', '10.0.0.23', '10.0.0.24'].map((address) => ip(address));
const VIP: ServiceId = { kind: 'address', protocol: 'tcp', address: ip('203.0.113.1'), port: 80 };
const OTHER: ServiceId = { ...VIP, address: ip('203.0.113.2') };
const MARK: ServiceId = { kind: 'fwmark', mark: 7, family: 'inet' };
const PLAIN: ServiceId = { ...VIP, port: 81 };

const PLAN: FullnatPlan = {
  family: 'inet', seed: 1, servers: [],
  pools: [{ name: 'G', addresses: LOCAL.slice(0, 2) }, { name: 'H', addresses: LOCAL.slice(1, 4) }],
  services: [{ id: VIP, pool: 'G', toa: false }, { id: OTHER, pool: 'H', toa: false }, { id: MARK, pool: 'G', toa: false }],
};

function entry(id: ServiceId, ...servers: readonly (readonly [address: string, active: number, inactive: number, method?: 'NAT' | 'DR'])[]): ServiceEntryStatus {
  const destinations = servers.map(([address, activeConnections, inactiveConnections, method = 'NAT']): DestinationStatus => ({
    address: ip(address), port: 80, weight: 1, upperThreshold: 0, lowerThreshold: 0, forward: { method, tunnel: { type: 'ipip', port: 0, checksum: 'nocsum' } },
    activeConnections, inactiveConnections, persistentConnections: 0, stats: STATS,
  }));
  return { service: { id, scheduler: 'rr', flags: [], persistence: null, engine: null, stats: STATS }, destinations };
}

describe('FULLNAT: ports in use', () => {
  it('connections of a real server, closing ones too, over its local addresses', () => {
    expect(portUse([PLAN], [entry(VIP, ['10.0.1.11', 64_512, 64_512], ['10.0.1.12', 0, 0])])).to.deep.equal([
      { protocol: 'tcp', address: '10.0.1.11', port: 80, pools: ['G'], addresses: 2, connections: 129_024, share: 1 },
      { protocol: 'tcp', address: '10.0.1.12', port: 80, pools: ['G'], addresses: 2, connections: 0, share: 0 },
    ]);
  });

  it('two services with one real server add up; groups that share an address load it twice', () => {
    const [use] = portUse([PLAN], [entry(VIP, ['10.0.1.11', 1000, 0]), entry(OTHER, ['10.0.1.11', 3000, 0])]);
    expect(use).to.deep.include({ pools: ['G', 'H'], addresses: 4, connections: 4000, share: 1500 / 64_512 });
  });

  it('services by mark have a budget of their own; without FULLNAT, or not masqueraded, nothing is used', () => {
    const uses = portUse([PLAN], [entry(MARK, ['10.0.1.11', 10, 0]), entry(PLAIN, ['10.0.1.11', 99, 0]), entry(VIP, ['10.0.1.13', 99, 0, 'DR'])]);
    expect(uses.map(({ protocol, connections }) => [protocol, connections])).to.deep.equal([[null, 10]]);
    expect(portUse([], [entry(VIP, ['10.0.1.11', 1, 1])])).to.deep.equal([]);
  });
});

describe('what conntrack says of itself', () => {
  const HEAD = 'entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n';
  const line = (failed: string, drop: string): string => `0000003b  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 ${failed} ${drop} 00000001 00000000  00000000 00000000 00000000 00000000\n`;

  for (const [name, text, wanted] of [
    ['nothing', '', null], ['a head alone', HEAD, null], ['another table', 'a b c\n1 2 3\n', null], ['a line that is short', `${HEAD}0000003b\n`, null], ['no numbers', `${HEAD}${line('zz', '0')}`, null],
    ['one processor', `${HEAD}${line('0000000a', '00000010')}`, { insertFailed: 10, drop: 16, earlyDrop: 1 }],
    ['two processors', `${HEAD}${line('0000000a', '00000010')}${line('00000001', '00000000')}`, { insertFailed: 11, drop: 16, earlyDrop: 2 }],
  ] as const) {
    it(name, () => { expect(parseConntrackStat(text)).to.deep.equal(wanted); });
  }
});

describe('FULLNAT: what an operator hears of ports and conntrack', () => {
  const use = (share: number, address = '10.0.1.11'): PortUse => ({ protocol: 'tcp', address: ip(address), port: 80, pools: ['G'], addresses: 2, connections: Math.round(share * 129_024), share });
  const conntrack = (count: number, failed = 0, drop = 0, max = 1_000_000): Conntrack => ({ count, max, lost: { insertFailed: failed, drop, earlyDrop: 0 } });

  /** The lines of each reading, a second apart. */
  function hear(...readings: readonly (readonly [uses: readonly PortUse[], of: Conntrack | null, at?: number])[]): string[][] {
    let alarms: BudgetAlarms = NO_ALARMS;
    return readings.map(([uses, of, at], i) => {
      const { alarms: next, lines } = budgetAlarms(alarms, { uses, conntrack: of }, at ?? i * 1000);
      alarms = next;
      return lines.map(({ level, text }) => `${level}: ${text}`);
    });
  }

  it('80 % of the ports: once, with the remedy; and when it has passed', () => {
    const [quiet, begins, goesOn, between, over, again] = hear([[use(0.79)], null], [[use(0.8)], null], [[use(0.95)], null], [[use(0.71)], null], [[use(0.69)], null], [[use(0.79)], null]);
    expect([quiet, goesOn, between, again]).to.deep.equal([[], [], [], []]);
    expect(begins).to.deep.equal(['warn: FULLNAT: connections to [10.0.1.11]:tcp:80 use 80 % of the ports that local_address_group G has for it (103219 connections, 2 addresses with 64512 ports each); without a port new ones fail - add addresses to the group, or real servers']);
    expect(over).to.deep.equal(['info: FULLNAT: connections to [10.0.1.11]:tcp:80 use 69 % of its ports: enough are free again']);
  });

  it('each real server for itself; one that is gone needs no ports', () => {
    const [both, gone] = hear([[use(0.9), use(0.9, '10.0.1.12')], null], [[use(0.9)], null]);
    expect(both).to.have.length(2);
    expect(gone).to.deep.equal(['info: FULLNAT: [10.0.1.12]:tcp:80 is no real server any more, and needs no ports']);
  });

  it('80 % of the entries', () => {
    const [begins, goesOn, over] = hear([[], conntrack(800_000)], [[], conntrack(750_000)], [[], conntrack(600_000)]);
    expect(begins?.[0]).to.include('warn: FULLNAT: conntrack has 80 %').and.include('net.netfilter.nf_conntrack_max=1000000').and.include('raise');
    expect([goesOn, over?.length]).to.deep.equal([[], 1]);
  });

  it('a table smaller than the ports of one address: once', () => {
    const [first, second] = hear([[], conntrack(0, 0, 0, 8192)], [[], conntrack(0, 0, 0, 8192)]);
    expect(first?.[0]).to.include('nf_conntrack_max is 8192');
    expect(second).to.deep.equal([]);
  });

  it('losses: what was before does not count; then at most a line in ten minutes, with the sum', () => {
    const [first, lost, more, later, quiet] = hear([[], conntrack(0, 5, 5), 0], [[], conntrack(0, 7, 6), 30_000], [[], conntrack(0, 9, 6), 60_000], [[], conntrack(0, 12, 6), 630_000], [[], conntrack(0, 12, 6), 9_000_000]);
    expect([first, more, quiet]).to.deep.equal([[], [], []]);
    expect(lost?.[0]).to.include('lost 3 connections or packets since it was first looked at (insert_failed 7, drop 6').and.include('add addresses');
    expect(later?.[0]).to.include('lost 5 connections or packets since this was last said');
  });

  it('counters that went back, and a kernel that does not count', () => {
    expect(hear([[], conntrack(0, 50, 0)], [[], conntrack(0, 1, 0)], [[], { count: 1, max: 100_000, lost: null }], [[], null])).to.deep.equal([[], [], [], []]);
  });
});
