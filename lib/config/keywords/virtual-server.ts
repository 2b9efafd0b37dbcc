/** virtual_server, virtual_server_group, real_server and what belongs to them (reference part 6, FULLNAT of the patched kernels). */
import { script } from '../accounts.ts';
import { block, keyword, table, type Args, type ValueType } from '../keyword.ts';
import type { ForwardMethod, ServiceKey } from '../model-ipvs.ts';
import type { Place } from '../source.ts';
import { BOOLEAN, choice, digitsOnly, FLAG, INT_MAX, integer, readInteger, seconds, UINT_MAX, word } from '../values.ts';
import { dpvs, fork } from './elsewhere.ts';
import { endVirtualServer } from '../validate/virtual-servers.ts';
import { familyOf, ipFromBytes, ipToBytes, maxPrefix, parseIp, type IpAddress } from '../../util/ip.ts';
import { bfdCheck, dnsCheck, endpoint, type Endpoint, fileCheck, httpGet, isPort, miscCheck, noHeader, pingCheck, smtpCheck, sslGet, tcpCheck, udpCheck } from './checkers.ts';

const later = { notYet: '' } as const;
const LONGEST = 4294.967295;
const timeout = seconds({ min: 0.000001, max: LONGEST });
const wait = seconds({ min: 0, max: LONGEST });
const METHOD = 'NAT|DR|TUN|FNAT [type ipip|gue|gre [port N] [nocsum|csum|remcsum]]';
export const SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'sh', 'mh', 'dh', 'fo', 'ovf', 'lblcr', 'sed', 'nq', 'twos'] as const;

/** `lb_kind`: a method, and for tunnels their kind. */
function forwarding(whose: string): ValueType<ForwardMethod> {
  return { syntax: METHOD, schema: { type: 'string' }, complete: ['NAT', 'DR', 'TUN', 'FNAT'], read: (args) => readForwarding(args, whose) };
}

function readForwarding(args: Args, whose: string): ForwardMethod | undefined {
  const [written = '', ...options] = args.words.slice(args.first);
  const method = written === 'FULLNAT' ? 'FNAT' : written;
  if (method !== 'NAT' && method !== 'DR' && method !== 'TUN' && method !== 'FNAT') {
    const upper = method.toUpperCase();
    const remedy = upper === 'SNAT' ? 'only DPVS has SNAT; translate what the servers send out with nftables: oif IF masquerade' : ['NAT', 'DR', 'TUN', 'FNAT', 'FULLNAT'].includes(upper) ? `write ${upper} in capitals` : 'write NAT, DR, TUN or FNAT';
    args.report({ code: 'unknown-method', message: `PARSER : unknown [${method}] routing method for ${whose}.`, remedy });
    return undefined;
  }
  const tunnel: { type: 'ipip' | 'gue' | 'gre'; port: number; checksum: 'nocsum' | 'csum' | 'remcsum' } = { type: 'ipip', port: 0, checksum: 'nocsum' };
  for (let i = 0; i < options.length; i++) {
    const option = options[i] ?? '';
    const value = options[i + 1] ?? '';
    const fault = (message: string): undefined => { args.report({ code: 'invalid-value', message, remedy: `write: ${METHOD}` }, args.first + 1 + i); };
    if (option === 'nocsum' || option === 'csum' || option === 'remcsum') tunnel.checksum = option;
    else if (option === 'type' && (value === 'ipip' || value === 'gue' || value === 'gre')) {
      tunnel.type = value;
      i++;
    } else if (option === 'port' && isPort(value) && value !== '0') {
      tunnel.port = Number(value);
      i++;
    } else if (option === 'type') return fault(`Unknown tunnel type ${value} for ${whose}.`);
    else if (option === 'port') return fault(`Invalid tunnel port ${value} for ${whose}.`);
    else return fault(`Invalid tunnel option ${option} for ${whose}.`);
  }
  if (method === 'TUN' && tunnel.type === 'gue' && tunnel.port === 0) {
    args.report({ code: 'invalid-value', message: 'gue tunnels require port, otherwise cannot have port.', remedy: 'write: TUN type gue port N' });
    return undefined;
  }
  if (method === 'TUN') args.context.switches.set('tunnel', true);
  return { method, tunnel };
}

