import type { VrrpInstance, TrackRef } from '../config/model.ts';
import { OWNER_PRIORITY } from './state.ts';

/** What a tracked object says: it works, it does not, or nothing is known yet. */
export type TrackState = 'up' | 'down' | 'unknown';

/** Something with a weight and its present state; a tracked file has a number instead. */
export type Weighed =
  | { readonly ref: TrackRef; readonly state: TrackState }
  | { readonly ref: TrackRef; readonly value: number };

/** A number in a file that takes this much, or more, from the priority is a fault. */
export const FILE_FAULT = -254;

/**
 * keepalived's effective priority: the base, plus each positive weight that is up, minus each negative one that is down
 * (`reverse` negates the weight), plus each file's number times its weight, kept within 1..254. The owner's 255 never changes.
 */
export function effectivePriority(instance: VrrpInstance, weighed: readonly Weighed[]): number {
  if (instance.priority === OWNER_PRIORITY) return OWNER_PRIORITY;
  const sum = weighed.reduce((total, w) => total + contribution(w), instance.priority);
  return Math.min(254, Math.max(1, sum));
}

/** Weight 0 makes a tracked object that is down, or a file with another number than 0, a fault; so does a file's product of -254 or less. */
export function isFault(one: Weighed): boolean {
  const { ref } = one;
  if ('value' in one) return ref.weight === 0 ? (one.value === 0) === ref.reverse : contribution(one) <= FILE_FAULT;
  return ref.weight === 0 && one.state === (ref.reverse ? 'up' : 'down');
}

/** What it adds to the priority. */
export function contribution(one: Weighed): number {
  const { ref } = one;
  const weight = ref.reverse ? -ref.weight : ref.weight;
  // Never -0: it would not equal 0 for whoever compares.
  if ('value' in one) return one.value * weight + 0;
  const counts = ref.weight > 0 ? one.state === 'up' : one.state === 'down';
  return counts ? weight : 0;
}
