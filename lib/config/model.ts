/**
 * Config: what the daemon runs by. Typed, complete (every default filled in), plain data, frozen. Times are
 * milliseconds. Identity, for a reload, is not a name: see identity.ts.
 */
import type { Family, IpAddress, Prefix } from '../util/ip.ts';
import type { GlobalValues } from './keywords/global-defs.ts';
import type { IpvsConfig } from './model-ipvs.ts';
import type { BfdSession, GarpGroup, GroupExtras, InstanceExtras, LinkSettings, ProcessSettings, Statics, TrackFile, TrackGroup, TrackProcess } from './model-network.ts';
import type { Millis } from '../util/time.ts';

export interface Config {
  readonly global: GlobalDefs;
  readonly scripts: readonly VrrpScript[];
  readonly instances: readonly VrrpInstance[];
  readonly syncGroups: readonly SyncGroup[];
  /** The load-balancing half. */
  readonly ipvs: IpvsConfig;
  readonly statics: Statics;
  readonly trackGroups: readonly TrackGroup[];
  readonly trackFiles: readonly TrackFile[];
  readonly trackProcesses: readonly TrackProcess[];
  readonly bfd: readonly BfdSession[];
  readonly garpGroups: readonly GarpGroup[];
  readonly links: LinkSettings;
  readonly process: ProcessSettings;
  /** Everything that global_defs was given, by the keyword's own name, as typed by its row. */
  readonly settings: GlobalValues;
}

export interface GlobalDefs {
  readonly routerId: string;
  readonly mail: MailSettings | null;
  /** Default of `smtp_alert` and `smtp_alert_vrrp`. */
  readonly noEmailFaults: boolean;
  readonly dynamicInterfaces: boolean;
  readonly enableScriptSecurity: boolean;
  readonly scriptUser: AccountRef | null;
  readonly notifyFifo: NotifyFifo | null;
  readonly vrrpNotifyFifo: NotifyFifo | null;
  readonly notifyPriorityChanges: boolean;
  readonly multicastGroup4: IpAddress;
  readonly multicastGroup6: IpAddress;
  readonly startupDelay: Millis;
  readonly logUnknownVrids: boolean;
  readonly startupScript: (ScriptCommand & { readonly timeout: Millis }) | null;
  readonly shutdownScript: (ScriptCommand & { readonly timeout: Millis }) | null;
  /** Our extension: the operator's TypeScript; absolute. */
  readonly hooks: string | null;
  /** Umask of files made by the daemon (dumps); default 0o177. */
  readonly umask: number;
}

export interface AccountRef {
  readonly user: string;
  /** null: the user's primary group. */
  readonly group: string | null;
  /** `USER :GROUP`: the user's further groups as well. */
  readonly supplementary?: boolean;
}

/** A program with its arguments and the account it runs as (null: as the daemon). */
export interface ScriptCommand {
  readonly argv: readonly string[];
  readonly account: AccountRef | null;
}

export interface NotifyFifo {
  readonly path: string;
  readonly account: AccountRef | null;
  readonly script: ScriptCommand | null;
}

export interface MailSettings {
  readonly from: string;
  readonly to: readonly string[];
  readonly server: { readonly host: string; readonly port: number };
  readonly helo: string;
  /** Connect and per-reply limit. */
  readonly timeout: Millis;
}

export interface VrrpScript {
  readonly name: string;
  readonly command: ScriptCommand;
  readonly interval: Millis;
  readonly timeout: Millis;
  readonly weight: number;
  readonly reverse: boolean;
  readonly rise: number;
  readonly fall: number;
  readonly initFail: boolean;
}

/** How a tracked object acts on an instance or a group. Weight 0: down means FAULT. */
export interface TrackRef {
  readonly name: string;
  readonly weight: number;
  readonly reverse: boolean;
}

