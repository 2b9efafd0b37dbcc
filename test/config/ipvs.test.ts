import { expect } from 'chai';
import type { VirtualServer } from '../../lib/config/model-ipvs.ts';
import { readRange } from '../../lib/config/keywords/virtual-server.ts';
import { ip } from '../../lib/util/ip.ts';
import { fakeMachine, load, said } from './helpers.ts';

const HEAD = 'virtual_server 192.0.2.1 80 {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n';

function service(text: string): VirtualServer {
  const one = load(text).config?.ipvs.virtualServers[0];
  if (one === undefined) throw new Error('no virtual server');
  return one;
}

describe('virtual_server: what is wrong', () => {
  const rows: readonly (readonly [name: string, text: string, line: string])[] = [
    ['an address that is none', 'virtual_server abc 80 {\n}\n', '(test.conf: Line 1) Invalid virtual server IP address/port abc/80 - skipping'],
    ['a port that is none', 'virtual_server 192.0.2.1 http {\n}\n', '(test.conf: Line 1) Invalid virtual server IP address/port 192.0.2.1/http - skipping'],
    ['a real server of another family', `${HEAD} real_server 2001:db8::2 80 {\n }\n}\n`, "(test.conf: Line 5) Address family of virtual server and real server 2001:db8::2 don't match - skipping real server."],
    ['a range that goes down', 'virtual_server_group G {\n 192.0.2.9-3 80\n 192.0.2.1 80\n}\n', '(test.conf: Line 2) Address range end is not greater than address range start - 192.0.2.9-3 - skipping'],
    ['the same real server twice', `${HEAD} real_server 192.0.2.2 81 {\n }\n real_server 192.0.2.2 82 {\n }\n real_server 192.0.2.2 81 {\n }\n}\n`, 'VS [192.0.2.1]:tcp:80: real server [192.0.2.2]:tcp:81 is duplicated - removing second rs'],
    ['no real server', `${HEAD}}\n`, '(test.conf: Line 5) Virtual server [192.0.2.1]:tcp:80 has no real servers - ignoring'],
    ['no protocol', 'virtual_server 192.0.2.1 80 {\n lvs_sched rr\n lvs_method NAT\n real_server 192.0.2.2 80 {\n }\n}\n', 'Virtual server [192.0.2.1]:none:80: no protocol set - defaulting to UDP'],
    ['no scheduler', 'virtual_server 192.0.2.1 80 {\n lvs_method NAT\n protocol TCP\n real_server 192.0.2.2 80 {\n }\n}\n', "Virtual server [192.0.2.1]:tcp:80: no scheduler set, setting default 'wlc'"],
    ['no method', 'virtual_server 192.0.2.1 80 {\n lvs_sched rr\n protocol TCP\n real_server 192.0.2.2 80 {\n }\n}\n', 'Virtual server [192.0.2.1]:tcp:80: no forwarding method set, setting default NAT'],
    ['a method in small letters', `${HEAD} lb_kind dr\n}\n`, '(test.conf: Line 5) PARSER : unknown [dr] routing method for virtual server.'],
    ['a quorum that can never be met', `${HEAD} quorum 9\n real_server 192.0.2.2 80 {\n weight 2\n }\n}\n`, 'Warning - quorum 9 for [192.0.2.1]:tcp:80 exceeds total weight of real servers 2, reducing quorum to 2'],
    ['another port with DR', `${HEAD.replace('NAT', 'DR')} real_server 192.0.2.2 81 {\n }\n}\n`, "WARNING - virtual server [192.0.2.1]:tcp:80 and real server [192.0.2.2]:tcp:81 ports don't match - resetting"],
    ['an empty group', 'virtual_server_group G {\n}\n', '(test.conf: Line 2) virtual server group G has no entries - removing'],
    ['a checker script that runs unguarded', `${HEAD} real_server 192.0.2.2 80 {\n MISC_CHECK {\n misc_path /usr/bin/true\n }\n }\n}\n`, 'SECURITY VIOLATION - check scripts are being executed but script_security not enabled.'],
  ];
  for (const [name, text, line] of rows) it(name, () => { expect(said(text)).to.include(line); });
});

