/**
 * Whether this machine can do what a configuration asks of IPVS and FULLNAT: what is missing, what is tight, and the limits that
 * hold wherever it runs (fullnat.md 6.5, 7.1).
 */
import type { IpvsConfig } from '../../config/model-ipvs.ts';
import { type Family, type IpAddress } from '../../util/ip.ts';
import { serviceIds } from '../desired.ts';
import { fullnatPlan, isFullnat, type FullnatPlan } from './plan.ts';
import { stockRemarks } from './remarks.ts';
import { TOA_LIMITS } from './toa-status.ts';

/** What was found on the machine. */
export interface MachineFacts {
  /** As uname -r has it. */
  readonly release: string;
  /** Entries of IPVS' connection table and whose FULLNAT it has; or why it cannot be asked. */
  readonly ipvs: { readonly tableSize: number; readonly fullnat: 'services' | 'zones' | null } | { readonly missing: string };
  /** null: there is nf_tables; else why it cannot be asked. */
  readonly nftables: string | null;
  /** In the kernel or to be loaded; null: nobody knows. */
  readonly module: (name: string) => boolean | null;
  /** By their paths below /proc/sys; absent: there is no such parameter (yet). */
  readonly sysctls: ReadonlyMap<string, string>;
  readonly addresses: ReadonlySet<IpAddress>;
}

export interface Finding {
  /** error: it cannot work; warning: it will not always; note: a limit to know of. */
  readonly level: 'ok' | 'note' | 'warning' | 'error';
  readonly subject: string;
  readonly text: string;
}

/** What examine() wants to know of sysctl(8). */
export const EXAMINED_SYSCTLS = [
  'net/ipv4/vs/conntrack', 'net/ipv4/vs/conn_reuse_mode', 'net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding', 'net/netfilter/nf_conntrack_max', 'net/netfilter/nf_conntrack_count',
  'net/netfilter/nf_conntrack_tcp_loose', 'net/netfilter/nf_conntrack_udp_timeout', 'net/netfilter/nf_conntrack_udp_timeout_stream',
] as const;

/** Ports 1024 to 65535: what one local address has for one socket of a real server. */
const PORTS = 64_512;
/** IPVS' timeout of UDP, in seconds, where the configuration has none. */
const IPVS_UDP_TIMEOUT = 300;
const NFT_MODULES = ['nf_conntrack', 'nf_nat', 'nft_chain_nat', 'nft_nat', 'nft_ct', 'nft_hash'];
const XT_MODULES = ['ip_tables', 'iptable_nat', 'iptable_mangle', 'iptable_filter', 'xt_ipvs', 'xt_nat', 'xt_conntrack', 'xt_tcpudp'];
const TOA_MODULES = ['nft_exthdr'];

/** In the order in which they matter. */
export function examine(config: IpvsConfig, facts: MachineFacts): Finding[] {
  if (config.virtualServers.length === 0) return [{ level: 'ok', subject: 'IPVS', text: 'the configuration has no virtual server' }];
  return [...examineIpvs(config, facts), ...examineVirtualAddresses(config, facts), ...(config.virtualServers.some(isFullnat) ? examineFullnat(config, facts) : [])];
}

function examineIpvs({ virtualServers }: IpvsConfig, { ipvs, release, module }: MachineFacts): Finding[] {
  if ('missing' in ipvs) return [{ level: 'error', subject: 'IPVS', text: `cannot be used: ${ipvs.missing}` }];
  const schedulers = [...new Set(virtualServers.map(({ scheduler }) => scheduler))].filter((name) => module(`ip_vs_${name}`) === false);
  return [
    { level: 'ok', subject: 'IPVS', text: `is there (Linux ${release}), with ${number(ipvs.tableSize)} hash rows for connections${ipvs.tableSize < 1 << 16 ? '; for millions of them load it with conn_tab_bits=20 or more (/etc/modprobe.d: options ip_vs conn_tab_bits=20)' : ''}` },
    ...schedulers.map((name): Finding => ({ level: 'error', subject: 'scheduler', text: `${name}: there is no module ip_vs_${name}` })),
  ];
}

/** A director receives only what is addressed to it. */
function examineVirtualAddresses({ virtualServers, groups }: IpvsConfig, { addresses }: MachineFacts): Finding[] {
  const wanted = new Set(virtualServers.flatMap((server) => serviceIds(server, groups)).flatMap((id) => (id.kind === 'address' ? [id.address] : [])));
  const missing = [...wanted].filter((address) => !addresses.has(address));
  return missing.length === 0 ? [] : [{ level: 'note', subject: 'virtual addresses', text: `not on this machine now: ${some(missing)}; clients are served when a virtual router, vip_bind_dev or you have put them here` }];
}

