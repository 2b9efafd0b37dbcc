import type { IpvsConfig } from '../../../config/model-ipvs.ts';

/** What one kind of kernel needs for FULLNAT beside its IPVS table. */
export interface FullnatBackend {
  /** To be called before IPVS is changed. Failures are said, and tried again. */
  apply(config: IpvsConfig): Promise<void>;
  /** The configuration as IPVS gets it. */
  served(config: IpvsConfig): IpvsConfig;
  /** When IPVS has lost its services, or (`keep`) keeps them. */
  stop(keep: boolean): Promise<void>;
}
