import type { TrackRef } from '../../config/model.ts';
import { familyOf, isLinkLocal6 } from '../../util/ip.ts';
import { allAddresses } from '../../vrrp/desired.ts';
import { isFiltered } from '../../vrrp/filter.ts';
import { speakingLink, usesVmacs, vmacLinks } from '../../vrrp/vmac.ts';
import type { GroupStatus, InstanceStatus, InterfaceStatus, ScriptStatus, Status } from '../status.ts';
import { objectsOf, type Routing } from '../../vrrp/routing.ts';
import { routingText } from './routing-text.ts';
import { garpGroups, paceLines } from './garp.ts';
import { globalSection } from './global.ts';
import { instanceLines, notifyLines } from './instance.ts';
import { bfdLines, fileLines, processLines } from './tracked.ts';
import { accountPair, addressText, argvText, seconds, trackText, yes } from './text.ts';

/** keepalived.data: what USR1 makes the VRRP process write. Sections, names and indentation are keepalived's. */
export function renderData(status: Status): string {
  const lines = [
    ...globalSection(status.global, status.settings ?? {}, { defaultInterface: defaultInterface(status), filters: status.instances.some(({ config }) => isFiltered(config) || usesVmacs(config)) }),
    ...staticSections(status),
    ...section('Gratuitous ARP delays', paces(status).flatMap(({ lines }) => lines)),
    '------< VRRP Topology >------',
    ...status.instances.flatMap((one) => instanceLines(one, status)),
    '------< VRRP Sockpool >------',
    ...sockets(status).flatMap(socketLines),
    ...section('VRRP Sync groups', status.groups.flatMap((group) => groupLines(group, status))),
    ...section('VRRP Scripts', status.scripts.flatMap((script) => scriptLines(script, status))),
    ...section('VRRP Track files', status.files.flatMap((file) => fileLines(file, status))),
    ...section('VRRP Track processes', status.processes.flatMap((process) => processLines(process, status))),
    ...section('VRRP Track BFDs', status.bfd.sessions.flatMap((session) => bfdLines(session, status))),
    ...section('Interfaces', status.interfaces.flatMap((face) => interfaceLines(face, status))),
  ];
  return `${lines.join('\n')}\n`;
}

function staticSections({ statics, trackGroups = [] }: Status): readonly string[] {
  const lines = (routing: Routing): string[] => objectsOf(routing).map((object) => `     ${routingText(object)}`);
  return [
    ...section('Static Addresses', statics.addresses.map((virtual) => `     ${addressText(virtual, true)}`)),
    ...section('Static Routes', lines({ routes: statics.routes, rules: [] })),
    ...section('Static Rules', lines({ routes: [], rules: statics.rules })),
    ...section('Static Track groups', trackGroups.flatMap(({ name, members }) => [` Static Track Group = ${name}`, '   VRRP member instances :', ...members.map((member) => `     ${member}`)])),
  ];
}

/** keepalived_parent.data: the parent's share, the global definitions alone. */
export function renderParentData({ global, settings = {} }: Pick<Status, 'global' | 'settings'>): string {
  return `${globalSection(global, settings, null).join('\n')}\n`;
}

/** The paces of announcements: garp_group's, and the global one on every interface that an instance is on. */
function paces({ garpGroups: groups = [], settings = {}, instances }: Status): ReturnType<typeof garpGroups> {
  return garpGroups(groups, settings, [...new Set(instances.map(({ config }) => config.link))]);
}

/** keepalived leaves a section out when there is nothing in it. */
function section(name: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`------< ${name} >------`, ...lines];
}

/** keepalived's default for addresses without `dev` in static blocks: eth0 where it exists. */
function defaultInterface({ interfaces }: Status): string | null {
  return interfaces.some(({ link }) => link.name === 'eth0') ? 'eth0' : null;
}

/** Instances that speak the same way share their sockets. */
function sockets({ instances }: Status): readonly (readonly InstanceStatus[])[] {
  const pools = new Map<string, InstanceStatus[]>();
  for (const one of instances) {
    const { config } = one;
    const unicast = config.unicastPeers.length > 0;
    const key = [speakingLink(config), config.family, config.auth?.type === 'AH', unicast, unicast ? config.sourceAddress : config.multicastGroup].join(' ');
    pools.set(key, [...(pools.get(key) ?? []), one]);
  }
  return [...pools.values()];
}

