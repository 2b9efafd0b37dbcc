/** vrrp_instance: one virtual router. */
import { script } from '../accounts.ts';
import { block, keyword, list, table, type Args, type ValueType } from '../keyword.ts';
import { beginVrrpInstance, checkLink, checkVrf, endVrrpInstance, noteScope } from '../validate/instances.ts';
import type { Place } from '../source.ts';
import { numberOf } from '../iproute-names.ts';
import { address, atLeastOne, BOOLEAN, choice, FLAG, integer, INT_MAX, multicast, optional, readInteger, seconds, UINT_MAX, word, words } from '../values.ts';
import { isLinkLocal6, parseIp, type IpAddress } from '../../util/ip.ts';
import { addressEntry, addressOptions } from './addresses.ts';
import { authHmac, authentication } from './authentication.ts';
import { noHeader } from './checkers.ts';
import { dpvs } from './elsewhere.ts';
import { extraIf } from './global-defs.ts';
import { routeEntry, routeOptions } from './routes.ts';
import { ruleEntry, ruleOptions } from './rules.ts';
import { trackEntry } from './tracking.ts';

const SECOND = '({name}) {keyword} script already specified - ignoring {word}';
const badSwitch = { invalid: '({name}) invalid {keyword} {word} specified' } as const;
/** Too late when an IPv4 address has decided; afterwards none will do. */
const nativeIpv6: ValueType<true> = {
  ...FLAG,
  read: (args) => {
    if (args.context.switches.get('instance_family') !== 'inet') {
      args.context.switches.set('instance_family', 'inet6');
      return true;
    }
    args.report({ code: 'family-mismatch', message: `(${args.name}) Cannot specify native_ipv6 with IPv4 addresses`, remedy: 'leave native_ipv6 out' }, 0);
    return undefined;
  },
};
const source = { invalid: 'Configuration error: VRRP instance[{name}] malformed src address[{word}]. Skipping...' } as const;

