import { removeToaServer, toaServerRuleset, TOA_TABLE } from '../ipvs/fullnat/toa.ts';
import { readDirectors, statusText, type ToaStatus } from '../ipvs/fullnat/toa-status.ts';
import { linuxPacketFilter, type LinuxPacketFilter } from '../linux/packet-filter.ts';
import { SystemError } from '../system/error.ts';

const USAGE = 1;
const NOT_INSTALLED = 1;
const REFUSED = 2;

/** `toa install`: whatever was installed before is replaced, in one transaction. */
export async function installToa(words: readonly string[]): Promise<number> {
  const directors = readDirectors(words);
  if (typeof directors === 'string') {
    process.stderr.write(`tskeepalived: ${directors}\n`);
    return USAGE;
  }
  return withFilter(async (filter) => {
    await filter.apply(toaServerRuleset(directors));
    process.stdout.write(`installed (nftables table ip ${TOA_TABLE}), until the next reboot; tskeepalived toa status counts\n`);
    return 0;
  });
}

/** `toa remove`: also when there is nothing to remove. */
export function removeToa(): Promise<number> {
  return withFilter(async (filter) => {
    const isThere = (await filter.tables()).some(({ family, name }) => family === 'inet' && name === TOA_TABLE);
    if (isThere) await filter.apply(removeToaServer());
    process.stdout.write(isThere ? 'removed\n' : 'nothing was installed\n');
    return 0;
  });
}

/** `toa status`. */
export function toaStatus(json: boolean): Promise<number> {
  return withFilter(async (filter) => {
    const status = await read(filter);
    process.stdout.write(json ? `${JSON.stringify(status, null, 2)}\n` : statusText(status));
    return status.installed ? 0 : NOT_INSTALLED;
  });
}

async function read(filter: LinuxPacketFilter): Promise<ToaStatus> {
  const rules = await filter.rules('inet', TOA_TABLE);
  const directors = (rules ?? []).map(({ comment, counters: [all, translated] }) => ({
    director: comment ?? 'unknown', connections: Number(all?.packets ?? 0n), withAddress: Number(translated?.packets ?? 0n),
  }));
  return { installed: rules !== null, directors };
}

async function withFilter(act: (filter: LinuxPacketFilter) => Promise<number>): Promise<number> {
  const filter = linuxPacketFilter();
  try {
    return await act(filter);
  } catch (cause) {
    if (!(cause instanceof SystemError)) throw cause;
    process.stderr.write(`tskeepalived: ${cause.message}${REMEDIES[cause.code] ?? ''}\n`);
    return REFUSED;
  } finally {
    filter.close();
  }
}

const NO_NFTABLES = ' (this kernel lacks nf_tables or a part of it: nft_chain_nat, nft_nat and nft_exthdr are needed)';
const REMEDIES: Readonly<Record<string, string>> = {
  EPERM: ' (root or CAP_NET_ADMIN is needed)', EPROTONOSUPPORT: NO_NFTABLES, EOPNOTSUPP: NO_NFTABLES, ENOENT: NO_NFTABLES, EAFNOSUPPORT: NO_NFTABLES,
};
