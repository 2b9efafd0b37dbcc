/** How a virtual router goes from one state to the next, and the small steps that all its branches are made of. */
import type { VrrpInstance } from '../config/model.ts';
import type { Millis } from '../util/time.ts';
import { count, type VrrpCounters } from './counters.ts';
import { type Action, type Master, OWNER_PRIORITY, type State, type Step, type VirtualRouter } from './state.ts';

/** Adverts of a second owner that are answered before we give in. */
export const RIVALS_ANSWERED = 2;

/** Advertise, then the addresses, then tell the neighbours, then everybody else (RFC 3768 §6.4.2; the order is keepalived's). */
export function becomeMaster(instance: VrrpInstance, before_: VirtualRouter, now: Millis, reason: string, before: readonly Action[] = []): Step {
  // An owner that gave in to another is owner again.
  const router: VirtualRouter = gaveIn(before_) ? { ...before_, priority: OWNER_PRIORITY, rivals: 0 } : { ...before_, rivals: 0 };
  const { garp } = instance;
  const state: State = {
    name: 'Master', adverTimer: now + instance.advertInterval, masterAdverInterval: instance.advertInterval,
    garpTimer: garp.masterDelay > 0 ? now + garp.masterDelay : null,
    refreshTimer: garp.refresh > 0 ? now + garp.refresh : null,
  };
  const counters = count(count(router.counters, 'becameMaster'), 'sent');
  return enter({ ...router, counters }, state, now, [
    ...before, { type: 'advertise', priority: router.priority }, info(instance, 'Entering MASTER STATE'), { type: 'reconcile' },
    { type: 'announce', repeat: garp.masterRepeat },
  ], reason);
}

export function becomeBackup(
  instance: VrrpInstance, router: VirtualRouter, now: Millis, wait: Millis, reason: string, actions: readonly Action[],
  master: Master | null = null, masterAdverInterval: Millis = instance.advertInterval,
): Step {
  const counters = router.state.name === 'Master' && master !== null ? count(router.counters, 'releasedMaster') : router.counters;
  const state: State = { name: 'Backup', masterDownTimer: now + wait, masterAdverInterval, preemptTimer: null, master };
  return enter({ ...router, counters }, state, now, [...actions, { type: 'reconcile' }], reason);
}

export function becomeFault(instance: VrrpInstance, router: VirtualRouter, now: Millis, leader: boolean, reason: string): Step {
  const actions: Action[] = [info(instance, 'Entering FAULT STATE')];
  let { counters } = router;
  if (router.state.name === 'Master') {
    const farewells = leader ? 2 : 1;
    counters = leave(counters, farewells);
    for (let i = 0; i < farewells; i++) actions.push({ type: 'advertise', priority: 0 });
    if (leader) actions.push(detail(instance, 'sent 0 priority'));
  }
  return enter({ ...router, counters }, { name: 'Fault' }, now, [...actions, { type: 'reconcile' }], reason);
}

export function enter(router: VirtualRouter, state: State, now: Millis, actions: readonly Action[], reason: string): Step {
  const transition: Action = { type: 'transition', from: router.state.name, to: state.name, priority: router.priority, reason };
  return { router: { ...router, state, since: now, said: new Set() }, actions: [...actions, transition] };
}

export function gaveIn({ rivals }: VirtualRouter): boolean {
  return rivals > RIVALS_ANSWERED;
}

/** A Master that leaves counts that, and its farewells. */
export function leave(counters: VrrpCounters, farewells: number): VrrpCounters {
  return count(count(counters, 'releasedMaster'), 'priZeroSent', farewells);
}

/** What every advertisement does, sent or heard: by name, since a spread is some ten times slower. */
export function moved(router: VirtualRouter, state: State, counters: VrrpCounters, said = router.said): VirtualRouter {
  const { priority, faults, holds, address, oldChecksum, rivals, since } = router;
  return { state, priority, faults, holds, address, counters, said, oldChecksum, rivals, since };
}

export function say(instance: VrrpInstance, router: VirtualRouter, kind: string, text: string): Step {
  if (router.said.has(kind)) return stay(router);
  return { router: { ...router, said: with_(router.said, kind) }, actions: [info(instance, text)] };
}

export function stay(router: VirtualRouter): Step {
  return { router, actions: [] };
}

export function info(instance: VrrpInstance, text: string): Action {
  return { type: 'log', level: 'info', text: `(${instance.name}) ${text}` };
}

export function detail(instance: VrrpInstance, text: string): Action {
  return { type: 'log', level: 'detail', text: `(${instance.name}) ${text}` };
}

export function with_(set: ReadonlySet<string>, item: string): ReadonlySet<string> {
  return set.has(item) ? set : new Set([...set, item]);
}

export function without(set: ReadonlySet<string>, item: string): ReadonlySet<string> {
  if (!set.has(item)) return set;
  const rest = new Set(set);
  rest.delete(item);
  return rest;
}
