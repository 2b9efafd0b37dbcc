import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL } from '../codec/netlink.ts';
import { encodeDeleteLink, encodeLinkUp, encodeNewIpvlan, encodeNewMacvlan, encodeNoAddressGeneration, encodeSetMacvlan } from '../codec/links.ts';
import { encodeDeleteRoute, encodeNewRoute, RTM_DELROUTE, RTM_NEWROUTE } from '../codec/routes.ts';
import { encodeRule, RTM_DELRULE, RTM_NEWRULE } from '../codec/rules.ts';
import { encodeDeleteAddress, encodeNewAddress, RTM_DELADDR, RTM_DELLINK, RTM_NEWADDR, RTM_NEWLINK } from '../codec/rtnetlink.ts';
import type { Address, NetworkOp, Route, Rule } from '../system/netlink-routes.ts';
import { printPrefix } from '../util/ip.ts';
import type { RoutePlace } from '../util/route.ts';
import type { NetlinkRequest } from './netlink-requests.ts';

/** NLM_F_CREATE alone puts a route before those like it, as ip-route(8) prepend. */
const PLACES: Readonly<Record<RoutePlace, number>> = { add: NLM_F_CREATE | NLM_F_EXCL, prepend: NLM_F_CREATE, append: NLM_F_CREATE | NLM_F_APPEND };

/** The netlink request of an operation, with the words for its failure. */
export function toRequest(operation: NetworkOp): NetlinkRequest {
  switch (operation.op) {
    case 'add-macvlan':
      return { type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, payload: encodeNewMacvlan(operation.macvlan), operation: 'add interface', object: operation.macvlan.name };
    case 'add-ipvlan':
      return { type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, payload: encodeNewIpvlan(operation.ipvlan), operation: 'add interface', object: operation.ipvlan.name };
    case 'set-macvlan':
      return { type: RTM_NEWLINK, flags: 0, payload: encodeSetMacvlan(operation.name, operation.mac), operation: 'change interface', object: operation.name };
    case 'no-address-generation':
      return { type: RTM_NEWLINK, flags: 0, payload: encodeNoAddressGeneration(operation.name), operation: 'set addr_gen_mode of interface', object: operation.name };
    case 'set-link-up':
      return { type: RTM_NEWLINK, flags: 0, payload: encodeLinkUp(operation.name), operation: 'set up interface', object: operation.name };
    case 'delete-link':
      return { type: RTM_DELLINK, flags: 0, payload: encodeDeleteLink(operation.index), operation: 'delete interface', object: operation.name };
    case 'add-address':
      return { type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL, payload: encodeNewAddress(operation.address), operation: 'add address', object: addressName(operation.address) };
    case 'delete-address':
      return { type: RTM_DELADDR, flags: 0, payload: encodeDeleteAddress(operation.address), operation: 'delete address', object: addressName(operation.address) };
    case 'add-route':
      return { type: RTM_NEWROUTE, flags: PLACES[operation.place], payload: encodeNewRoute(operation.route), operation: 'add route', object: routeName(operation.route) };
    case 'delete-route':
      return { type: RTM_DELROUTE, flags: 0, payload: encodeDeleteRoute(operation.route), operation: 'delete route', object: routeName(operation.route) };
    case 'add-rule':
      return { type: RTM_NEWRULE, flags: NLM_F_CREATE | NLM_F_EXCL, payload: encodeRule(operation.rule), operation: 'add rule', object: ruleName(operation.rule) };
    case 'delete-rule':
      return { type: RTM_DELRULE, flags: 0, payload: encodeRule(operation.rule), operation: 'delete rule', object: ruleName(operation.rule) };
  }
}

function addressName({ prefix, linkIndex }: Address): string {
  return `${printPrefix(prefix)} on interface index ${linkIndex}`;
}

function routeName({ destination, table, gateway, link }: Route): string {
  return `${printPrefix(destination)}${gateway === null ? '' : ` via ${gateway}`}${link === null ? '' : ` on interface index ${link}`} in table ${table}`;
}

function ruleName({ family, priority }: Rule): string {
  return `${priority} (${family === 'inet' ? 'IPv4' : 'IPv6'})`;
}
