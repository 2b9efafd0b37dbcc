import type { IpvsConfig, VirtualServer } from '../../../config/model-ipvs.ts';
import { isFullnat } from '../../../ipvs/fullnat/plan.ts';
import type { Log } from '../../log/log.ts';
import type { FullnatBackend } from './backend.ts';

/** FULLNAT of a patched kernel: IPVS does it, local addresses are part of its table. Nothing is needed beside. */
export class KernelFullnat implements FullnatBackend {
  readonly #log: Log;
  readonly #said = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  apply(config: IpvsConfig): Promise<void> {
    for (const line of config.virtualServers.filter(isFullnat).flatMap(remarks)) {
      if (!this.#said.has(line)) this.#log.warn(line);
      this.#said.add(line);
    }
    return Promise.resolve();
  }

  /** Without local addresses the kernel would refuse every connection; a mark can have none. */
  served(config: IpvsConfig): IpvsConfig {
    return { ...config, virtualServers: config.virtualServers.filter((service) => !isFullnat(service) || (service.fullnat.localAddresses.length > 0 && service.key.kind !== 'fwmark')) };
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

function remarks({ id, key, fullnat }: VirtualServer): string[] {
  return [
    ...(key.kind === 'fwmark' ? [`Virtual server ${id}: the patched kernels have no FULLNAT for marks - left out; --fullnat netfilter can do it`] : []),
    ...(fullnat.takeoverGroup === null ? [] : [`Virtual server ${id}: laddr_takeover_name is ignored: what the patched kernels tell each other has no local addresses`]),
    ...(fullnat.toa ? [`Virtual server ${id}: toa is the patched kernel's own affair (net.ipv4.vs.fullnat_toa_entry)`] : []),
  ];
}