function examineFullnat(config: IpvsConfig, facts: MachineFacts): Finding[] {
  if (!('missing' in facts.ipvs) && facts.ipvs.fullnat === 'services') return [{ level: 'ok', subject: 'FULLNAT', text: "by this kernel's own" }];
  const plans = (['inet', 'inet6'] as const).flatMap((family) => fullnatPlan(config, family) ?? []);
  return [
    ...examineNetfilter(facts), ...examineSysctls(plans, config, facts), ...plans.flatMap((plan) => [...examineLocalAddresses(plan, facts), ...examineBudget(plan, facts)]),
    ...stockRemarks(config).map((text): Finding => ({ level: 'warning', subject: 'FULLNAT', text })), ...LIMITS, ...(plans.some(({ services }) => services.some(({ toa }) => toa)) ? examineToa(facts) : []),
  ];
}

function examineNetfilter({ nftables, module }: MachineFacts): Finding[] {
  const lacking = (names: readonly string[]): string[] => names.filter((name) => module(name) === false);
  if (nftables === null) {
    const missing = lacking(NFT_MODULES);
    return [missing.length === 0 ? { level: 'ok', subject: 'FULLNAT', text: 'by IPVS masquerading and nftables (table tsk_fnat)' } : { level: 'error', subject: 'nftables', text: `lacks what FULLNAT needs: ${missing.join(', ')}` }];
  }
  const missing = lacking(XT_MODULES);
  return missing.length === 0
    ? [{ level: 'note', subject: 'FULLNAT', text: `nftables cannot be used (${nftables}); iptables with the ipvs match is left` }]
    : [{ level: 'error', subject: 'FULLNAT', text: `neither nftables (${nftables}) nor iptables (no ${missing.join(', ')}) can translate; use another kernel, or lvs_method TUN` }];
}

function examineSysctls(plans: readonly FullnatPlan[], { timeouts }: IpvsConfig, { ipvs, sysctls, release }: MachineFacts): Finding[] {
  const found: Finding[] = [];
  const value = (path: string): string | undefined => sysctls.get(path);
  const say = (level: Finding['level'], path: string, text: string): void => { found.push({ level, subject: path.replaceAll('/', '.'), text }); };
  const forwarding: Readonly<Record<Family, string>> = { inet: 'net/ipv4/ip_forward', inet6: 'net/ipv6/conf/all/forwarding' };
  const ours = ['net/ipv4/vs/conntrack', ...plans.map(({ family }) => forwarding[family])];
  if (!('missing' in ipvs) && value('net/ipv4/vs/conntrack') === undefined) say('error', 'net/ipv4/vs/conntrack', "is not there: this kernel's IPVS does not know conntrack (CONFIG_IP_VS_NFCT); use another kernel, or lvs_method TUN");
  for (const path of ours) if (value(path) !== undefined) say('ok', path, value(path) === '1' ? 'is 1' : `is ${value(path) ?? ''}; set to 1 while FULLNAT is served, and put back`);
  if (value('net/netfilter/nf_conntrack_tcp_loose') === '0') say('warning', 'net/netfilter/nf_conntrack_tcp_loose', 'is 0: after a loss of connection tracking (a flush, another director) no connection goes on; set it to 1');
  const major = Number(/^(\d+)/u.exec(release)?.[1]);
  const minor = Number(/^\d+\.(\d+)/u.exec(release)?.[1]);
  if ((major < 5 || (major === 5 && minor < 9)) && value('net/ipv4/vs/conn_reuse_mode') !== '0') say('warning', 'net/ipv4/vs/conn_reuse_mode', 'before Linux 5.9, a client that takes a port again waits for a second with conntrack; set it to 0');
  const udp = timeouts?.udp ?? IPVS_UDP_TIMEOUT;
  if (plans.some(({ services }) => services.some(({ id }) => id.kind === 'fwmark' || id.protocol === 'udp'))) {
    for (const path of ['net/netfilter/nf_conntrack_udp_timeout', 'net/netfilter/nf_conntrack_udp_timeout_stream']) {
      if (Number(value(path) ?? udp) < udp) say('note', path, `is ${value(path) ?? ''} s, IPVS' is ${udp} s: a client that is silent for longer between two datagrams may come from another port of its local address after that`);
    }
  }
  return found;
}