function socketLines(pool: readonly InstanceStatus[]): readonly string[] {
  const first = pool[0]?.config;
  if (first === undefined) return [];
  const buffer = pool.reduce((sum, { receiveBuffer = 0 }) => sum + receiveBuffer, 0);
  const unicast = first.unicastPeers.length > 0;
  return [
    `   Interface = ${speakingLink(first)}`,
    `   Family = ${first.family === 'inet' ? 'IPv4' : 'IPv6'}`,
    `   Protocol = ${first.auth?.type === 'AH' ? 'AH' : 'VRRP'}`,
    `   Type = ${unicast ? 'Unicast' : 'Multicast'}`,
    ...(unicast && first.sourceAddress !== null ? [`   Address = ${first.sourceAddress}`] : []),
    `   Rx buf size = ${String(buffer)}`,
    '   VRRP instances',
    ...pool.map(({ config: { name, vrid } }) => `     ${name} vrid ${String(vrid)}`),
  ];
}

function groupLines({ config, state }: GroupStatus, { instances }: Status): readonly string[] {
  const members = instances.filter((instance) => instance.group === config.name);
  return [
    ` VRRP Sync Group = ${config.name}, ${state}`,
    `   Num member fault ${String(members.filter((m) => m.faults.length > 0).length)}, num member init ${String(members.filter((m) => m.holds.length > 0).length)}`,
    '   VRRP member instances :',
    ...config.members.map((name) => `     ${name}`),
    ...(config.trackingWeight ? ['   sync group tracking weight set'] : []),
    `   Using smtp notification = ${yes(config.smtpAlert)}`,
    ...(config.notifyPriorityChanges ? ['   Notify priority changes = yes'] : []),
    ...tracked('Tracked interfaces', config.trackInterfaces),
    ...tracked('Tracked scripts', config.trackScripts),
    ...tracked('Tracked files', config.extras?.trackFiles ?? [], ', '),
    ...tracked('Tracked process', config.extras?.trackProcesses ?? [], ', '),
    ...tracked('Tracked BFDs', config.extras?.trackBfd ?? [], ': '),
    ...notifyLines(config.notify).map((line) => `   ${line}`),
  ];
}

function tracked(name: string, refs: readonly TrackRef[], separator = ' '): readonly string[] {
  return refs.length === 0 ? [] : [`   ${name} :`, ...refs.map((ref) => `     ${trackText(ref, separator)}`)];
}

function scriptLines({ config, status, result, running }: ScriptStatus, { instances, groups }: Status): readonly string[] {
  const users = instances.flatMap(({ config: instance, group }) => {
    const own = instance.trackScripts.find(({ name }) => name === config.name);
    const shared = groups.find((other) => other.config.name === group)?.config.trackScripts.find(({ name }) => name === config.name);
    const ref = own ?? shared;
    return ref === undefined ? [] : [{ ...ref, name: instance.name }];
  });
  return [
    ` VRRP Script = ${config.name}`,
    `   Command = ${argvText(config.command.argv)}`,
    `   Interval = ${seconds(config.interval)} sec`,
    // keepalived's 0 stands for the interval.
    `   Timeout = ${config.timeout === config.interval ? '0' : seconds(config.timeout)} sec`,
    `   Weight = ${String(config.weight)}${config.reverse ? ' reverse' : ''}`,
    `   Rise = ${String(config.rise)}`,
    `   Fall = ${String(config.fall)}`,
    `   Result = ${String(result)}`,
    '   Insecure = no',
    `   Init state = ${config.initFail ? 'failed' : 'unknown'}`,
    `   Status = ${STATUS[status]}`,
    `   Script uid:gid = ${accountPair(config.command.account)}`,
    '   VRRP instances :',
    '   Tracking instances :',
    ...users.map((ref) => `     ${trackText(ref, ', ')}`),
    `   State = ${running ? 'running' : 'idle'}`,
  ];
}

const STATUS: Readonly<Record<ScriptStatus['status'], string>> = { unknown: 'INIT', good: 'GOOD', bad: 'BAD' };

