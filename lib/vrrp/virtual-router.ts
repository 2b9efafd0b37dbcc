/**
 * One virtual router: the state machine of RFC 3768 §6.4 and RFC 9568 §6.4 with keepalived's additions (its own are marked
 * so). Pure: what happened goes in as an event with the time, the new value and what is to be done come out. A timer is a
 * deadline in the state; there is nothing to cancel.
 */
import type { VrrpInstance } from '../config/model.ts';
import type { Millis } from '../util/time.ts';
import { count, type CounterName, ZERO_COUNTERS } from './counters.ts';
import { hear } from './election.ts';
import { absent, type Action, type Event, type FaultReason, OWNER_PRIORITY, type State, type Step, type VirtualRouter } from './state.ts';
import { masterDownInterval, skewTime } from './timers.ts';
import { becomeBackup, becomeFault, becomeMaster, detail, enter, gaveIn, info, leave, moved, say, stay, with_, without } from './transitions.ts';

export function initialize(instance: VrrpInstance, now: Millis): VirtualRouter {
  return {
    state: { name: 'Initialize' }, priority: instance.priority, faults: new Set(), holds: new Set(), address: instance.sourceAddress,
    counters: ZERO_COUNTERS, said: new Set(), oldChecksum: false, rivals: 0, since: now,
  };
}

/** When the router next wants { type: 'time' }; Infinity: never. */
export function deadline({ state }: VirtualRouter): Millis {
  switch (state.name) {
    case 'Initialize':
    case 'Fault':
      return Infinity;
    case 'Backup':
      return state.masterDownTimer;
    case 'Master':
      return Math.min(state.adverTimer, state.garpTimer ?? Infinity, state.refreshTimer ?? Infinity);
  }
}

export function step(instance: VrrpInstance, router: VirtualRouter, event: Event, now: Millis): Step {
  switch (event.type) {
    case 'startup':
      return startup(instance, router, now, event.delay ?? 0);
    case 'shutdown':
      return shutdown(instance, router, event.silent === true, now);
    case 'time':
      return time(instance, router, now);
    case 'advertisement':
      return hear(instance, router, event, now);
    case 'old-checksum':
      return { router: { ...router, oldChecksum: true }, actions: [info(instance, 'Setting unicast VRRPv3 checksum to old version')] };
    case 'priority':
      return changePriority(instance, router, event.value, event.leavingFault === true, now);
    case 'fault':
      return fault(instance, router, event.reason, now);
    case 'recovery':
      return recovery(instance, { ...router, faults: without(router.faults, event.reason) }, now, event.anew);
    case 'hold':
      return stay({ ...router, holds: with_(router.holds, event.reason) });
    case 'release':
      return recovery(instance, { ...router, holds: without(router.holds, event.reason) }, now);
    case 'address-lost':
      return giveUp(instance, router, 'IP ', `${event.address} removed from ${event.link}`, now);
    case 'object-lost':
      return giveUp(instance, router, '', `${event.what} removed`, now);
    case 'source':
      return stay({ ...router, address: event.address });
    case 'sync':
      return sync(instance, router, event.to, now);
    case 'drop':
      return drop(instance, router, event);
  }
}

/**
 * RFC 3768 §6.4.1, RFC 9568 §6.4.1: the owner is Master at once, all others are Backup for a Master_Down_Interval.
 * keepalived's: an owner with `state BACKUP` waits like the others; what a killed run left on the interfaces goes in any case, also when the instance cannot begin yet.
 */
function startup(instance: VrrpInstance, router: VirtualRouter, now: Millis, delay: Millis): Step {
  if (router.faults.size > 0) {
    // keepalived's: an interface that is still to come is waited for without a word of FAULT.
    const text = router.faults.has(absent(instance.link)) ? `waiting for ${instance.link}` : 'Entering FAULT STATE (init)';
    return enter(router, { name: 'Fault' }, now, [info(instance, text), { type: 'reconcile' }], [...router.faults].join(', '));
  }
  if (router.holds.size > 0) return { router, actions: [{ type: 'reconcile' }] };
  const owner = router.priority === OWNER_PRIORITY && instance.wantMaster;
  if (owner && delay === 0) return becomeMaster(instance, router, now, 'startup of the address owner', [detail(instance, 'Receive advertisement timeout')]);
  const interval = instance.advertInterval;
  // keepalived's: `state MASTER` waits for one interval only, with the owner's skew.
  const first = owner ? 0 : interval + skewTime(instance, OWNER_PRIORITY, interval);
  const wait = delay + (instance.wantMaster ? first : masterDownInterval(instance, router.priority, interval));
  return becomeBackup(instance, router, now, wait, 'startup', [info(instance, 'Entering BACKUP STATE (init)')]);
}

