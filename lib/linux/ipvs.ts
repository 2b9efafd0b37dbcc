import { existsSync } from 'node:fs';
import type { GenericFamily } from '../codec/genetlink.ts';
import { fullnatKind } from '../codec/ipvs-fullnat.ts';
import { SystemError } from '../system/error.ts';
import type { IpvsControl } from '../system/ipvs.ts';
import { findIpvs } from './ipvs-family.ts';
import { netlinkIpvs } from './ipvs-netlink.ts';
import { optionIpvs, optionKind, socketOptions } from './ipvs-options.ts';
import { inNetworkNamespace } from './namespace.ts';
import { NetlinkRequests, type RequestOptions } from './netlink-requests.ts';

const NETLINK_GENERIC = 16;
/** Only alibaba's third version has it. */
const THIRD_VERSION = '/proc/sys/net/ipv4/vs/reserve_core';

/**
 * IPVS of the network namespace this process is in, or of the one whose file is given: over generic netlink, and by socket options
 * where only those have the kernel's FULLNAT. Loads the kernel's module when it is not there.
 * Rejects with SystemError: ENOENT when the kernel has no IPVS (the cause says what can be done), EPERM from everything it is
 * asked without CAP_NET_ADMIN.
 */
export async function linuxIpvs({ namespace = null, ...options }: RequestOptions & { readonly namespace?: string | null } = {}): Promise<IpvsControl> {
  const within = <T>(open: () => T): T => (namespace === null ? open() : inNetworkNamespace(namespace, open));
  const requests = within(() => new NetlinkRequests(NETLINK_GENERIC, 'IPVS socket', options));
  try {
    const family = await findFamily(requests);
    const fullnat = family instanceof SystemError ? null : fullnatKind(family.commands);
    const byOptions = fullnat === null ? openOptions(within, family instanceof SystemError) : null;
    if (byOptions !== null) {
      requests.close();
      return byOptions;
    }
    if (family instanceof SystemError) throw family;
    return netlinkIpvs(requests, family, { fullnat, establishedTimeouts: fullnat === 'services' && existsSync(THIRD_VERSION) });
  } catch (cause) {
    requests.close();
    throw cause;
  }
}

/** The family, or why there is none. */
async function findFamily(requests: NetlinkRequests): Promise<GenericFamily | SystemError> {
  try {
    return await findIpvs(requests);
  } catch (cause) {
    if (cause instanceof SystemError && cause.code === 'ENOENT') return cause;
    throw cause;
  }
}

/** When they can do what netlink cannot: FULLNAT, or (`anyhow`) IPVS at all. */
function openOptions(within: <T>(open: () => T) => T, anyhow: boolean): IpvsControl | null {
  const options = within(socketOptions);
  const kind = optionKind(options);
  if (kind !== null && (kind.fullnat !== null || anyhow)) return optionIpvs(options, kind);
  options.close();
  return null;
}
