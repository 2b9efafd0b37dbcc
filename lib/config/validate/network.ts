/** Root blocks besides instances, groups and services → their parts of Config. */
import type { BlockOf } from '../keyword.ts';
import type { RouteEntry } from '../keywords/routes.ts';
import type { RuleEntry } from '../keywords/rules.ts';
import type { TrackEntry } from '../keywords/tracking.ts';
import type { root } from '../keywords/root.ts';
import type { Config, TrackRef } from '../model.ts';
import type { BfdSession, GarpGroup, Route, Rule, TrackFile, TrackProcess } from '../model-network.ts';
import { ip } from '../../util/ip.ts';
import type { RootBlock } from './config.ts';
import { virtualAddress } from './addresses.ts';

const SECOND = 1000;

type Network = Pick<Config, 'statics' | 'trackGroups' | 'trackFiles' | 'trackProcesses' | 'bfd' | 'garpGroups' | 'links' | 'process'>;

export function buildNetwork({ values }: RootBlock, defaultLink: string): Network {
  return {
    statics: {
      addresses: (values.static_ipaddress ?? []).map((entry) => virtualAddress(entry, defaultLink)),
      routes: (values.static_routes ?? []).map(route),
      rules: (values.static_rules ?? []).map(rule),
    },
    trackGroups: (values.track_group ?? []).map((block) => ({ name: block.name, members: block.values.group ?? [] })),
    trackFiles: (values.track_file ?? []).map(trackFile),
    trackProcesses: (values.vrrp_track_process ?? []).map(trackProcess),
    bfd: (values.bfd_instance ?? []).map(bfdSession),
    garpGroups: (values.garp_group ?? []).map(garpGroup),
    links: { delays: values.interface_up_down_delays ?? [], pollAll: values.linkbeat_use_polling ?? false, polled: polledLinks(values) },
    process: {
      namespace: values.net_namespace ?? null,
      ipvsNamespace: values.net_namespace_ipvs,
      ipsetsInNamespace: values.namespace_with_ipsets ?? false,
      instance: values.instance ?? null,
      usePidDir: values.use_pid_dir ?? values.instance !== undefined,
      childWait: (values.child_wait_time ?? 5) * SECOND,
    },
  };
}

/** linkbeat_interfaces, and the own interfaces of instances that say linkbeat_use_polling. */
function polledLinks(values: RootBlock['values']): Config['links']['polled'] {
  const named = values.linkbeat_interfaces ?? [];
  const own = (values.vrrp_instance ?? []).flatMap((block) => (block.values.linkbeat_use_polling === true && block.values.interface !== undefined ? [block.values.interface] : []));
  return [...named, ...[...new Set(own)].filter((link) => !named.some((one) => one.link === link)).map((link) => ({ link, method: null }))];
}

export function route({ destination, type, family, options, spec, words }: RouteEntry): Route {
  return { destination, type, family, options, spec, words };
}

export function rule({ family, options, spec, words }: RuleEntry): Rule {
  return { family, options, spec, words };
}

/** Tracked things with weights of their own: what the entry leaves open comes from the thing. */
export function trackedThings(entries: readonly TrackEntry[], things: readonly { readonly name: string; readonly weight: number; readonly reverse: boolean }[]): TrackRef[] {
  const byName = new Map(things.map((thing) => [thing.name, thing]));
  return entries.map((entry) => {
    const thing = byName.get(entry.name);
    return { name: entry.name, weight: entry.weight ?? thing?.weight ?? 0, reverse: entry.reverse ?? thing?.reverse ?? false };
  });
}

function trackFile({ name, values }: BlockOf<typeof root.rows.track_file>): TrackFile {
  return { name, path: values.file ?? '', weight: values.weight?.weight ?? 1, reverse: values.weight?.reverse ?? false, init: values.init_file ?? null };
}

function trackProcess({ name, values }: BlockOf<typeof root.rows.vrrp_track_process>): TrackProcess {
  const argv = values.process ?? [];
  return {
    name, argv,
    match: values.param_match ?? (argv.length > 1 ? 'exact' : null),
    fullCommand: values.full_command ?? false,
    weight: values.weight?.weight ?? 0,
    reverse: values.weight?.reverse ?? false,
    // keepalived's: where none may run, none is asked for.
    quorum: values.quorum ?? (values.quorum_max === 0 ? 0 : 1),
    quorumMax: values.quorum_max ?? null,
    forkDelay: values.fork_delay ?? values.delay ?? 0,
    terminateDelay: values.terminate_delay ?? values.delay ?? 0,
  };
}

function bfdSession({ name, values }: BlockOf<typeof root.rows.bfd_instance>): BfdSession {
  const named = values.vrrp === true || values.checker === true;
  return {
    name,
    neighbor: values.neighbor_ip ?? ip('0.0.0.0'),
    source: values.source_ip ?? null,
    minRx: values.min_rx ?? 10,
    minTx: values.min_tx ?? 10,
    idleTx: values.idle_tx ?? SECOND,
    multiplier: values.multiplier ?? 5,
    passive: values.passive ?? false,
    ttl: values.ttl ?? null,
    maxHops: values.max_hops ?? 0,
    multihop: values.multihop ?? false,
    weight: values.weight?.weight ?? 0,
    reverse: values.weight?.reverse ?? false,
    forVrrp: !named || values.vrrp === true,
    forCheckers: !named || values.checker === true,
  };
}

function garpGroup({ values }: BlockOf<typeof root.rows.garp_group>): GarpGroup {
  return {
    links: [...(values.interface === undefined ? [] : [values.interface]), ...(values.interfaces ?? [])],
    arpInterval: values.garp_interval ?? 0,
    naInterval: values.gna_interval ?? 0,
  };
}