describe('virtual_server: FULLNAT that cannot work', () => {
  const fnat = (lines: string, head = ''): string => `${head}virtual_server 192.0.2.1 80 {\n lvs_sched rr\n lvs_method FNAT\n protocol TCP\n ${lines}\n real_server 192.0.2.2 80 {\n }\n}\n`;
  for (const [name, text, line, message] of [
    ['no group', fnat(''), 1, 'virtual server [192.0.2.1]:tcp:80 is FNAT without local addresses: it is left out'],
    ['a group that is not declared', fnat('laddr_group_name G'), 5, 'local_address_group G is not declared: [192.0.2.1]:tcp:80 is left out'],
    ['a group without an address of the family', fnat('laddr_group_name G', 'local_address_group G {\n 2001:db8::1\n}\n'), 8, 'local_address_group G has no IPv4 address: [192.0.2.1]:tcp:80 is left out'],
    ['a group that nobody uses', fnat('laddr_group_name G').replace('FNAT', 'NAT'), 5, 'laddr_group_name G has no effect: no server of [192.0.2.1]:tcp:80 is FNAT'],
    ['syn_proxy for UDP', fnat('laddr_group_name G\n syn_proxy', 'local_address_group G {\n 192.0.2.9\n}\n').replace('TCP', 'UDP'), 9, 'syn_proxy is for TCP: [192.0.2.1]:udp:80 goes without'],
  ] as const) {
    it('SMTP_CHECK with a host: the server itself, and the host as one more', () => {
    const { config } = load('virtual_server 10.0.0.1 25 {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n real_server 10.0.0.2 25 {\n SMTP_CHECK {\n helo_name a\n retry 2\n host {\n connect_ip 10.0.0.3\n connect_port 26\n }\n }\n }\n}\n');
    const checkers = config?.ipvs.virtualServers[0]?.realServers[0]?.checkers ?? [];
    expect(checkers.map((one) => ('target' in one ? `${one.type} ${one.target.address} ${one.target.port} ${one.schedule.retry}` : ''))).to.deep.equal(['SMTP_CHECK 10.0.0.2 25 2', 'SMTP_CHECK 10.0.0.3 26 1']);
  });

  it(`${name}: said, with its place`, () => {
      expect(load(text).diagnostics.filter(({ code }) => code.startsWith('fullnat')).map((one) => [one.range?.line, one.message])).to.deep.equal([[line, message]]);
    });
  }
});