const realServer = table('virtual_server.real_server', {
  weight: keyword(integer({ min: 0, max: INT_MAX }), 'weight while healthy', { default: "the virtual server's, else 1", invalid: 'Real server weight {word} is outside range 0-2147483647' }),
  lvs_method: keyword(forwarding('real server'), 'forwarding method', { default: "the virtual server's" }),
  uthreshold: keyword(integer({ min: 0, max: UINT_MAX }), 'most connections', { default: '0, off', invalid: "Invalid real_server uthreshold '{word}' - ignoring" }),
  lthreshold: keyword(integer({ min: 0, max: UINT_MAX }), 'connections at which it takes new ones again', { default: '0, off', invalid: "Invalid real_server lthreshold '{word}' - ignoring" }),
  inhibit_on_failure: keyword(BOOLEAN, 'weight 0 instead of removal', { default: "the virtual server's", invalid: 'Invalid inhibit_on_failure parameter {word}' }),
  notify_up: keyword(script(), 'run when it is added'),
  notify_down: keyword(script(), 'run when it is removed'),
  alpha: keyword(BOOLEAN, 'down until the first success', { default: "the virtual server's", invalid: 'Invalid alpha parameter {word}' }),
  retry: keyword(integer({ min: 1, max: UINT_MAX }), 'failed checks forgiven', { default: "the virtual server's", invalid: 'retry value invalid - {word}' }),
  delay_before_retry: keyword(wait, 'wait before a failed check is made again', { default: "the virtual server's", invalid: "real server delay_before_retry '{word}' invalid - ignoring" }),
  warmup: keyword(wait, 'longest random wait before the first check', { default: "the virtual server's", invalid: "real server warmup '{word}' invalid - ignoring" }),
  connect_timeout: keyword(timeout, 'limit of connections', { default: "the virtual server's", invalid: 'real server connect_timeout {word} invalid - ignoring' }),
  delay_loop: keyword(timeout, 'time between two checks', { default: "the virtual server's", invalid: "real server delay_loop '{word}' invalid - ignoring" }),
  smtp_alert: keyword(BOOLEAN, 'mail when it changes', { default: 'true', invalid: 'Invalid real_server smtp_alert parameter {word}' }),
  virtualhost: keyword(word('NAME'), 'Host header of HTTP checks', { default: "the virtual server's", bare: 'real server virtualhost missing' }),
  snmp_name: keyword(word('STRING'), 'name in SNMP', { bare: 'real server snmp_name missing or extra parameters', ...later }),
  MISC_CHECK: block(noHeader, miscCheck, 'a program'),
  SMTP_CHECK: block(noHeader, smtpCheck, 'the greeting of a mail server'),
  TCP_CHECK: block(noHeader, tcpCheck, 'a TCP connection'),
  PING_CHECK: block(noHeader, pingCheck, 'an ICMP echo'),
  UDP_CHECK: block(noHeader, udpCheck, 'a UDP datagram'),
  HTTP_GET: block(noHeader, httpGet, 'HTTP'),
  SSL_GET: block(noHeader, sslGet, 'HTTPS'),
  DNS_CHECK: block(noHeader, dnsCheck, 'a DNS query'),
  FILE_CHECK: block(noHeader, fileCheck, 'the number in a track_file'),
  BFD_CHECK: block(noHeader, bfdCheck, 'a BFD session'),
});

const needs = (one: string, what: string): ValueType<true> => ({
  ...FLAG,
  read: (args) => {
    if (args.context.switches.get('scheduler') === one) return true;
    args.report({ code: 'needs-scheduler', message: `${what} only applies to ${one} scheduler - ignoring`, remedy: `write lvs_sched ${one} before it` });
    return undefined;
  },
});

const schedule: ValueType<(typeof SCHEDULERS)[number]> = {
  ...choice(SCHEDULERS),
  read: (args) => {
    const value = choice(SCHEDULERS).read(args);
    if (value !== undefined) args.context.switches.set('scheduler', value);
    return value;
  },
};
const badScheduler = { default: 'wlc, with an error', invalid: "Invalid lvs_scheduler '{word}' - ignoring" } as const;

