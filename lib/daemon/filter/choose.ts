/** Which packet filter this machine has. */
import type { ScriptRunner } from '../../system/script-runner.ts';
import type { System } from '../../system/system.ts';
import type { Family } from '../../util/ip.ts';
import type { FilterSettings } from '../../vrrp/filter.ts';
import type { Log } from '../log/log.ts';
import { run } from './iptables-keeper.ts';

export type Firewall = { readonly kind: 'nftables'; /** Families that have a table of our name already. */ readonly old: readonly Family[] } | { readonly kind: 'iptables' };

/**
 * nftables where the kernel has it, unless the configuration asks for iptables and this iptables is not itself a face of
 * nf_tables; iptables where there is no nf_tables. Null, and said, where there is neither.
 */
export async function firewallOf(settings: FilterSettings, system: Pick<System, 'filter' | 'scripts'>, log: Log): Promise<Firewall | null> {
  if (settings.firewall === 'iptables' && await hasLegacyIptables(system.scripts)) return { kind: 'iptables' };
  if (settings.firewall === 'iptables') log.info('iptables is not there, or uses nf_tables itself - using nftables');
  try {
    return { kind: 'nftables', old: await probe(settings.table, system) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (await hasLegacyIptables(system.scripts)) {
      log.info(`the kernel has no nf_tables (${reason}) - using iptables, chains ${settings.chains.in}${settings.chains.out === null ? '' : ` and ${settings.chains.out}`}`);
      return { kind: 'iptables' };
    }
    log.error(`packets to addresses that are not accepted cannot be dropped: the kernel has no nf_tables (${reason}) and there is no iptables; load the nf_tables module, install iptables, or write accept`);
    return null;
  }
}

/** Makes and removes a table with a chain in each family, in one batch: nobody sees it. Rejects where that cannot be done. */
async function probe(table: string, { filter }: Pick<System, 'filter'>): Promise<Family[]> {
  const name = `${table}-probe`;
  for (const family of ['inet', 'inet6'] as const) {
    await filter.apply([
      { op: 'add-table', family, table: name },
      { op: 'add-chain', family, table: name, chain: 'in', hook: { at: 'input', priority: 0 } },
      { op: 'delete-table', family, table: name },
    ]);
  }
  return (await filter.tables()).filter((found) => found.name === table).map((found) => found.family);
}

/** `iptables -V` of an iptables on nf_tables says `nf_tables`; that one would work where we can do without it. */
async function hasLegacyIptables(scripts: ScriptRunner): Promise<boolean> {
  const legacy = await run(scripts, ['/bin/sh', '-c', 'iptables -V | grep -qv nf_tables']);
  return legacy === null;
}
