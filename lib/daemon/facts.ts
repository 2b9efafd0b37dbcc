/** What the machine and the trackers mean for one instance: its faults, holds, priority and source address. */
import type { SyncGroup, TrackRef, VrrpInstance } from '../config/model.ts';
import type { Link } from '../system/netlink-routes.ts';
import type { IpAddress } from '../util/ip.ts';
import { speakingLink } from '../vrrp/vmac.ts';
import { allAddresses } from '../vrrp/desired.ts';
import { contribution, effectivePriority, FILE_FAULT, isFault, type TrackState, type Weighed } from '../vrrp/priority.ts';
import { absent, type FaultReason } from '../vrrp/state.ts';
import type { Tracked, TrackedKind } from './trackers.ts';

/** What must be known of the machine. */
export interface Surroundings extends Tracked {
  link(name: string): Link | undefined;
  /** Whether it counts as up, linkbeat and delays considered. */
  isUp(name: string): boolean;
  primaryAddress(instance: VrrpInstance): IpAddress | null;
  hasAddress(instance: VrrpInstance, address: IpAddress): boolean;
  /** The unicast source is, or was, an address of this machine. */
  canSpeakFrom(instance: VrrpInstance): boolean;
  hasSocket(instance: VrrpInstance): boolean;
  /** Interfaces of its tracked routes and rules, and of static entries of its track_group. */
  objectLinks(instance: VrrpInstance): ReadonlySet<string>;
  /** Static entries of its track_group that are missing, in words. */
  objectFaults(instance: VrrpInstance): readonly string[];
}

export interface Facts {
  readonly faults: ReadonlySet<FaultReason>;
  readonly holds: ReadonlySet<FaultReason>;
  readonly priority: number;
  readonly source: IpAddress | null;
  /** What each tracked file last added to the priority while it was no fault, by the fault that it would be. */
  readonly files: ReadonlyMap<FaultReason, number>;
  /** What keepalived says at a start of a file or process that is a fault. */
  readonly details: ReadonlyMap<FaultReason, string>;
}

/** Faults, holds, priority and source; `before`: what was last found, of which a file at fault keeps what it added. */
export function assess(instance: VrrpInstance, group: SyncGroup | undefined, around: Surroundings, before?: Facts): Facts {
  const faults = new Set<FaultReason>();
  const holds = new Set<FaultReason>();
  const link = around.link(instance.link);
  const source = instance.sourceAddress ?? around.primaryAddress(instance);
  if (instance.extras?.faultWithoutPeer === true && instance.unicastPeers.length === 0) faults.add('no unicast peer');
  if (link === undefined) faults.add(absent(instance.link));
  else {
    if (!instance.dontTrackPrimary && !around.isUp(instance.link)) faults.add(`interface ${instance.link} is down`);
    if (source === null) faults.add(`interface ${instance.link} has no ${instance.family === 'inet' ? 'IPv4' : 'link-local IPv6'} address`);
    if (instance.trackSourceAddress && instance.sourceAddress !== null && !around.hasAddress(instance, instance.sourceAddress)) {
      faults.add(`source address ${instance.sourceAddress} is missing from ${instance.link}`);
    }
    if (!around.canSpeakFrom(instance)) faults.add(`unicast source ${source ?? ''} is no address of this machine`);
    if (!around.hasSocket(instance)) faults.add(`no VRRP socket on ${speakingLink(instance)}`);
  }
  const vmac = instance.extras?.vmacLink;
  const fault = instance.extras?.vmacFault;
  if (fault !== undefined) faults.add(fault);
  if (vmac !== undefined && !carries(around.link(vmac), instance.dontTrackPrimary || around.isUp(instance.link))) faults.add(`interface ${vmac} is down`);
  for (const name of addressLinks(instance)) if (linkState(around, name) !== 'up') faults.add(`interface ${name} of a virtual address is down`);
  for (const name of around.objectLinks(instance)) {
    if (linkState(around, name) !== 'up' && !instance.trackInterfaces.some((ref) => ref.name === name)) faults.add(`interface ${name} of a route or rule is down`);
  }
  for (const fault of around.objectFaults(instance)) faults.add(fault);
  const details = new Map<FaultReason, string>();
  if (faults.has('no unicast peer')) {
    details.set('no unicast peer', ' Cannot use unicast without any peers - going to fault state');
  }
  const weighed: Weighed[] = [];
  const files = new Map<FaultReason, number>();
  for (const [what, one] of [...tracked(instance, around, ''), ...(group === undefined ? [] : tracked(group, around, OF_GROUP))]) {
    const fault = isFault(one);
    if (fault) faults.add(what);
    if ('value' in one) {
      // keepalived's: while a file is a fault the priority stays as it was.
      const adds = fault ? (before?.files.get(what) ?? 0) : contribution(one);
      files.set(what, adds);
      if (fault) details.set(what, `: entering FAULT state (${spoken(what)} has status ${one.ref.weight === 0 ? FILE_FAULT : contribution(one)})`);
      weighed.push({ ref: { ...one.ref, weight: 1, reverse: false }, value: adds });
    } else {
      if (one.ref.weight === 0 && one.state === 'unknown') holds.add(what);
      if (fault && what.startsWith(PROCESS)) details.set(what, ` entering FAULT state (${spoken(what)} quorum ${one.state === 'up' ? 'achieved' : 'not achieved'})`);
      weighed.push(one);
    }
  }
  return { faults, holds, priority: effectivePriority(instance, weighed), source, files, details };
}

