import { expect } from 'chai';
import { examine, findingsExit, findingsText, type Finding, type MachineFacts } from '../../lib/ipvs/fullnat/doctor.ts';
import { ip } from '../../lib/util/ip.ts';
import { load } from '../config/helpers.ts';

const GROUP = 'local_address_group G {\n 10.0.0.21-22\n 2001:db8::21\n}\n';

function server(address: string, { more = '', kind = 'FNAT', protocol = 'TCP', scheduler = 'rr', real = '10.0.1.11' } = {}): string {
  return `virtual_server ${address} {\n lvs_sched ${scheduler}\n lvs_method ${kind}\n protocol ${protocol}\n ${kind === 'FNAT' ? 'laddr_group_name G' : ''}\n ${more}\n real_server ${real} 80 {\n }\n}\n`;
}

const WEB = server('203.0.113.1 80');
const SYSCTLS: Readonly<Record<string, string>> = {
  'net/ipv4/vs/conntrack': '0', 'net/ipv4/vs/conn_reuse_mode': '1', 'net/ipv4/ip_forward': '1', 'net/ipv6/conf/all/forwarding': '0', 'net/netfilter/nf_conntrack_max': '262144',
  'net/netfilter/nf_conntrack_tcp_loose': '1', 'net/netfilter/nf_conntrack_udp_timeout': '30', 'net/netfilter/nf_conntrack_udp_timeout_stream': '120',
};

function facts({ sysctls = {}, ...more }: Partial<Omit<MachineFacts, 'sysctls'>> & { readonly sysctls?: Readonly<Record<string, string | null>> } = {}): MachineFacts {
  const all = Object.entries({ ...SYSCTLS, ...sysctls }).flatMap(([path, value]): [string, string][] => (value === null ? [] : [[path, value]]));
  return {
    release: '6.1.0', ipvs: { tableSize: 4096, fullnat: null }, nftables: null, module: () => true,
    addresses: new Set(['203.0.113.1', '10.0.0.21', '10.0.0.22', '2001:db8::21'].map(ip)), ...more, sysctls: new Map(all),
  };
}

function examined(text: string, machine: MachineFacts): Finding[] {
  const { config } = load(`${GROUP}${text}`);
  if (config === null) throw new Error('nothing was read');
  return examine(config.ipvs, machine);
}

/** Findings of these levels, as `level subject: text`. */
function said(findings: readonly Finding[], ...levels: readonly Finding['level'][]): string[] {
  return findings.filter(({ level }) => levels.includes(level)).map(({ level, subject, text }) => `${level} ${subject}: ${text}`);
}

