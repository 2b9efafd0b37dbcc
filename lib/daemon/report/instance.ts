import type { NotifyScripts, TrackRef, VrrpInstance } from '../../config/model.ts';
import type { Millis } from '../../util/time.ts';
import { allRouting, objectsOf, type Routing } from '../../vrrp/routing.ts';
import { routingText } from './routing-text.ts';
import { filterSettings, isFiltered } from '../../vrrp/filter.ts';
import { RECEIVE_ERRORS } from '../../vrrp/counters.ts';
import { speakingLink } from '../../vrrp/vmac.ts';
import type { InstanceStatus, Status } from '../status.ts';
import { addressText, flag, linkBelow, moment, scriptText, seconds, trackText, yes } from './text.ts';

/** One virtual router in keepalived.data. */
export function instanceLines(status: InstanceStatus, whole: Status): readonly string[] {
  const { config } = status;
  const lines = [...head(status, whole), ...settings(status, whole), ...addresses(status, whole), ...tracking(config), ...notification(status, whole), ...refused(status)];
  return [` VRRP Instance = ${config.name}`, ...lines.map((line) => `   ${line}`)];
}

function head(status: InstanceStatus, { settings: given = {} }: Status): readonly string[] {
  const { config, state, wanted = state } = status;
  const unused = config.unicastPeers.length === 0 && (config.extras?.faultWithoutPeer === true || (config.checkUnicastSource && given.vrrp_check_unicast_src !== true && config.extras !== undefined));
  return [
    `VRRP Version = ${String(config.version)}`,
    ...(status.group === null ? [] : [`Sync group = ${status.group}`]),
    ...(config.family === 'inet6' ? ['Using Native IPv6'] : []),
    `State = ${state}`,
    ...masterLines(status),
    hasFlags(config) || unused ? 'Flags:' : 'Flags: none',
    ...(config.unicastPeers.length > 0 ? ['  Using unicast'] : []),
    ...(unused ? ['  Unicast config option specified but using multicast'] : []),
    ...(config.extras?.faultWithoutPeer === true ? ['  If unicast go to fault state if no peers'] : []),
    `Wantstate = ${wanted}`,
    'Number of config faults = 0',
    `Number of interface and track script faults = ${String(status.faults.length)}`,
    `Number of track scripts init = ${String(status.holds.length)}`,
    `Last transition = ${moment(status.lastTransitionAt)}`,
    `Read timeout = ${status.deadlineAt === null ? 'DISABLED' : moment(status.deadlineAt)}`,
    `Master down timer = ${String(Math.floor(status.masterDownInterval * 1000))} usecs`,
  ];
}

/** Whom a backup believes; none yet: keepalived prints what its buffer held last. */
function masterLines({ config, state, master, masterAdvertInterval }: InstanceStatus): string[] {
  if (state !== 'BACKUP') return [];
  return [
    `Master router = ${master?.address ?? '(none)'}`,
    `Master priority = ${String(master?.priority ?? 0)}`,
    ...(config.version === 3 ? [`Master advert int = ${(masterAdvertInterval / 1000).toFixed(2)} sec`] : []),
  ];
}

/** keepalived keeps these as bits of one word; the list below it names a few of them. */
function hasFlags({ nopreempt, skipCheckAdvAddr, dontTrackPrimary, sourceAddress, promoteSecondaries, unicastPeers, extras }: VrrpInstance): boolean {
  return nopreempt || skipCheckAdvAddr || dontTrackPrimary || sourceAddress !== null || promoteSecondaries || unicastPeers.length > 0
    || (extras?.vmac ?? null) !== null || extras?.vmacForAddresses === true;
}