const PROCESS = 'tracked process ';
/** A group's faults are told from its members' own. */
const OF_GROUP = ' (group)';

/** A fault as keepalived's log has it, which does not say whose tracking it is. */
export function spoken(reason: FaultReason): string {
  return reason.endsWith(OF_GROUP) ? reason.slice(0, -OF_GROUP.length) : reason;
}

/** keepalived's lines of what an instance tracks and begins with in fault. */
export function startLines(name: string, { details }: Facts): string[] {
  return [...details.values()].map((text) => `(${name})${text}`);
}

/** What an instance or its group tracks, under the name of the fault that each may be. */
function tracked({ trackInterfaces, trackScripts, extras }: VrrpInstance | SyncGroup, around: Surroundings, suffix: string): (readonly [FaultReason, Weighed])[] {
  const list = (refs: readonly TrackRef[] | undefined, name: (name: string) => string, look: (name: string) => { state: TrackState } | { value: number }): (readonly [FaultReason, Weighed])[] =>
    (refs ?? []).map((ref) => [`${name(ref.name)}${suffix}`, { ref, ...look(ref.name) }] as const);
  return [
    ...list(trackInterfaces, (name) => `tracked interface ${name} is down`, (name) => ({ state: linkState(around, name) })),
    ...list(trackScripts, (name) => `script ${name}`, (name) => ({ state: around.script(name) })),
    ...list(extras?.trackFiles, (name) => `tracked file ${name}`, (name) => ({ value: around.file(name) })),
    ...list(extras?.trackProcesses, (name) => `${PROCESS}${name}`, (name) => ({ state: around.process(name) })),
    ...list(extras?.trackBfd, (name) => `BFD session ${name} is down`, (name) => ({ state: around.bfd(name) })),
  ];
}

function linkState(around: Surroundings, name: string): TrackState {
  return around.link(name) !== undefined && around.isUp(name) ? 'up' : 'down';
}

/** Does it track this? */
export function trackedBy({ trackScripts, extras }: VrrpInstance | SyncGroup, kind: TrackedKind, name: string): boolean {
  const refs = { script: trackScripts, file: extras?.trackFiles, process: extras?.trackProcesses, bfd: extras?.trackBfd }[kind] ?? [];
  return refs.some((ref) => ref.name === name);
}

/** keepalived's: other interfaces that carry tracked addresses of the instance count like its own, unless track_interface has them. */
function addressLinks(instance: VrrpInstance): Set<string> {
  const explicit = new Set(instance.trackInterfaces.map((ref) => ref.name));
  return new Set(allAddresses(instance).filter((v) => !v.noTrack && v.link !== instance.link && v.link !== instance.extras?.vmacLink && !explicit.has(v.link)).map((v) => v.link));
}

/** Somebody else's interface of that name is none for us. `evenDown`: the one below may be down, or counts as up while its delay runs. */
function carries(link: Link | undefined, evenDown: boolean): boolean {
  return (link?.kind === 'macvlan' || link?.kind === 'ipvlan') && link.up && (link.running || evenDown);
}