describe('virtual_server: FULLNAT and what belongs to it, on this machine', () => {
  const fnat = (lines: string, more = ''): string => `${more}virtual_server 192.0.2.1 80 {\n lvs_sched rr\n lvs_method FNAT\n protocol TCP\n ${lines}\n real_server 192.0.2.2 80 {\n }\n}\n`;
  const machine = fakeMachine({ addresses: new Set([ip('10.0.0.21')]) });
  const group = (lines: string): string => `local_address_group G {\n ${lines}\n}\n`;
  const vip = (text: string): string => `vrrp_instance V {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n ${text}\n }\n}\n`;
  const rows: readonly (readonly [name: string, text: string, said: readonly (readonly [number, string])[]])[] = [
    ['an address that is here', fnat('laddr_group_name G', group('10.0.0.21')), []],
    ['one that is not', fnat('laddr_group_name G', group('10.0.0.21\n 10.0.0.22')), [[3, 'local_address_group G: 10.0.0.22 is on no interface of this machine']]],
    ['a range that is not', fnat('laddr_group_name G', group('10.0.0.21-24')), [[2, 'local_address_group G: 10.0.0.22 and 2 more are on no interface of this machine']]],
    ['one that an instance brings', fnat('laddr_group_name G', vip('10.0.0.22') + group('10.0.0.22')), []],
    ['one with a device, which is added', fnat('laddr_group_name G', group('10.0.0.22 eth1')), []],
    ['one with a device that is not here', fnat('laddr_group_name G', group('10.0.0.22 eth9')), [[2, 'local_address_group G: this machine has no interface eth9; 10.0.0.22 is added when there is one']]],
    ['of a group that nobody uses', fnat('laddr_group_name G', group('10.0.0.21').concat(group('10.9.9.9').replace('G', 'H'))), []],
    ['vip_bind_dev with a device that is not here', `${fnat('laddr_group_name G\n vip_bind_dev eth9', group('10.0.0.21'))}`, [[9, 'vip_bind_dev eth9: this machine has no such interface; [192.0.2.1]:tcp:80 gets its addresses when there is one']]],
    ['vip_bind_dev of a mark', 'virtual_server fwmark 7 {\n lvs_sched rr\n lvs_method DR\n vip_bind_dev lo\n real_server 192.0.2.2 {\n }\n}\n', [[4, 'vip_bind_dev has no effect: FWM 7 is a mark, which has no address']]],
    ['vip_bind_dev and a sorry server', `${fnat('laddr_group_name G\n vip_bind_dev lo\n sorry_server 192.0.2.3 80', group('10.0.0.21'))}`, [[9, 'the sorry server of [192.0.2.1]:tcp:80 stands in while the quorum is lost, and vip_bind_dev takes the addresses away then']]],
    ['settings of FULLNAT without it', fnat('syn_proxy\n est_timeout 9').replace('FNAT', 'NAT'), [[5, 'syn_proxy has no effect: no server of [192.0.2.1]:tcp:80 is FNAT'], [6, 'establish_timeout has no effect: no server of [192.0.2.1]:tcp:80 is FNAT']]],
    ['IPVS in another network namespace', `net_namespace_ipvs x\n${fnat('laddr_group_name G', group('10.0.0.21'))}`, [[5, '[192.0.2.1]:tcp:80 is FNAT, and net_namespace_ipvs has IPVS in another network namespace: only a patched kernel could do that']]],
  ];
  for (const [name, text, lines] of rows) {
    it(name, () => {
      const found = load(text, { machine }).diagnostics.filter(({ code }) => code.startsWith('fullnat') || code.startsWith('bind'));
      expect(found.map((one) => [one.range?.line, one.message])).to.deep.equal(lines);
    });
  }

  for (const [word, seconds, line] of [['establish_timeout 0', 1, 'establish_timeout 0 is outside 1..3600: 1 counts'], ['establish_timeout 7200', 3600, 'establish_timeout 7200 is outside 1..3600: 3600 counts'], ['establish_timeout 90', 90, null], ['est_timeout 7200', 7200, null]] as const) {
    it(word, () => {
      const { config, diagnostics } = load(fnat(`laddr_group_name G\n ${word}`, group('10.0.0.21')));
      expect(config?.ipvs.virtualServers[0]?.fullnat.establishTimeout).to.equal(seconds * 1000);
      expect(diagnostics.filter(({ code }) => code === 'invalid-value').map(({ message }) => message)).to.deep.equal(line === null ? [] : [line]);
    });
  }

  it('lb_kind FULLNAT is FNAT; SNAT is only DPVS\', and said so', () => {
    expect(service(fnat('laddr_group_name G', group('10.0.0.21')).replace('FNAT', 'FULLNAT')).forward.method).to.equal('FNAT');
    expect(load(fnat('').replace('FNAT', 'SNAT')).diagnostics.find(({ code }) => code === 'unknown-method')?.remedy).to.include('only DPVS has SNAT');
  });

  it("a service by match is DPVS' too", () => {
    expect(load('virtual_server match M {\n}\n').diagnostics.find(({ code }) => code === 'invalid-address')?.remedy).to.include('only DPVS has services by match');
  });

  it("DPVS' words are read, and said to be DPVS', with what to do instead", () => {
    const words = ['bps 1000', 'limit_proportion 80', 'hash_target qid', 'proxy_protocol v2', 'expire_quiescent_conn', 'quic', 'daddr_group_name D', 'waddr_group_name W', 'src-range 10.0.0.1-10.0.0.9', 'oif eth0'];
    const { diagnostics, config } = load(`deny_address_group D {\n 10.0.0.1\n}\ntunnel_group {\n tunnel_entry t0 {\n kind ipip\n remote 10.0.0.1\n }\n}\n${fnat(['laddr_group_name G', ...words].join('\n '), group('10.0.0.21'))}`);
    const said = diagnostics.filter(({ code }) => code === 'not-in-effect');
    expect(said.filter(({ message, remedy }) => message.includes('only DPVS has it') && remedy !== null && remedy !== '')).to.have.length(words.length + 5);
    expect(said).to.have.length(words.length + 5);
    expect(config?.ipvs.virtualServers).to.have.length(1);
  });
});

