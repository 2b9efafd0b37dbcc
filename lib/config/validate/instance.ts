/** vrrp_instance blocks → VrrpInstance: defaults (reference 3.3, 3.4), limits, and what they exclude of each other. */
import type { Context } from '../context.ts';
import type { GlobalDefs, SyncGroup, VirtualAddress, VrrpInstance, VrrpScript } from '../model.ts';
import { familyOf, isLinkLocal6, type Family } from '../../util/ip.ts';
import type { InstanceExtras } from '../model-network.ts';
import type { GlobalValues, InstanceBlock } from './config.ts';
import { virtualAddress } from './addresses.ts';
import { garpSettings } from './garp.ts';
import { instanceExtras, type Trackables } from './instance-extras.ts';
import { notifyScripts } from './notify.ts';
import { memberBfd, memberFiles, trackedLinks, trackedScripts } from './tracking.ts';

const SECOND = 1000;
const MAX_V3_INTERVAL = 40_950;
const OWNER = 255;

/** What the other parts of the file need of an instance before it is complete. */
export interface NamedInstance {
  readonly name: string;
  readonly block: InstanceBlock;
  readonly link: string | null;
  readonly family: Family;
}

export function nameInstances(blocks: readonly InstanceBlock[]): NamedInstance[] {
  return blocks.map((block) => {
    const { values } = block;
    const first = values.virtual_ipaddress?.[0] ?? values.virtual_ipaddress_excluded?.[0];
    const speaker = values.unicast_peer?.[0]?.address ?? values.unicast_src_ip ?? values.mcast_src_ip;
    const family = values.native_ipv6 === true ? 'inet6' : values.virtual_ipaddress?.[0] !== undefined ? familyOf(values.virtual_ipaddress[0].prefix.address)
      : speaker !== undefined ? familyOf(speaker) : first === undefined ? 'inet' : familyOf(first.prefix.address);
    return {
      name: block.name, block, family,
      link: values.interface ?? null,
    };
  });
}

export function buildInstances(named: readonly NamedInstance[], given: GlobalValues, global: GlobalDefs, scripts: readonly VrrpScript[], trackables: Trackables, groups: readonly SyncGroup[], context: Context): VrrpInstance[] {
  const instances: VrrpInstance[] = [];
  const seen = new Map<string, NamedInstance>();
  const groupOf = new Map(groups.flatMap((group) => group.members.map((member) => [member, group] as const)));
  const scriptOf = new Map(scripts.map((script) => [script.name, script]));
  for (const one of named) {
    const built = new Builder(one, given, global, scriptOf, groupOf, context).build();
    if (built === null) continue;
    const extras = withinStrict(built, instanceExtras(one.block.values, given, trackables));
    const instance = { ...built, extras: { ...extras, trackFiles: memberFiles(built, extras.trackFiles, groupOf.get(one.name), one.block, context), trackBfd: memberBfd(built, extras.trackBfd, one.block, context) } };
    const key = `${instance.link} ${instance.family} ${String(instance.vrid)}`;
    const other = seen.get(key);
    if (other !== undefined && instance.unicastPeers.length === 0) {
      context.report({
        code: 'duplicate-vrid', place: one.block.placeOf('virtual_router_id') ?? one.block.place, saidAt: null, startExit: 2,
        message: `${other.name} and ${one.name} both use VRID ${String(instance.vrid)} with ${instance.family === 'inet' ? 'IPv4' : 'IPv6'} on interface ${instance.link}`,
        remedy: `${other.name} in line ${String(other.block.place.line)} has it; give one of them another`,
      });
    }
    seen.set(key, one);
    instances.push(instance);
  }
  return instances;
}

/** Strict mode has no vmac_xmit_base; unicast cannot do without. */
function withinStrict({ strict, unicastPeers }: VrrpInstance, extras: InstanceExtras): InstanceExtras {
  return strict && unicastPeers.length === 0 ? { ...extras, transmitOnBase: false } : extras;
}

