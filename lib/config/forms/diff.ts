/** What a reload from one Config to another would do, in operators' words. */
import { identity, serviceIdentity } from '../identity.ts';
import type { RealServer, VirtualServer } from '../model-ipvs.ts';
import type { Config, ScriptCommand, VirtualAddress, VrrpInstance } from '../model.ts';
import { printPrefix } from '../../util/ip.ts';

/** One line for each thing that happens, details indented below; empty: a reload would change nothing. */
export function reloadDiff(from: Config, to: Config): string[] {
  return [
    ...globalLines(from, to),
    ...paired(from.instances, to.instances, identity, { added: startsInstance, removed: endsInstance, changed: instanceLines }),
    ...named(from.syncGroups, to.syncGroups, 'sync group'),
    ...named(from.scripts, to.scripts, 'script'),
    ...paired(from.ipvs.virtualServers, to.ipvs.virtualServers, serviceIdentity, { added: addsService, removed: endsService, changed: serviceLines }),
    ...named(from.ipvs.groups, to.ipvs.groups, 'virtual server group'),
    ...named(from.ipvs.localAddressGroups, to.ipvs.localAddressGroups, 'local address group'),
  ];
}

interface Words<T> {
  added(one: T): string[];
  removed(one: T): string[];
  changed(before: T, after: T): string[];
}

function paired<T>(before: readonly T[], after: readonly T[], key: (one: T) => string, words: Words<T>): string[] {
  const [olds, news] = [before, after].map((all) => new Map(all.map((one) => [key(one), one]))) as [Map<string, T>, Map<string, T>];
  return [
    ...before.filter((one) => !news.has(key(one))).flatMap((one) => words.removed(one)),
    ...after.flatMap((one) => {
      const old = olds.get(key(one));
      return old === undefined ? words.added(one) : words.changed(old, one);
    }),
  ];
}

function named<T extends { readonly name: string }>(before: readonly T[], after: readonly T[], kind: string): string[] {
  return paired(before, after, (one) => one.name, {
    added: ({ name }) => [`${kind} ${name} is new`],
    removed: ({ name }) => [`${kind} ${name} goes`],
    changed: (old, now) => headed(`${kind} ${now.name} changes:`, fields(old, now, [])),
  });
}

function globalLines(from: Config, to: Config): string[] {
  return headed('global settings change:', [...fields(from.global, to.global, []), ...fields(from.ipvs, to.ipvs, ['virtualServers', 'groups', 'localAddressGroups'])]);
}

function where({ name, vrid, link, family }: VrrpInstance): string {
  return `${name} (VRID ${String(vrid)} on ${link}, ${family === 'inet' ? 'IPv4' : 'IPv6'})`;
}

function startsInstance(one: VrrpInstance): string[] {
  return [`instance ${where(one)} starts, with priority ${String(one.priority)}: ${addressList(one.virtualAddresses)}`];
}

function endsInstance(one: VrrpInstance): string[] {
  return [`instance ${where(one)} ends: where it is master it says farewell (priority 0) and gives up ${addressList([...one.virtualAddresses, ...one.excludedAddresses])}`];
}

function instanceLines(old: VrrpInstance, now: VrrpInstance): string[] {
  const lines = [
    ...(old.name === now.name ? [] : [`it is called ${now.name} from then on`]),
    ...(old.priority === now.priority ? [] : [`priority ${String(old.priority)} → ${String(now.priority)}${now.priority < old.priority ? ': a router with more may take over' : ': it may take over'}`]),
    ...(old.advertInterval === now.advertInterval ? [] : [`advert_int ${seconds(old.advertInterval)} → ${seconds(now.advertInterval)}${now.version === 2 ? ': change it on all routers at once, or both become master' : ''}`]),
    ...(JSON.stringify(old.auth) === JSON.stringify(now.auth) ? [] : ['authentication changes: change it on all routers at once, or both become master']),
    ...addressLines('', old.virtualAddresses, now.virtualAddresses),
    ...addressLines('excluded ', old.excludedAddresses, now.excludedAddresses),
    ...fields(old, now, ['name', 'priority', 'advertInterval', 'auth', 'virtualAddresses', 'excludedAddresses']),
  ];
  return headed(`instance ${where(old)} goes on in its state, with changes:`, lines);
}

