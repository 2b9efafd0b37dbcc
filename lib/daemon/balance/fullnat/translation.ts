import type { FullnatPlan } from '../../../ipvs/fullnat/plan.ts';

/** The source translation of FULLNAT on a stock kernel, in tables of our own. */
export interface Translation {
  /** As logs name it. */
  readonly name: 'nftables' | 'iptables';
  /** From now on this, one plan a family; none: the tables go. Connections keep what they have. Rejects with SystemError, and then nothing has changed. */
  apply(plans: readonly FullnatPlan[]): Promise<void>;
  /** Ends watching; tables stay. */
  close(): void;
}