export const vrrpInstance = table('vrrp_instance', {
  use_vmac: keyword(vmac(), 'run on a private macvlan with the virtual MAC', { default: 'name vrrp.<VRID>' }),
  use_vmac_addr: keyword(FLAG, 'macvlans for addresses on other interfaces', { default: 'off' }),
  vmac_xmit_base: keyword(FLAG, 'adverts on the interface below the VMAC', { default: 'off; on for unicast' }),
  use_ipvlan: keyword(words('[[name] IFNAME] [IP[/LEN]] [bridge|private|vepa] [group G]', true), 'run on an ipvlan', { default: 'bridge mode' }),
  unicast_peer: list(unicastPeer(), 'send adverts to these rather than to the multicast group'),
  unicast_fault_no_peer: keyword(FLAG, 'be in FAULT while there is no unicast peer', { default: 'off', since: '2.2.4' }),
  check_unicast_src: keyword(FLAG, 'drop adverts from anybody but the peers', { default: 'vrrp_check_unicast_src' }),
  old_unicast_checksum: keyword(optional(choice(['never'])), 'checksum of unicast VRRPv3 as before keepalived 1.3.6', { default: 'found out', invalid: '({name}) Unknown old_unicast_chksum mode {word} - ignoring' }),
  native_ipv6: keyword(nativeIpv6, 'VRRP over IPv6 where no address decides', { default: 'the family of the first address' }),
  state: keyword(state(), 'state wanted at the start', { default: 'BACKUP; MASTER with priority 255' }),
  dpdk_interface: keyword(word('IF'), 'DPVS: the interface of packets, beside that of the kernel', dpvs('interface is all that is needed')),
  interface: keyword(link(), 'interface of adverts, and of addresses without dev; unicast with unicast_src_ip does without'),
  vrf: keyword({ ...word('IF', 'interface'), read: checkVrf }, 'the VRF that a unicast instance without an interface speaks in', { since: '2.3.0' }),
  dont_track_primary: keyword(FLAG, 'no fault when the own interface is down', { default: 'tracked' }),
  track_interface: list(trackEntry('interface', 253), 'other interfaces: a fault, or a weight'),
  track_script: list(trackEntry('script', 253), 'scripts: a fault, or a weight'),
  track_file: list(trackEntry('file', 254), 'files: a fault, or a weight'),
  track_process: list(trackEntry('process', 254), 'processes: a fault, or a weight'),
  track_bfd: list(trackEntry('bfd', 253), 'BFD sessions: a fault, or a weight', { build: 'bfd' }),
  mcast_src_ip: keyword(sourceAddress(), 'source of adverts; the same as unicast_src_ip', { default: 'the first address of the interface', ...source }),
  unicast_src_ip: keyword(sourceAddress(), 'source of adverts', { default: 'the first address of the interface', ...source }),
  mcast_dst_ip: keyword(multicast((args, text) => `(${args.name}) mcast_dst_ip ${text} not multicast. Skipping...`), 'multicast group of this instance', { default: 'vrrp_mcast_group4 or 6', since: '2.2.5', invalid: '({name}) malformed mcast dest address {word}. Skipping...' }),
  track_src_ip: keyword(FLAG, 'fault while the source address is missing', { default: 'off' }),
  virtual_router_id: keyword(integer({ min: 1, max: 255 }), 'VRID', { invalid: "({name}): VRID '{word}' not valid - must be between 1 & 255" }),
  unicast_ttl: keyword(integer({ min: 0, max: 255 }), 'TTL of unicast adverts', { default: '255', invalid: "({name}): TTL '{word}' not valid - must be between 0 & 255" }),
  version: keyword(integer({ min: 2, max: 3 }), 'protocol version', { default: 'vrrp_version; 3 for IPv6', invalid: '({name}): Version must be either 2 or 3' }),
  priority: keyword(priority(), 'base priority; 255 owns the addresses', { default: '100; 255 with state MASTER' }),
  advert_int: keyword(seconds({ min: 0.01, max: 255 }), 'time between adverts; version 2 rounds to whole seconds, 3 to hundredths up to 40.95', { default: '1', invalid: '({name}) Advert interval ({word}) not valid! Must be > 0 - ignoring' }),
  virtual_ipaddress: list(addressEntry('vip'), 'addresses of the virtual router, told in adverts', { options: addressOptions }),
  virtual_ipaddress_excluded: list(addressEntry('excluded'), 'addresses that move along, not told in adverts', { options: addressOptions }),
  no_virtual_ipaddress: keyword(FLAG, 'run without addresses and without the warning', { default: 'off', since: '2.3.0' }),
  promote_secondaries: keyword(FLAG, 'set promote_secondaries on the interface before addresses go', { default: 'off' }),
  linkbeat_use_polling: keyword(FLAG, 'deprecated: poll the link state of this interface', { deprecated: "({name}) 'linkbeat_use_polling' in vrrp instance deprecated - use linkbeat_interfaces block" }),
  v3_checksum_as_v2: keyword(BOOLEAN, 'as in global_defs, for this instance', { default: 'v3_checksum_as_v2', since: '2.3.0', ...badSwitch }),
  virtual_routes: list(routeEntry(false), 'routes of the master', { options: routeOptions }),
  virtual_rules: list(ruleEntry(false), 'policy rules of the master', { options: ruleOptions }),
  accept: keyword(FLAG, 'a master that is no owner takes packets for the addresses', { default: 'on; off when strict' }),
  no_accept: keyword(FLAG, 'a master that is no owner drops packets to and from the addresses', { default: 'off' }),
  skip_check_adv_addr: keyword(BOOLEAN, 'do not compare the address list of the same master; any argument turns it on', { default: 'vrrp_skip_check_adv_addr', ...badSwitch }),
  strict_mode: keyword(BOOLEAN, 'hold this instance to the RFC', { default: 'vrrp_strict', ...badSwitch }),
  preempt: keyword(FLAG, 'a higher priority takes over', { default: 'on' }),
  nopreempt: keyword(FLAG, 'do not take over from a lower-priority master that runs', { default: 'off' }),
  preempt_delay: keyword(seconds({ min: 0, max: 1000 }), 'wait that long before taking over', { default: '0', invalid: '({name}) Preempt_delay not valid! must be between 0-1000' }),
  debug: keyword(integer({ min: 0, max: 4 }), 'obsolete', { default: '0', invalid: "({name}) Debug value '{word}' not valid; must be between 0-4" }),
  notify_backup: keyword(script(), 'run on BACKUP', { once: SECOND }),
  notify_master: keyword(script(), 'run on MASTER', { once: SECOND }),
  notify_fault: keyword(script(), 'run on FAULT', { once: SECOND }),
  notify_stop: keyword(script(), 'run on the stop', { once: SECOND }),
  notify_deleted: keyword(optional(script()), 'when a reload removes the instance say DELETED, by this program, rather than FAULT', { default: 'notify_fault', once: SECOND }),
  notify: keyword(script(), 'run at every change, with INSTANCE, name, state and priority as further arguments', { once: SECOND }),
  notify_master_rx_lower_pri: keyword(script(), 'run when a master hears a lower-priority advert', { once: SECOND }),
  smtp_alert: keyword(BOOLEAN, 'mail about changes', { default: 'smtp_alert_vrrp, else smtp_alert, else off', invalid: 'Invalid vrrp_instance smtp_alert parameter {word}' }),
  notify_priority_changes: keyword(BOOLEAN, 'FIFO lines when the priority changes', { default: 'vrrp_notify_priority_changes', invalid: "({name}) Invalid value '{word}' for notify_priority_changes specified" }),
  lvs_sync_daemon_interface: keyword(syncInterface(), 'deprecated: lvs_sync_daemon of global_defs, bound to this instance'),
  garp_master_delay: keyword(seconds({ min: 0, max: 4294 }, 0), 'as vrrp_garp_master_delay', { default: 'vrrp_garp_master_delay', invalid: "({name}): garp_master_delay '{word}' invalid - ignoring" }),
  garp_master_refresh: keyword(seconds({ min: 0, max: UINT_MAX }, 0), 'as vrrp_garp_master_refresh', { default: 'vrrp_garp_master_refresh', invalid: "({name}): Invalid garp_master_refresh '{word}' - ignoring" }),
  garp_master_repeat: keyword(atLeastOne(UINT_MAX, '({name}): garp_master_repeat must be greater than 0, setting to 1'), 'as vrrp_garp_master_repeat', { default: 'vrrp_garp_master_repeat', invalid: "({name}): garp_master_repeat '{word}' invalid - ignoring" }),
  garp_master_refresh_repeat: keyword(atLeastOne(UINT_MAX, '({name}): garp_master_refresh_repeat must be greater than 0, setting to 1'), 'as vrrp_garp_master_refresh_repeat', { default: 'vrrp_garp_master_refresh_repeat', invalid: "({name}): garp_master_refresh_repeat '{word}' invalid - ignoring" }),
  garp_lower_prio_delay: keyword(seconds({ min: 0, max: 4294 }, 0), 'as vrrp_garp_lower_prio_delay', { default: 'vrrp_garp_lower_prio_delay', invalid: "({name}): garp_lower_prio_delay '{word}' invalid - ignoring" }),
  garp_lower_prio_repeat: keyword(integer({ min: 0, max: INT_MAX }), 'as vrrp_garp_lower_prio_repeat', { default: 'vrrp_garp_lower_prio_repeat', invalid: "({name}): Invalid garp_lower_prio_repeat '{word}'" }),
  down_timer_adverts: keyword(integer({ min: 1, max: 100 }), 'as vrrp_down_timer_adverts', { default: 'vrrp_down_timer_adverts', invalid: "({name}): Invalid down_timer_adverts [1:100] '{word}'" }),
  timer_expired_backup: keyword(optional(integer({ min: 1, max: 254 })), 'when our timers ran late and a backup of at most this priority took over, let it stay', { default: 'off; 254 when bare', since: '2.3.2' }),
  thread_timer_expired: keyword(optional(integer({ min: 1, max: 254 })), 'old spelling of timer_expired_backup', { since: '2.3.2', alias: 'timer_expired_backup' }),
  garp_extra_if: keyword(extraIf(0), 'as vrrp_garp_extra_if', { default: 'vrrp_garp_extra_if', bare: '({name}): garp_extra_if specified without time - ignoring' }),
  vmac_garp_intvl: keyword(extraIf(0), 'deprecated spelling of garp_extra_if', { bare: '({name}): vmac_garp_intvl specified without time - ignoring', deprecated: 'Keyword "vmac_garp_intvl" is deprecated - please use "garp_extra_if"', alias: 'garp_extra_if' }),
  lower_prio_no_advert: keyword(BOOLEAN, 'as vrrp_lower_prio_no_advert', { default: 'vrrp_lower_prio_no_advert', ...badSwitch }),
  higher_prio_send_advert: keyword(BOOLEAN, 'as vrrp_higher_prio_send_advert', { default: 'vrrp_higher_prio_send_advert', ...badSwitch }),
  owner_ignore_adverts: keyword(BOOLEAN, 'as vrrp_owner_ignore_adverts', { default: 'vrrp_owner_ignore_adverts', since: '2.2.8', ...badSwitch }),
  kernel_rx_buf_size: keyword(integer({ min: 0, max: UINT_MAX }, 'BYTES'), 'SO_RCVBUF of the receive socket', { default: 'vrrp_rx_bufs_policy', bare: '({name}) invalid kernel_rx_buf_size specified', invalid: '({name}) invalid kernel_rx_buf_size specified' }),
  authentication: block(noHeader, authentication, 'VRRPv2 authentication'),
  auth_hmac: block(noHeader, authHmac, 'authenticated trailer (HMAC-SHA-256) of adverts', { since: '2.4.0' }),
}, { pass: 'vrrp', begin: beginVrrpInstance, end: endVrrpInstance });