function interfaceLines({ link, addresses, delays }: InterfaceStatus, status: Status): readonly string[] {
  const { instances, interfaces } = status;
  const virtual = new Set(instances.flatMap(({ config }) => allAddresses(config).map(({ prefix }) => prefix.address)));
  const own = addresses.filter((address) => !virtual.has(address));
  const statics = new Set(status.statics.addresses.map(({ prefix }) => prefix.address));
  const [four, ...others] = own.filter((address) => familyOf(address) === 'inet');
  const more = others.filter((address) => !statics.has(address));
  const six = own.find((address) => familyOf(address) === 'inet6' && isLinkLocal6(address));
  const users = instances.flatMap((one) => linkUser(one, link.name, status));
  return [
    ` Name = ${link.name}`,
    `   index = ${String(link.index)}`,
    `   IPv4 address = ${four ?? '(none)'}`,
    ...(more.length === 0 ? [] : ['   Additional IPv4 addresses :', ...more.map((address) => `     ${address}`)]),
    `   IPv6 address = ${six ?? '(none)'}`,
    ...(link.loopback || link.mac.length === 0 ? [] : [`   MAC = ${macText(link.mac)}`, `   MAC broadcast = ${macText(link.mac.map(() => 0xff))}`]),
    `   State = ${stateText(link)}`,
    `   Seen up = ${link.up && link.running ? '1' : '0'}`,
    `   Delayed state change running = ${delays?.waiting === true ? 'true' : 'false'}`,
    `   Up debounce timer = ${String(Math.round((delays?.up ?? 0) * 1000))}us`,
    `   Down debounce timer = ${String(Math.round((delays?.down ?? 0) * 1000))}us`,
    ...(status.settings?.dynamic_interfaces === 'allow_if_changes' && !link.loopback ? ['   Interface type/base can be changed'] : []),
    ...vmacLines(link, instances, interfaces),
    `   MTU = ${String(link.mtu)}`,
    `   HW Type = ${link.loopback ? 'LOOPBACK' : 'ETHERNET'}`,
    '   NIC netlink status update',
    ...sysctlLines(link, status),
    ...paceLines(paces(status), link.name),
    ...(users.length === 0 ? [] : ['   Tracking VRRP instances :', ...users.map((ref) => `     ${trackText(ref, ', ')}`)]),
  ];
}

/** How an instance depends on an interface: by its own list, its group's, or as its addresses or adverts are there. */
function linkUser({ config, group }: InstanceStatus, name: string, { groups }: Status): TrackRef[] {
  const shared = groups.find((other) => other.config.name === group)?.config.trackInterfaces ?? [];
  const ref = [...config.trackInterfaces, ...shared].find((one) => one.name === name);
  if (ref !== undefined) return [{ ...ref, name: config.name }];
  const needed = config.link === name || vmacLinks(config).includes(name) || allAddresses(config).some(({ link }) => link === name);
  if (!needed) return [];
  // keepalived's mark of an interface that may go.
  return [{ name: config.name, weight: config.dontTrackPrimary && config.link === name ? 255 : 0, reverse: false }];
}

/** What stood where we set sysctls, and for how many. */
function sysctlLines({ index, name }: InterfaceStatus['link'], { instances, interfaces, sysctls = new Map() }: Status): string[] {
  const original = (key: string): string => sysctls.get(`net/ipv4/conf/${name}/${key}`) ?? '0';
  const vmacs = interfaces.filter(({ link }) => link.parentIndex === index && link.kind === 'macvlan' && link.mac[4] === 1 && instances.some(({ config }) => vmacLinks(config).includes(link.name)));
  const promoted = instances.filter(({ config }) => config.promoteSecondaries && (config.link === name || allAddresses(config).some(({ link }) => link === name)));
  return [
    `   Reset ARP config counter ${String(vmacs.length)}`,
    `   Original arp_ignore ${original('arp_ignore')}`,
    `   Original arp_filter ${original('arp_filter')}`,
    ...(sysctls.has(`net/ipv4/conf/${name}/rp_filter`) ? [`   rp_filter ${original('rp_filter')}`] : []),
    `   Original promote_secondaries ${original('promote_secondaries')}`,
    `   Reset promote_secondaries counter ${String(promoted.length)}`,
  ];
}

/** A macvlan of ours. */
function vmacLines({ name, kind, parentIndex }: InterfaceStatus['link'], instances: Status['instances'], interfaces: Status['interfaces']): readonly string[] {
  const below = interfaces.find(({ link }) => link.index === parentIndex)?.link;
  if (kind !== 'macvlan' || below === undefined || !instances.some(({ config }) => vmacLinks(config).includes(name))) return [];
  return [`   VMAC type private, underlying interface = ${below.name}, state = ${stateText(below)}`, '   I/f created by keepalived'];
}

function stateText({ up, running, loopback, pointToPoint, multicast, noArp }: InterfaceStatus['link']): string {
  return [
    up ? 'UP' : 'DOWN',
    ...(running ? ['RUNNING'] : []),
    ...(loopback ? ['no broadcast', 'loopback'] : []),
    ...(pointToPoint ? ['point to point'] : []),
    ...(noArp ? ['no arp'] : []),
    ...(multicast ? [] : ['no multicast']),
  ].join(', ');
}

function macText(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
