import type { VrrpInstance, TrackRef } from '../config/model.ts';
import { OWNER_PRIORITY } from './virtual-router.ts';

/** What a tracked object says: it works, it does not, or nothing is known yet. */
export type TrackState = 'up' | 'down' | 'unknown';

/** Something with a weight and its present state. */
export interface Weighed {
  readonly ref: TrackRef;
  readonly state: TrackState;
}

/**
 * keepalived's effective priority: the base, plus each positive weight that is up, minus each negative one that is down
 * (`reverse` negates the weight), kept within 1..254. The owner's 255 never changes.
 */
export function effectivePriority(instance: VrrpInstance, weighed: readonly Weighed[]): number {
  if (instance.priority === OWNER_PRIORITY) return OWNER_PRIORITY;
  const sum = weighed.reduce((total, w) => total + contribution(w), instance.priority);
  return Math.min(254, Math.max(1, sum));
}

/** Weight 0 makes a tracked object that is down a fault. */
export function isFault({ ref, state }: Weighed): boolean {
  return ref.weight === 0 && state === (ref.reverse ? 'up' : 'down');
}

function contribution({ ref, state }: Weighed): number {
  const counts = ref.weight > 0 ? state === 'up' : state === 'down';
  return counts ? (ref.reverse ? -ref.weight : ref.weight) : 0;
}