/** RFC 3768 §6.4.3: a Master that is shut down says so with priority 0. */
function shutdown(instance: VrrpInstance, router: VirtualRouter, silent: boolean, now: Millis): Step {
  const master = router.state.name === 'Master' && !silent;
  const next: VirtualRouter = {
    ...router, state: { name: 'Initialize' }, since: now, said: new Set(),
    counters: master ? leave(router.counters, 1) : router.counters,
  };
  const stop: Action = { type: 'transition', from: router.state.name, to: 'Stop', priority: router.priority, reason: 'shutdown' };
  if (!master) return { router: next, actions: [{ type: 'reconcile' }, stop] };
  return { router: next, actions: [{ type: 'advertise', priority: 0 }, detail(instance, 'sent 0 priority'), { type: 'reconcile' }, stop] };
}

function time(instance: VrrpInstance, router: VirtualRouter, now: Millis): Step {
  const { state } = router;
  switch (state.name) {
    case 'Initialize':
    case 'Fault':
      return stay(router);
    case 'Backup':
      // RFC 3768 §6.4.2, RFC 9568 §6.4.2: the Master_Down_Timer fires.
      if (now < state.masterDownTimer) return stay(router);
      return becomeMaster(instance, router, now, downReason(state), [detail(instance, 'Receive advertisement timeout')]);
    case 'Master':
      return masterTime(instance, router, state, now);
  }
}

/** RFC 3768 §6.4.3, RFC 9568 §6.4.3: the Adver_Timer fires; besides, keepalived's blocks of gratuitous ARPs. */
function masterTime(instance: VrrpInstance, router: VirtualRouter, state: Extract<State, { name: 'Master' }>, now: Millis): Step {
  const actions: Action[] = [];
  let next = state;
  let { counters } = router;
  if (now >= state.adverTimer && isReplaced(instance, state, now)) {
    // Somebody may be Master by now: it is listened for rather than driven out.
    const yieldsTo = instance.extras?.timerExpiredBackup ?? 0;
    actions.push(info(instance, `timers ran late by ${Math.round(now - state.adverTimer)} ms, a backup of priority ${yieldsTo} or less may stay master`));
    next = { ...next, yieldsTo, adverTimer: now + instance.advertInterval };
  } else if (now >= state.adverTimer) {
    actions.push({ type: 'advertise', priority: router.priority });
    counters = count(counters, 'sent');
    // From the deadline, so that a late turn does not add up; unless a whole interval was missed.
    const due = state.adverTimer + instance.advertInterval;
    const { name, garpTimer, refreshTimer, masterAdverInterval } = next;
    next = { name, adverTimer: due > now ? due : now + instance.advertInterval, garpTimer, refreshTimer, masterAdverInterval };
  }
  if (state.garpTimer !== null && now >= state.garpTimer) {
    actions.push({ type: 'announce', repeat: instance.garp.masterRepeat });
    next = { ...next, garpTimer: null };
  }
  if (state.refreshTimer !== null && now >= state.refreshTimer) {
    actions.push({ type: 'announce', repeat: instance.garp.refreshRepeat });
    next = { ...next, refreshTimer: now + instance.garp.refresh };
  }
  return { router: moved(router, next, counters), actions };
}

/** keepalived's timer_expired_backup: a backup of that priority has missed us for its Master_Down_Interval. */
function isReplaced(instance: VrrpInstance, state: Extract<State, { name: 'Master' }>, now: Millis): boolean {
  const highest = instance.extras?.timerExpiredBackup ?? null;
  if (highest === null || state.yieldsTo !== undefined) return false;
  return now - (state.adverTimer - instance.advertInterval) >= masterDownInterval(instance, highest, instance.advertInterval);
}

