/** States under the old configuration → the same states under the new (reference 6.4). */
import { serviceIdentity } from '../config/identity.ts';
import type { Checker, RealServer, VirtualServer } from '../config/model-ipvs.ts';
import type { Standing } from './desired.ts';
import { alphaCheckers, effectiveWeight, initialize, initialServer, isUp, serverKey, settleQuorum, startup, weightChange, type RealServerState, type VirtualServerAction, type VirtualServerState } from './virtual-server.ts';

/** By identity: virtual servers of the same may follow each other, whatever else changed. */
export type Standings = ReadonlyMap<string, Standing>;

export interface Migration {
  readonly standings: Standings;
  /** What is said and told, service by service; programming them is one difference, afterwards. */
  readonly steps: readonly { readonly service: VirtualServer; readonly actions: readonly VirtualServerAction[] }[];
}

/** Group name, mark and family, or protocol, address and port; the same a second time gets a number. */
export function byIdentity(services: readonly VirtualServer[]): ReadonlyMap<string, VirtualServer> {
  const all = new Map<string, VirtualServer>();
  for (const service of services) {
    const identity = serviceIdentity(service);
    let key = identity;
    for (let again = 1; all.has(key); again++) key = `${identity} #${again}`;
    all.set(key, service);
  }
  return all;
}

/** Nothing was there before: the start. */
export function begin(services: readonly VirtualServer[], initNotifies: boolean): Migration {
  return migrate(new Map(), services, initNotifies);
}

export function migrate(from: Standings, services: readonly VirtualServer[], initNotifies: boolean): Migration {
  const wanted = byIdentity(services);
  const standings = new Map<string, Standing>();
  const steps: { service: VirtualServer; actions: readonly VirtualServerAction[] }[] = [];
  for (const [key, { service, state }] of from) {
    const next = wanted.get(key);
    steps.push({ service, actions: next === undefined ? removed(service, state) : serversGone(service, state, next) });
  }
  for (const [key, service] of wanted) {
    const old = from.get(key);
    const { state, actions } = old === undefined ? startup(service, initialize(service), initNotifies) : carried(old, service);
    standings.set(key, { service, state });
    steps.push({ service, actions });
  }
  return { standings, steps };
}

/** Where each checker of the new server was in the old one, if its type and parameters are the same. */
export function matchCheckers(old: readonly Checker[], next: readonly Checker[]): ReadonlyMap<number, number> {
  const free = new Map<string, number[]>();
  for (const [i, checker] of old.entries()) {
    const text = JSON.stringify(checker);
    free.set(text, [...(free.get(text) ?? []), i]);
  }
  return new Map([...next.entries()].flatMap(([i, checker]) => {
    const at = free.get(JSON.stringify(checker))?.shift();
    return at === undefined ? [] : [[i, at] as const];
  }));
}

function removed(service: VirtualServer, state: VirtualServerState): VirtualServerAction[] {
  const servers = service.realServers.flatMap((server) => gone(service, state, server));
  const quorum: VirtualServerAction[] = state.quorum === 'up' ? [{ type: 'quorum', up: false, text: '=> Removing <=' }] : [];
  return [{ type: 'log', text: `Removing Virtual Server ${service.id}` }, ...servers, ...quorum];
}

function serversGone(service: VirtualServer, state: VirtualServerState, next: VirtualServer): VirtualServerAction[] {
  const stays = new Set(next.realServers.map(serverKey));
  return service.realServers.filter((server) => !stays.has(serverKey(server))).flatMap((server): VirtualServerAction[] => [{ type: 'log', text: `service ${server.id} no longer exist` }, ...gone(service, state, server)]);
}

function gone(service: VirtualServer, state: VirtualServerState, server: RealServer): VirtualServerAction[] {
  if (!isUp(state, server)) return [];
  return [
    { type: 'log', text: `Removing service ${server.id} from VS ${service.id}` },
    { type: 'server', server, up: false },
    { type: 'mail', server, up: false, changed: true, text: '=> Removing <=' },
  ];
}

function carried(old: Standing, service: VirtualServer): { readonly state: VirtualServerState; readonly actions: readonly VirtualServerAction[] } {
  const before = new Map(old.service.realServers.map((server) => [serverKey(server), server]));
  const servers = new Map<string, RealServerState>();
  const said: VirtualServerAction[] = [];
  for (const server of service.realServers) {
    const key = serverKey(server);
    const was = before.get(key);
    const state = old.state.servers.get(key);
    const next = was === undefined || state === undefined ? initialServer(server) : carriedServer(was, state, server);
    servers.set(key, next);
    if (was !== undefined && state !== undefined) said.push(...weightChange(service, server, effectiveWeight(was, state), effectiveWeight(server, next), next.failed.size === 0));
  }
  const settled = settleQuorum(service, { quorum: old.state.quorum, servers }, true);
  return { state: settled.state, actions: [...said, ...settled.actions] };
}

/** A checker that changed begins anew, but a server that was up stays so until it fails. */
function carriedServer(was: RealServer, state: RealServerState, server: RealServer): RealServerState {
  const same = matchCheckers(was.checkers, server.checkers);
  const alpha = new Set(state.failed.size === 0 ? [] : alphaCheckers(server));
  const failed = new Set<number>();
  const added = new Map<number, number>();
  for (const i of server.checkers.keys()) {
    const old = same.get(i);
    if (old === undefined ? alpha.has(i) : state.failed.has(old)) failed.add(i);
    const weight = old === undefined ? undefined : state.added.get(old);
    if (weight !== undefined) added.set(i, weight);
  }
  return { failed, added, judged: state.judged };
}
