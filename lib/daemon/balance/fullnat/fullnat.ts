import type { IpvsConfig } from '../../../config/model-ipvs.ts';
import { isFullnat } from '../../../ipvs/fullnat/plan.ts';
import type { IpvsControl } from '../../../system/ipvs.ts';
import type { System } from '../../../system/system.ts';
import type { Log } from '../../log/log.ts';
import type { FullnatBackend, FullnatStatus } from './backend.ts';
import { BudgetWatch } from './budget-watch.ts';
import { chooseTranslation } from './choose-translation.ts';
import { KernelFullnat } from './kernel-fullnat.ts';
import { KernelSettings } from './kernel-settings.ts';
import { StockFullnat } from './stock-fullnat.ts';

export interface FullnatParts {
  readonly system: Pick<System, 'clock' | 'filter' | 'iptables' | 'files' | 'sysctls'>;
  readonly ipvs: Pick<IpvsControl, 'fullnat' | 'establishedTimeouts' | 'dump'>;
  /** auto: a patched kernel's own where there is one. */
  readonly by: 'auto' | 'kernel' | 'netfilter';
  readonly log: Log;
  /** Of the kernel's parameters that were changed. */
  readonly journal: { readonly path: string; readonly epoch: string };
  /** Virtual servers that could not be served can be now. */
  readonly ready: () => void;
}

/** FULLNAT, by whatever this kernel has for it; chosen when the first virtual server asks for it. */
export class Fullnat {
  readonly #parts: FullnatParts;
  readonly #settings: KernelSettings;
  #backend: FullnatBackend | null = null;

  constructor(parts: FullnatParts) {
    this.#parts = parts;
    const { system: { files, sysctls }, log, journal: { path, epoch } } = parts;
    this.#settings = new KernelSettings(sysctls, files, log, path, epoch);
  }

  /** To be called before IPVS is changed. Failures are said, and tried again. */
  async apply(config: IpvsConfig): Promise<void> {
    if (this.#backend === null && !config.virtualServers.some(isFullnat) && !await this.#settings.leftover()) return;
    this.#backend ??= this.#choose();
    await this.#backend.apply(config);
  }

  /** The configuration as IPVS gets it. */
  served(config: IpvsConfig): IpvsConfig {
    return this.#backend === null ? config : this.#backend.served(config);
  }

  /** When IPVS has lost its services, or (`keep`) keeps them. */
  async stop(keep: boolean): Promise<void> {
    await this.#backend?.stop(keep);
  }

  /** null: there is none, or it is the kernel's own. */
  status(): FullnatStatus | null {
    return this.#backend?.status() ?? null;
  }

  /** By what the kernel lists, never by trying: a stock one takes the patched one's requests without a word, and then resets clients. */
  #choose(): FullnatBackend {
    const { system, ipvs, by, log, ready } = this.#parts;
    if (by !== 'netfilter' && ipvs.fullnat === 'services') {
      log.info("FULLNAT: by this kernel's own");
      return new KernelFullnat(log, ipvs.establishedTimeouts);
    }
    const why = by === 'netfilter' ? 'as --fullnat asks for' : ipvs.fullnat === 'zones' ? "this kernel's FULLNAT has its local addresses in zones, which is not supported" : 'this kernel has no FULLNAT of its own';
    if (by === 'kernel') log.error(`FULLNAT: --fullnat kernel, but ${why} - using netfilter`);
    return new StockFullnat(() => chooseTranslation(system, why, log), this.#settings, new BudgetWatch(system, ipvs, log), system.clock, log, ready);
  }
}