/** keepalived's: a Backup's remaining wait moves by the difference of the two Master_Down_Intervals. */
function changePriority(instance: VrrpInstance, router: VirtualRouter, value: number, leavingFault: boolean, now: Millis): Step {
  if (value === router.priority || (gaveIn(router) && value === OWNER_PRIORITY)) return stay(router);
  const { state } = router;
  const actions: Action[] = [info(instance, leavingFault && state.name === 'Fault' ? `Setting effective priority to ${value}` : `Changing effective priority from ${router.priority} to ${value}`)];
  if (state.name === 'Master' || state.name === 'Backup') actions.push({ type: 'priority-changed', priority: value });
  if (state.name !== 'Backup') return { router: { ...router, priority: value }, actions };
  const difference = skewTime(instance, value, state.masterAdverInterval) - skewTime(instance, router.priority, state.masterAdverInterval);
  const masterDownTimer = Math.max(now, state.masterDownTimer + difference);
  return { router: { ...router, priority: value, state: { ...state, masterDownTimer } }, actions };
}

/** keepalived's: Fault. A Master that leaves this way says so twice. */
function fault(instance: VrrpInstance, router: VirtualRouter, reason: FaultReason, now: Millis): Step {
  const next = { ...router, faults: with_(router.faults, reason), holds: without(router.holds, reason) };
  return router.state.name === 'Fault' ? stay(next) : becomeFault(instance, next, now, true, reason);
}

/** keepalived's: what held the instance is over; it starts as a Backup with a full Master_Down_Interval, the owner as well. */
function recovery(instance: VrrpInstance, router: VirtualRouter, now: Millis, anew = false): Step {
  const waiting = router.state.name === 'Fault' || router.state.name === 'Initialize';
  if (!waiting || router.faults.size > 0 || router.holds.size > 0) return stay(router);
  const wait = masterDownInterval(instance, router.priority, instance.advertInterval);
  return becomeBackup(instance, router, now, wait, 'recovered', [info(instance, anew ? 'Entering BACKUP STATE (init)' : 'Entering BACKUP STATE')]);
}

/** keepalived's: a Master that lost an address gives up and stands again after the skew. */
function giveUp(instance: VrrpInstance, router: VirtualRouter, kind: string, lost: string, now: Millis): Step {
  if (router.state.name !== 'Master') return stay(router);
  const counters = leave(router.counters, 1);
  const actions: Action[] = [
    { type: 'log', level: 'info', text: `(${instance.name}) Netlink reflector reports ${kind}${lost}` },
    { type: 'advertise', priority: 0 }, detail(instance, 'sent 0 priority'), info(instance, 'Entering BACKUP STATE'),
  ];
  return becomeBackup(instance, { ...router, counters }, now, skewTime(instance, router.priority, instance.advertInterval), lost, actions);
}

/** What another member's transition asks of this one; see sync-group.ts. Backup without a farewell, Fault with one. */
function sync(instance: VrrpInstance, router: VirtualRouter, to: 'Master' | 'Backup' | 'Fault', now: Millis): Step {
  if (router.state.name === to) return stay(router);
  switch (to) {
    case 'Master':
      return becomeMaster(instance, router, now, 'sync group');
    case 'Fault':
      return becomeFault(instance, router, now, false, 'sync group');
    case 'Backup': {
      const wait = masterDownInterval(instance, router.priority, instance.advertInterval);
      const counters = router.state.name === 'Master' ? leave(router.counters, 0) : router.counters;
      return becomeBackup(instance, { ...router, counters }, now, wait, 'sync group', [info(instance, 'Entering BACKUP STATE')]);
    }
  }
}

/** A packet that was not believed: counted, and told once for each kind, state and master. */
function drop(instance: VrrpInstance, router: VirtualRouter, { counter, kind, text }: { counter: CounterName | null; kind: string; text: string }): Step {
  const counted = counter === null ? router : moved(router, router.state, count(router.counters, counter));
  return say(instance, counted, kind, text);
}

function downReason({ master }: Extract<State, { name: 'Backup' }>): string {
  if (master === null) return 'no master heard';
  return master.priority === 0 ? `${master.address} has left` : `master ${master.address} is down`;
}
