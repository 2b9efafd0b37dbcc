import { expect } from 'chai';
import type { Config } from '../../lib/config/model.ts';
import { fullnatPlan } from '../../lib/ipvs/fullnat/plan.ts';
import { load } from '../config/helpers.ts';

const GROUPS = 'local_address_group G {\n 10.0.0.21-22\n 2001:db8::21\n 10.0.0.21\n}\nlocal_address_group EMPTY6 {\n 10.0.0.30\n}\n';

function ipvs(text: string): Config['ipvs'] {
  const { config } = load(text);
  if (config === null) throw new Error('nothing was read');
  return config.ipvs;
}

function server(address: string, lines = 'laddr_group_name G', real = 'real_server 10.0.1.11 8080 {\n }', protocol = 'TCP'): string {
  return `virtual_server ${address} {\n lvs_sched rr\n lvs_method FNAT\n protocol ${protocol}\n ${lines}\n ${real}\n}\n`;
}

describe('FULLNAT plan', () => {
  for (const [name, text] of [
    ['no FULLNAT at all', `${GROUPS}${server('203.0.113.1 80').replace('FNAT', 'NAT')}`],
    ['no group', server('203.0.113.1 80', '')],
    ['a group that is not there', server('203.0.113.1 80')],
    ['a group without an address of the family', `${GROUPS}${server('2001:db8:113::1 80', 'laddr_group_name EMPTY6', 'real_server 2001:db8:1::11 80 {\n }')}`],
  ] as const) {
    it(`${name}: nothing to translate`, () => {
      expect([fullnatPlan(ipvs(text), 'inet'), fullnatPlan(ipvs(text), 'inet6')]).to.deep.equal([null, null]);
    });
  }

  it('pools in the order of the configuration, each address once; each family for itself', () => {
    const both = ipvs(`${GROUPS}${server('203.0.113.1 80')}${server('2001:db8:113::1 80', 'laddr_group_name G', 'real_server 2001:db8:1::11 80 {\n }')}`);
    expect(fullnatPlan(both, 'inet')).to.deep.equal({
      family: 'inet', seed: 0x74736b61,
      pools: [{ name: 'G', addresses: ['10.0.0.21', '10.0.0.22'] }],
      services: [{ id: { kind: 'address', protocol: 'tcp', address: '203.0.113.1', port: 80 }, pool: 'G', toa: false }],
      servers: [{ protocol: 'tcp', address: '10.0.1.11', port: 8080 }],
    });
    expect(fullnatPlan(both, 'inet6')).to.deep.include({ pools: [{ name: 'G', addresses: ['2001:db8::21'] }], servers: [{ protocol: 'tcp', address: '2001:db8:1::11', port: 80 }] });
  });

  it('the pool of a takeover is there with its own; one that is missing or empty is left out', () => {
    const other = 'local_address_group H {\n 10.0.0.41\n}\n';
    const plan = fullnatPlan(ipvs(`${GROUPS}${other}${server('203.0.113.1 80', 'laddr_group_name G\n laddr_takeover_name H')}`), 'inet');
    expect([plan?.pools.map(({ name }) => name), plan?.services[0]]).to.deep.equal([['G', 'H'], { id: { kind: 'address', protocol: 'tcp', address: '203.0.113.1', port: 80 }, pool: 'G', takeover: 'H', toa: false }]);
    for (const name of ['NOT', 'SIX']) {
      const without = load(`${GROUPS}local_address_group SIX {\n 2001:db8::41\n}\n${server('203.0.113.1 80', `laddr_group_name G\n laddr_takeover_name ${name}`)}`);
      expect(fullnatPlan(without.config?.ipvs ?? ipvs(''), 'inet')?.services[0]).to.not.have.property('takeover');
      expect(without.diagnostics.map(({ message }) => message)).to.include(name === 'NOT' ? 'local_address_group NOT is not declared: [203.0.113.1]:tcp:80 keeps no connection of another director' : 'local_address_group SIX has no IPv4 address: [203.0.113.1]:tcp:80 keeps no connection of another director');
    }
  });

  it('a mark: every protocol; a server without a port: any', () => {
    const plan = fullnatPlan(ipvs(`${GROUPS}${server('fwmark 7', 'laddr_group_name G', 'real_server 10.0.1.11 {\n }')}`), 'inet');
    expect(plan?.services).to.deep.equal([{ id: { kind: 'fwmark', mark: 7, family: 'inet' }, pool: 'G', toa: false }]);
    expect(plan?.servers).to.deep.equal(['tcp', 'udp', 'sctp'].map((protocol) => ({ protocol, address: '10.0.1.11', port: 0 })));
  });

  it('each service of a group, and what only a real server or the sorry server asks for', () => {
    const group = 'virtual_server_group V {\n 203.0.113.1-2 80\n fwmark 9\n}\n';
    const plan = fullnatPlan(ipvs(`global_defs {\n fullnat_seed 5\n}\n${GROUPS}${group}${server('group V', 'laddr_group_name G\n toa on', 'real_server 10.0.1.11 80 {\n lvs_method FNAT\n }\n real_server 10.0.1.12 80 {\n }').replace('lvs_method FNAT\n protocol', 'lvs_method NAT\n protocol')}`), 'inet');
    expect(plan?.services.map(({ id, toa }) => [id.kind === 'fwmark' ? id.mark : id.address, toa])).to.deep.equal([['203.0.113.1', true], ['203.0.113.2', true], [9, true]]);
    expect(plan?.servers, 'the other one is plain NAT').to.deep.equal([{ protocol: 'tcp', address: '10.0.1.11', port: 80 }]);
    expect(plan?.seed).to.equal(5);
  });
});