/** Words behind use_vmac: a name that fits, a MAC that is neither the protocol's own nor a group's, an interface group by its number. */
function vmac(): ValueType<readonly string[]> {
  const inner = words('[[name] IFNAME] [MAC] [netlink_notify_msg] [group G]', true);
  return {
    ...inner,
    read: (args) => {
      const given = inner.read(args) ?? [];
      return given.flatMap((text, i) => {
        const group = given[i - 1] === 'group' ? numberOf(args, 'group', text) : null;
        if (group != null) return [String(group)];
        const message = group === undefined ? `use_vmac group '${text}' not found - using the default group` : vmacFault(text);
        if (message === null) return [text];
        args.report({ code: 'invalid-value', message, remedy: vmacRemedy(text, group === undefined) }, args.first + i);
        return group === undefined ? ['0'] : [];
      });
    },
  };
}

const MAC = /^([0-9a-f]{1,2}:){4,5}[0-9a-f]{1,2}$/iu;

function vmacFault(text: string): string | null {
  if (!MAC.test(text)) return text.length > 15 && text !== 'netlink_notify_msg' ? `VMAC interface name '${text}' too long or invalid characters - ignoring` : null;
  if (/^0?0:0?0:5e:0?0:0?[12](:|$)/iu.test(text)) return `VMAC MAC address not allowed to be RFC5798 address (${text}) - ignoring`;
  return (Number.parseInt(text, 16) & 1) === 1 ? `VMAC MAC address is multicast ${text} - ignoring` : null;
}