describe('virtual_server: what follows from what', () => {
  it('everything inherited and defaulted', () => {
    const one = service(`${HEAD} delay_loop 7\n weight 3\n real_server 192.0.2.2 8080 {\n TCP_CHECK {\n retry 5\n }\n HTTP_GET {\n connect_timeout 2\n url {\n path /x\n }\n }\n }\n}\n`);
    expect(one).to.deep.include({ id: '[192.0.2.1]:tcp:80', scheduler: 'rr', quorum: 1, hysteresis: 0, persistence: null, sorryServer: null, family: 'inet' });
    const [real] = one.realServers;
    expect(real).to.deep.include({ id: '[192.0.2.2]:tcp:8080', port: 8080, weight: 3, smtpAlert: true });
    const target = { address: '192.0.2.2', port: 8080, bindAddress: null, bindPort: 0, bindLink: null, fwmark: 0, connectTimeout: 5000 };
    expect(real?.checkers).to.deep.equal([
      { type: 'TCP_CHECK', target, schedule: { delayLoop: 7000, warmup: 7000, retry: 5, delayBeforeRetry: 1000, alpha: false, logAllFailures: false } },
      {
        type: 'HTTP_GET', target: { ...target, connectTimeout: 2000 }, schedule: { delayLoop: 7000, warmup: 7000, retry: 1, delayBeforeRetry: 3000, alpha: false, logAllFailures: false },
        urls: [{ path: '/x', digests: [], statusCodes: [], virtualHost: null, regex: null, tlsCompliant: false }], virtualHost: null, protocol: '1.0', sni: false, sniName: null, sniHost: null, fastRecovery: false, tlsCompliant: false,
      },
    ]);
  });

  it('no port means persistence', () => {
    expect(service(HEAD.replace(' 80 {', ' {').concat(' real_server 192.0.2.2 {\n }\n}\n')).persistence).to.deep.equal({ timeout: 360_000, granularity: 32, engine: null });
  });

  it('a mark has no protocol', () => {
    expect(service('virtual_server fwmark 7 {\n lvs_sched rr\n lvs_method DR\n real_server 2001:db8::2 {\n }\n}\n')).to.deep.include({ id: 'FWM 7', protocol: null, family: 'inet6' });
  });

  it('a group with ranges and marks', () => {
    const { config } = load('virtual_server_group G {\n 192.0.2.1-3 80\n 192.0.2.64/30 81\n fwmark 5 inet\n}\nvirtual_server group G {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n real_server 192.0.2.9 80 {\n }\n}\n');
    expect(config?.ipvs.groups).to.deep.equal([{ name: 'G', entries: [
      { kind: 'addresses', first: '192.0.2.1', last: '192.0.2.3', port: 80 },
      { kind: 'addresses', first: '192.0.2.64', last: '192.0.2.67', port: 81 },
      { kind: 'fwmark', mark: 5, family: 'inet' },
    ] }]);
  });

  it('a port that is taken away or set is so in the name as well, and the checker asks at the one given', () => {
    const body = ' lb_algo rr\n lb_kind DR\n real_server 192.0.2.2 81 {\n TCP_CHECK {\n }\n }\n}\n';
    const { config } = load(`virtual_server fwmark 7 {\n${body}virtual_server 192.0.2.1 80 {\n protocol TCP\n${body}`);
    expect(config?.ipvs.virtualServers.map(({ realServers: [one] }) => [one?.id, one?.port, (one?.checkers[0] as { target?: { port: number } } | undefined)?.target?.port])).to.deep.equal([['[192.0.2.2]:none:0', 0, 81], ['[192.0.2.2]:tcp:80', 80, 81]]);
  });

  // IP_VS_SVC_F_SCHED_SH_FALLBACK is the first flag, IP_VS_SVC_F_SCHED_SH_PORT the second; those of mh likewise (ip_vs.h).
  for (const [word, flag] of [['sh-port', 'flag-2'], ['sh-fallback', 'flag-1'], ['mh-port', 'flag-2'], ['mh-fallback', 'flag-1']] as const) {
    it(`${word} is the kernel's ${flag}`, () => {
      const { config } = load(`virtual_server 192.0.2.1 80 {\n lb_algo ${word.slice(0, 2)}\n ${word}\n lb_kind NAT\n protocol TCP\n real_server 192.0.2.2 80 {\n }\n}\n`);
      expect(config?.ipvs.virtualServers[0]?.flags).to.deep.equal([flag]);
    });
  }

  it('FULLNAT with its pool, as the patched keepalived writes it', () => {
    const { config } = load('local_address_group laddr_g1 {\n 192.0.2.240-242\n 192.0.2.250 eth1\n}\nvirtual_server 198.51.100.1 80 {\n lb_algo rr\n lb_kind FNAT\n protocol TCP\n syn_proxy\n laddr_group_name laddr_g1\n alpha\n omega\n est_timeout 90\n real_server 192.0.2.2 8080 {\n }\n}\n');
    expect(config?.ipvs.localAddressGroups).to.deep.equal([{ name: 'laddr_g1', ranges: [{ first: '192.0.2.240', last: '192.0.2.242', link: null }, { first: '192.0.2.250', last: '192.0.2.250', link: 'eth1' }] }]);
    const [one] = config?.ipvs.virtualServers ?? [];
    expect(one?.forward.method).to.equal('FNAT');
    expect(one?.fullnat).to.deep.equal({ localAddressGroup: 'laddr_g1', localAddresses: ['192.0.2.240', '192.0.2.241', '192.0.2.242', '192.0.2.250'], takeoverGroup: null, takeoverAddresses: [], denyGroup: null, allowGroup: null, synProxy: true, bindLink: null, establishTimeout: 90_000, toa: false });
    expect(one?.realServers[0]?.port).to.equal(8080);
  });

  const ranges: readonly (readonly [text: string, range: readonly [string, string] | null])[] = [
    ['abc', null], ['192.0.2.5-4', null], ['192.0.2.5-256', null], ['192.0.2.5/30', null], ['192.0.2.4/33', null], ['2001:db8::5-zz', null],
    ['192.0.2.5', ['192.0.2.5', '192.0.2.5']], ['192.0.2.5-9', ['192.0.2.5', '192.0.2.9']], ['192.0.2.5-192.0.3.1', ['192.0.2.5', '192.0.3.1']],
    ['192.0.2.4/30', ['192.0.2.4', '192.0.2.7']], ['2001:db8::5-1ff', ['2001:db8::5', '2001:db8::1ff']],
  ];
  for (const [text, range] of ranges) it(`range ${text}`, () => { expect(readRange(text)).to.deep.equal(range === null ? null : { first: range[0], last: range[1] }); });
});

