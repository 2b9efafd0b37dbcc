/** An advertisement is heard: who of two routers is Master (RFC 3768 §6.4, RFC 9568 §6.4; what is keepalived's is marked so). */
import type { Advertisement } from '../codec/vrrp.ts';
import type { VrrpInstance } from '../config/model.ts';
import { compareIp, type IpAddress } from '../util/ip.ts';
import type { Millis } from '../util/time.ts';
import { count } from './counters.ts';
import { type Action, OWNER_PRIORITY, type State, type Step, type VirtualRouter } from './state.ts';
import { masterDownInterval, skewTime } from './timers.ts';
import { becomeBackup, detail, info, moved, RIVALS_ANSWERED, stay, with_ } from './transitions.ts';

/** Counted in every state, looked at where there is something to decide. */
export function hear(instance: VrrpInstance, before: VirtualRouter, event: { from: IpAddress; advert: Advertisement }, now: Millis): Step {
  const router = received(before, event.advert);
  const { state } = router;
  switch (state.name) {
    case 'Initialize':
    case 'Fault':
      return stay(router);
    case 'Backup':
      return backupHears(instance, router, state, event, now);
    case 'Master':
      return masterHears(instance, router, state, event, now);
  }
}

/** RFC 3768 §6.4.2, RFC 9568 §6.4.2. */
function backupHears(
  instance: VrrpInstance, router: VirtualRouter, state: Extract<State, { name: 'Backup' }>,
  { from, advert }: { from: IpAddress; advert: Advertisement }, now: Millis,
): Step {
  if (advert.priority === 0) {
    const masterDownTimer = now + skewTime(instance, router.priority, state.masterAdverInterval);
    const master = { address: from, priority: 0 };
    return { router: { ...router, state: { ...state, masterDownTimer, master } }, actions: [detail(instance, 'Backup received priority 0 advertisement')] };
  }
  const lower = advert.priority < router.priority;
  // keepalived's: the delay counts from the first lower-priority advertisement.
  const delaying = instance.preemptDelay > 0 && lower;
  const preemptTimer = delaying ? (state.preemptTimer ?? now + instance.preemptDelay) : null;
  const patient = preemptTimer !== null && now < preemptTimer;
  const tolerated = state.putsUpWith !== undefined && advert.priority <= state.putsUpWith;
  if (lower && !instance.nopreempt && !patient && !tolerated) {
    const text = `received lower priority (${advert.priority}) advert from ${from} - discarding`;
    return { router: { ...router, state: { ...state, preemptTimer } }, actions: [info(instance, text)] };
  }
  const masterAdverInterval = instance.version === 3 ? advert.advertInterval : instance.advertInterval;
  const known = state.master?.address === from;
  const heard: State = {
    name: 'Backup', masterAdverInterval, preemptTimer, master: { address: from, priority: advert.priority },
    masterDownTimer: now + masterDownInterval(instance, router.priority, masterAdverInterval),
  };
  const next = state.putsUpWith === undefined ? heard : { ...heard, putsUpWith: state.putsUpWith };
  return stay(moved(router, next, router.counters, known ? router.said : new Set()));
}

/** RFC 3768 §6.4.3, RFC 9568 §6.4.3: who is better stays; equal priorities are decided by the primary address. */
function masterHears(
  instance: VrrpInstance, router: VirtualRouter, state: Extract<State, { name: 'Master' }>,
  { from, advert }: { from: IpAddress; advert: Advertisement }, now: Millis,
): Step {
  if (advert.priority === 0) {
    const answer: VirtualRouter = { ...router, counters: count(router.counters, 'sent'), state: { ...state, adverTimer: now + instance.advertInterval } };
    return { router: answer, actions: [{ type: 'advertise', priority: router.priority }] };
  }
  if (advert.priority === OWNER_PRIORITY && router.priority === OWNER_PRIORITY) {
    const duel = ownersMeet(instance, router, state, from, now);
    if (duel !== null) return duel;
  }
  const equal = advert.priority === router.priority;
  const order = equal && router.address !== null ? compareIp(from, router.address) : 0;
  if (advert.priority > router.priority || order > 0) {
    const text = equal
      ? `Master received advert from ${from} with same priority ${advert.priority} but higher IP address than ours`
      : `Master received advert from ${from} with higher priority ${advert.priority}, ours ${router.priority}`;
    const before: Action[] = [info(instance, text)];
    if (instance.higherPrioSendAdvert) before.push({ type: 'advertise', priority: router.priority });
    const counters = instance.higherPrioSendAdvert ? count(router.counters, 'sent') : router.counters;
    const interval = instance.version === 3 ? advert.advertInterval : instance.advertInterval;
    return becomeBackup(
      instance, { ...router, counters }, now, masterDownInterval(instance, router.priority, interval), `${from} has priority ${advert.priority}`,
      [...before, info(instance, 'Entering BACKUP STATE')], { address: from, priority: advert.priority }, interval,
    );
  }
  if (state.yieldsTo !== undefined && advert.priority <= state.yieldsTo) return yieldTo(instance, router, state.yieldsTo, { from, advert }, now);
  return lowerPriorityHeard(instance, router, state, { from, advert }, equal, now);
}

