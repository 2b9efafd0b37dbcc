import type { IpvsConfig, VirtualServer } from '../../../config/model-ipvs.ts';
import { isFullnat } from '../../../ipvs/fullnat/plan.ts';
import type { Log } from '../../log/log.ts';
import type { FullnatBackend } from './backend.ts';

/** FULLNAT of a patched kernel: IPVS does it, local addresses are part of its table. Nothing is needed beside. */
export class KernelFullnat implements FullnatBackend {
  readonly #log: Log;
  /** Services may have a timeout of their own. */
  readonly #timeouts: boolean;
  readonly #said = new Set<string>();

  constructor(log: Log, timeouts: boolean) {
    this.#log = log;
    this.#timeouts = timeouts;
  }

  apply(config: IpvsConfig): Promise<void> {
    for (const line of config.virtualServers.filter(isFullnat).flatMap((service) => remarks(service, this.#timeouts))) {
      if (!this.#said.has(line)) this.#log.warn(line);
      this.#said.add(line);
    }
    return Promise.resolve();
  }

  /** Without local addresses the kernel would refuse every connection; a mark can have none. */
  served(config: IpvsConfig): IpvsConfig {
    const served = config.virtualServers.filter((service) => !isFullnat(service) || (service.fullnat.localAddresses.length > 0 && service.key.kind !== 'fwmark'));
    return { ...config, virtualServers: served.map((service) => this.#understood(service)) };
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  /** Without what the kernel would take for something else. */
  #understood(service: VirtualServer): VirtualServer {
    if (!isFullnat(service)) return service;
    const { fullnat, persistence } = service;
    return {
      ...service,
      persistence: persistence === null ? null : { ...persistence, engine: null },
      fullnat: this.#timeouts ? fullnat : { ...fullnat, establishTimeout: null },
    };
  }

  status(): null {
    return null;
  }
}

function remarks({ id, key, fullnat, persistence }: VirtualServer, timeouts: boolean): string[] {
  return [
    ...(key.kind === 'fwmark' ? [`Virtual server ${id}: the patched kernels have no FULLNAT for marks - left out; --fullnat netfilter can do it`] : []),
    ...(fullnat.takeoverGroup === null ? [] : [`Virtual server ${id}: laddr_takeover_name is ignored: what the patched kernels tell each other has no local addresses`]),
    ...(fullnat.toa ? [`Virtual server ${id}: toa is the patched kernel's own affair (net.ipv4.vs.fullnat_toa_entry)`] : []),
    ...((fullnat.establishTimeout ?? 0) > 0 && !timeouts ? [`Virtual server ${id}: this kernel has no timeouts of single services - establish_timeout is ignored; lvs_timeouts is for all of them`] : []),
    ...(persistence?.engine == null ? [] : [`Virtual server ${id}: the patched kernels have no persistence engines - persistence_engine is ignored`]),
  ];
}
