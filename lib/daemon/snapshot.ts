import type { Config, VrrpInstance } from '../config/model.ts';
import type { Clock } from '../system/clock.ts';
import type { Millis } from '../util/time.ts';
import { masterDownInterval } from '../vrrp/timers.ts';
import type { StateName, VirtualRouter } from '../vrrp/state.ts';
import { deadline } from '../vrrp/virtual-router.ts';
import { groupState } from '../vrrp/sync-group.ts';
import { allAddresses } from '../vrrp/desired.ts';
import type { BfdService } from './bfd-service.ts';
import type { Network } from './network.ts';
import { receiveShare } from './receive-buffers.ts';
import type { BfdSessionStatus, FileStatus, GroupStatus, InstanceState, InstanceStatus, InterfaceStatus, ProcessStatus, ScriptStatus, Status } from './status.ts';
import type { Trackers } from './trackers.ts';
import type { VrrpService } from './vrrp-service.ts';

export interface SnapshotSources {
  readonly version: string;
  readonly startedAt: number;
  readonly config: Config;
  readonly clock: Clock;
  readonly network: Network;
  readonly trackers: Trackers;
  readonly vrrp: VrrpService;
  readonly bfd: BfdService;
  /** Sysctls that we set, by path: what was found there. */
  readonly sysctls: ReadonlyMap<string, string>;
}

/** Everything worth knowing, copied into one value. Monotonic times become wall-clock ones. */
export function snapshot({ version, startedAt, config, clock, network, trackers, vrrp, bfd, sysctls }: SnapshotSources): Status {
  const at = clock.wall();
  const wall = (when: Millis): number => at + (when - clock.now());
  const { members } = vrrp.router;
  const instances = config.instances.flatMap((instance): InstanceStatus[] => {
    const member = members.get(instance.name);
    if (member === undefined) return [];
    const next = deadline(member);
    const interval = advertInterval(member) ?? instance.advertInterval;
    return [{
      config: instance, group: config.syncGroups.find((g) => g.members.includes(instance.name))?.name ?? null,
      state: stateName(member.state.name), wanted: wanted(instance, member, vrrp.router.willing), master: member.state.name === 'Backup' ? member.state.master : null, priority: member.priority, faults: [...member.faults], holds: [...member.holds], source: member.address,
      lastTransitionAt: wall(member.since), deadlineAt: next === Infinity ? null : wall(next),
      masterDownInterval: masterDownInterval(instance, member.priority, interval), masterAdvertInterval: interval,
      addressesSet: member.state.name === 'Master' && allAddresses(instance).length > 0, counters: vrrp.countersOf(instance), dropped: vrrp.droppedFor(instance),
      receiveBuffer: receiveShare(instance, config.settings, network.link(instance.link)?.mtu ?? 0),
    }];
  });
  const groups = config.syncGroups.map((group): GroupStatus => ({ config: group, state: stateName(groupState(group, members) ?? 'Initialize') }));
  const scripts = trackers.scripts.all().map(({ script, state, running }): ScriptStatus => ({
    config: script, running, status: state.verdict === 'unknown' ? 'unknown' : state.verdict === 'up' ? 'good' : 'bad',
    result: state.verdict === 'up' ? script.rise + script.fall - 1 - state.against : state.verdict === 'down' ? state.against : 0,
  }));
  const files = trackers.files.all().map(({ file, value }): FileStatus => ({ config: file, value }));
  const processes = trackers.processes.all().map(({ tracked, state: { count, verdict, pending } }): ProcessStatus => ({
    config: tracked, count, up: verdict === 'up', forkDelayed: pending?.delay === 'fork', terminateDelayed: pending?.delay === 'terminate',
  }));
  const interfaces = network.links().map((link): InterfaceStatus => {
    const delay = config.links.delays.find((one) => one.link === link.name);
    return {
      link, addresses: network.addressesOf(link.index).map((a) => a.prefix.address),
      ...(delay === undefined ? {} : { delays: { up: delay.up, down: delay.down, waiting: vrrp.links.isWaiting(link.name) } }),
    };
  });
  const sessions = bfd.all().map(({ config: one, session, speaking }): BfdSessionStatus => ({
    config: one, speaking, session, lastSeenAt: session.lastSeen === null ? null : wall(session.lastSeen),
  }));
  return { version, at, startedAt, global: config.global, settings: config.settings, statics: config.statics, garpGroups: config.garpGroups, trackGroups: config.trackGroups, sysctls, instances, groups, scripts, files, processes, interfaces, bfd: { sessions, dropped: Object.fromEntries(bfd.dropped) } };
}

/** `state MASTER` until it has been one; in a group: it would, if the others would. */
function wanted(instance: VrrpInstance, { state, counters }: VirtualRouter, willing: ReadonlySet<string>): InstanceState {
  const would = willing.has(instance.name) || (instance.wantMaster && counters.becameMaster === 0);
  return state.name === 'Backup' && would ? 'MASTER' : stateName(state.name);
}

function advertInterval({ state }: VirtualRouter): Millis | null {
  return state.name === 'Backup' || state.name === 'Master' ? state.masterAdverInterval : null;
}

function stateName(state: StateName): InstanceState {
  switch (state) {
    case 'Initialize':
      return 'INIT';
    case 'Backup':
      return 'BACKUP';
    case 'Master':
      return 'MASTER';
    case 'Fault':
      return 'FAULT';
  }
}
