import { expect } from 'chai';
import { iptablesTables, type IptablesTable } from '../../lib/ipvs/fullnat/iptables.ts';
import { restoreText, savedTables } from '../../lib/ipvs/fullnat/iptables-text.ts';
import type { FullnatPlan, TranslatedService } from '../../lib/ipvs/fullnat/plan.ts';
import { ip, type IpAddress } from '../../lib/util/ip.ts';

function service(address: string, port: number, pool = 'G', protocol: 'tcp' | 'udp' | 'sctp' = 'tcp'): TranslatedService {
  return { id: { kind: 'address', protocol, address: ip(address), port }, pool, toa: false };
}

function plan(parts: Partial<FullnatPlan> = {}): FullnatPlan {
  return {
    family: 'inet', seed: 7, pools: [{ name: 'G', addresses: [ip('10.0.0.21'), ip('10.0.0.22')] }], services: [service('203.0.113.1', 80)],
    servers: [{ protocol: 'tcp', address: ip('10.0.1.11'), port: 80 }], ...parts,
  };
}

/** Programs are their first instruction's operand, the limit and the count: seed, limit/count. */
function short(rule: string): string {
  return rule.replace(/"\d+,0 0 0 (\d+),.*148 0 0 (\d+),53 0 1 (\d+),.*"/u, '$1 <$3/$2');
}

function lines(tables: readonly IptablesTable[]): string[] {
  return tables.flatMap(({ name, hook, chains }) => [
    `${name} ${hook.chain} ${hook.match}`, ...[...chains].flatMap(([chain, rules]) => rules.map((rule) => `${name} ${chain}: ${short(rule)}`)),
  ]);
}

/** The address that a connection to there is given: the chains are followed as the kernel would, with this index of its hash. */
function follow(tables: readonly IptablesTable[], packet: { readonly protocol: string; readonly address: IpAddress; readonly port: number; readonly mark?: number }, index: number): { readonly to: string | null; readonly rules: number } {
  const chains = tables.find(({ name }) => name === 'nat')?.chains ?? new Map<string, readonly string[]>();
  let rules = 0;
  const matches = (rule: string): boolean => {
    const words = short(rule).split(' ');
    const value = (name: string): string | undefined => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined);
    const protocol = value('-p');
    const mark = value('--mark');
    const [low, high = low] = (value('--ctorigdstport') ?? '').split(':');
    const limit = /<(\d+)\//u.exec(short(rule))?.[1];
    const target = value('--ctorigdst');
    return (protocol === undefined || protocol === packet.protocol) && (mark === undefined || Number(mark) === packet.mark)
      && (low === '' || (packet.port >= Number(low) && packet.port <= Number(high))) && (limit === undefined || index < Number(limit)) && (target === undefined || inside(packet.address, target));
  };
  const walk = (chain: string): string | null => {
    for (const rule of chains.get(chain) ?? []) {
      rules++;
      if (!matches(rule)) continue;
      const [, kind, target = ''] = /-(g|j SNAT --to-source) (\S+)$/u.exec(rule) ?? [];
      return kind === 'g' ? walk(target) : target;
    }
    return null;
  };
  return { to: walk('TSK-FNAT'), rules };
}

function inside(address: IpAddress, prefix: string): boolean {
  const [network = '', length = '32'] = prefix.split('/');
  const bits = (one: string): string => one.split('.').map((byte) => Number(byte).toString(2).padStart(8, '0')).join('');
  return bits(address).slice(0, Number(length)) === bits(network).slice(0, Number(length));
}