/** They need not be the machine's: whatever is routed here will do. But most often one that is missing was forgotten. */
function examineLocalAddresses({ pools, family }: FullnatPlan, { addresses }: MachineFacts): Finding[] {
  return pools.map(({ name, addresses: local }) => {
    const missing = local.filter((address) => !addresses.has(address));
    const subject = `local_address_group ${name}`;
    return missing.length === 0
      ? { level: 'ok', subject, text: `${local.length} ${family === 'inet' ? 'IPv4' : 'IPv6'} address${local.length === 1 ? '' : 'es'}, all on this machine` }
      : { level: 'warning', subject, text: `not on this machine now: ${some(missing)}; unless they are routed here, or come with a virtual router: ip address add ${missing[0] ?? ''}/${family === 'inet' ? '32' : '128'} dev IF` };
  });
}

/** Ports and connection tracking: which of them is the bound. */
function examineBudget({ pools, services, servers, family }: FullnatPlan, { sysctls }: MachineFacts): Finding[] {
  const sockets = Math.max(1, new Set(servers.map(({ protocol, address, port }) => `${protocol} ${address} ${String(port)}`)).size);
  const used = pools.filter(({ name }) => services.some(({ pool }) => pool === name));
  const least = Math.min(...used.map(({ addresses }) => addresses.length));
  const total = new Set(used.flatMap(({ addresses }) => addresses)).size * sockets * PORTS;
  const text = sysctls.get('net/netfilter/nf_conntrack_max');
  const found: Finding[] = [{
    level: 'note', subject: `ports, ${family === 'inet' ? 'IPv4' : 'IPv6'}`,
    text: `one real server can have ${number(least * PORTS)} connections (${number(PORTS)} for each local address), those that closed in the last 120 s among them; more need more local addresses`,
  }];
  if (text === undefined) return [...found, { level: 'note', subject: 'net.netfilter.nf_conntrack_max', text: 'is known when connection tracking is loaded; it should have room for all connections and those closed in the last 120 s' }];
  const most = Number(text);
  if (most < PORTS) found.push({ level: 'warning', subject: 'net.netfilter.nf_conntrack_max', text: `is ${number(most)}: less than the ports of one local address; further clients get no answer ("nf_conntrack: table full" in the kernel's log). Set it to all connections and those closed in the last 120 s` });
  else if (most < total) found.push({ level: 'note', subject: 'net.netfilter.nf_conntrack_max', text: `is ${number(most)}, and so the bound: ports would do for ${number(total)}` });
  return found;
}

const LIMITS: readonly Finding[] = [
  { level: 'note', subject: 'other rules', text: 'a nat chain of somebody else before priority 100 (masquerade, for example) takes connections away from the local addresses; a drop policy in input, output or forward breaks FULLNAT' },
  { level: 'note', subject: 'other directors', text: 'give the same client the same local address when fullnat_seed and the order of local_address_group are the same' },
];

function examineToa({ module, nftables }: MachineFacts): Finding[] {
  const missing = TOA_MODULES.filter((name) => module(name) === false);
  return [
    ...(nftables !== null ? [{ level: 'error', subject: 'toa', text: 'needs nftables' } as const] : missing.length > 0 ? [{ level: 'error', subject: 'toa', text: `needs the module ${missing.join(', ')}` } as const] : []),
    ...TOA_LIMITS.map((text): Finding => ({ level: 'note', subject: 'toa', text })),
  ];
}

function some(addresses: readonly IpAddress[]): string {
  const shown = addresses.slice(0, 4).join(', ');
  return addresses.length > 4 ? `${shown} and ${addresses.length - 4} more` : shown;
}

function number(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/gu, ',');
}

/** For people: what is wrong first. */
export function findingsText(findings: readonly Finding[]): string {
  const order = ['error', 'warning', 'ok', 'note'];
  const sorted = [...findings].sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
  const width = Math.max(0, ...findings.map(({ subject }) => subject.length));
  return sorted.map(({ level, subject, text }) => `${level.padEnd(8)} ${subject.padEnd(width)}  ${text}\n`).join('');
}

/** 0: nothing but notes; 1: warnings; 2: it cannot work. */
export function findingsExit(findings: readonly Finding[]): number {
  return findings.some(({ level }) => level === 'error') ? 2 : findings.some(({ level }) => level === 'warning') ? 1 : 0;
}
