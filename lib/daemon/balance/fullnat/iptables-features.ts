/** What this kernel and this iptables can do, asked with rules in chains that no packet reaches. */
import { hashBelow } from '../../../ipvs/fullnat/address-hash.ts';
import type { Choice } from '../../../ipvs/fullnat/iptables.ts';
import { PROBE_CHAIN, probeText, savedTables, type Feature } from '../../../ipvs/fullnat/iptables-text.ts';
import type { FullnatPlan } from '../../../ipvs/fullnat/plan.ts';
import { SystemError } from '../../../system/error.ts';
import type { Iptables } from '../../../system/iptables.ts';
import type { Family } from '../../../util/ip.ts';
import type { Log } from '../../log/log.ts';

/**
 * How local addresses can be chosen here. Rejects with SystemError, whose text names the modules that are missing, where
 * rules of this plan are impossible.
 */
export async function iptablesChoice(iptables: Iptables, plan: FullnatPlan, log: Log): Promise<Choice> {
  const needed = features(plan);
  const hash: Feature = { module: 'xt_bpf', table: 'nat', rule: `-m bpf --bytecode "${hashBelow(plan.family, plan.seed, 1, 2)}"` };
  if (await works(iptables, plan, [...needed, hash])) return 'hash';
  const random: Feature = { module: 'xt_statistic', table: 'nat', rule: '-m statistic --mode random --probability 0.5' };
  if (await works(iptables, plan, [...needed, random])) {
    log.warn('FULLNAT: this kernel or this iptables has no bpf match (module xt_bpf): local addresses are chosen at random, so that a connection whose conntrack entry is lost is lost as well');
    return 'random';
  }
  const missing: string[] = [];
  for (const feature of [...needed, random]) if (!await works(iptables, plan, [feature])) missing.push(feature.module);
  await sweep(iptables, plan.family);
  const program = plan.family === 'inet' ? 'iptables' : 'ip6tables';
  throw new SystemError('use', `${program}: this kernel lacks ${missing.join(', ') || 'something'} (modprobe them, or use a kernel that has them or nf_tables)`, 'ENOTSUP');
}

function features({ family, pools, services, servers }: FullnatPlan): Feature[] {
  const protocols = new Set(servers.map(({ protocol }) => protocol));
  const [prefix, address] = family === 'inet' ? ['ip', '192.0.2.1'] : ['ip6', '2001:db8::1'];
  return [
    { module: `${prefix}table_filter`, table: 'filter', rule: '-j DROP' },
    { module: `${prefix}table_mangle`, table: 'mangle', rule: '-j DROP' },
    { module: `${prefix}table_nat`, table: 'nat', rule: '-j RETURN' },
    { module: 'xt_nat', table: 'nat', rule: `-j SNAT --to-source ${pools[0]?.addresses[0] ?? address}` },
    { module: 'xt_conntrack', table: 'nat', rule: `-m conntrack --ctorigdst ${address} --ctorigdstport 1:2` },
    { module: 'xt_conntrack', table: 'filter', rule: '-m conntrack --ctstate NEW,INVALID,UNTRACKED' },
    { module: 'xt_ipvs', table: 'nat', rule: '-m ipvs --ipvs --vdir ORIGINAL --vmethod MASQ' },
    ...(services.some(({ id }) => id.kind === 'fwmark') ? [{ module: 'xt_mark', table: 'nat', rule: '-m mark --mark 1' } as const] : []),
    ...(['tcp', 'udp', 'sctp'] as const).filter((protocol) => protocols.has(protocol))
      .map((protocol): Feature => ({ module: protocol === 'sctp' ? 'xt_sctp' : 'xt_tcpudp', table: 'filter', rule: `-p ${protocol} -m ${protocol} --dport 1` })),
  ];
}

/** Its chains go with the next change of all three tables, which comes at once; where the answer is no, they go here. */
async function works(iptables: Iptables, { family }: FullnatPlan, features: readonly Feature[]): Promise<boolean> {
  try {
    await iptables.restore(family, probeText(features));
    return true;
  } catch (cause) {
    await sweep(iptables, family);
    // Anything else (not installed, no permission, the lock is held) is no answer.
    if (!(cause instanceof SystemError && cause.code === 'EINVAL')) throw cause;
    return false;
  }
}

async function sweep(iptables: Iptables, family: Family): Promise<void> {
  const saved = savedTables(await iptables.save(family));
  const left = [...saved].filter(([, { chains }]) => chains.includes(PROBE_CHAIN)).map(([table]) => `*${table}\n:${PROBE_CHAIN} - [0:0]\n-X ${PROBE_CHAIN}\nCOMMIT\n`);
  if (left.length > 0) await iptables.restore(family, left.join(''));
}