/** Another family than that of the service's own address is refused. */
const serviceFamily: ValueType<'inet' | 'inet6'> = {
  ...choice(['inet', 'inet6']),
  read: (args) => {
    const value = choice(['inet', 'inet6']).read(args);
    const own = args.context.switches.get('service_family');
    if (value === undefined || own === undefined || own === value) return value;
    args.report({ code: 'family-mismatch', message: `Virtual server specified family ${value} conflicts with server family`, remedy: 'leave ip_family out' });
    args.context.complained = true;
    return undefined;
  },
};

export const virtualServer = table('virtual_server', {
  ip_family: keyword(serviceFamily, 'family of a fwmark or group service', { default: 'that of its addresses', invalid: 'unknown address family {word}' }),
  retry: keyword(integer({ min: 1, max: UINT_MAX }), 'failed checks forgiven, for all checkers', { default: "the checker's", invalid: 'retry value invalid - {word}' }),
  delay_before_retry: keyword(wait, 'wait before a failed check is made again', { default: "the checker's", invalid: "virtual server delay before retry '{word}' invalid - ignoring" }),
  warmup: keyword(wait, 'longest random wait before the first check', { default: 'delay_loop', invalid: "virtual server warmup '{word}' invalid - ignoring" }),
  connect_timeout: keyword(timeout, 'limit of connections', { default: '5', invalid: 'virtual server connect_timeout {word} invalid - ignoring' }),
  delay_loop: keyword(timeout, 'time between two checks', { default: '60', invalid: "virtual server delay loop '{word}' invalid - ignoring" }),
  inhibit_on_failure: keyword(FLAG, 'weight 0 instead of removal, for all real servers', { default: 'off' }),
  lb_algo: keyword(schedule, 'scheduler; the same as lvs_sched', { ...badScheduler, alias: 'lvs_sched' }),
  lvs_sched: keyword(schedule, 'scheduler', badScheduler),
  hashed: keyword(needs('sh', 'hashed'), 'hashed entry', { default: 'off' }),
  ops: keyword(FLAG, 'schedule each packet alone, UDP only', { default: 'off' }),
  'flag-1': keyword(FLAG, 'flag 1 of the scheduler', { default: 'off' }),
  'flag-2': keyword(FLAG, 'flag 2 of the scheduler', { default: 'off' }),
  'flag-3': keyword(FLAG, 'flag 3 of the scheduler', { default: 'off' }),
  'sh-port': keyword(needs('sh', 'sh-port'), 'scheduler sh: hash the port too', { default: 'off', alias: 'flag-2' }),
  'sh-fallback': keyword(needs('sh', 'sh-fallback'), 'scheduler sh: fall back to another server', { default: 'off', alias: 'flag-1' }),
  'mh-port': keyword(needs('mh', 'mh-port'), 'scheduler mh: hash the port too', { default: 'off', alias: 'flag-2' }),
  'mh-fallback': keyword(needs('mh', 'mh-fallback'), 'scheduler mh: fall back to another server', { default: 'off', alias: 'flag-1' }),
  lb_kind: keyword(forwarding('virtual server'), 'forwarding method; the same as lvs_method', { default: 'NAT, with an error', alias: 'lvs_method' }),
  lvs_method: keyword(forwarding('virtual server'), 'forwarding method', { default: 'NAT, with an error' }),
  persistence_engine: keyword(word('NAME'), 'IPVS persistence engine, such as sip'),
  persistence_timeout: keyword(persistence(), 'persistent connections', { default: 'off; 360 when bare' }),
  persistence_granularity: keyword(granularity(), 'netmask of persistence', { default: '32 or 128' }),
  protocol: keyword(choice(['TCP', 'UDP', 'SCTP'], true), 'transport protocol', { default: 'UDP, with an error', invalid: 'Unknown protocol {word} - ignoring' }),
  ha_suspend: keyword(FLAG, 'no checks while the address is not on this host', { default: 'off' }),
  smtp_alert: keyword(BOOLEAN, 'mail about the quorum', { default: 'smtp_alert_checker, else off', invalid: 'Invalid virtual_server smtp_alert parameter {word}' }),
  virtualhost: keyword(word('NAME'), 'Host header (and SNI) of HTTP checks', { bare: 'virtual server virtualhost missing' }),
  snmp_name: keyword(word('STRING'), 'name in SNMP', { bare: 'virtual server snmp_name missing or extra parameters', ...later }),
  alpha: keyword(FLAG, 'real servers are down until their first success', { default: 'off' }),
  omega: keyword(FLAG, 'notify scripts and mails during the stop', { default: 'off' }),
  quorum_up: keyword(script(), 'run when the quorum is gained'),
  quorum_down: keyword(script(), 'run when the quorum is lost'),
  quorum: keyword(integer({ min: 1, max: UINT_MAX }), 'weight that counts as up', { default: '1', invalid: 'Quorum {word} must be in [1, 4294967295]. Setting to 1.' }),
  hysteresis: keyword(integer({ min: 0, max: UINT_MAX }), 'added to the quorum going up, taken off going down', { default: '0', invalid: 'Hysteresis {word} must be in [0, 4294967295] - ignoring' }),
  weight: keyword(integer({ min: 1, max: INT_MAX }), 'weight of real servers', { default: '1', invalid: 'Virtual server weight {word} is outside range 1-2147483647' }),
  sorry_server: keyword(sameFamily(endpoint('Invalid sorry server IP address {word} - skipping'), 'sorry'), 'server while the quorum is lost', { then: (context) => { context.switches.set('sorry_server', true); } }),
  sorry_server_inhibit: keyword(afterSorry('Ignoring sorry_server inhibit used before or without sorry_server', FLAG), 'inhibit_on_failure of the sorry server', { default: 'off' }),
  sorry_server_lvs_method: keyword(afterSorry('sorry_server forwarding used without sorry_server', { ...forwarding('sorry server'), bare: true }), 'forwarding method of the sorry server', { default: 'lvs_method' }),
  real_server: block(sameFamily(endpoint('Invalid real server ip address/port {word}/{port} - skipping'), 'real'), realServer, 'a server behind it'),
  laddr_group_name: keyword(word('NAME'), 'FULLNAT: pool of local addresses', { since: 'fullnat' }),
  laddr_takeover_name: keyword(word('NAME'), "FULLNAT on a stock kernel: the other director's pool, for TCP connections that come over from it in their middle", { default: 'laddr_group_name', since: 'tskeepalived' }),
  daddr_group_name: keyword(word('NAME'), 'DPVS: addresses to refuse', dpvs('drop them with a set of nftables, in a chain of the input hook')),
  waddr_group_name: keyword(word('NAME'), 'DPVS: addresses to let in', dpvs('let only those of a set of nftables pass, in a chain of the input hook')),
  syn_proxy: keyword(FLAG, 'FULLNAT of a patched kernel: SYN proxy, TCP only', { default: 'off', since: 'fullnat' }),
  toa: keyword(BOOLEAN, "FULLNAT: the client's address goes into the SYN as TCP option 254, IPv4", { default: 'off', since: 'tskeepalived', invalid: 'Invalid toa parameter {word}' }),
  vip_bind_dev: keyword(word('IF', 'interface'), 'device that holds the addresses of the service, as /32 or /128, while the quorum is there', { since: 'fullnat' }),
  nat_mask: keyword(word('MASK'), 'FULLNAT forks: read and ignored', fork('leave it out: they ignore it too')),
  establish_timeout: keyword(clamped({ min: 1, max: 3600 }), 'FULLNAT of alibaba\'s third version: timeout of established connections', { default: "the kernel's", since: 'fullnat' }),
  est_timeout: keyword(integer({ min: 0, max: UINT_MAX }, 'SECONDS'), "the same, by alibaba's name; 0: the kernel's", { alias: 'establish_timeout', since: 'fullnat' }),
  bps: keyword(integer({ min: 0, max: UINT_MAX }), 'DPVS: bandwidth limit', dpvs('limit with tc(8) on the interface, or with a limit of nftables')),
  limit_proportion: keyword(integer({ min: 0, max: UINT_MAX }), 'DPVS: proportion of the limit', dpvs('limit with tc(8) on the interface, or with a limit of nftables')),
  'src-range': keyword(word('A-B'), 'DPVS: source range', dpvs('mark such packets with nftables, and write: virtual_server fwmark N')),
  'dst-range': keyword(word('A-B'), 'DPVS: destination range', dpvs('mark such packets with nftables, and write: virtual_server fwmark N')),
  oif: keyword(word('IF', 'interface'), 'DPVS: output interface', dpvs('mark such packets with nftables, and write: virtual_server fwmark N')),
  iif: keyword(word('IF', 'interface'), 'DPVS: input interface', dpvs('mark such packets with nftables, and write: virtual_server fwmark N')),
  hash_target: keyword(choice(['sip', 'qid']), 'DPVS: what conhash hashes', { default: 'sip', invalid: 'Invalid hash_target {word}', ...dpvs('lvs_sched mh hashes the client address') }),
  expire_quiescent_conn: keyword(FLAG, 'DPVS: expire connections to servers of weight 0', { default: 'off', ...dpvs('for all services: sysctl net.ipv4.vs.expire_quiescent_template=1, net.ipv4.vs.expire_nodest_conn=1') }),
  quic: keyword(FLAG, 'DPVS: QUIC', { default: 'off', ...dpvs('lvs_sched mh keeps a client address at its server') }),
  proxy_protocol: keyword(choice(['v1', 'v2', 'v1-insecure', 'v2-insecure']), 'DPVS: PROXY protocol before the data', { default: 'off', invalid: 'Invalid proxy_protocol {word}', ...dpvs('write toa on, and on the servers: tskeepalived toa install') }),
}, {
  pass: 'checker',
  begin: (context, { header }) => {
    const key = header as ServiceKey;
    context.switches.set('service_family', key.kind === 'address' ? familyOf(key.address) : undefined);
    context.switches.delete('scheduler');
    context.switches.delete('sorry_server');
    context.switches.delete('tunnel');
  },
  end: endVirtualServer,
});

