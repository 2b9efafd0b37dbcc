/**
 * A takeover happens once in months, by code that has never run in this process: the first advertisement would wait some
 * 10 ms for it to be compiled. So everything pure on that path is run at the start on copies of the real instances, and what
 * it would do is thrown away.
 */
import type { VrrpInstance } from '../config/model.ts';
import { due, emptyRouter, routerStep, type RouterAction, type RouterConfig, stop } from '../vrrp/router.ts';
import { allAddresses, holds } from '../vrrp/desired.ts';
import { receive } from '../vrrp/receive.ts';
import type { VirtualRouter } from '../vrrp/state.ts';
import { initialize, step } from '../vrrp/virtual-router.ts';
import { advertise } from './advertise.ts';
import { kernelAddress } from './address-keeper.ts';
import { allRouting, objectsOf } from '../vrrp/routing.ts';
import { ip } from '../util/ip.ts';

const ROUNDS = 30;
const INSTANCES = 4;

export function rehearse(config: RouterConfig): void {
  const instances = [...config.instances.values()].slice(0, INSTANCES).map((instance) => ({ ...instance, link: 'rehearsal' }));
  if (instances.length === 0) return;
  const alone: RouterConfig = { instances: new Map(instances.map((i) => [i.name, i])), groups: [] };
  for (let round = 0; round < ROUNDS; round++) instances.forEach((instance) => { takeOver(alone, instance); });
}

/** Backup, master dies, Master, a better one comes, Backup again; or the daemon is stopped. */
function takeOver(config: RouterConfig, instance: VrrpInstance): void {
  const source = instance.family === 'inet' ? ip('192.0.2.1') : ip('fe80::1');
  const router: VirtualRouter = { ...initialize(instance, 0), address: source };
  const backup = step({ ...instance, priority: 1 }, { ...router, priority: 1 }, { type: 'startup' }, 0).router;
  const members = emptyRouter(new Map([[instance.name, backup]]));
  const master = due(config, members, 1e9);
  for (const action of master.actions) perform(instance, source, action);
  const state = master.router.members.get(instance.name);
  if (state === undefined) return;
  if (holds(state)) allAddresses(instance).map((address) => kernelAddress(address, 1));
  objectsOf(allRouting(instance));
  const [datagram] = advertise(instance, 200, source, MARKS);
  if (datagram === undefined) return;
  const events = receive(instance, state, { from: ip('192.0.2.2'), to: datagram.to, ttl: 255, payload: datagram.payload });
  events.reduce((current, event) => routerStep(config, current, instance.name, event, 1e9 + 1).router, master.router);
  for (const action of stop(config, master.router, 1e9 + 1).actions) perform(instance, source, action);
}

const MARKS = { id: 1, sequence: 1, stamp: { seconds: 1, fraction: 0, counter: 0 }, oldChecksum: false };

function perform(instance: VrrpInstance, source: ReturnType<typeof ip>, action: RouterAction): void {
  if (action.kind === 'instance' && action.action.type === 'advertise') advertise(instance, action.action.priority, source, MARKS);
}
