/**
 * One virtual server: which of its real servers take connections, whether it has its quorum, and whether its sorry server
 * stands in (reference 5.3). Checkers are known by their place in the real server's configuration.
 */
import type { RealServer, VirtualServer } from '../config/model-ipvs.ts';
import { clampWeight, gains, loses, quorumText, totalWeight } from './quorum.ts';

export interface VirtualServerState {
  /** `unsure`: at the start the weight was between the two limits. The sorry server stands in while it is `down`. */
  readonly quorum: 'up' | 'down' | 'unsure';
  /** By serverKey. */
  readonly servers: ReadonlyMap<string, RealServerState>;
}

export interface RealServerState {
  /** Checkers that say it is down; it is up when there is none. */
  readonly failed: ReadonlySet<number>;
  /** What checkers add to the configured weight. */
  readonly added: ReadonlyMap<number, number>;
  /** A checker has answered since the start. */
  readonly judged: boolean;
}

export type VirtualServerEvent =
  /** `text` is the mail's body: `=> TCP CHECK failed on service <=`. `told`: it is mailed about even when it changes nothing. */
  | { readonly type: 'verdict'; readonly server: string; readonly checker: number; readonly up: boolean; readonly text: string; readonly told?: boolean }
  | { readonly type: 'weight'; readonly server: string; readonly checker: number; readonly added: number };

/** In this order; `program`: the kernel's table should now be what the state then says. */
export type VirtualServerAction =
  | { readonly type: 'log'; readonly text: string }
  | { readonly type: 'program'; readonly state: VirtualServerState }
  /** Scripts, FIFO and hooks. */
  | { readonly type: 'server'; readonly server: RealServer; readonly up: boolean }
  /** `changed`: the server itself, not only one of its checkers. */
  | { readonly type: 'mail'; readonly server: RealServer; readonly up: boolean; readonly changed: boolean; readonly text: string }
  | { readonly type: 'quorum'; readonly up: boolean; readonly text: string };

export interface VirtualServerStep {
  readonly state: VirtualServerState;
  readonly actions: readonly VirtualServerAction[];
}

/** Identity of a real server within its service. */
export function serverKey({ address, port }: Pick<RealServer, 'address' | 'port'>): string {
  return `${address} ${port}`;
}

/** As nothing is known yet: up, except for what `alpha` holds down until its first success. */
export function initialize(service: VirtualServer): VirtualServerState {
  return { quorum: 'unsure', servers: new Map(service.realServers.map((server) => [serverKey(server), initialServer(server)])) };
}

export function initialServer(server: RealServer): RealServerState {
  return { failed: new Set(alphaCheckers(server)), added: new Map(), judged: false };
}

/** Checkers that count as failed until their first success. */
export function alphaCheckers(server: RealServer): number[] {
  return server.checkers.flatMap((checker, i) => (checker.type === 'FILE_CHECK' ? server.alpha : checker.type === 'BFD_CHECK' ? checker.alpha || server.alpha : checker.schedule.alpha || server.alpha) ? [i] : []);
}

/** The first programming; with rs_init_notifies servers that begin as up are announced. */
export function startup(service: VirtualServer, state: VirtualServerState, initNotifies: boolean): VirtualServerStep {
  const announced = initNotifies ? service.realServers.filter((server) => isUp(state, server)).map((server): VirtualServerAction => ({ type: 'server', server, up: true })) : [];
  const settled = settleQuorum(service, state, true);
  return { state: settled.state, actions: [{ type: 'program', state }, ...announced, ...settled.actions] };
}

/** A checker has answered, or a file has another number in it. What is not configured is not looked at. */
export function step(service: VirtualServer, state: VirtualServerState, event: VirtualServerEvent): VirtualServerStep {
  const server = service.realServers.find((one) => serverKey(one) === event.server);
  const before = state.servers.get(event.server);
  if (server === undefined || before === undefined) return { state, actions: [] };
  switch (event.type) {
    case 'verdict': return verdict(service, state, server, before, event);
    case 'weight': return weight(service, state, server, before, event);
  }
}

/** What is said and told when a service goes: at the stop with `omega`, and when a reload takes it away. */
export function farewell(service: VirtualServer, state: VirtualServerState, told: boolean): VirtualServerAction[] {
  const servers = service.realServers.flatMap((server): VirtualServerAction[] => {
    if (!told || !isUp(state, server)) return [];
    return [{ type: 'server', server, up: false }, { type: 'mail', server, up: false, changed: true, text: '=> Shutting down <=' }];
  });
  return told ? [...servers, { type: 'quorum', up: false, text: '=> Shutting down <=' }] : servers;
}

export function isUp(state: VirtualServerState, server: RealServer): boolean {
  return state.servers.get(serverKey(server))?.failed.size === 0;
}

/** Takes connections: up, and no sorry server stands in for all. */
export function isInPool(service: VirtualServer, state: VirtualServerState, server: RealServer): boolean {
  return isUp(state, server) && (service.sorryServer === null || state.quorum !== 'down');
}

/** The configured weight with what checkers add. */
export function effectiveWeight(server: RealServer, state: RealServerState | undefined): number {
  return clampWeight([...(state?.added.values() ?? [])].reduce((sum, added) => sum + added, server.weight));
}

/** Quorum after a change; at a start or a reload a missing one is said otherwise. */
export function settleQuorum(service: VirtualServer, state: VirtualServerState, starting: boolean): VirtualServerStep {
  const total = totalWeight(service.realServers.map((server) => (isUp(state, server) ? effectiveWeight(server, state.servers.get(serverKey(server))) : 0)));
  if (state.quorum !== 'up' && gains(service, total)) return gained(service, state, total, starting);
  if (state.quorum !== 'down' && loses(service, total)) return lost(service, state, total, starting);
  return { state, actions: [] };
}