function vmacRemedy(text: string, group: boolean): string {
  if (group) return 'write a number, or a name of /etc/iproute2/group';
  return MAC.test(text) ? 'leave it out: the right one is made from the VRID' : 'Linux allows 15 characters';
}

/** MASTER or BACKUP; anything else is BACKUP with a message. */
function state(): ValueType<'MASTER' | 'BACKUP'> {
  return {
    ...choice(['MASTER', 'BACKUP']),
    read: (args) => {
      const text = args.words[args.first] ?? '';
      if (text === 'MASTER' || text === 'BACKUP') return text;
      args.report({ code: 'unknown-state', message: `(${args.name}) unknown state '${text}', defaulting to BACKUP`, remedy: text.toUpperCase() === 'MASTER' ? 'write MASTER in capitals' : 'write MASTER or BACKUP' });
      return 'BACKUP';
    },
  };
}

/** An out-of-range priority is 100. */
function priority(): ValueType<number> {
  const inner = integer({ min: 1, max: 255 });
  return {
    ...inner,
    read: (args) => {
      const value = inner.read(args);
      if (value !== undefined) return value;
      args.report({ code: 'invalid-value', severity: 'warning', message: `(${args.name}) Priority not valid! must be between 1 & 255. Using default 100` });
      return 100;
    },
  };
}