function addressLines(kind: string, before: readonly VirtualAddress[], after: readonly VirtualAddress[]): string[] {
  const key = ({ prefix, link }: VirtualAddress): string => `${printPrefix(prefix)} on ${link}`;
  return paired(before, after, key, {
    added: (one) => [`${kind}address ${key(one)} is added where it is master`],
    removed: (one) => [`${kind}address ${key(one)} is removed where it is master`],
    changed: (old, now) => fields(old, now, []).map((line) => `${kind}address ${key(now)}: ${line}`),
  });
}

function addressList(all: readonly VirtualAddress[]): string {
  return all.length === 0 ? 'no addresses' : all.map(({ prefix }) => printPrefix(prefix)).join(', ');
}

function addsService(one: VirtualServer): string[] {
  return [`virtual server ${one.id} is added, with ${count(one.realServers.length, 'real server')}`];
}

function endsService(one: VirtualServer): string[] {
  return [`virtual server ${one.id} is removed: its connections end`];
}

function serviceLines(old: VirtualServer, now: VirtualServer): string[] {
  const lines = [
    ...paired<RealServer>(old.realServers, now.realServers, (one) => one.id, {
      added: ({ id, weight }) => [`real server ${id} is added, weight ${String(weight)}`],
      removed: ({ id }) => [`real server ${id} is removed`],
      changed: (before, after) => fields(before, after, []).map((line) => `real server ${after.id}: ${line}`),
    }),
    ...fields(old, now, ['realServers']),
  ];
  return headed(`virtual server ${now.id} goes on, with changes:`, lines);
}

function headed(head: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [head, ...lines.map((line) => `  ${line}`)];
}

/** Members that differ, in words: `check unicast source: no → yes`. */
function fields<T extends object>(old: T, now: T, except: readonly (keyof T)[]): string[] {
  const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])] as (keyof T & string)[];
  return keys.filter((key) => !except.includes(key) && JSON.stringify(old[key]) !== JSON.stringify(now[key])).flatMap((key) => {
    const [a, b]: unknown[] = [old[key], now[key]];
    if (isGroup(a) && isGroup(b)) return fields(a, b, []).map((line) => `${inWords(key)} ${line}`);
    return [`${inWords(key)}: ${shown(a, key)} → ${shown(b, key)}`];
  });
}

/** Settings that are told one by one. */
function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('argv' in value);
}

/** `masterDelay` → `master delay` */
function inWords(key: string): string {
  return key.replace(/(?<=[a-z0-9])[A-Z]/gu, (letter) => ` ${letter.toLowerCase()}`);
}

const TIMES = /(?:Interval|Delay|delay|interval|timeout|Timeout|warmup|refresh)$/u;

function shown(value: unknown, key: string): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return key === 'umask' ? `0${value.toString(8)}` : TIMES.test(key) ? seconds(value) : String(value);
  if (typeof value === 'string') return /pass|secret/iu.test(key) ? '(hidden)' : value;
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map((one: unknown) => shown(one, key)).join(key === 'argv' ? ' ' : ', ');
  if (typeof value === 'object' && 'argv' in value) return command(value as ScriptCommand);
  const members = Object.entries(value).filter(([, member]) => member !== null && member !== false);
  const [only] = members;
  if (members.length === 1 && only !== undefined) return shown(only[1], only[0]);
  return `{ ${members.map(([name, member]) => `${inWords(name)} ${shown(member, name)}`).join(', ')} }`;
}

function command({ argv, account }: ScriptCommand): string {
  return `${argv.join(' ')}${account === null ? '' : ` as ${account.user}`}`;
}

function seconds(millis: number): string {
  return `${String(millis / 1000)} s`;
}

function count(number: number, what: string): string {
  return `${String(number)} ${what}${number === 1 ? '' : 's'}`;
}