class Builder {
  readonly #one: NamedInstance;
  readonly #values: InstanceBlock['values'];
  readonly #given: GlobalValues;
  readonly #global: GlobalDefs;
  readonly #scripts: ReadonlyMap<string, VrrpScript>;
  readonly #groupOf: ReadonlyMap<string, SyncGroup>;
  readonly #context: Context;

  constructor(one: NamedInstance, given: GlobalValues, global: GlobalDefs, scripts: ReadonlyMap<string, VrrpScript>, groupOf: ReadonlyMap<string, SyncGroup>, context: Context) {
    this.#one = one;
    this.#values = one.block.values;
    this.#given = given;
    this.#global = global;
    this.#scripts = scripts;
    this.#groupOf = groupOf;
    this.#context = context;
  }

  build(): VrrpInstance | null {
    const { name, link, family } = this.#one;
    const values = this.#values;
    if (values.virtual_router_id === undefined) {
      this.#error('missing-vrid', `(${name}) the virtual router id must be set`, 'write: virtual_router_id N, 1..255, the same on every router of it', 2);
      return null;
    }
    const unicast = values.unicast_peer !== undefined && values.unicast_peer.length > 0;
    const source = values.unicast_src_ip ?? values.mcast_src_ip;
    if (link === null && unicast && source === undefined) {
      this.#error('missing-interface', `(${name}): Unicast instances must have unicast_src_ip or interface`, 'write: interface IF', 2);
      return null;
    }
    if (link === null && !unicast) {
      this.#error('missing-interface', `(${name}) Unknown interface!`, 'write: interface IF', 2);
      return null;
    }
    const version = this.#version();
    const strict = values.strict_mode ?? this.#given.vrrp_strict ?? false;
    const { priority, wantMaster } = this.#role(strict);
    this.#vmac();
    if (strict) this.#strictly();
    const auth = this.#auth(version, strict);
    const peers = this.#peers();
    const master = wantMaster && auth?.type !== 'AH';
    const preemption = this.#preemption(master, priority, strict);
    const addresses = this.#addresses(version, strict);
    return {
      name, family, version, strict, priority, auth,
      // Unicast needs no interface; its addresses then go to the one of static addresses. With vrf it speaks in that.
      link: link ?? values.vrf ?? this.#link(),
      vrid: values.virtual_router_id,
      wantMaster: master,
      advertInterval: this.#interval(version),
      downTimerAdverts: values.down_timer_adverts ?? this.#given.vrrp_down_timer_adverts ?? 3,
      ...preemption,
      virtualAddresses: addresses,
      excludedAddresses: (values.virtual_ipaddress_excluded ?? []).map((entry) => virtualAddress(entry, this.#link())),
      unicastPeers: peers,
      unicastTtl: values.unicast_ttl ?? 255,
      checkUnicastSource: values.check_unicast_src ?? this.#given.vrrp_check_unicast_src ?? peers.some((peer) => peer.minTtl !== null || peer.maxTtl !== null),
      sourceAddress: this.#source(),
      trackSourceAddress: values.track_src_ip ?? false,
      multicastGroup: values.mcast_dst_ip ?? (family === 'inet' ? this.#global.multicastGroup4 : this.#global.multicastGroup6),
      dontTrackPrimary: values.dont_track_primary ?? false,
      skipCheckAdvAddr: values.skip_check_adv_addr !== undefined || (this.#given.vrrp_skip_check_adv_addr ?? false),
      lowerPrioNoAdvert: strict || (values.lower_prio_no_advert ?? this.#given.vrrp_lower_prio_no_advert ?? false),
      higherPrioSendAdvert: !strict && (values.higher_prio_send_advert ?? this.#given.vrrp_higher_prio_send_advert ?? false),
      ownerIgnoreAdverts: this.#ownerIgnores(priority),
      promoteSecondaries: this.#promoteSecondaries(),
      accept: this.#accept(strict, version),
      garp: garpSettings(values, this.#given, strict),
      trackInterfaces: this.#trackedLinks(link, priority),
      trackScripts: this.#trackedScripts(priority),
      notify: notifyScripts(values, this.#context),
      notifyPriorityChanges: values.notify_priority_changes ?? this.#global.notifyPriorityChanges,
      notifyDeleted: values.notify_deleted !== undefined,
      smtpAlert: values.smtp_alert ?? this.#given.smtp_alert_vrrp ?? this.#given.smtp_alert ?? false,
      debug: values.debug ?? 0,
    };
  }

  /** What strict mode takes back, with keepalived's words. Defaults of global_defs go without a word. */
  #strictly(): void {
    const { name } = this.#one;
    const values = this.#values;
    const remedy = 'leave it out, or strict mode';
    if ((values.garp_lower_prio_repeat ?? 0) > 0) this.#warn('strict-resets', `(${name}) Strict mode requires no repeat garps. resetting`, remedy, 'garp_lower_prio_repeat');
    if (values.lower_prio_no_advert === false) this.#warn('strict-resets', `(${name}) Strict mode requires no lower priority advert. resetting`, remedy, 'lower_prio_no_advert');
    if (values.higher_prio_send_advert === true) this.#warn('strict-resets', `(${name}) strict mode requires higher_prio_send_advert to be clear. resetting`, remedy, 'higher_prio_send_advert');
    if (values.vmac_xmit_base === true && values.unicast_peer === undefined) this.#warn('strict-resets', `(${name}) xmit_base is incompatible with strict mode - resetting`, remedy, 'vmac_xmit_base');
    if ((values.unicast_peer?.length ?? 0) > 0) {
      this.#context.report({
        code: 'strict-unicast', severity: 'note', recorded: 'none', wording: null, place: this.#one.block.placeOf('unicast_peer') ?? this.#one.block.place,
        message: `(${name}) unicast is beyond the RFC that strict mode holds to; it is used nevertheless, as keepalived does`, remedy: 'leave out one of them',
      });
    }
  }

  #vmac(): void {
    const { name, family } = this.#one;
    const values = this.#values;
    if (values.vmac_xmit_base === true && values.use_vmac === undefined && values.use_ipvlan === undefined) {
      this.#warn('vmac-xmit-base', `(${name}) vmac_xmit_base is only valid with a vmac`, 'add use_vmac, or leave it out', 'vmac_xmit_base');
    }
    if (values.use_ipvlan !== undefined && family === 'inet' && !values.use_ipvlan.some((text) => /^\d+\.\d+\.\d+\.\d+/u.test(text))) {
      this.#warn('ipvlan-address', `(${name}) IPv4 ipvlan requires a source ip address to be configured. setting instance to fault state`, 'write: use_ipvlan NAME IP', 'use_ipvlan');
    }
    if (values.timer_expired_backup !== undefined) {
      this.#context.report({ code: 'timer-expired-backup', severity: 'note', wording: null, place: this.#one.block.placeOf('timer_expired_backup') ?? this.#one.block.place, message: `(${name}) keepalived 2.4.3's config test finds fault with timer_expired_backup whatever its value` });
    }
  }

  /** Given for an instance, it counts for an owner only; `no` still gives true, as in keepalived. */
  #ownerIgnores(priority: number): boolean {
    const asked = this.#values.owner_ignore_adverts;
    if (asked === undefined) return this.#given.vrrp_owner_ignore_adverts ?? false;
    if (priority === OWNER) return true;
    this.#warn('owner-only', `(${this.#one.name}) owner_ignore_adverts is for an address owner only - ignoring`, 'an owner has priority 255', 'owner_ignore_adverts');
    return false;
  }

  #promoteSecondaries(): boolean {
    const { promote_secondaries: asked, use_vmac: vmac } = this.#values;
    if (asked !== true || vmac === undefined) return asked ?? false;
    this.#warn('promote-secondaries-vmac', `(${this.#one.name}) promote_secondaries is automatically set for vmacs - ignoring`, 'leave it out', 'promote_secondaries');
    return false;
  }

  #source(): VrrpInstance['sourceAddress'] {
    const { name, family, block } = this.#one;
    const source = this.#values.unicast_src_ip ?? this.#values.mcast_src_ip;
    if (source === undefined || familyOf(source) === family) return source ?? null;
    const place = block.placeOf(this.#values.unicast_src_ip === undefined ? 'mcast_src_ip' : 'unicast_src_ip') ?? block.place;
    this.#context.report({ code: 'family-mismatch', place, message: `Configuration error: VRRP instance[${name}] and src address[${source}] MUST be of the same family !!! Skipping...`, remedy: 'the family is that of the addresses of the instance' });
    return null;
  }

  #link(): string {
    return this.#one.link ?? this.#given.default_interface ?? 'eth0';
  }

  #version(): 2 | 3 {
    const asked = this.#values.version ?? this.#given.vrrp_version ?? 2;
    if (this.#one.family === 'inet6') {
      if (this.#values.version === 2) this.#warn('version-for-ipv6', `(${this.#one.name}) IPv6 version 2 not supported - setting version 3`, 'leave version out, or write 3', 'version');
      return 3;
    }
    return asked === 3 ? 3 : 2;
  }

  /** Priority and wanted state follow each other where one is missing. */
  #role(strict: boolean): { priority: number; wantMaster: boolean } {
    const { state } = this.#values;
    const priority = this.#values.priority ?? (state === 'MASTER' ? OWNER : 100);
    const wantMaster = state === undefined ? priority === OWNER : state === 'MASTER';
    if (strict && state !== undefined && wantMaster !== (priority === OWNER)) {
      const { name } = this.#one;
      this.#warn('strict-state', wantMaster ? `(${name}) State MASTER must match being address owner` : `(${name}) State BACKUP must match not being address owner`, 'in strict mode the owner (priority 255) is MASTER and nobody else', 'state');
      return { priority, wantMaster: priority === OWNER };
    }
    return { priority, wantMaster };
  }

