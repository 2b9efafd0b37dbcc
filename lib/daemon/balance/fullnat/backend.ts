import type { IpvsConfig } from '../../../config/model-ipvs.ts';
import type { BudgetReading } from '../../../ipvs/fullnat/budget-alarms.ts';
import type { LocalPool } from '../../../ipvs/fullnat/plan.ts';

/** FULLNAT on a stock kernel, for reports. */
export interface FullnatStatus {
  readonly by: 'nftables' | 'iptables';
  /** One with addresses of both families is here twice. */
  readonly pools: readonly LocalPool[];
  /** Ports and conntrack as last seen; null: not yet. */
  readonly reading: BudgetReading | null;
}

/** What one kind of kernel needs for FULLNAT beside its IPVS table. */
export interface FullnatBackend {
  /** To be called before IPVS is changed. Failures are said, and tried again. */
  apply(config: IpvsConfig): Promise<void>;
  /** The configuration as IPVS gets it. */
  served(config: IpvsConfig): IpvsConfig;
  /** When IPVS has lost its services, or (`keep`) keeps them. */
  stop(keep: boolean): Promise<void>;
  /** null: there is none, or it is the kernel's own. */
  status(): FullnatStatus | null;
}
