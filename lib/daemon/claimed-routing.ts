/** A route or rule from the id under which a journal has it. What was written by us is checked all the same. */
import type { RouteSpec } from '../config/keywords/route-spec.ts';
import { familyOf, maxPrefix, parseIp, type Family, type IpAddress } from '../util/ip.ts';
import type { RuleOf } from '../util/route.ts';
import type { RoutingObject } from '../vrrp/routing.ts';

/** null: it is none. What it says besides what identifies it in the kernel does not matter any more, and is as the id has it. */
export function routingFromId(id: string): RoutingObject | null {
  const [, kind, json] = /^(route|rule) (.*)$/su.exec(id) ?? [];
  const spec = parse(json ?? '');
  if (kind === 'route' && isRoute(spec)) return { kind, id, route: { destination: spec.destination, type: null, family: spec.family, options: { no_track: true }, spec, words: [] } };
  if (kind === 'rule' && isRule(spec)) return { kind, id, rule: { family: spec.family, options: { no_track: true }, spec, words: [] } };
  return null;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null; // Half a line, after a crash while it was written.
  }
}

type Shape = Readonly<Record<string, (value: unknown) => boolean>>;

function has(value: unknown, shape: Shape): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  return Object.entries(shape).every(([name, check]) => check(fields.get(name)));
}

const number = (value: unknown): boolean => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
const byte = (value: unknown): boolean => number(value) && (value as number) < 256;
const text = (value: unknown): boolean => typeof value === 'string';
const flag = (value: unknown): boolean => typeof value === 'boolean';
const address = (value: unknown): boolean => typeof value === 'string' && parseIp(value) === value;
const list = (check: (value: unknown) => boolean) => (value: unknown): boolean => Array.isArray(value) && value.every(check);
const nullable = (check: (value: unknown) => boolean) => (value: unknown): boolean => value === null || check(value);
const range = nullable((value) => has(value, { from: number, to: number }));
const unread = (value: unknown): boolean => value !== undefined;

const prefixOf = (family: Family) => (value: unknown): boolean =>
  has(value, { address: (one) => address(one) && familyOf(one as IpAddress) === family, length: (one) => number(one) && (one as number) <= maxPrefix(family) });

const familyIn = (value: unknown): Family | null => (has(value, { family: (one) => one === 'inet' || one === 'inet6' }) ? (value as { family: Family }).family : null);

function isRoute(value: unknown): value is RouteSpec {
  const family = familyIn(value);
  return family !== null && has(value, {
    destination: prefixOf(family), source: nullable(prefixOf(family)), type: byte, tos: byte, table: number, protocol: byte, scope: byte, priority: nullable(number),
    preferredSource: nullable(address), gateway: nullable(address), link: nullable(text), onlink: flag, vrf: nullable(text), place: text, metrics: list(unread), realms: unread, encap: unread,
    congestion: unread, expires: unread, preference: unread, ttlPropagate: unread,
    nexthops: list((hop) => has(hop, { gateway: nullable(address), link: nullable(text), weight: (one) => number(one) && (one as number) >= 1 && (one as number) <= 256, onlink: flag, realms: unread, encap: unread })),
  });
}

function isRule(value: unknown): value is RuleOf {
  const family = familyIn(value);
  return family !== null && has(value, {
    invert: flag, source: nullable(prefixOf(family)), destination: nullable(prefixOf(family)), tos: byte, action: byte, table: number, priority: number, protocol: byte, mark: nullable(number),
    markMask: nullable(number), realms: nullable(number), suppressPrefixLength: nullable(number), suppressGroup: nullable(number), inputLink: nullable(text), outputLink: nullable(text),
    tunnelId: nullable(number), users: range, l3mdev: flag, ipProtocol: nullable(byte), sourcePorts: range, destinationPorts: range, target: nullable(number),
  });
}