/** Seconds; what is outside is the nearest limit, as with DPVS. */
function clamped({ min, max }: { readonly min: number; readonly max: number }): ValueType<number> {
  const inner = integer({ min: 0, max: UINT_MAX }, 'SECONDS');
  return {
    ...inner,
    range: `${String(min)}..${String(max)}`,
    read: (args) => {
      const value = inner.read(args);
      if (value === undefined || (value >= min && value <= max)) return value;
      const nearest = Math.min(max, Math.max(min, value));
      args.report({ code: 'invalid-value', severity: 'warning', recorded: 'none', wording: null, message: `${args.words[0] ?? ''} ${String(value)} is outside ${String(min)}..${String(max)}: ${String(nearest)} counts`, remedy: `write ${String(min)} to ${String(max)} seconds` });
      return nearest;
    },
  };
}

/** A server of the family of the service. Tunnels may differ; so may servers of marks and groups. */
function sameFamily(inner: ValueType<Endpoint>, which: string): ValueType<Endpoint> {
  return {
    ...inner,
    read: (args) => {
      const value = inner.read(args);
      const own = args.context.switches.get('service_family');
      if (value === undefined || own === undefined || familyOf(value.address) === own || args.context.switches.has('tunnel')) return value;
      args.report({ code: 'family-mismatch', message: `Address family of virtual server and ${which} server ${value.address} don't match - skipping ${which} server.`, remedy: 'only tunnels carry one family in the other' });
      return undefined;
    },
  };
}

