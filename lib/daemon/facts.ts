/** What the machine and the trackers mean for one instance: its faults, holds, priority and source address. */
import type { SyncGroup, TrackRef, VrrpInstance } from '../config/model.ts';
import type { Link } from '../system/netlink-routes.ts';
import type { IpAddress } from '../util/ip.ts';
import { allAddresses } from '../vrrp/desired.ts';
import { effectivePriority, isFault, type TrackState, type Weighed } from '../vrrp/priority.ts';
import { absent, type FaultReason } from '../vrrp/virtual-router.ts';

/** What must be known of the machine. */
export interface Surroundings {
  link(name: string): Link | undefined;
  primaryAddress(instance: VrrpInstance): IpAddress | null;
  hasAddress(instance: VrrpInstance, address: IpAddress): boolean;
  /** The unicast source is, or was, an address of this machine. */
  canSpeakFrom(instance: VrrpInstance): boolean;
  hasSocket(instance: VrrpInstance): boolean;
  script(name: string): TrackState;
}

export interface Facts {
  readonly faults: ReadonlySet<FaultReason>;
  readonly holds: ReadonlySet<FaultReason>;
  readonly priority: number;
  readonly source: IpAddress | null;
}

export function assess(instance: VrrpInstance, group: SyncGroup | undefined, around: Surroundings): Facts {
  const faults = new Set<FaultReason>();
  const holds = new Set<FaultReason>();
  const link = around.link(instance.link);
  const source = instance.sourceAddress ?? around.primaryAddress(instance);
  if (link === undefined) faults.add(absent(instance.link));
  else {
    if (!instance.dontTrackPrimary && !isUp(link)) faults.add(`interface ${instance.link} is down`);
    if (source === null) faults.add(`interface ${instance.link} has no ${instance.family === 'inet' ? 'IPv4' : 'link-local IPv6'} address`);
    if (instance.trackSourceAddress && instance.sourceAddress !== null && !around.hasAddress(instance, instance.sourceAddress)) {
      faults.add(`source address ${instance.sourceAddress} is missing from ${instance.link}`);
    }
    if (!around.canSpeakFrom(instance)) faults.add(`unicast source ${source ?? ''} is no address of this machine`);
    if (!around.hasSocket(instance)) faults.add(`no VRRP socket on ${instance.link}`);
  }
  const weighed: Weighed[] = [];
  const track = (ref: TrackRef, state: TrackState, what: string, weightCounts: boolean): void => {
    const one: Weighed = { ref, state };
    if (isFault(one)) faults.add(what);
    else if (ref.weight === 0 && state === 'unknown') holds.add(what);
    if (weightCounts) weighed.push(one);
  };
  const linkState = (name: string): TrackState => {
    const tracked = around.link(name);
    return tracked !== undefined && isUp(tracked) ? 'up' : 'down';
  };
  for (const name of addressLinks(instance)) if (linkState(name) !== 'up') faults.add(`interface ${name} of a virtual address is down`);
  for (const ref of instance.trackInterfaces) track(ref, linkState(ref.name), `tracked interface ${ref.name} is down`, true);
  for (const ref of instance.trackScripts) track(ref, around.script(ref.name), `script ${ref.name}`, true);
  if (group !== undefined) {
    for (const ref of group.trackInterfaces) track(ref, linkState(ref.name), `tracked interface ${ref.name} is down (group)`, group.trackingWeight);
    for (const ref of group.trackScripts) track(ref, around.script(ref.name), `script ${ref.name} (group)`, group.trackingWeight);
  }
  return { faults, holds, priority: effectivePriority(instance, weighed), source };
}

/** keepalived's: other interfaces that carry tracked addresses of the instance count like its own, unless track_interface has them. */
function addressLinks(instance: VrrpInstance): Set<string> {
  const explicit = new Set(instance.trackInterfaces.map((ref) => ref.name));
  return new Set(allAddresses(instance).filter((v) => !v.noTrack && v.link !== instance.link && !explicit.has(v.link)).map((v) => v.link));
}

function isUp(link: Link): boolean {
  return link.up && link.running;
}
