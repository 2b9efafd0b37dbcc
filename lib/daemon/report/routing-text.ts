/** Routes and rules in the words of keepalived.data and of its log. */
import type { Route, Rule } from '../../config/model-network.ts';
import { familyOf, maxPrefix, printPrefix, type Prefix } from '../../util/ip.ts';
import { ROUTE_TABLES, ROUTE_TYPES, RTAX, RULE_ACTIONS, type Encap, type Nexthop, type Range } from '../../util/route.ts';
import { isTracked, type RoutingObject } from '../../vrrp/routing.ts';

export function routingText(object: RoutingObject): string {
  const text = object.kind === 'route' ? routeText(object.route) : ruleText(object.rule);
  const { track_group: group } = object.kind === 'route' ? object.route.options : object.rule.options;
  return [text, ...(isTracked(object) ? [] : ['no_track']), ...(group === undefined ? [] : [`track_group ${group}`])].join(' ');
}

/** `prepend 10.1.0.0/24 via inet 10.0.0.254 dev eth0 proto 18` */
function routeText({ spec, options }: Route): string {
  const kind = Object.entries(ROUTE_TYPES).find(([, number]) => number === spec.type)?.[0];
  return words(
    spec.place, kind !== undefined && kind !== 'unicast' && kind, prefixText(spec.destination),
    spec.source !== null && `from ${prefixText(spec.source)}`, spec.preferredSource !== null && `src ${spec.preferredSource}`, spec.tos !== 0 && `tos ${spec.tos}`,
    spec.encap !== null && encapText(spec.encap), spec.gateway !== null && `via ${familyOf(spec.gateway)} ${spec.gateway}`, spec.link !== null && `dev ${spec.link}`,
    spec.vrf !== null ? `vrf ${spec.vrf}` : spec.table !== ROUTE_TABLES.main && `table ${spec.table}`, (options.no_track === undefined || options.protocol !== undefined) && `proto ${spec.protocol}`, spec.scope !== 0 && `scope ${spec.scope}`,
    spec.priority !== null && `metric ${spec.priority}`, spec.onlink && 'onlink', spec.realms !== null && `realms ${realmsText(spec.realms)}`,
    ...METRICS.flatMap(([name, metric, unit]) => spec.metrics.filter((one) => one.metric === metric).map((one) => metricText(name, one.value, one.locked, unit))),
    spec.congestion !== null && `congctl ${spec.congestion.locked ? 'lock ' : ''}${spec.congestion.name}`,
    ...LAST.flatMap(([name, metric]) => spec.metrics.filter((one) => one.metric === metric).map((one) => `${name} ${one.value}`)),
    spec.expires !== null && `expires ${spec.expires}sec`, spec.preference !== null && `pref ${PREFERENCES[spec.preference] ?? String(spec.preference)}`,
    spec.ttlPropagate !== null && `ttl-propagate ${spec.ttlPropagate ? 'enabled' : 'disabled'}`, ...spec.nexthops.map(nexthopText),
  );
}

/** `from 10.1.0.0/24 priority 100 tos 0x0 protocol 18 lookup 100` */
function ruleText({ spec }: Rule): string {
  return words(
    spec.invert && 'not', `from ${spec.source === null ? 'all' : prefixText(spec.source)}`, spec.destination !== null && `to ${prefixText(spec.destination)}`, `priority ${spec.priority}`,
    `tos 0x${spec.tos.toString(16)}`, spec.mark !== null && `fwmark 0x${spec.mark.toString(16)}${spec.markMask === null ? '' : `/0x${spec.markMask.toString(16)}`}`,
    spec.inputLink !== null && `iif ${spec.inputLink}`, spec.outputLink !== null && `oif ${spec.outputLink}`,
    spec.suppressPrefixLength !== null && `suppress_prefixlen ${spec.suppressPrefixLength}`, spec.suppressGroup !== null && `suppress_ifgroup ${spec.suppressGroup}`,
    spec.tunnelId !== null && `tunnel-id ${spec.tunnelId}`, spec.users !== null && `uidrange ${rangeText(spec.users)}`, spec.l3mdev && 'l3mdev', `protocol ${spec.protocol}`,
    spec.ipProtocol !== null && `ipproto ${spec.ipProtocol}`, spec.sourcePorts !== null && `sport ${rangeText(spec.sourcePorts)}`, spec.destinationPorts !== null && `dport ${rangeText(spec.destinationPorts)}`,
    spec.realms !== null && `realms ${realmsText(spec.realms)}`, actionText(spec),
  );
}

