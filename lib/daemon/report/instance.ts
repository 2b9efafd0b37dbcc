import type { NotifyScripts, TrackRef, VrrpInstance } from '../../config/model.ts';
import type { Millis } from '../../util/time.ts';
import { allRouting, objectsOf, type Routing } from '../../vrrp/routing.ts';
import { routingText } from './routing-text.ts';
import { RECEIVE_ERRORS } from '../../vrrp/counters.ts';
import type { InstanceStatus } from '../status.ts';
import { addressText, flag, moment, scriptText, seconds, trackText, yes } from './text.ts';

/** One virtual router in keepalived.data. */
export function instanceLines(status: InstanceStatus): readonly string[] {
  const { config } = status;
  return [` VRRP Instance = ${config.name}`, ...[...head(status), ...settings(status), ...addresses(status), ...tracking(config), ...notification(config), ...refused(status)].map((line) => `   ${line}`)];
}

function head(status: InstanceStatus): readonly string[] {
  const { config, state } = status;
  return [
    `VRRP Version = ${String(config.version)}`,
    ...(status.group === null ? [] : [`Sync group = ${status.group}`]),
    `State = ${state}`,
    ...(config.unicastPeers.length > 0 ? ['Flags:', '  Using unicast'] : ['Flags: none']),
    `Wantstate = ${state}`,
    'Number of config faults = 0',
    `Number of interface and track script faults = ${String(status.faults.length)}`,
    `Number of track scripts init = ${String(status.holds.length)}`,
    `Last transition = ${moment(status.lastTransitionAt)}`,
    `Read timeout = ${status.deadlineAt === null ? 'DISABLED' : moment(status.deadlineAt)}`,
    `Master down timer = ${String(Math.floor(status.masterDownInterval * 1000))} usecs`,
  ];
}

function settings({ config, source, priority }: InstanceStatus): readonly string[] {
  return [
    ...vmacLines(config),
    `Interface = ${config.extras?.vmacLink === undefined ? config.link : `${config.extras.vmacLink}, vmac on ${config.link}`}`,
    ...(config.dontTrackPrimary ? ['VRRP interface tracking disabled'] : []),
    ...(config.skipCheckAdvAddr ? ['Skip checking advert IP addresses'] : []),
    ...(config.strict ? ['Enforcing strict VRRP compliance'] : []),
    `Using src_ip = ${source ?? '(none)'}${config.sourceAddress === null ? '' : ' (from configuration)'}`,
    ...(config.unicastPeers.length > 0 ? [] : [`Multicast address ${config.multicastGroup}`]),
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
    `Accept = ${config.accept ? 'enabled' : 'disabled'}`,
    `Preempt = ${config.nopreempt ? 'disabled' : 'enabled'}`,
    ...(config.preemptDelay > 0 ? [`Preempt delay = ${seconds(config.preemptDelay)} secs`] : []),
    `Promote_secondaries = ${config.promoteSecondaries ? 'enabled' : 'disabled'}`,
    ...authentication(config),
    ...(config.extras?.receiveBuffer == null ? [] : [`Kernel rx buffer size = ${String(config.extras.receiveBuffer)}`]),
  ];
}

function vmacLines({ extras }: VrrpInstance): readonly string[] {
  if (extras?.vmacLink === undefined) return [];
  return [`Use VMAC, i/f name ${extras.vmacLink}, is_up = ${flag(extras.vmacFault === undefined)}, xmit_base = ${flag(extras.transmitOnBase)}`];
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

function addresses({ config, addressesSet }: InstanceStatus): readonly string[] {
  const entry = (virtual: VrrpInstance['virtualAddresses'][number]): string => `  ${addressText(virtual, addressesSet)}`;
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

function unicast({ unicastPeers, unicastTtl, checkUnicastSource, version, extras }: VrrpInstance): readonly string[] {
  if (unicastPeers.length === 0) return [];
  return [
    `Unicast TTL = ${String(unicastTtl)}`,
    `Check unicast src : ${yes(checkUnicastSource)}`,
    'Unicast Peer :',
    ...unicastPeers.map(({ address, minTtl, maxTtl }) => `  ${address}${minTtl === null && maxTtl === null ? '' : ` min_ttl ${String(minTtl ?? 0)} max_ttl ${String(maxTtl ?? 255)}`}`),
    `Unicast checksum compatibility = ${version === 2 || extras?.oldUnicastChecksum === false ? 'no' : extras?.oldUnicastChecksum === 'never' ? 'never' : 'config'}`,
  ];
}

function tracking({ trackInterfaces, trackScripts, extras }: VrrpInstance): readonly string[] {
  const list = (name: string, refs: readonly TrackRef[] | undefined): readonly string[] =>
    refs === undefined || refs.length === 0 ? [] : [`${name} :`, ...refs.map((ref) => `  ${trackText(ref)}`)];
  return [
    ...list('Tracked interfaces', trackInterfaces),
    ...list('Tracked scripts', trackScripts),
    ...list('Tracked files', extras?.trackFiles),
    ...list('Tracked processes', extras?.trackProcesses),
    ...list('Tracked BFDs', extras?.trackBfd),
  ];
}

function notification(config: VrrpInstance): readonly string[] {
  return [
    `Using smtp notification = ${yes(config.smtpAlert)}`,
    `Notify deleted = ${config.notifyDeleted ? 'Deleted' : 'Fault'}`,
    ...notifyLines(config.notify),
    `Notify priority changes = ${flag(config.notifyPriorityChanges)}`,
  ];
}

/** Ours, and only where there is something to tell: keepalived's dump has no counters. */
function refused({ counters }: InstanceStatus): readonly string[] {
  const counted = Object.entries(RECEIVE_ERRORS).flatMap(([name, text]) => (counters[name as keyof typeof RECEIVE_ERRORS] === 0 ? [] : [`${text} ${String(counters[name as keyof typeof RECEIVE_ERRORS])}`]));
  return counted.length === 0 ? [] : [`Packet errors = ${counted.join(', ')}`];
}

/** The notify scripts of an instance or a group, those that there are. */
export function notifyLines(notify: NotifyScripts): readonly string[] {
  const named: readonly (readonly [string, NotifyScripts[keyof NotifyScripts]])[] = [
    ['Backup state transition', notify.backup],
    ['Master state transition', notify.master],
    ['Fault state transition', notify.fault],
    ['Stop state transition', notify.stop],
    ['Deleted state transition', notify.deleted],
    ['Master rx lower priority', notify.masterRxLowerPri],
    ['Generic state transition', notify.any],
  ];
  return named.flatMap(([name, script]) => (script === null ? [] : [`${name} script = ${scriptText(script)}`]));
}
