import { expect } from 'chai';
import fc from 'fast-check';
import { describeOperation } from '../../lib/codec/ipvs-operation.ts';
import type { Destination, Service, ServiceEntry } from '../../lib/codec/ipvs-values.ts';
import { diffTables } from '../../lib/ipvs/diff.ts';
import { EMPTY_TABLE, tableOf, type IpvsTable } from '../../lib/ipvs/table.ts';
import { ip } from '../../lib/util/ip.ts';
import { FakeIpvs } from '../sim/fake-ipvs.ts';
import { destination, entry, service } from './values.ts';

const WEB = 'tcp 192.0.2.1 80';
const DNS = 'udp 192.0.2.1 53';

function changes(desired: IpvsTable, actual: IpvsTable, ours?: IpvsTable): string[] {
  return diffTables(desired, actual, ours).map((operation) => describeOperation(operation).join(' '));
}

describe('difference of IPVS tables', () => {
  const full = tableOf([entry(WEB, '10.0.0.1 80', '10.0.0.2 80'), entry(DNS, '10.0.0.1 53')]);

  for (const [name, desired, actual, expected] of [
    ['nothing wanted, nothing there', EMPTY_TABLE, EMPTY_TABLE, []],
    ['what is there is wanted', full, full, []],
    ['a start: each service before its destinations', full, EMPTY_TABLE, [
      `add service ${WEB}`, `add destination 10.0.0.1 80 of ${WEB}`, `add destination 10.0.0.2 80 of ${WEB}`, `add service ${DNS}`, `add destination 10.0.0.1 53 of ${DNS}`,
    ]],
    ['a stop: destinations before their service', EMPTY_TABLE, full, [
      `delete destination 10.0.0.1 80 of ${WEB}`, `delete destination 10.0.0.2 80 of ${WEB}`, `delete service ${WEB}`, `delete destination 10.0.0.1 53 of ${DNS}`, `delete service ${DNS}`,
    ]],
    ['a server goes, another comes: first what comes', tableOf([entry(WEB, '10.0.0.2 80', '10.0.0.3 80'), entry(DNS, '10.0.0.1 53')]), full, [
      `add destination 10.0.0.3 80 of ${WEB}`, `delete destination 10.0.0.1 80 of ${WEB}`,
    ]],
    ['a new weight touches that server alone', tableOf([entry(WEB, '10.0.0.1 80', destination('10.0.0.2 80', { weight: 0 })), entry(DNS, '10.0.0.1 53')]), full, [
      `edit destination 10.0.0.2 80 of ${WEB}`,
    ]],
    ['another port is another server', tableOf([entry(WEB, '10.0.0.1 80', '10.0.0.2 81'), entry(DNS, '10.0.0.1 53')]), full, [
      `add destination 10.0.0.2 81 of ${WEB}`, `delete destination 10.0.0.2 80 of ${WEB}`,
    ]],
    ['one service goes, another comes', tableOf([entry(WEB, '10.0.0.1 80', '10.0.0.2 80'), entry('fwmark 7 inet6')]), full, [
      'add service fwmark 7 inet6', `delete destination 10.0.0.1 53 of ${DNS}`, `delete service ${DNS}`,
    ]],
    ['the same mark of the other family is another service', tableOf([entry('fwmark 7 inet6')]), tableOf([entry('fwmark 7 inet')]), ['add service fwmark 7 inet6', 'delete service fwmark 7 inet']],
  ] as [string, IpvsTable, IpvsTable, string[]][]) {
    it(name, () => { expect(changes(desired, actual)).to.deep.equal(expected); });
  }

  const one = (more: Partial<Service>): IpvsTable => tableOf([{ service: service(WEB, more), destinations: [] }]);
  const persistent = { timeout: 360, granularity: 32 };
  for (const [name, before, after] of [
    ['scheduler', {}, { scheduler: 'wlc' }],
    ['scheduler flags', { flags: ['flag-1'] }, { flags: ['flag-1', 'flag-2'] }],
    ['one-packet scheduling', {}, { flags: ['ops'] }],
    ['persistence', {}, { persistence: persistent }],
    ['persistence no more', { persistence: persistent }, {}],
    ['timeout of persistence', { persistence: persistent }, { persistence: { ...persistent, timeout: 50 } }],
    ['granularity', { persistence: persistent }, { persistence: { ...persistent, granularity: 24 } }],
    ['granularity with holes', { persistence: persistent }, { persistence: { ...persistent, granularity: ip('255.0.255.0') } }],
    ['persistence engine', { persistence: persistent }, { persistence: persistent, engine: 'sip' }],
  ] as [string, Partial<Service>, Partial<Service>][]) {
    it(`a service is edited for another ${name}`, () => {
      expect(changes(one(after), one(before))).to.deep.equal([`edit service ${WEB}`]);
      expect(changes(one(after), one(after))).to.deep.equal([]);
    });
  }

  const tun = (type: 'ipip' | 'gue' | 'gre', port = 0, checksum: 'nocsum' | 'csum' | 'remcsum' = 'nocsum'): Partial<Destination> => ({ forward: { method: 'TUN', tunnel: { type, port, checksum } } });
  const method = (name: 'NAT' | 'DR' | 'LOCAL', port = 0): Partial<Destination> => ({ forward: { method: name, tunnel: { type: 'ipip', port, checksum: 'nocsum' } } });
  for (const [name, before, after, edited] of [
    ['weight', { weight: 1 }, { weight: 2 }, true],
    ['upper threshold', {}, { upperThreshold: 9 }, true],
    ['lower threshold', { upperThreshold: 9 }, { upperThreshold: 9, lowerThreshold: 3 }, true],
    ['forwarding method', method('NAT'), method('DR'), true],
    ['tunnel type', tun('ipip'), tun('gre'), true],
    ['port of a gue tunnel', tun('gue', 6080), tun('gue', 6081), true],
    ['checksum of a gre tunnel', tun('gre'), tun('gre', 0, 'csum'), true],
    ['port of a gre tunnel, which has none', tun('gre', 5), tun('gre', 6), false],
    ['checksum of an ipip tunnel, which has none', tun('ipip'), tun('ipip', 0, 'csum'), false],
    ['tunnel of what is none', method('DR', 5), method('DR', 6), false],
    ['method of an address of this machine', method('LOCAL'), method('DR'), false],
  ] as [string, Partial<Destination>, Partial<Destination>, boolean][]) {
    it(`a destination is ${edited ? 'edited' : 'left alone'} for another ${name}`, () => {
      const table = (more: Partial<Destination>): IpvsTable => tableOf([entry(WEB, destination('10.0.0.1 80', more))]);
      expect(changes(table(after), table(before))).to.deep.equal(edited ? [`edit destination 10.0.0.1 80 of ${WEB}`] : []);
    });
  }

  it('what others put there stays: a service, and a destination in a service of ours', () => {
    const actual = tableOf([entry(WEB, '10.0.0.1 80', '10.0.0.9 80'), entry('tcp 192.0.2.9 22', '10.0.0.9 22')]);
    expect(changes(tableOf([entry(WEB)]), actual, tableOf([entry(WEB, '10.0.0.1 80')]))).to.deep.equal([`delete destination 10.0.0.1 80 of ${WEB}`]);
    expect(changes(EMPTY_TABLE, actual, EMPTY_TABLE)).to.deep.equal([]);
  });

  it('what is ours and somebody took away is neither removed again nor missed', () => {
    expect(changes(EMPTY_TABLE, EMPTY_TABLE, full)).to.deep.equal([]);
    expect(changes(full, tableOf([entry(WEB, '10.0.0.1 80')]), full)).to.deep.equal([
      `add destination 10.0.0.2 80 of ${WEB}`, `add service ${DNS}`, `add destination 10.0.0.1 53 of ${DNS}`,
    ]);
  });

  it('from any table to any other, no operation is refused and the second is there', async () => {
    const destinations = fc.uniqueArray(fc.record({ host: fc.integer({ min: 1, max: 4 }), weight: fc.integer({ min: 0, max: 2 }) }), { selector: (d) => d.host, maxLength: 4 })
      .map((list) => list.map(({ host, weight }) => destination(`10.0.0.${host} 80`, { weight })));
    const table = fc.uniqueArray(fc.record({ host: fc.integer({ min: 1, max: 3 }), scheduler: fc.constantFrom('rr', 'wlc'), destinations }), { selector: (s) => s.host, maxLength: 3 })
      .map((list): IpvsTable => tableOf(list.map(({ host, scheduler, destinations: held }): ServiceEntry => ({ service: service(`tcp 192.0.2.${host} 80`, { scheduler }), destinations: held }))));
    await fc.assert(fc.asyncProperty(table, table, async (first, second) => {
      const kernel = new FakeIpvs();
      for (const [from, to] of [[EMPTY_TABLE, first], [first, second]] as const) {
        expect((await kernel.apply(diffTables(to, from))).filter((error) => error !== null)).to.deep.equal([]);
      }
      const held = tableOf(await kernel.dump());
      expect(diffTables(second, held)).to.deep.equal([]);
    }));
  });
});