describe('FULLNAT as rules of iptables', () => {
  it('one service, two addresses, one server', () => {
    expect(lines(iptablesTables(plan(), 'hash'))).to.deep.equal([
      'filter INPUT -m conntrack --ctstate NEW,INVALID,UNTRACKED',
      'filter TSK-FNAT: -d 10.0.0.21 -g TSK-FNAT-RS',
      'filter TSK-FNAT: -d 10.0.0.22 -g TSK-FNAT-RS',
      'filter TSK-FNAT-RS: -s 10.0.1.11 -p tcp -m tcp --sport 80 -j DROP',
      'mangle POSTROUTING -m conntrack --ctstate INVALID,UNTRACKED',
      'mangle TSK-FNAT: -d 10.0.1.11 -p tcp -m tcp --dport 80 -j DROP',
      'nat POSTROUTING -m ipvs --ipvs --vdir ORIGINAL --vmethod MASQ',
      'nat TSK-FNAT: -m conntrack --ctorigdst 203.0.113.1 -g TSK-FNAT-0',
      'nat TSK-FNAT-0: -p tcp -m conntrack --ctorigdstport 80 -g TSK-FNAT-P0',
      'nat TSK-FNAT-P0: -m bpf --bytecode 7 <1/2 -j SNAT --to-source 10.0.0.21',
      'nat TSK-FNAT-P0: -j SNAT --to-source 10.0.0.22',
    ]);
  });

  it('marks, all ports, UDP and SCTP, and a pool of one', () => {
    const tables = iptablesTables(plan({
      pools: [{ name: 'G', addresses: [ip('10.0.0.21')] }],
      services: [service('203.0.113.1', 0), service('203.0.113.1', 53, 'G', 'udp'), { id: { kind: 'fwmark', mark: 7, family: 'inet' }, pool: 'G', toa: false }],
      servers: [{ protocol: 'sctp', address: ip('10.0.1.11'), port: 0 }, { protocol: 'udp', address: ip('10.0.1.11'), port: 53 }],
    }), 'hash');
    expect(lines(tables).filter((line) => line.includes(': '))).to.deep.equal([
      'filter TSK-FNAT: -d 10.0.0.21 -g TSK-FNAT-RS',
      'filter TSK-FNAT-RS: -s 10.0.1.11 -p sctp -j DROP', 'filter TSK-FNAT-RS: -s 10.0.1.11 -p udp -m udp --sport 53 -j DROP',
      'mangle TSK-FNAT: -d 10.0.1.11 -p sctp -j DROP', 'mangle TSK-FNAT: -d 10.0.1.11 -p udp -m udp --dport 53 -j DROP',
      'nat TSK-FNAT: -m mark --mark 7 -g TSK-FNAT-P0',
      'nat TSK-FNAT: -m conntrack --ctorigdst 203.0.113.1 -g TSK-FNAT-0',
      'nat TSK-FNAT-0: -p udp -m conntrack --ctorigdstport 53 -g TSK-FNAT-P0', 'nat TSK-FNAT-0: -p tcp -g TSK-FNAT-P0',
      'nat TSK-FNAT-P0: -j SNAT --to-source 10.0.0.21',
    ]);
  });

  it('what another director had: TCP without SYN goes to the pool of the takeover first, UDP has no beginning to be seen', () => {
    const pools = [{ name: 'G', addresses: [ip('10.0.0.21')] }, { name: 'H', addresses: [ip('10.0.0.41')] }];
    const services = [service('203.0.113.1', 80), service('203.0.113.1', 0), service('203.0.113.1', 53, 'G', 'udp'), { id: { kind: 'fwmark', mark: 7, family: 'inet' }, pool: 'G', toa: false } as const].map((one) => ({ ...one, takeover: 'H' }));
    expect(lines(iptablesTables(plan({ pools, services }), 'hash')).filter((line) => /^nat TSK-FNAT(-0)?:/u.test(line))).to.deep.equal([
      'nat TSK-FNAT: -p tcp -m tcp ! --syn -m mark --mark 7 -g TSK-FNAT-P1', 'nat TSK-FNAT: -m mark --mark 7 -g TSK-FNAT-P0',
      'nat TSK-FNAT: -m conntrack --ctorigdst 203.0.113.1 -g TSK-FNAT-0',
      'nat TSK-FNAT-0: -p udp -m conntrack --ctorigdstport 53 -g TSK-FNAT-P0',
      'nat TSK-FNAT-0: -p tcp -m tcp ! --syn -m conntrack --ctorigdstport 80 -g TSK-FNAT-P1', 'nat TSK-FNAT-0: -p tcp -m conntrack --ctorigdstport 80 -g TSK-FNAT-P0',
      'nat TSK-FNAT-0: -p tcp -m tcp ! --syn -g TSK-FNAT-P1', 'nat TSK-FNAT-0: -p tcp -g TSK-FNAT-P0',
    ]);
  });

  it('by chance, each address is equally likely', () => {
    const addresses = ['10.0.0.21', '10.0.0.22', '10.0.0.23'].map((address) => ip(address));
    expect(lines(iptablesTables(plan({ pools: [{ name: 'G', addresses }] }), 'random')).filter((line) => line.includes('SNAT'))).to.deep.equal([
      'nat TSK-FNAT-P0: -m statistic --mode random --probability 0.33333333 -j SNAT --to-source 10.0.0.21',
      'nat TSK-FNAT-P0: -m statistic --mode random --probability 0.50000000 -j SNAT --to-source 10.0.0.22',
      'nat TSK-FNAT-P0: -j SNAT --to-source 10.0.0.23',
    ]);
  });

  it('however many services and addresses, a first packet meets few rules, and the right ones', () => {
    const pools = [0, 1, 2].map((n) => ({ name: `G${String(n)}`, addresses: Array.from({ length: 40 }, (_, i) => ip(`10.${String(n)}.0.${String(i + 1)}`)) }));
    const services = Array.from({ length: 3000 }, (_, i) => service(`203.0.${String((i % 300) >> 8)}.${String(i % 300 & 255)}`, 80 + Math.floor(i / 300), `G${String(i % 3)}`, i % 2 === 0 ? 'tcp' : 'udp'));
    const tables = iptablesTables(plan({ pools, services }), 'hash');
    for (let i = 0; i < services.length; i += 7) {
      const { id } = services[i] ?? service('203.0.113.1', 1);
      if (id.kind !== 'address') continue;
      const index = i % 40;
      const { to, rules } = follow(tables, id, index);
      expect(to, `service ${String(i)}`).to.equal(`10.${String(i % 3)}.0.${String(index + 1)}`);
      expect(rules).to.be.lessThan(60);
    }
    expect(follow(tables, { protocol: 'tcp', address: ip('203.0.0.0'), port: 9 }, 0).to, 'no service').to.equal(null);
    expect(follow(tables, { protocol: 'tcp', address: ip('192.0.2.1'), port: 80 }, 0).to, 'no address of ours').to.equal(null);
  });

  it('the longest names are not too long for the kernel (28 characters)', () => {
    const services = Array.from({ length: 5000 }, (_, i) => service(`203.${String(i >> 8)}.0.${String(i & 255)}`, 80));
    for (const { chains } of iptablesTables(plan({ services }), 'hash')) for (const chain of chains.keys()) expect(chain.length).to.be.lessThan(29);
  });
});