describe('lvs_sync_daemon_interface of a vrrp_instance', () => {
  const instance = (name: string, vrid: number, link: string): string => `vrrp_instance ${name} {\n interface eth0\n virtual_router_id ${vrid}\n lvs_sync_daemon_interface ${link}\n virtual_ipaddress {\n 192.0.2.${vrid}\n }\n}\n`;
  const syncDaemon = (text: string): readonly string[] | null | undefined => load(text).config?.ipvs.syncDaemon;
  const taken = (text: string): readonly string[] => said(text).filter((line) => line.includes('already been specified'));

  it('is lvs_sync_daemon with that instance, the first of several', () => {
    const text = instance('VI_1', 51, 'eth1') + instance('VI_2', 52, 'eth2');
    expect(syncDaemon(text)).to.deep.equal(['eth1', 'inst', 'VI_1']);
    expect(taken(text)).to.deep.equal(['(test.conf: Line 12) (VI_2) lvs_sync_daemon_interface has already been specified as eth1 - ignoring']);
  });

  for (const [name, before, after, line] of [['above', 'global_defs {\n lvs_sync_daemon eth3 VI_9 id 7\n}\n', '', 7], ['below', '', 'global_defs {\n lvs_sync_daemon eth3 VI_9 id 7\n}\n', 4]] as const) {
    it(`gives way to lvs_sync_daemon in global_defs ${name} it`, () => {
      const text = before + instance('VI_1', 51, 'eth1') + after;
      expect(syncDaemon(text)).to.deep.equal(['eth3', 'VI_9', 'id', '7']);
      expect(taken(text)).to.deep.equal([`(test.conf: Line ${line}) (VI_1) lvs_sync_daemon_interface has already been specified as eth3 - ignoring`]);
    });
  }
});
