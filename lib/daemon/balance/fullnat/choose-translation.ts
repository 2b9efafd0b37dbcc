/** What translates on this kernel: nf_tables where it can do all that is needed, iptables where it cannot. */
import { FULLNAT_CHAIN } from '../../../ipvs/fullnat/iptables.ts';
import { FULLNAT_TABLE, probeRuleset } from '../../../ipvs/fullnat/ruleset.ts';
import { SystemError } from '../../../system/error.ts';
import type { System } from '../../../system/system.ts';
import type { Log } from '../../log/log.ts';
import { IptablesTranslation } from './iptables-translation.ts';
import { NftTranslation } from './nft-translation.ts';
import type { Translation } from './translation.ts';

/** What kernels answer that lack nf_tables, its family, or one of the expressions. */
const MISSING = new Set(['EPROTONOSUPPORT', 'EAFNOSUPPORT', 'EOPNOTSUPP', 'ENOTSUP', 'ENOENT', 'EINVAL', 'ECONNREFUSED']);

/**
 * Asks the kernel by a table that it makes and drops in one batch. `why`: for the log, why not the kernel's own FULLNAT. Rejects
 * with SystemError where there is neither nf_tables nor iptables, or the kernel cannot be asked.
 */
export async function chooseTranslation({ filter, iptables, clock }: Pick<System, 'filter' | 'iptables' | 'clock'>, why: string, log: Log): Promise<Translation> {
  const missing = await missingIn(filter);
  if (missing === null) {
    log.info(`FULLNAT: by IPVS masquerading and nftables (table ${FULLNAT_TABLE}); ${why}`);
    return new NftTranslation(filter, clock, log);
  }
  try {
    const version = await iptables.version('inet');
    log.info(`FULLNAT: by IPVS masquerading and ${version} (chains ${FULLNAT_CHAIN}), since the kernel's nf_tables does not do (${missing}); ${why}`);
    return new IptablesTranslation(iptables, clock, log);
  } catch (cause) {
    if (!(cause instanceof SystemError)) throw cause;
    throw new SystemError('translate', `by nf_tables (${missing}) or iptables (${cause.message}); load the modules nf_tables, nft_chain_nat, nft_nat, nft_ct and nft_hash, or install iptables`, 'ENOTSUP', cause);
  }
}

/** Null: all is there. */
async function missingIn(filter: System['filter']): Promise<string | null> {
  try {
    for (const family of ['inet', 'inet6'] as const) await filter.apply(probeRuleset(family));
    return null;
  } catch (cause) {
    if (!(cause instanceof SystemError && MISSING.has(cause.code))) throw cause;
    return cause.message;
  }
}