const SAVED = `# Generated by iptables-save v1.8.9 on Tue Dec  1 08:00:00 2026
*nat
:PREROUTING ACCEPT [3:180]
:POSTROUTING ACCEPT [12:720]
:KUBE-POSTROUTING - [0:0]
:TSK-FNAT - [0:0]
:TSK-FNAT-OLD - [0:0]
:TSK-FNATTER - [0:0]
-A POSTROUTING -m ipvs --ipvs --vdir ORIGINAL -j TSK-FNAT
-A POSTROUTING -j KUBE-POSTROUTING
-A TSK-FNAT -g TSK-FNAT-OLD
-A TSK-FNATTER -j ACCEPT
COMMIT
*mangle
:POSTROUTING ACCEPT [0:0]
COMMIT
`;

describe('texts of iptables-save and iptables-restore', () => {
  it('what is ours is found, and nothing else', () => {
    expect([...savedTables(SAVED)]).to.deep.equal([['nat', {
      chains: ['TSK-FNAT', 'TSK-FNAT-OLD'], hooks: ['-A POSTROUTING -m ipvs --ipvs --vdir ORIGINAL -j TSK-FNAT'],
      text: ':TSK-FNAT\n:TSK-FNAT-OLD\n-A POSTROUTING -m ipvs --ipvs --vdir ORIGINAL -j TSK-FNAT\n-A TSK-FNAT -g TSK-FNAT-OLD\n',
    }]]);
    for (const text of ['', '\n', 'garbage', '-A', ':', '*\n-A  -j TSK-FNAT']) expect([...savedTables(text).keys()].join(''), JSON.stringify(text)).to.equal('');
  });

  it('counters of others are no change', () => {
    expect(savedTables(SAVED.replace('[12:720]', '[99:9999]')).get('nat')?.text).to.equal(savedTables(SAVED).get('nat')?.text);
  });

  it('a table is replaced: its hook stands first, chains of before are gone', () => {
    const [table] = iptablesTables(plan({ pools: [{ name: 'G', addresses: [ip('10.0.0.21')] }] }), 'hash').filter(({ name }) => name === 'nat');
    expect(restoreText(table === undefined ? [] : [table], [], savedTables(SAVED))).to.equal([
      '*nat', ':TSK-FNAT - [0:0]', ':TSK-FNAT-0 - [0:0]', ':TSK-FNAT-P0 - [0:0]', ':TSK-FNAT-OLD - [0:0]',
      '-D POSTROUTING -m ipvs --ipvs --vdir ORIGINAL -j TSK-FNAT',
      '-I POSTROUTING 1 -m ipvs --ipvs --vdir ORIGINAL --vmethod MASQ -j TSK-FNAT',
      '-A TSK-FNAT -m conntrack --ctorigdst 203.0.113.1 -g TSK-FNAT-0', '-A TSK-FNAT-0 -p tcp -m conntrack --ctorigdstport 80 -g TSK-FNAT-P0', '-A TSK-FNAT-P0 -j SNAT --to-source 10.0.0.21',
      '-X TSK-FNAT-OLD', 'COMMIT', '',
    ].join('\n'));
  });

  it('all of ours goes, and where there is nothing of ours nothing is asked', () => {
    expect(restoreText([], ['nat', 'mangle'], savedTables(SAVED))).to.equal([
      '*nat', ':TSK-FNAT - [0:0]', ':TSK-FNAT-OLD - [0:0]', '-D POSTROUTING -m ipvs --ipvs --vdir ORIGINAL -j TSK-FNAT', '-X TSK-FNAT', '-X TSK-FNAT-OLD', 'COMMIT', '',
    ].join('\n'));
    expect(restoreText([], ['filter', 'mangle', 'nat'], new Map())).to.equal('');
  });
});