/**
 * keepalived's: of two owners the one with the lower address yields, as between equals; the other advertises twice more, and
 * if the rogue goes on nevertheless it is 254 and Backup until the rogue is gone. null: we are the one that yields.
 */
function ownersMeet(instance: VrrpInstance, router: VirtualRouter, state: Extract<State, { name: 'Master' }>, from: IpAddress, now: Millis): Step | null {
  const error: Action = {
    type: 'log', level: 'warn',
    text: `(${instance.name}) CONFIGURATION ERROR: local instance and ${from} are both configured as address owner, please resolve`,
  };
  const told = router.said.has('owners') ? [] : [error];
  if (router.address === null || compareIp(from, router.address) > 0) return null;
  const rivals = router.rivals + 1;
  const next: VirtualRouter = { ...router, rivals, said: with_(router.said, 'owners') };
  if (rivals <= RIVALS_ANSWERED) {
    const answered: VirtualRouter = { ...next, counters: count(next.counters, 'sent'), state: { ...state, adverTimer: now + instance.advertInterval } };
    return { router: answered, actions: [...told, { type: 'advertise', priority: router.priority }] };
  }
  const reduced: VirtualRouter = { ...next, priority: OWNER_PRIORITY - 1 };
  const actions: Action[] = [...told, info(instance, `Reducing priority to ${OWNER_PRIORITY - 1} until ${from} is gone`), info(instance, 'Entering BACKUP STATE')];
  return becomeBackup(
    instance, reduced, now, masterDownInterval(instance, reduced.priority, instance.advertInterval), `${from} is owner, too`,
    actions, { address: from, priority: OWNER_PRIORITY },
  );
}

/** keepalived's timer_expired_backup: who took over while we were away stays Master. */
function yieldTo(instance: VrrpInstance, router: VirtualRouter, putsUpWith: number, { from, advert }: { from: IpAddress; advert: Advertisement }, now: Millis): Step {
  const interval = instance.version === 3 ? advert.advertInterval : instance.advertInterval;
  const step = becomeBackup(
    instance, router, now, masterDownInterval(instance, router.priority, interval), `${from} took over while our timers ran late`,
    [info(instance, `Master received advert from ${from} with priority ${advert.priority}, which stays master`), info(instance, 'Entering BACKUP STATE')], { address: from, priority: advert.priority }, interval,
  );
  const { state } = step.router;
  return state.name === 'Backup' ? { ...step, router: { ...step.router, state: { ...state, putsUpWith } } } : step;
}

/** keepalived's: a rival that should give way is answered, and the switches are told again who has the addresses. */
function lowerPriorityHeard(
  instance: VrrpInstance, router: VirtualRouter, state: Extract<State, { name: 'Master' }>,
  { from, advert }: { from: IpAddress; advert: Advertisement }, equal: boolean, now: Millis,
): Step {
  const what = equal ? `same priority ${advert.priority} but lower IP address than ours` : `lower priority ${advert.priority}, ours ${router.priority}`;
  const answer = !instance.lowerPrioNoAdvert;
  const actions: Action[] = [info(instance, `Received advert from ${from} with ${what}${answer ? ', forcing new election' : ''}`)];
  let next: VirtualRouter = router;
  if (answer) {
    actions.push({ type: 'advertise', priority: router.priority });
    next = { ...router, counters: count(router.counters, 'sent') };
  }
  const { lowerPrioRepeat, lowerPrioDelay } = instance.garp;
  if (lowerPrioRepeat > 0) actions.push({ type: 'announce', repeat: lowerPrioRepeat });
  actions.push({ type: 'lower-priority-heard' });
  const garpTimer = lowerPrioRepeat > 0 && lowerPrioDelay > 0 ? now + lowerPrioDelay : state.garpTimer;
  return { router: { ...next, state: { ...state, garpTimer, adverTimer: answer ? now + instance.advertInterval : state.adverTimer } }, actions };
}

function received(router: VirtualRouter, advert: Advertisement): VirtualRouter {
  const counters = count(router.counters, 'received');
  return moved(router, router.state, advert.priority === 0 ? count(counters, 'priZeroRcvd') : counters);
}