/** A word about the sorry server, which must stand before it. */
function afterSorry<T>(message: string, inner: ValueType<T>): ValueType<T> {
  return {
    ...inner,
    read: (args) => {
      if (args.context.switches.has('sorry_server')) return inner.read(args);
      args.report({ code: 'needs-sorry-server', message, remedy: 'write sorry_server IP PORT before it' }, 0);
      return undefined;
    },
  };
}

/** Seconds; 360 when bare. */
function persistence(): ValueType<number> {
  const inner = integer({ min: 1, max: 2678400 }, '[SECONDS]');
  return {
    ...inner,
    bare: true,
    read: (args) => {
      if (args.words.length <= args.first) return 360;
      const value = inner.read(args);
      if (value === undefined) args.report({ code: 'invalid-value', message: 'persistence_timeout invalid', remedy: 'it must be 1..2678400 seconds' });
      return value;
    },
  };
}

/** A prefix length, from a netmask too. */
function granularity(): ValueType<number> {
  return {
    syntax: 'MASK|PREFIX',
    range: '1..32 or a netmask; 1..128 for IPv6',
    schema: { type: ['string', 'integer'] },
    read: (args) => {
      const text = args.words[args.first] ?? '';
      if (/^\d{1,3}$/u.test(text) && Number(text) >= 1 && Number(text) <= 128) return Number(text);
      const mask = parseIp(text);
      const length = mask === null || familyOf(mask) !== 'inet' ? null : maskLength(mask);
      if (length !== null) return length;
      args.report({ code: 'invalid-value', message: `Invalid IPv4 persistence_granularity specified - ${text}`, remedy: 'write a netmask such as 255.255.255.0, or a prefix length' });
      return undefined;
    },
  };
}

