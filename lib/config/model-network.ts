/** Addresses, routes and rules besides those of instances, and what is tracked besides scripts. Times are milliseconds. */
import type { IpAddress } from '../util/ip.ts';
import type { Millis } from '../util/time.ts';
import type { RouteEntry } from './keywords/routes.ts';
import type { RuleEntry } from './keywords/rules.ts';
import type { TrackRef, VirtualAddress } from './model.ts';

/** In the words of ip-route(8); `options` has what was given. */
export type Route = Omit<RouteEntry, 'place'>;
/** In the words of ip-rule(8). */
export type Rule = Omit<RuleEntry, 'place'>;

/** Held whatever the VRRP state. */
export interface Statics {
  readonly addresses: readonly VirtualAddress[];
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
}

export interface TrackGroup {
  readonly name: string;
  readonly members: readonly string[];
}

export interface TrackFile {
  readonly name: string;
  readonly path: string;
  /** Multiplier of the number in the file; 0: any other number than 0 is a fault. */
  readonly weight: number;
  readonly reverse: boolean;
  /** What the file is made with at the start; null: it is not made. */
  readonly init: { readonly value: number; readonly overwrite: boolean } | null;
}

export interface TrackProcess {
  readonly name: string;
  /** Program and its arguments. */
  readonly argv: readonly string[];
  /** null: arguments are not looked at. */
  readonly match: 'exact' | 'initial' | 'partial' | null;
  readonly fullCommand: boolean;
  readonly weight: number;
  readonly reverse: boolean;
  readonly quorum: number;
  /** null: no upper limit. */
  readonly quorumMax: number | null;
  readonly forkDelay: Millis;
  readonly terminateDelay: Millis;
}

export interface BfdSession {
  readonly name: string;
  readonly neighbor: IpAddress;
  readonly source: IpAddress | null;
  readonly minRx: Millis;
  readonly minTx: Millis;
  readonly idleTx: Millis;
  readonly multiplier: number;
  readonly passive: boolean;
  /** null: 255, for IPv6 64. */
  readonly ttl: number | null;
  readonly maxHops: number;
  readonly multihop: boolean;
  readonly weight: number;
  readonly reverse: boolean;
  readonly forVrrp: boolean;
  readonly forCheckers: boolean;
}

export interface GarpGroup {
  readonly links: readonly string[];
  readonly arpInterval: Millis;
  readonly naInterval: Millis;
}

export interface LinkSettings {
  readonly delays: readonly { readonly link: string; readonly down: Millis; readonly up: Millis }[];
  readonly pollAll: boolean;
  readonly polled: readonly { readonly link: string; readonly method: 'MII' | 'ETHTOOL' | 'IOCTL' | null }[];
}

/** Root settings of the processes. */
export interface ProcessSettings {
  readonly namespace: string | null;
  /** undefined: that of `namespace`; null: the host's. */
  readonly ipvsNamespace: string | null | undefined;
  readonly ipsetsInNamespace: boolean;
  readonly instance: string | null;
  readonly usePidDir: boolean;
  readonly childWait: Millis;
}

/** What an instance has besides: beyond the first contract of VrrpInstance, always there in a Config that was loaded. */
export interface InstanceExtras {
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
  readonly trackFiles: readonly TrackRef[];
  readonly trackProcesses: readonly TrackRef[];
  readonly trackBfd: readonly TrackRef[];
  /** Words behind use_vmac; null: no VMAC. */
  readonly vmac: readonly string[] | null;
  readonly vmacForAddresses: boolean;
  /** Its own macvlan's name on this machine, and those of all its macvlans; absent until that is known. */
  readonly vmacLink?: string;
  readonly vmacLinks?: readonly string[];
  /** Why its own macvlan cannot be, in words. */
  readonly vmacFault?: string;
  readonly transmitOnBase: boolean;
  readonly ipvlan: readonly string[] | null;
  readonly vrf: string | null;
  readonly noAccept: boolean;
  readonly faultWithoutPeer: boolean;
  readonly oldUnicastChecksum: boolean | 'never';
  readonly checksumAsV2: boolean;
  /** null: off. Highest priority of a backup that may stay master after our timers ran late. */
  readonly timerExpiredBackup: number | null;
  readonly extraGarp: { readonly all: boolean; readonly period: Millis } | null;
  readonly receiveBuffer: number | null;
  readonly hmac: { /** The key's bytes in hexadecimal. Never printed. */ readonly keys: readonly { readonly id: number; readonly secret: string }[]; readonly activeKey: number; /** null: 3 × advert_int, at least 5 s. */ readonly window: Millis | null; readonly antiReplay: 'time' | 'monotonic'; readonly mode: 'enforce' | 'permissive' | 'receive-only' } | null;
}

/** The same of a sync group. */
export interface GroupExtras {
  readonly trackFiles: readonly TrackRef[];
  readonly trackProcesses: readonly TrackRef[];
  readonly trackBfd: readonly TrackRef[];
}
