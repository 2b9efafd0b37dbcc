/**
 * Status: what the daemon is, runs by and knows at one moment, as one plain immutable value. Made when asked for; every
 * report renders it, so that the dump, the statistics and the JSON agree.
 */
import type { Session } from '../bfd/session.ts';
import type { BfdSession, GarpGroup, Statics, TrackFile, TrackGroup, TrackProcess } from '../config/model-network.ts';
import type { Config, GlobalDefs, SyncGroup, VrrpInstance, VrrpScript } from '../config/model.ts';
import type { Link } from '../system/netlink-routes.ts';
import type { IpAddress } from '../util/ip.ts';
import type { Millis } from '../util/time.ts';
import type { VrrpCounters } from '../vrrp/counters.ts';

export interface Status {
  /** Ours, e.g. `0.1.0`. */
  readonly version: string;
  /** When this was made, and when the daemon started; ms since the epoch, as every `…At` here. */
  readonly at: number;
  readonly startedAt: number;
  readonly global: GlobalDefs;
  /** static_ipaddress, static_routes and static_rules. */
  readonly statics: Statics;
  /** What global_defs was given, by keyword. */
  readonly settings?: Config['settings'];
  readonly instances: readonly InstanceStatus[];
  readonly groups: readonly GroupStatus[];
  readonly scripts: readonly ScriptStatus[];
  readonly files: readonly FileStatus[];
  readonly processes: readonly ProcessStatus[];
  readonly interfaces: readonly InterfaceStatus[];
  /** garp_group: who keeps a pace together. */
  readonly garpGroups?: readonly GarpGroup[];
  readonly trackGroups?: readonly TrackGroup[];
  /** Sysctls that we set, by path: what was found there. */
  readonly sysctls?: ReadonlyMap<string, string>;
  readonly bfd: { readonly sessions: readonly BfdSessionStatus[]; /** Packets, by why they were dropped. */ readonly dropped: Readonly<Record<string, number>> };
}

export type InstanceState = 'INIT' | 'BACKUP' | 'MASTER' | 'FAULT';

export interface InstanceStatus {
  readonly config: VrrpInstance;
  /** Name of its sync group. */
  readonly group: string | null;
  readonly state: InstanceState;
  /** What it is about to be, where that is another state. */
  readonly wanted?: InstanceState;
  /** As a backup: the master that it heard last. */
  readonly master?: { readonly address: IpAddress; readonly priority: number } | null;
  /** Effective priority. */
  readonly priority: number;
  /** What holds it in FAULT, and what it waits for before it begins; in words. */
  readonly faults: readonly string[];
  readonly holds: readonly string[];
  /** Where its advertisements come from; null while there is no such address. */
  readonly source: IpAddress | null;
  readonly lastTransitionAt: number;
  /** When its timer fires; null: none runs. */
  readonly deadlineAt: number | null;
  readonly masterDownInterval: Millis;
  /** The master's interval as last heard (v3), else its own. */
  readonly masterAdvertInterval: Millis;
  /** Its addresses are in the kernel. */
  readonly addressesSet: boolean;
  readonly counters: VrrpCounters;
  /** Packets that the kernel dropped since its socket was opened, the receive buffer being full. */
  readonly dropped?: number;
  /** Its share of its socket's receive buffer, in bytes; 0: the kernel's size. */
  readonly receiveBuffer?: number;
}

export interface GroupStatus {
  readonly config: SyncGroup;
  readonly state: InstanceState;
}

export interface ScriptStatus {
  readonly config: VrrpScript;
  /** unknown: it has not answered yet. */
  readonly status: 'unknown' | 'good' | 'bad';
  /** Counts up with successes and down with failures; see vrrp_script's rise and fall. */
  readonly result: number;
  readonly running: boolean;
}

export interface FileStatus {
  readonly config: TrackFile;
  /** The number in it. */
  readonly value: number;
}

export interface ProcessStatus {
  readonly config: TrackProcess;
  /** How many run. */
  readonly count: number;
  /** They have their quorum, and have had it for as long as the delays ask. */
  readonly up: boolean;
  readonly forkDelayed: boolean;
  readonly terminateDelayed: boolean;
}

export interface BfdSessionStatus {
  readonly config: BfdSession;
  readonly session: Session;
  /** It has a socket to send by. */
  readonly speaking: boolean;
  readonly lastSeenAt: number | null;
}

export interface InterfaceStatus {
  readonly link: Link;
  /** In the kernel's order. */
  readonly addresses: readonly IpAddress[];
  /** interface_up_down_delays of it, and whether a change waits to count. */
  readonly delays?: { readonly up: Millis; readonly down: Millis; readonly waiting: boolean };
}
