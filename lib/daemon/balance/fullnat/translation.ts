import type { FullnatPlan } from '../../../ipvs/fullnat/plan.ts';

/** The source translation of FULLNAT on a stock kernel, in tables of our own. */
export interface Translation {
  /** As logs name it. */
  readonly name: 'nftables' | 'iptables';
  /** The command that shows an operator what is there. */
  readonly listing: string;
  /** From now on this, one plan a family; none: the tables go. Connections keep what they have. Rejects with SystemError; then a family stands as it was, or as asked for. */
  apply(plans: readonly FullnatPlan[]): Promise<void>;
  /** Ends watching; tables stay. */
  close(): void;
}