function settings({ config, source, priority, state, masterAdvertInterval }: InstanceStatus, { interfaces }: Status): readonly string[] {
  const index = interfaces.find(({ link }) => link.name === speakingLink(config))?.link.index ?? 0;
  return [
    ...vmacLines(config),
    `Interface = ${config.extras?.vmacLink === undefined ? config.link : `${config.extras.vmacLink}, vmac on ${config.link}${config.extras.transmitOnBase ? ', xmit base i/f' : ''}`}`,
    ...(config.dontTrackPrimary ? ['VRRP interface tracking disabled'] : []),
    ...(config.skipCheckAdvAddr ? ['Skip checking advert IP addresses'] : []),
    ...(config.strict ? ['Enforcing strict VRRP compliance'] : []),
    `Using src_ip = ${source ?? '(none)'}${config.sourceAddress === null ? '' : ' (from configuration)'}`,
    ...(config.unicastPeers.length > 0 ? [] : [`Multicast address ${config.multicastGroup}${config.family === 'inet6' ? `, ifindex ${String(index)}` : ''}`]),
    `Gratuitous ARP delay = ${seconds(config.garp.masterDelay)}`,
    `Gratuitous ARP repeat = ${String(config.garp.masterRepeat)}`,
    `Gratuitous ARP refresh = ${seconds(config.garp.refresh)}`,
    `Gratuitous ARP refresh repeat = ${String(config.garp.refreshRepeat)}`,
    `Gratuitous ARP lower priority delay = ${seconds(config.garp.lowerPrioDelay)}`,
    `Gratuitous ARP lower priority repeat = ${String(config.garp.lowerPrioRepeat)}`,
    `Down timer adverts = ${String(config.downTimerAdverts)}`,
    `Send advert after receive lower priority advert = ${flag(!config.lowerPrioNoAdvert)}`,
    `Send advert after receive higher priority advert = ${flag(config.higherPrioSendAdvert)}`,
    `Virtual Router ID = ${String(config.vrid)}`,
    `Priority = ${String(config.priority)}`,
    `Effective priority = ${String(priority)}`,
    `Total priority = ${String(priority)}`,
    `Advert interval = ${interval(config.advertInterval, config.version)}`,
    ...(config.version === 3 && state === 'BACKUP' ? [`Master advert interval = ${interval(masterAdvertInterval, 3)}`] : []),
    `Accept = ${config.accept ? 'enabled' : 'disabled'}`,
    `Preempt = ${config.nopreempt ? 'disabled' : 'enabled'}`,
    ...(config.preemptDelay > 0 ? [`Preempt delay = ${seconds(config.preemptDelay)} secs`] : []),
    `Promote_secondaries = ${config.promoteSecondaries ? 'enabled' : 'disabled'}`,
    ...authentication(config),
    ...(config.extras?.receiveBuffer == null ? [] : [`Kernel rx buffer size = ${String(config.extras.receiveBuffer)}`]),
    ...(config.debug > 0 ? [`Debug level = ${String(config.debug)}`] : []),
  ];
}

function vmacLines({ extras }: VrrpInstance): readonly string[] {
  const own = extras?.vmacLink === undefined ? [] : [`Use VMAC, i/f name ${extras.vmacLink}, is_up = ${flag(extras.vmacFault === undefined)}, xmit_base = ${flag(extras.transmitOnBase)}`];
  return [...own, ...(extras?.vmacForAddresses === true ? ['Use VMAC for VIPs on other interfaces'] : [])];
}

/** Version 2 counts in whole seconds on the wire, version 3 in centiseconds. */
function interval(millis: Millis, version: 2 | 3): string {
  return version === 2 ? `${seconds(millis)} sec` : `${String(millis)} milli-sec`;
}

/** keepalived 2.2 writes the password out; a dump is passed around, so it is masked here, as in the JSON. */
function authentication({ auth, version }: VrrpInstance): readonly string[] {
  if (version === 3) return [];
  if (auth === null) return ['Authentication type = none'];
  return auth.type === 'AH' ? ['Authentication type = IPSEC_AH'] : ['Authentication type = SIMPLE_PASSWORD', 'Password = ********'];
}

function addresses({ config, addressesSet }: InstanceStatus, whole: Status): readonly string[] {
  const filtered = addressesSet && isFiltered(config) && filterSettings(whole.settings ?? {}).firewall !== 'iptables' ? ' nftable_set' : '';
  const entry = (virtual: VrrpInstance['virtualAddresses'][number]): string => `  ${addressText(virtual, addressesSet, linkBelow(config, virtual.link, whole))}${filtered}`;
  return [
    ...(config.virtualAddresses.length === 0 ? [] : [`Virtual IP (${String(config.virtualAddresses.length)}):`, ...config.virtualAddresses.map(entry)]),
    ...(config.excludedAddresses.length === 0 ? [] : ['Virtual IP Excluded :', ...config.excludedAddresses.map(entry)]),
    ...unicast(config),
    ...routing(config),
  ];
}

