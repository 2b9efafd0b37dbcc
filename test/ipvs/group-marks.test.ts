import { expect } from 'chai';
import { desiredTable } from '../../lib/ipvs/desired.ts';
import { giveMarks, markRuleset, withMarks, type GroupMarks } from '../../lib/ipvs/group-marks.ts';
import { initialize } from '../../lib/ipvs/virtual-server.ts';
import type { IpvsConfig } from '../../lib/config/model-ipvs.ts';
import { toHex } from '../../lib/util/bytes.ts';
import { configOf } from '../sim/config-text.ts';

const SETTINGS = { table: 'keepalived_ipvs', priority: -1, first: 1000 };
const NONE: GroupMarks = new Map();

function server(group: string, { protocol = 'TCP', method = 'NAT', real = '10.0.0.1 80' } = {}): string {
  return `virtual_server group ${group} {\n lvs_sched rr\n lvs_method ${method}\n protocol ${protocol}\n real_server ${real} {\n }\n}\n`;
}

function ipvsOf(text: string): IpvsConfig {
  return configOf(text).ipvs;
}

const GROUPS = `virtual_server_group web {
  192.0.2.1 80
  192.0.2.10-12 8080
  192.0.2.99
  fwmark 1000
}
virtual_server_group six {
  2001:db8::1 80
}
`;

describe('ipvs: marks of groups (nftables_ipvs)', () => {
  const ipvs = ipvsOf(GROUPS + server('web') + server('web', { protocol: 'UDP' }) + server('six', { method: 'DR', real: '2001:db8:a::1 80' }));

  it('a mark for each group and protocol, and none that the configuration names', () => {
    expect([...giveMarks(ipvs, 1000, NONE)]).to.deep.equal([['web tcp', 1001], ['web udp', 1002], ['six tcp', 1003]]);
    expect([...giveMarks(ipvs, 7, NONE).values()]).to.deep.equal([7, 8, 9]);
  });

  it('over a reload they stay, those of gone groups are free again', () => {
    const before = giveMarks(ipvs, 1000, NONE);
    const after = giveMarks(ipvsOf(GROUPS + server('six', { method: 'DR', real: '2001:db8:a::1 80' }) + server('web', { protocol: 'SCTP' })), 1000, before);
    expect([...after]).to.deep.equal([['six tcp', 1003], ['web sctp', 1001]]);
  });

  it('a group of marks alone, an address, a mark and FULLNAT need none', () => {
    const others = ipvsOf(`virtual_server_group m {\n fwmark 5\n}\nvirtual_server_group f {\n 192.0.2.5 80\n}\nlocal_address_group L {\n 10.0.0.50\n}\n${server('m')}
${server('f', { method: 'FNAT' }).replace('protocol', 'laddr_group_name L\n protocol')}virtual_server 192.0.2.1 80 {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n real_server 10.0.0.1 80 {\n }\n}\n`);
    expect([...giveMarks(others, 1000, NONE)]).to.deep.equal([]);
    expect(withMarks(others, NONE)).to.deep.equal(others);
  });

  it('IPVS has one service for each protocol and family, and those of marks as before', () => {
    const marked = withMarks(ipvs, giveMarks(ipvs, 1000, NONE));
    const table = desiredTable(marked.virtualServers.map((service) => ({ service, state: initialize(service) })), marked.groups);
    expect([...table.keys()]).to.deep.equal(['fwmark 1001 inet', 'fwmark 1000 inet', 'fwmark 1002 inet', 'fwmark 1003 inet6']);
    expect(table.get('fwmark 1001 inet')?.destinations.map(({ address, port }) => `${address} ${port}`)).to.deep.equal(['10.0.0.1 80']);
    expect(table.get('fwmark 1003 inet6')?.destinations.map(({ address, port }) => `${address} ${port}`), 'no port but with NAT').to.deep.equal(['2001:db8:a::1 0']);
  });

  it('the rules: a map for each protocol, every address in it once, those for any port before the others', () => {
    const marks = giveMarks(ipvs, 1000, NONE);
    const ops = markRuleset(ipvs, marks, 'inet', SETTINGS);
    expect(ops.slice(0, 4).map(({ op }) => op)).to.deep.equal(['add-table', 'delete-table', 'add-table', 'add-chain']);
    expect(ops[3]).to.deep.include({ chain: 'prerouting', hook: { at: 'prerouting', priority: -1 } });
    expect(ops.flatMap((op) => (op.op === 'add-set' ? [[op.set, op.key, op.map, op.id]] : []))).to.deep.equal([
      ['tcp_any_map', 'ipv4_addr', 'mark', 1], ['udp_any_map', 'ipv4_addr', 'mark', 2], ['tcp_map', 'ipv4_addr . inet_service', 'mark', 3], ['udp_map', 'ipv4_addr . inet_service', 'mark', 4],
    ]);
    const elements = (set: string): string[] => ops.flatMap((op) => (op.op === 'add-elements' && op.set === set ? op.elements.map(({ key }) => toHex(key)) : []));
    expect(elements('tcp_any_map')).to.deep.equal(['c0000263']);
    expect(elements('tcp_map')).to.deep.equal(['c000020100500000', 'c000020a1f900000', 'c000020b1f900000', 'c000020c1f900000']);
    const lookups = (chain: string): string[] => ops.flatMap((op) => (op.op === 'add-rule' && op.chain === chain ? op.expressions.flatMap((step) => (step.type === 'lookup' ? [step.set] : [])) : []));
    expect(lookups('prerouting')).to.deep.equal(['tcp_any_map', 'udp_any_map', 'tcp_map', 'udp_map']);
    expect(lookups('again'), 'of what has no mark: the first that knows it has the last word').to.deep.equal(['udp_map', 'tcp_map', 'udp_any_map', 'tcp_any_map']);
    expect(markRuleset(ipvs, marks, 'inet6', SETTINGS).flatMap((op) => (op.op === 'add-set' ? [op.set] : []))).to.deep.equal(['tcp_map']);
    expect(markRuleset(ipvsOf(GROUPS + server('web')), marks, 'inet6', SETTINGS), 'nothing to mark').to.deep.equal([]);
  });

  it('what two virtual servers of one group share stands there once', () => {
    const twice = ipvsOf(GROUPS + server('web') + server('web', { real: '10.0.0.2 80' }));
    const marks = giveMarks(twice, 1000, NONE);
    expect(marks.size).to.equal(1);
    expect(markRuleset(twice, marks, 'inet', SETTINGS).flatMap((op) => (op.op === 'add-elements' ? [op.elements.length] : []))).to.deep.equal([1, 4]);
  });
});