/** In keepalived's order; the unit is how many of the kernel's make one of ours. */
const METRICS: readonly (readonly [string, number, number | null])[] = [
  ['rtt', RTAX.rtt, 8], ['rttvar', RTAX.rttvar, 4], ['rto_min', RTAX.rtoMin, 1], ['features', RTAX.features, null], ['mtu', RTAX.mtu, null], ['window', RTAX.window, null],
  ['ssthresh', RTAX.ssthresh, null], ['cwnd', RTAX.cwnd, null], ['advmss', RTAX.advmss, null], ['reordering', RTAX.reordering, null], ['hoplimit', RTAX.hoplimit, null],
  ['initcwnd', RTAX.initcwnd, null], ['initrwnd', RTAX.initrwnd, null],
];
const LAST: readonly (readonly [string, number])[] = [['quickack', RTAX.quickack], ['fastopen_no_cookie', RTAX.fastopenNoCookie]];
const PREFERENCES: Readonly<Record<number, string>> = { 0: 'medium', 1: 'high', 3: 'low' };

function metricText(name: string, value: number, locked: boolean, unit: number | null): string {
  const figure = name === 'features' ? 'ecn' : unit === null ? String(value) : `${value / unit}ms`;
  return `${name} ${locked ? 'lock ' : ''}${figure}`;
}

function nexthopText({ gateway, link, weight, onlink, realms, encap }: Nexthop<string>): string {
  return words(
    'nexthop', encap !== null && encapText(encap), gateway !== null && `via ${familyOf(gateway)} ${gateway}`, link !== null && `dev ${link}`, weight !== 1 && `weight ${weight}`, onlink && 'onlink',
    realms !== null && `realms ${realmsText(realms)}`,
  );
}

function encapText(encap: Encap): string {
  switch (encap.type) {
    case 'mpls':
      return `encap mpls ${encap.labels.join('/')}`;
    case 'ila':
      return `encap ila ${encap.locator}`;
    case 'ip':
    case 'ip6': {
      const [tos, hops] = encap.type === 'ip' ? ['tos', 'ttl'] : ['tc', 'hoplimit'];
      return words(
        `encap ${encap.type}`, encap.id !== null && `id ${encap.id}`, encap.target !== null && `dst ${encap.target}`, encap.source !== null && `src ${encap.source}`,
        encap.tos !== null && `${tos ?? ''} ${encap.tos}`, encap.hops !== null && `${hops ?? ''} ${encap.hops}`, encap.flags !== null && `flags ${encap.flags}`,
      );
    }
  }
}

function actionText({ action, table, target }: Rule['spec']): string {
  switch (action) {
    case RULE_ACTIONS.goto:
      return `goto ${target ?? 0}`;
    case RULE_ACTIONS.nop:
      return 'nop';
    case RULE_ACTIONS.blackhole:
      return 'type blackhole';
    case RULE_ACTIONS.unreachable:
      return 'type unreachable';
    case RULE_ACTIONS.prohibit:
      return 'type prohibit';
    default:
      return `lookup ${table}`;
  }
}

function rangeText({ from, to }: Range): string {
  return `${from}-${to}`;
}

function realmsText(realms: number): string {
  const from = Math.floor(realms / 0x10000);
  return `${from === 0 ? '' : `${from}/`}${realms % 0x10000}`;
}

/** The longest prefix of a host goes without saying. */
function prefixText(prefix: Prefix): string {
  return prefix.length === maxPrefix(familyOf(prefix.address)) ? prefix.address : printPrefix(prefix);
}

function words(...parts: readonly (string | false)[]): string {
  return parts.filter((part) => part !== false).join(' ');
}