  #preemption(wantMaster: boolean, priority: number, strict: boolean): { nopreempt: boolean; preemptDelay: number } {
    const { name } = this.#one;
    let nopreempt = this.#values.nopreempt === true && !this.#preemptIsLast();
    let preemptDelay = this.#values.preempt_delay ?? 0;
    if (nopreempt && (wantMaster || priority === OWNER)) {
      this.#warn('nopreempt-master', wantMaster ? `(${name}) Warning - nopreempt will not work with initial state MASTER - clearing` : `(${name}) Warning - nopreempt will not work with priority 255 - clearing`, 'write state BACKUP on both routers', 'nopreempt');
      nopreempt = false;
    }
    if (preemptDelay > 0 && strict) {
      this.#warn('strict-resets', `(${name}) preempt_delay is incompatible with strict mode - resetting`, 'leave it out, or strict mode', 'preempt_delay');
      preemptDelay = 0;
    } else if (preemptDelay > 0 && wantMaster) {
      this.#warn('preempt-delay-master', `(${name}) Warning - preempt delay will not work with initial state MASTER - clearing`, 'write state BACKUP on both routers', 'preempt_delay');
      preemptDelay = 0;
    } else if (preemptDelay > 0 && nopreempt) {
      this.#warn('preempt-delay-nopreempt', `(${name}) preempt_delay is incompatible with nopreempt mode - resetting`, 'leave one of them out', 'preempt_delay');
      preemptDelay = 0;
    }
    return { nopreempt, preemptDelay };
  }

  /** `preempt` after `nopreempt` takes it back. */
  #preemptIsLast(): boolean {
    const preempt = this.#one.block.placeOf('preempt');
    const nopreempt = this.#one.block.placeOf('nopreempt');
    return preempt !== undefined && nopreempt !== undefined && (preempt.line > nopreempt.line || (preempt.line === nopreempt.line && preempt.start > nopreempt.start));
  }

  #interval(version: 2 | 3): number {
    const asked = this.#values.advert_int ?? SECOND;
    const { name } = this.#one;
    if (version === 2) {
      const whole = Math.max(SECOND, Math.round(asked / SECOND) * SECOND);
      if (whole !== asked) this.#warn('advert-int-v2', `(${name}) VRRPv2 advertisement interval ${(asked / SECOND).toFixed(6)}s must be an integer. rounding`, 'version 2 carries whole seconds; version 3 hundredths', 'advert_int');
      return whole;
    }
    if (asked > MAX_V3_INTERVAL) {
      this.#warn('advert-int-v3', `(${name}) VRRPv3 advertisement interval ${(asked / SECOND).toFixed(2)}s is out of range. Must be less than 40.96s. Setting to 40.95s`, null, 'advert_int');
      return MAX_V3_INTERVAL;
    }
    const hundredths = Math.max(10, Math.round(asked / 10) * 10);
    if (hundredths !== asked) this.#warn('advert-int-v3', `(${name}) VRRPv3 advertisement interval ${(asked / SECOND).toFixed(6)}s must be in units of 10ms - rounding`, 'version 3 carries hundredths of a second', 'advert_int');
    return hundredths;
  }

  #peers(): VrrpInstance['unicastPeers'] {
    const { name, family } = this.#one;
    const values = this.#values;
    const peers = (values.unicast_peer ?? []).filter((peer) => {
      if (familyOf(peer.address) === family) return true;
      this.#context.report({ code: 'family-mismatch', place: peer.place, message: `Configuration error: VRRP instance[${name}] and unicast peer address[${peer.address}] MUST be of the same family !!! Skipping...`, remedy: 'the family is that of the addresses of the instance' });
      return false;
    });
    const unicastWords = values.unicast_src_ip !== undefined || values.unicast_peer !== undefined || values.check_unicast_src === true || values.old_unicast_checksum !== undefined;
    if (peers.length === 0 && unicastWords && values.unicast_fault_no_peer === undefined) {
      this.#warn('unicast-without-peers', `(${name}) A unicast keyword has been specified without any unicast peers. Defaulting to multicast. This usage is deprecated - please update your configuration.`, 'name the peers in unicast_peer { … }, or use mcast_src_ip', 'unicast_src_ip');
    }
    return peers.map(({ address, minTtl, maxTtl }) => ({ address, minTtl, maxTtl }));
  }

  #auth(version: 2 | 3, strict: boolean): VrrpInstance['auth'] {
    const values = this.#values.authentication?.at(-1)?.values;
    const type = values?.auth_type;
    if (type === undefined) return null;
    const { name } = this.#one;
    if (version === 3) {
      this.#warn('auth-version-3', `(${name}) VRRP version 3 does not support authentication. Ignoring.`, 'leave the authentication block out', 'authentication');
      return null;
    }
    if (strict) {
      this.#warn('auth-strict', `(${name}) Strict mode does not support authentication. Ignoring.`, 'leave the authentication block out, or strict', 'authentication');
      return null;
    }
    const secret = values?.auth_pass;
    if (secret === undefined) {
      this.#warn('auth-without-pass', `(${name}) Authentication specified but no password given. Ignoring`, 'write: auth_pass STRING', 'authentication');
      return null;
    }
    return { type, secret };
  }

  #addresses(version: 2 | 3, strict: boolean): VirtualAddress[] {
    const { name } = this.#one;
    const link = this.#link();
    const addresses = (this.#values.virtual_ipaddress ?? []).map((entry) => virtualAddress(entry, link));
    if (addresses.length === 0 && this.#values.no_virtual_ipaddress === undefined) {
      if (version === 3 || strict) this.#error('no-addresses', `(${name}) No VIP specified; at least one is required`, 'name an address in virtual_ipaddress { … }', 2);
      else this.#warn('no-addresses', `(${name}) No VIP specified; at least one is sensible`, 'name an address in virtual_ipaddress { … }');
    }
    const [first] = addresses;
    if (first !== undefined && familyOf(first.prefix.address) === 'inet6' && !isLinkLocal6(first.prefix.address)) this.#firstNotLinkLocal(strict);
    return addresses;
  }

  /** RFC 9568 §5.2.9; keepalived minds it in strict mode only. */
  #firstNotLinkLocal(strict: boolean): void {
    const { name } = this.#one;
    const remedy = 'write the link-local address (fe80::…) first in virtual_ipaddress';
    if (strict) this.#error('link-local-first', `(${name}) the first IPv6 VIP address must be link local`, remedy, null);
    else this.#context.report({ code: 'link-local-first', severity: 'note', recorded: 'none', wording: null, place: this.#one.block.place, message: `(${name}) the first IPv6 address is not link-local, as RFC 9568 asks`, remedy });
  }

  /** A member of a group has no weight of its own: what is left of a tracked interface is the fault. */
  #trackedLinks(link: string | null, priority: number): VrrpInstance['trackInterfaces'] {
    const { name } = this.#one;
    const group = this.#groupOf.get(name);
    const refs = trackedLinks(name, link, this.#values.track_interface ?? [], this.#context).filter((ref) => {
      if (ref.weight === 0 || priority !== OWNER) return true;
      this.#warn('owner-ignores-weight', `(${name}) ignoring ${ref.name} tracked interface due to address owner`, 'an owner has priority 255 whatever happens', 'track_interface');
      return false;
    });
    return refs.map((ref) => {
      if (ref.weight === 0 || group === undefined || group.trackingWeight) return ref;
      this.#warn('group-ignores-weight', `(${name}) ignoring ${ref.name} tracked interface weight due to SYNC group`, `track it in vrrp_sync_group ${group.name}, or add sync_group_tracking_weight there`, 'track_interface');
      return { ...ref, weight: 0, reverse: false };
    });
  }

  #trackedScripts(priority: number): VrrpInstance['trackScripts'] {
    const { name } = this.#one;
    const refs = trackedScripts(this.#values.track_script ?? [], this.#scripts);
    const group = this.#groupOf.get(name);
    return refs.filter((ref) => {
      if (ref.weight === 0) return true;
      if (priority === OWNER) {
        this.#warn('owner-ignores-weight', `(${name}) ignoring tracked script ${ref.name} with weights due to address_owner`, 'an owner has priority 255 whatever happens', 'track_script');
        return false;
      }
      if (group !== undefined && !group.trackingWeight) {
        this.#warn('group-ignores-weight', `(${name}) ignoring tracked script ${ref.name} with weights due to SYNC group`, `track it in vrrp_sync_group ${group.name}, or add sync_group_tracking_weight there`, 'track_script');
        return false;
      }
      this.#uselessWeight(ref.name, priority, ref.reverse ? -ref.weight : ref.weight);
      return true;
    });
  }

  /** Ours: the sum stays within 1..254, so that some weights never change anything. */
  #uselessWeight(script: string, priority: number, weight: number): void {
    const moved = Math.min(254, Math.max(1, priority + weight));
    if (moved !== Math.min(254, priority)) return;
    const { name, block } = this.#one;
    this.#context.report({
      code: 'weight-without-effect', severity: 'warning', recorded: 'none', wording: null, place: block.placeOf('track_script') ?? block.place,
      message: `(${name}) weight ${String(weight)} of script ${script} never changes the priority ${String(priority)}`, remedy: 'the priority stays within 1..254; choose one with room, or weight 0 for a fault',
    });
  }

  /** Strict without `accept` filters packets as no_accept does (RFC 9568 §6.1). */
  #accept(strict: boolean, version: 2 | 3): boolean {
    const { no_accept: refused, accept } = this.#values;
    if (strict && version === 2 && accept === true) {
      this.#warn('strict-resets', `(${this.#one.name}) warning - accept mode for VRRP version 2 does not comply with RFC3768 - resetting`, 'leave accept out, or use version 3', 'accept');
      return false;
    }
    return refused === true ? false : (accept ?? !strict);
  }

  #warn(code: string, message: string, remedy: string | null, at?: keyof InstanceBlock['values']): void {
    const { block } = this.#one;
    this.#context.report({ code, severity: 'warning', message, remedy, place: (at === undefined ? undefined : block.placeOf(at)) ?? block.place, saidAt: null });
  }

  #error(code: string, message: string, remedy: string, startExit: 2 | null): void {
    this.#context.report({ code, message, remedy, place: this.#one.block.place, saidAt: null, startExit });
  }
}