describe('doctor', () => {
  for (const [name, text, machine, pattern] of [
    ['no IPVS', WEB, facts({ ipvs: { missing: 'no family IPVS' } }), /^error IPVS: cannot be used: no family IPVS$/u],
    ['IPVS without conntrack', WEB, facts({ sysctls: { 'net/ipv4/vs/conntrack': null } }), /^error net\.ipv4\.vs\.conntrack: .*CONFIG_IP_VS_NFCT/u],
    ['a scheduler that is not there', server('203.0.113.1 80', { scheduler: 'mh', kind: 'NAT' }), facts({ module: (one) => one !== 'ip_vs_mh' }), /^error scheduler: mh: there is no module ip_vs_mh$/u],
    ['nf_tables without jhash', WEB, facts({ module: (one) => one !== 'nft_hash' }), /^error nftables: lacks what FULLNAT needs: nft_hash$/u],
    ['neither nf_tables nor the ipvs match', WEB, facts({ nftables: 'EPROTONOSUPPORT', module: (one) => one !== 'xt_ipvs' }), /^error FULLNAT: neither nftables \(EPROTONOSUPPORT\) nor iptables \(no xt_ipvs\)/u],
    ['nf_tables alone missing', WEB, facts({ nftables: 'EPROTONOSUPPORT' }), /^note FULLNAT: nftables cannot be used \(EPROTONOSUPPORT\); iptables/u],
    ['TOA without nf_tables', server('203.0.113.1 80', { more: 'toa on' }), facts({ nftables: 'EPROTONOSUPPORT' }), /^error toa: needs nftables$/u],
    ['TOA without nft_exthdr', server('203.0.113.1 80', { more: 'toa on' }), facts({ module: (one) => one !== 'nft_exthdr' }), /^error toa: needs the module nft_exthdr$/u],
    ['a local address that is not there', WEB, facts({ addresses: new Set(['203.0.113.1', '10.0.0.21'].map(ip)) }), /^warning local_address_group G: not on this machine now: 10\.0\.0\.22; .*ip address add 10\.0\.0\.22\/32/u],
    ['a virtual address that is not there', WEB, facts({ addresses: new Set(['10.0.0.21', '10.0.0.22'].map(ip)) }), /^note virtual addresses: not on this machine now: 203\.0\.113\.1;/u],
    ['room for too few connections', WEB, facts({ sysctls: { 'net/netfilter/nf_conntrack_max': '7680' } }), /^warning net\.netfilter\.nf_conntrack_max: is 7,680: less than the ports of one local address/u],
    ['room for fewer connections than there are ports', WEB, facts({ sysctls: { 'net/netfilter/nf_conntrack_max': '65536' } }), /^note net\.netfilter\.nf_conntrack_max: is 65,536, and so the bound: ports would do for 129,024$/u],
    ['connection tracking not loaded', WEB, facts({ sysctls: { 'net/netfilter/nf_conntrack_max': null } }), /^note net\.netfilter\.nf_conntrack_max: is known when/u],
    ['strict connection tracking', WEB, facts({ sysctls: { 'net/netfilter/nf_conntrack_tcp_loose': '0' } }), /^warning net\.netfilter\.nf_conntrack_tcp_loose: is 0/u],
    ['an old kernel that reuses connections', WEB, facts({ release: '5.4.0-9' }), /^warning net\.ipv4\.vs\.conn_reuse_mode: before Linux 5\.9/u],
    ['UDP that is forgotten early', server('203.0.113.1 80', { protocol: 'UDP' }), facts(), /^note net\.netfilter\.nf_conntrack_udp_timeout: is 30 s, IPVS' is 300 s/u],
    ['syn_proxy', server('203.0.113.1 80', { more: 'syn_proxy' }), facts(), /^warning FULLNAT: Virtual server .*syn_proxy needs a patched kernel/u],
    ["TOA's limits", server('203.0.113.1 80', { more: 'toa on' }), facts(), /^note toa: a client whose first packet has no TCP timestamps/u],
  ] as const) {
    it(name, () => {
      const all = said(examined(text, machine), 'error', 'warning', 'note');
      expect(all.filter((line) => pattern.test(line)), all.join('\n')).to.have.length(1);
    });
  }

  it('all is well: nothing but what is there and the limits', () => {
    const findings = examined(WEB, facts());
    expect(said(findings, 'error', 'warning')).to.deep.equal([]);
    expect(said(findings, 'ok')).to.deep.equal([
      'ok IPVS: is there (Linux 6.1.0), with 4,096 hash rows for connections; for millions of them load it with conn_tab_bits=20 or more (/etc/modprobe.d: options ip_vs conn_tab_bits=20)',
      'ok FULLNAT: by IPVS masquerading and nftables (table tsk_fnat)',
      'ok net.ipv4.vs.conntrack: is 0; set to 1 while FULLNAT is served, and put back',
      'ok net.ipv4.ip_forward: is 1',
      'ok local_address_group G: 2 IPv4 addresses, all on this machine',
    ]);
    expect(said(findings, 'note').map((line) => line.split(':')[0])).to.deep.equal(['note ports, IPv4', 'note other rules', 'note other directors']);
  });

  it('IPv6: its own forwarding and addresses', () => {
    const findings = examined(server('2001:db8:113::1 80', { real: '2001:db8:1::11' }), facts({ addresses: new Set() }));
    expect(said(findings, 'ok').join('\n')).to.include('net.ipv6.conf.all.forwarding: is 0; set to 1').and.not.include('ip_forward');
    expect(said(findings, 'warning')).to.have.length(1).and.to.match(/ip address add 2001:db8::21\/128/u);
  });

  it('a patched kernel: nothing else is asked of it', () => {
    const findings = examined(WEB, facts({ ipvs: { tableSize: 1 << 22, fullnat: 'services' }, nftables: 'EPROTONOSUPPORT', module: () => null }));
    expect(said(findings, 'ok', 'note', 'warning', 'error')).to.deep.equal(['ok IPVS: is there (Linux 6.1.0), with 4,194,304 hash rows for connections', "ok FULLNAT: by this kernel's own"]);
  });

  it('no FULLNAT: IPVS alone; no virtual server: nothing', () => {
    expect(said(examined(server('203.0.113.1 80', { kind: 'NAT' }), facts()), 'ok', 'note', 'warning', 'error')).to.have.length(1);
    expect(said(examined('', facts({ ipvs: { missing: 'x' } })), 'ok')).to.deep.equal(['ok IPVS: the configuration has no virtual server']);
  });

  it('as text: what is wrong first; the exit code', () => {
    const findings: Finding[] = [{ level: 'note', subject: 'a', text: '1' }, { level: 'ok', subject: 'long one', text: '2' }, { level: 'error', subject: 'c', text: '3' }, { level: 'warning', subject: 'd', text: '4' }];
    expect(findingsText(findings)).to.equal('error    c         3\nwarning  d         4\nok       long one  2\nnote     a         1\n');
    expect([findingsExit(findings), findingsExit(findings.slice(3)), findingsExit(findings.slice(0, 2))]).to.deep.equal([2, 1, 0]);
  });
});
