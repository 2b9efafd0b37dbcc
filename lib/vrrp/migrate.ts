/** Reload: a state under the old Config becomes the same state under the new. Pure. */
import { identity } from '../config/identity.ts';
import type { SyncGroup, VrrpInstance } from '../config/model.ts';
import type { Millis } from '../util/time.ts';
import { groupReason, type Router, type RouterConfig } from './router.ts';
import { groupState } from './sync-group.ts';
import { masterDownInterval, skewTime } from './timers.ts';
import type { VirtualRouter } from './state.ts';
import { initialize } from './virtual-router.ts';

export { identity };

export interface Migration {
  readonly router: Router;
  /** New name of each instance that goes on, to its old one. */
  readonly kept: ReadonlyMap<string, string>;
  /** Old names without a successor: to be shut down under the old Config. */
  readonly gone: readonly string[];
  /** New names without a predecessor: to be started. */
  readonly fresh: readonly string[];
}

export function migrate(from: RouterConfig, router: Router, to: RouterConfig, now: Millis): Migration {
  const before = new Map([...from.instances.values()].map((instance) => [identity(instance), instance]));
  const kept = new Map<string, string>();
  const fresh: string[] = [];
  const members = new Map<string, VirtualRouter>();
  for (const [name, instance] of to.instances) {
    const old = before.get(identity(instance));
    const state = old === undefined ? undefined : router.members.get(old.name);
    if (old === undefined || state === undefined) {
      fresh.push(name);
      members.set(name, initialize(instance, now));
    } else {
      kept.set(name, old.name);
      members.set(name, letGo(carry(old, instance, state, now), from.groups, to.groups, name));
    }
  }
  const successors = new Set(kept.values());
  const gone = [...from.instances.keys()].filter((name) => !successors.has(name));
  const groups = new Map(to.groups.flatMap((group) => {
    // A new group of instances that go on is what they are, without a word.
    const told = router.groups.get(group.name) ?? groupState(group, members);
    return told === null || told === 'Initialize' ? [] : [[group.name, told] as const];
  }));
  return { router: { members, order: new Map(), sequence: 0, willing: new Set(), groups }, kept, gone, fresh };
}

/** A group that the instance is no longer in, under that name, holds it in Fault or back from its start no more. */
function letGo(router: VirtualRouter, before: readonly SyncGroup[], after: readonly SyncGroup[], name: string): VirtualRouter {
  const left = new Set(before.filter((old) => !after.some((group) => group.name === old.name && group.members.includes(name))).map(groupReason));
  const rest = (reasons: ReadonlySet<string>): ReadonlySet<string> => new Set([...reasons].filter((reason) => !left.has(reason)));
  return left.size === 0 ? router : { ...router, faults: rest(router.faults), holds: rest(router.holds) };
}

/**
 * The same state with the new base priority; what the trackers add comes as a 'priority' event. A Master speaks at once, so
 * that all hear what is new, and refreshes its neighbours then, which takes the place of a second block of gratuitous ARPs
 * that was still to come; a Backup waits anew when what its wait is made of has changed. (All observed in keepalived 2.2.7,
 * but that its Backup waits anew in any case.)
 */
function carry(old: VrrpInstance, instance: VrrpInstance, router: VirtualRouter, now: Millis): VirtualRouter {
  const { priority } = instance;
  const base = { ...router, address: instance.sourceAddress ?? router.address, priority, said: new Set<string>() };
  const { state } = router;
  switch (state.name) {
    case 'Initialize':
    case 'Fault':
      return base;
    case 'Backup': {
      const same = old.advertInterval === instance.advertInterval && old.downTimerAdverts === instance.downTimerAdverts && old.priority === priority;
      if (same) {
        const untracked = skewTime(instance, priority, state.masterAdverInterval) - skewTime(instance, router.priority, state.masterAdverInterval);
        return { ...base, state: { ...state, masterDownTimer: state.masterDownTimer + untracked } };
      }
      const masterAdverInterval = instance.version === 3 ? state.masterAdverInterval : instance.advertInterval;
      const masterDownTimer = now + masterDownInterval(instance, priority, masterAdverInterval);
      return { ...base, state: { ...state, masterAdverInterval, masterDownTimer } };
    }
    case 'Master':
      return { ...base, state: { name: 'Master', masterAdverInterval: instance.advertInterval, adverTimer: now, garpTimer: null, refreshTimer: instance.garp.refresh > 0 ? now : null } };
  }
}
