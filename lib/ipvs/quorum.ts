/** How much weight must be up: `quorum` and its `hysteresis` (reference 5.3). */
import type { VirtualServer } from '../config/model-ipvs.ts';

type Limits = Pick<VirtualServer, 'quorum' | 'hysteresis'>;

/** IPVS takes a signed 32-bit weight. */
const MOST = 2147483647;

export function gains({ quorum, hysteresis }: Limits, total: number): boolean {
  return total >= quorum + hysteresis;
}

export function loses({ quorum, hysteresis }: Limits, total: number): boolean {
  return total === 0 || total < quorum - hysteresis;
}

/** `3+1=4 <= 5` of a quorum that is there, `3-1=2 > 0` of one that is not. */
export function quorumText({ quorum, hysteresis }: Limits, total: number, up: boolean): string {
  return up ? `${quorum}+${hysteresis}=${quorum + hysteresis} <= ${total}` : `${quorum}-${hysteresis}=${quorum - hysteresis} > ${total}`;
}

export function totalWeight(weights: readonly number[]): number {
  return weights.reduce((sum, weight) => sum + weight, 0);
}

export function clampWeight(weight: number): number {
  return Math.min(Math.max(weight, 0), MOST);
}