function routing(config: VrrpInstance): readonly string[] {
  const { routes, rules } = allRouting(config);
  const lines = (name: string, one: Routing): string[] => { const all = objectsOf(one).map((object) => `  ${routingText(object)}`); return all.length === 0 ? [] : [`${name} :`, ...all]; };
  return [...lines('Virtual Routes', { routes, rules: [] }), ...lines('Virtual Rules', { routes: [], rules })];
}

function unicast({ family, unicastPeers, unicastTtl, checkUnicastSource, version, extras }: VrrpInstance): readonly string[] {
  if (unicastPeers.length === 0) return [];
  return [
    ...(family === 'inet' ? [`Unicast TTL = ${String(unicastTtl)}`] : []),
    `Check unicast src : ${yes(checkUnicastSource)}`,
    'Unicast Peer :',
    ...unicastPeers.map(({ address, minTtl, maxTtl }) => `  ${address} min_ttl ${String(minTtl ?? 0)} max_ttl ${String(maxTtl ?? 255)}`),
    `Unicast checksum compatibility = ${version === 2 || extras?.oldUnicastChecksum === false ? 'no' : extras?.oldUnicastChecksum === 'never' ? 'never' : 'config'}`,
  ];
}

function tracking({ trackInterfaces, trackScripts, extras }: VrrpInstance): readonly string[] {
  const list = (name: string, refs: readonly TrackRef[] | undefined, separator = ' '): readonly string[] =>
    refs === undefined || refs.length === 0 ? [] : [`${name} :`, ...refs.map((ref) => `  ${trackText(ref, separator)}`)];
  return [
    ...list('Tracked interfaces', trackInterfaces),
    ...list('Tracked scripts', trackScripts),
    ...list('Tracked files', extras?.trackFiles, ', '),
    ...list('Tracked processes', extras?.trackProcesses, ', '),
    ...list('Tracked BFDs', extras?.trackBfd, ': '),
  ];
}

function notification({ config, group }: InstanceStatus, { groups }: Status): readonly string[] {
  const shared = groups.find((other) => other.config.name === group)?.config.notifyPriorityChanges ?? false;
  return [
    `Using smtp notification = ${yes(config.smtpAlert)}`,
    `Notify deleted = ${config.notifyDeleted ? 'Deleted' : 'Fault'}`,
    ...notifyLines(config.notify),
    `Notify priority changes = ${flag(config.notifyPriorityChanges || shared)}`,
  ];
}

/** Ours, and only where there is something to tell: keepalived's dump has no counters. */
function refused({ counters, dropped = 0 }: InstanceStatus): readonly string[] {
  const counted = Object.entries(RECEIVE_ERRORS).flatMap(([name, text]) => (counters[name as keyof typeof RECEIVE_ERRORS] === 0 ? [] : [`${text} ${String(counters[name as keyof typeof RECEIVE_ERRORS])}`]));
  return [
    ...(counted.length === 0 ? [] : [`Packet errors = ${counted.join(', ')}`]),
    ...(dropped === 0 ? [] : [`Packets lost in a full receive buffer = ${String(dropped)}`]),
  ];
}

/** The notify scripts of an instance or a group, those that there are. */
export function notifyLines(notify: NotifyScripts): readonly string[] {
  const named: readonly (readonly [string, NotifyScripts[keyof NotifyScripts]])[] = [
    ['Backup state transition', notify.backup],
    ['Master state transition', notify.master],
    ['Fault state transition', notify.fault],
    ['Stop state transition', notify.stop],
    ['Deleted state transition', notify.deleted],
    ['Generic state transition', notify.any],
    ['Master rx lower pri state transition', notify.masterRxLowerPri],
  ];
  return named.flatMap(([name, script]) => (script === null ? [] : [`${name} script = ${scriptText(script)}`]));
}
