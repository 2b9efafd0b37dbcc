/** A configuration's routes and rules as the kernel has them, and how one is known again. */
import type { RouteSpec } from '../config/keywords/route-spec.ts';
import type { Route, Rule } from '../system/netlink-routes.ts';
import { networkOf, printPrefix, type Family } from '../util/ip.ts';
import type { Nexthop } from '../util/route.ts';
import type { Network } from './network.ts';

/** IP6_RT_PRIO_USER: the metric of an IPv6 route that was given none. */
const IPV6_METRIC = 1024;

/** The kernel's form; null while an interface that it names is not there. */
export function kernelRoute(spec: RouteSpec, network: Network): Route | null {
  const { vrf, link: name, nexthops: legs } = spec;
  const link = name === null ? null : indexOf(name, network);
  const nexthops = legs.map((leg) => ({ ...leg, link: leg.link === null ? null : indexOf(leg.link, network) }));
  const table = vrf === null ? spec.table : (network.link(vrf)?.vrfTable ?? null);
  if (link === undefined || table === null || !nexthops.every(isKnown)) return null;
  return { ...spec, table, link, nexthops };
}

/** Routes of one key may stand for one another in an event; which is meant is told by `isSameRoute`. */
export function routeKey({ family, table, destination }: Route): string {
  return `${family} ${table} ${printPrefix(networkOf(destination))}`;
}

export function ruleKey({ family, priority }: Rule): string {
  return `${family} ${priority}`;
}

/** Is it `wanted` that the kernel speaks of? What `wanted` leaves open the kernel has filled in. */
export function isSameRoute(wanted: Route, told: Route): boolean {
  return routeKey(wanted) === routeKey(told) && wanted.type === told.type && wanted.tos === told.tos && wanted.protocol === told.protocol && metric(wanted) === metric(told)
    && ways(wanted).some((one) => ways(told).some((other) => fits(one, other)));
}

export function isSameRule(wanted: Rule, told: Rule): boolean {
  return selector(wanted) === selector(told);
}

function selector({ family, priority, protocol, table, action, source, destination, inputLink, outputLink, mark, invert, target }: Rule): string {
  const network = (prefix: Rule['source']): string | null => (prefix === null ? null : printPrefix(networkOf(prefix)));
  return JSON.stringify([family, priority, protocol, table, action, network(source), network(destination), inputLink, outputLink, mark, invert, target]);
}

type Way = Pick<Nexthop<number>, 'gateway' | 'link'>;

function ways({ gateway, link, nexthops }: Route): readonly Way[] {
  return nexthops.length > 0 ? nexthops : [{ gateway, link }];
}

function fits(wanted: Way, told: Way): boolean {
  return wanted.gateway === told.gateway && (wanted.link === null || wanted.link === told.link);
}

function metric({ family, priority }: { readonly family: Family; readonly priority: number | null }): number {
  return family === 'inet6' && (priority === null || priority === 0) ? IPV6_METRIC : (priority ?? 0);
}

function indexOf(name: string, network: Network): number | undefined {
  return network.link(name)?.index;
}

function isKnown<T extends { readonly link: number | null | undefined }>(leg: T): leg is T & { readonly link: number | null } {
  return leg.link !== undefined;
}