export interface VirtualAddress {
  readonly prefix: Prefix;
  /** Interface name; the instance's own unless `dev` says otherwise. */
  readonly link: string;
  readonly peer: IpAddress | null;
  readonly broadcast: IpAddress | null;
  readonly label: string | null;
  /** rtnetlink scope number: 0 global, 200 site, 253 link, 254 host. */
  readonly scope: number;
  /** Seconds; 0 deprecated; null for ever. */
  readonly preferred: number | null;
  readonly noDad: boolean;
  readonly homeAddress: boolean;
  readonly noPrefixRoute: boolean;
  /** IPv6: the kernel makes temporary addresses from it (RFC 8981). */
  readonly manageTemporary: boolean;
  /** The kernel joins the group of a multicast address. */
  readonly autoJoin: boolean;
  /** Not watched: its removal by somebody else means nothing. */
  readonly noTrack: boolean;
  /** On a macvlan of its own. */
  readonly useVmac?: true;
  readonly trackGroup: string | null;
}

export interface UnicastPeer {
  readonly address: IpAddress;
  readonly minTtl: number | null;
  readonly maxTtl: number | null;
}

/** Gratuitous ARP and unsolicited NA. */
export interface GarpSettings {
  /** Delay of the second block after becoming master; 0: none. */
  readonly masterDelay: Millis;
  /** Messages per address in a block. */
  readonly masterRepeat: number;
  /** Period of refreshes while master; 0: off. */
  readonly refresh: Millis;
  readonly refreshRepeat: number;
  readonly lowerPrioDelay: Millis;
  readonly lowerPrioRepeat: number;
  /** Pause between two ARPs of an interface. */
  readonly arpInterval: Millis;
  readonly naInterval: Millis;
}

export interface NotifyScripts {
  readonly master: ScriptCommand | null;
  readonly backup: ScriptCommand | null;
  readonly fault: ScriptCommand | null;
  readonly stop: ScriptCommand | null;
  readonly deleted: ScriptCommand | null;
  readonly masterRxLowerPri: ScriptCommand | null;
  /** `notify`: gets INSTANCE|GROUP, name, state, priority besides. */
  readonly any: ScriptCommand | null;
}

export interface VrrpInstance {
  readonly name: string;
  readonly link: string;
  readonly family: Family;
  /** 1..255 */
  readonly vrid: number;
  readonly version: 2 | 3;
  /** `state`: what it would like to be at the start. */
  readonly wantMaster: boolean;
  /** 1..255; 255 owns the addresses. */
  readonly priority: number;
  readonly advertInterval: Millis;
  /** Advertisements missed before the master is down. */
  readonly downTimerAdverts: number;
  readonly nopreempt: boolean;
  readonly preemptDelay: Millis;
  readonly auth: { readonly type: 'PASS' | 'AH'; /** At most 8 bytes. Never printed. */ readonly secret: string } | null;
  readonly virtualAddresses: readonly VirtualAddress[];
  readonly excludedAddresses: readonly VirtualAddress[];
  readonly unicastPeers: readonly UnicastPeer[];
  readonly unicastTtl: number;
  readonly checkUnicastSource: boolean;
  /** mcast_src_ip or unicast_src_ip; null: the interface's primary address. */
  readonly sourceAddress: IpAddress | null;
  readonly trackSourceAddress: boolean;
  readonly multicastGroup: IpAddress;
  readonly dontTrackPrimary: boolean;
  readonly skipCheckAdvAddr: boolean;
  readonly strict: boolean;
  readonly lowerPrioNoAdvert: boolean;
  readonly higherPrioSendAdvert: boolean;
  readonly ownerIgnoreAdverts: boolean;
  readonly promoteSecondaries: boolean;
  readonly accept: boolean;
  readonly garp: GarpSettings;
  readonly trackInterfaces: readonly TrackRef[];
  readonly trackScripts: readonly TrackRef[];
  readonly notify: NotifyScripts;
  readonly notifyPriorityChanges: boolean;
  readonly notifyDeleted: boolean;
  readonly smtpAlert: boolean;
  readonly debug: number;
  readonly extras?: InstanceExtras;
}

export interface SyncGroup {
  readonly name: string;
  readonly members: readonly string[];
  readonly trackInterfaces: readonly TrackRef[];
  readonly trackScripts: readonly TrackRef[];
  readonly trackingWeight: boolean;
  readonly notify: NotifyScripts;
  readonly notifyPriorityChanges: boolean;
  readonly smtpAlert: boolean;
  readonly extras?: GroupExtras;
}
