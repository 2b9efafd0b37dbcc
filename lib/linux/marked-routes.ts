import { DecodeError } from '../codec/decode-error.ts';
import type { NetlinkMessage } from '../codec/netlink.ts';
import { decodeRoute, encodeGetRoutes, routeProtocol, RTM_DELROUTE, RTM_GETROUTE, RTM_NEWROUTE, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE } from '../codec/routes.ts';
import { decodeRule, encodeGetRules, RTM_DELRULE, RTM_GETRULE, RTM_NEWRULE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE } from '../codec/rules.ts';
import { SystemError } from '../system/error.ts';
import type { MarkedRoutes, Route, RouteEvent, Rule } from '../system/netlink-routes.ts';
import type { Family } from '../util/ip.ts';
import { PROTOCOL_KEEPALIVED } from '../util/route.ts';
import type { NetlinkRequests } from './netlink-requests.ts';

/** Where the kernel tells of routes and rules. */
export const MARKED_GROUPS = [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE];

const FAMILIES: readonly Family[] = ['inet', 'inet6'];

/** Routes and rules with keepalived's mark, of both families. A kernel without IPv6 has none of it. Rejects with SystemError. */
export async function dumpMarkedRoutes(requests: NetlinkRequests): Promise<MarkedRoutes> {
  const routes: Route[] = [];
  const rules: Rule[] = [];
  for (const family of FAMILIES) {
    const name = family === 'inet' ? 'IPv4' : 'IPv6';
    const found = await requests.dump({ type: RTM_GETROUTE, flags: 0, payload: encodeGetRoutes(family, PROTOCOL_KEEPALIVED), operation: 'list', object: `${name} routes` });
    // A kernel that cannot filter a dump (before 4.20) lists all.
    for (const { type, payload } of found) if (type === RTM_NEWROUTE && routeProtocol(payload) === PROTOCOL_KEEPALIVED) keep(routes, decodeRoute(payload));
    const all = await requests.dump({ type: RTM_GETRULE, flags: 0, payload: encodeGetRules(family), operation: 'list', object: `${name} rules` });
    for (const { type, payload } of all) if (type === RTM_NEWRULE) keep(rules, decodeRule(payload));
  }
  return { routes, rules: rules.filter((rule) => rule.protocol === PROTOCOL_KEEPALIVED) };
}

/** Null for what is not gone, or not marked as ours. */
export function toRouteEvent({ type, payload }: NetlinkMessage): RouteEvent | null {
  if (type === RTM_DELROUTE) {
    if (routeProtocol(payload) !== PROTOCOL_KEEPALIVED) return null;
    const route = decodeRoute(payload);
    if (route === null) return null;
    return route instanceof DecodeError ? { type: 'lost' } : { type: 'route-gone', route };
  }
  if (type === RTM_DELRULE) {
    const rule = decodeRule(payload);
    if (rule === null || (!(rule instanceof DecodeError) && rule.protocol !== PROTOCOL_KEEPALIVED)) return null;
    return rule instanceof DecodeError ? { type: 'lost' } : { type: 'rule-gone', rule };
  }
  return null;
}

function keep<T>(list: T[], value: T | null | DecodeError): void {
  if (value instanceof DecodeError) throw new SystemError('decode', 'the kernel\'s dump', 'EBADMSG', value);
  if (value !== null) list.push(value);
}