/** An interface that should exist now. */
function link(): ValueType<string> {
  return { ...word('IF', 'interface'), read: (args) => checkLink(args, args.words[args.first] ?? '') };
}

export interface PeerEntry {
  readonly address: IpAddress;
  readonly minTtl: number | null;
  readonly maxTtl: number | null;
  readonly place: Place;
}

function sourceAddress(): ValueType<IpAddress> {
  return { ...address(), syntax: 'IP[%IF]', read: (args) => readScoped(args, args.words[args.first] ?? '') ?? undefined };
}

/** An address; a link-local one may name its interface, which is, or becomes, the instance's own. A prefix is not looked at, as in keepalived. */
function readScoped(args: Args, text: string): IpAddress | null {
  const [bare = '', scope] = text.replace(/\/.*$/u, '').split('%');
  const parsed = parseIp(bare);
  if (parsed === null || scope === undefined) return parsed;
  if (!isLinkLocal6(parsed) || scope === '') return null;
  noteScope(args.context, { link: scope, text, place: args.place });
  return parsed;
}

function unicastPeer(): ValueType<PeerEntry> {
  return { syntax: 'IP[%IF] [min_ttl N] [max_ttl N]', range: 'TTL 0..255', schema: { type: 'string' }, read: readPeer };
}

function readPeer(args: Args): PeerEntry | undefined {
  const text = args.words[0] ?? '';
  const parsed = readScoped(args, text);
  if (parsed === null) {
    args.report({ code: 'invalid-address', message: `Configuration error: VRRP instance[${args.name}] malformed unicast peer address[${text}]. Skipping...`, remedy: 'write an address without a prefix' }, 0);
    return undefined;
  }
  const bounds: Record<string, number> = {};
  for (let i = 1; i < args.words.length; i += 2) {
    const name = args.words[i] ?? '';
    if (args.words.length <= i + 1) args.report({ code: 'missing-argument', message: `(${args.name}) ${name} is missing a value`, remedy: 'write: min_ttl N or max_ttl N' }, i);
    else if (name !== 'min_ttl' && name !== 'max_ttl') args.report({ code: 'unknown-option', message: `(${args.name}) unknown unicast_peer option ${name}`, remedy: 'only min_ttl N and max_ttl N may follow' }, i);
    else {
      const bound = readInteger(args, i + 1, { min: 0, max: 255 });
      if (bound !== undefined) bounds[name] = bound;
    }
  }
  return { address: parsed, minTtl: bounds['min_ttl'] ?? null, maxTtl: bounds['max_ttl'] ?? null, place: args.place };
}

/** Two complaints in every case, as keepalived has them. */
function syncInterface(): ValueType<string> {
  return {
    ...word('IF', 'interface'),
    read: (args) => {
      const indent = ' '.repeat(args.name.length + 4);
      args.report({ code: 'deprecated', severity: 'warning', recorded: 'deprecated', message: `(${args.name}) Specifying lvs_sync_daemon_interface against a vrrp is deprecated.`, remedy: 'use lvs_sync_daemon in global_defs' }, 0);
      args.report({ code: 'deprecated', severity: 'note', recorded: 'deprecated', message: `${indent}Please use global lvs_sync_daemon` }, 0);
      const word = args.words[args.first] ?? '';
      // Of several the first counts, and lvs_sync_daemon of global_defs before all.
      const global = args.context.switches.get('lvs_sync_daemon');
      const first = args.context.declare('lvs_sync_daemon_interface', '', args.place);
      if (global === undefined && first === null) {
        args.context.switches.set('lvs_sync_daemon_interface', word);
        return word;
      }
      const taken = global ?? args.context.switches.get('lvs_sync_daemon_interface');
      args.report({ code: 'duplicate', message: `(${args.name}) lvs_sync_daemon_interface has already been specified as ${String(taken)} - ignoring`, remedy: global === undefined && first !== null ? `first given in line ${String(first.line)}` : 'given by lvs_sync_daemon in global_defs' }, 0);
      return undefined;
    },
  };
}