function gained(service: VirtualServer, state: VirtualServerState, total: number, starting: boolean): VirtualServerStep {
  const next: VirtualServerState = { ...state, quorum: 'up' };
  const text = `Gained quorum ${quorumText(service, total, true)}`;
  const actions: VirtualServerAction[] = [{ type: 'log', text: `${text} for VS ${service.id}` }];
  const { sorryServer: sorry } = service;
  if (sorry !== null && state.quorum === 'down') {
    actions.push({ type: 'log', text: `${sorry.inhibit ? 'Disabling' : 'Removing'} sorry server ${sorryId(service)} from VS ${service.id}` });
    actions.push({ type: 'log', text: `Adding alive servers to the pool for VS ${service.id}` });
    actions.push({ type: 'program', state: next });
  }
  return { state: next, actions: [...actions, { type: 'quorum', up: true, text: quorumMail(starting ? 'Starting with quorum up' : 'Gained quorum', service, total) }] };
}

/** The mail's body: with the sum and sign of a quorum that is there, also where it is lost (seen with 2.2.7). */
function quorumMail(what: string, service: VirtualServer, total: number): string {
  return `=> ${what} ${quorumText(service, total, true)} <=`;
}

function lost(service: VirtualServer, state: VirtualServerState, total: number, starting: boolean): VirtualServerStep {
  const next: VirtualServerState = { ...state, quorum: 'down' };
  const text = `${starting ? 'Starting with quorum down' : 'Lost quorum'} ${quorumText(service, total, false)}`;
  const actions: VirtualServerAction[] = [{ type: 'log', text: `${text} for VS ${service.id}` }];
  // What begins without a quorum has not lost one.
  if (!starting || state.quorum === 'up') actions.push({ type: 'quorum', up: false, text: quorumMail('Lost quorum', service, total) });
  const { sorryServer: sorry } = service;
  if (sorry !== null) {
    actions.push({ type: 'log', text: `Removing alive servers from the pool for VS ${service.id}` });
    actions.push({ type: 'log', text: `${sorry.inhibit ? 'Enabling' : 'Adding'} sorry server ${sorryId(service)} to VS ${service.id}` });
    actions.push({ type: 'program', state: next });
  }
  return { state: next, actions };
}

function sorryId({ sorryServer, protocol }: VirtualServer): string {
  return sorryServer === null ? '' : `[${sorryServer.address}]:${protocol ?? 'none'}:${sorryServer.port}`;
}

function verdict(service: VirtualServer, state: VirtualServerState, server: RealServer, before: RealServerState, event: VirtualServerEvent & { type: 'verdict' }): VirtualServerStep {
  const failed = new Set(before.failed);
  if (event.up) failed.delete(event.checker);
  else failed.add(event.checker);
  // What is down adds nothing, and nothing is said of it.
  const added = event.up || !before.added.has(event.checker) ? before.added : new Map([...before.added].filter(([checker]) => checker !== event.checker));
  const next = withServer(state, server, { failed, added, judged: true });
  const wasUp = before.failed.size === 0;
  const nowUp = failed.size === 0;
  const changed = wasUp !== nowUp;
  // A first answer is news even when it says what `alpha` had assumed.
  const news = changed || event.told === true || failed.size !== before.failed.size || (!before.judged && !nowUp);
  const mail: VirtualServerAction[] = news ? [{ type: 'mail', server, up: nowUp, changed, text: event.text }] : [];
  if (!changed) return { state: next, actions: !before.judged && !nowUp ? [{ type: 'server', server, up: false }, ...mail] : mail };
  const said: VirtualServerAction = { type: 'log', text: changeText(service, server, nowUp) };
  const settled = settleQuorum(service, next, false);
  return { state: settled.state, actions: [said, { type: 'program', state: next }, { type: 'server', server, up: nowUp }, ...mail, ...settled.actions] };
}

function changeText({ id }: VirtualServer, server: RealServer, up: boolean): string {
  if (server.inhibitOnFailure) return `${up ? 'Enabling' : 'Disabling'} service ${server.id} of VS ${id}`;
  return up ? `Adding service ${server.id} to VS ${id}` : `Removing service ${server.id} from VS ${id}`;
}

function weight(service: VirtualServer, state: VirtualServerState, server: RealServer, before: RealServerState, event: VirtualServerEvent & { type: 'weight' }): VirtualServerStep {
  if ((before.added.get(event.checker) ?? 0) === event.added) return { state, actions: [] };
  const after: RealServerState = { ...before, added: new Map(before.added).set(event.checker, event.added) };
  const next = withServer(state, server, after);
  const said = weightChange(service, server, effectiveWeight(server, before), effectiveWeight(server, after), isUp(state, server));
  const settled = settleQuorum(service, next, false);
  return { state: settled.state, actions: [...said, { type: 'program', state: next }, ...settled.actions] };
}

/** Nothing, when it is the same. */
export function weightChange(service: VirtualServer, server: RealServer, from: number, to: number, up: boolean): VirtualServerAction[] {
  return from === to ? [] : [{ type: 'log', text: `Changing weight from ${from} to ${to} for ${up ? 'active' : 'inactive'} service ${server.id} of VS ${service.id}` }];
}

function withServer(state: VirtualServerState, server: RealServer, to: RealServerState): VirtualServerState {
  return { ...state, servers: new Map(state.servers).set(serverKey(server), to) };
}