function maskLength(mask: IpAddress): number | null {
  const bits = [...ipToBytes(mask)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1+0*$/u.test(bits) ? bits.lastIndexOf('1') + 1 : null;
}

/** `IP [PORT]`, `fwmark N`, `group NAME`. */
export const serviceHeader: ValueType<ServiceKey> = {
  syntax: 'IP [PORT]|fwmark N|group NAME',
  range: 'port 0..65535, fwmark 1..UINT_MAX',
  schema: { type: 'string' },
  read: (args) => {
    const [, first = '', second] = args.words;
    if (first === 'group' && second !== undefined) return { kind: 'group', name: second };
    if (first === 'fwmark') {
      if (/^\d+$/u.test(second ?? '') && Number(second) >= 1 && Number(second) <= UINT_MAX) return { kind: 'fwmark', mark: Number(second) };
      args.report({ code: 'invalid-value', message: `Invalid fwmark '${second ?? ''}' in virtual_server - skipping`, remedy: 'write: fwmark N' }, 2);
      return undefined;
    }
    const address = parseIp(first);
    const remedy = first === 'match' ? 'only DPVS has services by match; mark such packets with nftables, and write: virtual_server fwmark N' : 'write: IP PORT, fwmark N or group NAME';
    const port = second === undefined ? 0 : digitsOnly(second) === 0 ? 0 : address === null ? undefined : readInteger(args, 2, { min: 1, max: 65535 });
    if (address !== null && port !== undefined) return { kind: 'address', address, port };
    args.report({ code: 'invalid-address', message: `Invalid virtual server IP address/port ${first}/${second ?? '(null)'} - skipping`, remedy });
    return undefined;
  },
};

export interface AddressRange {
  readonly kind: 'addresses';
  readonly first: IpAddress;
  readonly last: IpAddress;
  readonly port: number;
  readonly link: string | null;
  readonly place: Place;
}

export interface FwmarkEntry {
  readonly kind: 'fwmark';
  readonly mark: number;
  readonly family: 'inet' | 'inet6' | null;
  readonly place: Place;
}

/** `IP`, `IP-LAST`, `IP-IP`, `IP/LEN`: the first and the last address; null: none of them. */
export function readRange(text: string): { first: IpAddress; last: IpAddress } | null {
  const [head = '', tail] = text.split(/[-/]/u, 2);
  const first = parseIp(head);
  if (first === null) return null;
  if (tail === undefined) return { first, last: first };
  const bytes = ipToBytes(first);
  if (text.includes('/')) return wholePrefix(first, bytes, tail);
  const whole = parseIp(tail);
  if (whole !== null && familyOf(whole) === familyOf(first)) return ordered(first, whole);
  if (bytes.length === 4 && /^\d{1,3}$/u.test(tail) && Number(tail) <= 255) bytes[3] = Number(tail);
  else if (bytes.length === 16 && /^[0-9a-f]{1,4}$/iu.test(tail)) bytes.set([parseInt(tail, 16) >> 8, parseInt(tail, 16) & 0xff], 14);
  else return null;
  return ordered(first, ipFromBytes(bytes));
}

function ordered(first: IpAddress, last: IpAddress): { first: IpAddress; last: IpAddress } | null {
  const a = ipToBytes(first);
  const b = ipToBytes(last);
  for (const [i, byte] of a.entries()) if (byte !== b[i]) return byte < (b[i] ?? 0) ? { first, last } : null;
  return { first, last };
}

function wholePrefix(first: IpAddress, bytes: Uint8Array, tail: string): { first: IpAddress; last: IpAddress } | null {
  const longest = maxPrefix(familyOf(first));
  if (!/^\d{1,3}$/u.test(tail) || Number(tail) > longest) return null;
  for (let bit = Number(tail); bit < longest; bit++) {
    const mask = 0x80 >> (bit & 7);
    if (((bytes[bit >> 3] ?? 0) & mask) !== 0) return null;
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | mask;
  }
  return { first, last: ipFromBytes(bytes) };
}

function groupEntry(args: Args): AddressRange | FwmarkEntry | undefined {
  const [first = '', second, third] = args.words;
  if (first === 'fwmark') return groupMark(args, third);
  const range = readRange(first);
  const port = second === undefined || digitsOnly(second) === 0 ? 0 : readInteger(args, 1, { min: 1, max: 65535 });
  if (range !== null && port !== undefined) return { kind: 'addresses', ...range, port, link: null, place: args.place };
  args.report({ code: 'invalid-address', message: range === null ? rangeFault(first) : `Invalid virtual server group IP address ${first} /port/${second ?? ''} - skipping`, remedy: 'write: IP[-LAST] [PORT]; the range must increase, host bits must be 0' }, 0);
  return undefined;
}

function groupMark(args: Args, third: string | undefined): FwmarkEntry | undefined {
  const mark = readInteger(args, 1, { min: 1, max: UINT_MAX });
  const family = third === 'inet' || third === 'inet6' ? third : null;
  if (mark !== undefined && (third === undefined || family !== null)) return { kind: 'fwmark', mark, family, place: args.place };
  args.report({ code: 'invalid-value', message: `(${args.name}): fwmark '${args.words[1] ?? ''}' must be in [0, 4294967295] - ignoring`, remedy: 'write: fwmark N [inet|inet6]' }, 1);
  return undefined;
}

/** What keepalived says about a range that is none. */
function rangeFault(text: string): string {
  const [head = '', tail = ''] = text.split(/[-/]/u, 2);
  if (parseIp(head) === null || tail === '') return `Invalid virtual server group IP address ${text}  - skipping`;
  if (text.includes('/')) return `Address mask bits not empty - ${text} - skipping`;
  if (/^\d+$/u.test(tail) && Number(tail) > 255) return `Virtual server group range '${text}' end '${tail}' too large`;
  return `Address range end is not greater than address range start - ${text} - skipping`;
}

function localEntry(args: Args): AddressRange | undefined {
  const [first = '', link] = args.words;
  const range = readRange(first);
  if (range !== null) return { kind: 'addresses', ...range, port: 0, link: link ?? null, place: args.place };
  args.report({ code: 'invalid-address', message: `Invalid address ${first} in local_address_group - skipping`, remedy: 'write: IP[-LAST] [IF]' }, 0);
  return undefined;
}

/** Entries of a group, one per line. */
export const groupEntries: ValueType<AddressRange | FwmarkEntry> = { syntax: 'IP[-END] [PORT]|IP/LEN [PORT]|fwmark N [inet|inet6]', schema: { type: 'string' }, read: groupEntry };
export const localEntries: ValueType<AddressRange> = { syntax: 'IP[-END] [IF]', schema: { type: 'string' }, read: localEntry };

export const ssl = table('SSL', {
  password: keyword(word('STRING'), 'passphrase of the key', { bare: 'SSL password missing' }),
  ca: keyword(word('FILE', 'file'), 'CA certificates', { bare: 'SSL cafile missing' }),
  certificate: keyword(word('FILE', 'file'), 'client certificate', { bare: 'SSL certfile missing' }),
  key: keyword(word('FILE', 'file'), 'key of the client certificate', { bare: 'SSL keyfile missing' }),
}, { pass: 'checker' });
