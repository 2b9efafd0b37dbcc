/** virtual_server and its kin → IpvsConfig: defaults and limits in keepalived's order of messages (reference 6.1). */
import type { Context } from '../context.ts';
import type { BlockOf, NamedList } from '../keyword.ts';
import type { AddressRange, FwmarkEntry } from '../keywords/virtual-server.ts';
import type { root } from '../keywords/root.ts';
import type { ForwardMethod, GroupEntry, IpvsConfig, LocalAddressGroup, Protocol, RealServer, ServiceKey, VirtualServer, VirtualServerGroup } from '../model-ipvs.ts';
import { familyOf, maxPrefix, type Family, type IpAddress } from '../../util/ip.ts';
import type { GlobalValues, RootBlock } from './config.ts';
import { asksForFullnat, checkFullnat, checkLocal, localAddresses } from './fullnat.ts';
import { fifo, usable } from './global.ts';
import { buildRealServer, type FileWeight } from './real-servers.ts';
import { noteScript, judgeScript, reportSecurity, type ScriptState } from './scripts.ts';
import { serviceId } from './virtual-servers.ts';
import type { RawScript } from '../accounts.ts';

export type VirtualServerBlock = BlockOf<typeof root.rows.virtual_server>;

const SECOND = 1000;
/** "tska", as good as any; what counts is that directors agree. */
const DEFAULT_SEED = 0x74736b61;
const PERSISTENCE = 360;
const NAT: ForwardMethod = { method: 'NAT', tunnel: { type: 'ipip', port: 0, checksum: 'nocsum' } };

export function buildIpvs(tree: RootBlock, given: GlobalValues, context: Context): IpvsConfig {
  context.pass = 'checker';
  const groups = (tree.values.virtual_server_group ?? []).filter((group) => group.entries.length > 0).map(groupOf);
  const localAddressGroups = (tree.values.local_address_group ?? []).map((group): LocalAddressGroup => ({ name: group.name, ranges: group.entries.map(({ first, last, link }) => ({ first, last, link })) }));
  const scripts: ScriptState = { running: false, insecure: false };
  context.switches.set('file_weights', new Map((tree.values.track_file ?? []).map(({ name, values }): [string, FileWeight] => [name, values.weight ?? { weight: 1, reverse: false }])));
  if (tree.values.net_namespace_ipvs !== undefined) context.switches.set('ipvs_namespace', true);
  const virtualServers: VirtualServer[] = [];
  const uses = new Map<string, number>();
  for (const block of tree.values.virtual_server ?? []) {
    const { name } = block.header.kind === 'group' ? block.header : { name: '' };
    const server = new Builder(block, given, groups, localAddressGroups, scripts, context, uses.get(name) ?? 0).build();
    if (server === null) continue;
    virtualServers.push(server);
    if (server.key.kind === 'group') uses.set(name, (uses.get(name) ?? 0) + 1);
  }
  reportSecurity(context, scripts, 'check ');
  checkLocal(tree.values.local_address_group ?? [], usedGroups(virtualServers), configured(tree), context);
  const ssl = tree.values.SSL?.at(-1)?.values;
  return {
    virtualServers,
    groups,
    localAddressGroups,
    fullnatSeed: given.fullnat_seed ?? DEFAULT_SEED,
    drainTime: given.drain_time ?? 0,
    ssl: ssl === undefined ? null : { password: ssl.password ?? null, ca: ssl.ca ?? null, certificate: ssl.certificate ?? null, key: ssl.key ?? null },
    timeouts: given.lvs_timeouts ?? null,
    flush: given.lvs_flush ?? false,
    flushOnStop: given.lvs_flush_on_stop === undefined ? null : given.lvs_flush_on_stop === 'VS' ? 'ours' : 'all',
    syncDaemon: given.lvs_sync_daemon ?? instanceSyncDaemon(tree),
    notifyFifo: fifo(given.lvs_notify_fifo, given.lvs_notify_fifo_script, context),
    initNotifies: given.rs_init_notifies ?? false,
    groupMarks: given.nftables_ipvs === undefined ? null : { table: given.nftables_ipvs ?? 'keepalived_ipvs', priority: given.nftables_ipvs_priority ?? -1, first: given.nftables_ipvs_start_fwmark ?? 1000 },
    checkerMails: !(given.no_checker_emails ?? false),
  };
}

/** The deprecated lvs_sync_daemon_interface of a vrrp_instance, in the words of lvs_sync_daemon. */
function instanceSyncDaemon(tree: RootBlock): IpvsConfig['syncDaemon'] {
  for (const { name, values } of tree.values.vrrp_instance ?? []) if (values.lvs_sync_daemon_interface !== undefined) return [values.lvs_sync_daemon_interface, 'inst', name];
  return null;
}

/** Groups of local addresses of virtual servers with FULLNAT. */
function usedGroups(servers: readonly VirtualServer[]): ReadonlySet<string> {
  return new Set(servers.filter(asksForFullnat).flatMap(({ fullnat: { localAddressGroup: name } }) => name ?? []));
}

/** Addresses that instances, and the daemon itself, bring. */
function configured(tree: RootBlock): ReadonlySet<IpAddress> {
  const entries = [...(tree.values.vrrp_instance ?? []).flatMap(({ values }) => [...values.virtual_ipaddress ?? [], ...values.virtual_ipaddress_excluded ?? []]), ...tree.values.static_ipaddress ?? []];
  return new Set(entries.map(({ prefix }) => prefix.address));
}

function groupOf(group: NamedList<AddressRange | FwmarkEntry>): VirtualServerGroup {
  return {
    name: group.name,
    entries: group.entries.map((entry): GroupEntry => (entry.kind === 'fwmark' ? { kind: 'fwmark', mark: entry.mark, family: entry.family } : { kind: 'addresses', first: entry.first, last: entry.last, port: entry.port })),
  };
}

class Builder {
  readonly #block: VirtualServerBlock;
  readonly #key: ServiceKey;
  readonly #given: GlobalValues;
  readonly #groups: readonly VirtualServerGroup[];
  readonly #localGroups: readonly LocalAddressGroup[];
  readonly #scripts: ScriptState;
  readonly #context: Context;
  /** Virtual servers of the same group before this one. */
  readonly #index: number;

  constructor(block: VirtualServerBlock, given: GlobalValues, groups: readonly VirtualServerGroup[], localGroups: readonly LocalAddressGroup[], scripts: ScriptState, context: Context, index: number) {
    this.#index = index;
    this.#block = block;
    this.#key = block.header;
    this.#given = given;
    this.#groups = groups;
    this.#localGroups = localGroups;
    this.#scripts = scripts;
    this.#context = context;
  }

  build(): VirtualServer | null {
    const { values } = this.#block;
    const key = this.#key;
    const group = key.kind === 'group' ? this.#groups.find((one) => one.name === key.name) : undefined;
    if (key.kind === 'group' && group === undefined) {
      const place = this.#block.place;
      this.#context.report({ code: 'unknown-group', recorded: 'none', wording: null, place, message: `virtual server group ${key.name} is not declared: the virtual server is left out`, remedy: `declare it: virtual_server_group ${key.name} { … }` });
      return null;
    }
    const protocol = this.#protocol();
    const id = serviceId(key, protocol ?? undefined, this.#index);
    if (values.lvs_sched === undefined) this.#say('no-scheduler', `Virtual server ${id}: no scheduler set, setting default 'wlc'`, 'write: lvs_sched wlc');
    const forward = values.lvs_method ?? NAT;
    if (values.lvs_method === undefined) this.#say('no-method', `Virtual server ${id}: no forwarding method set, setting default NAT`, 'write: lvs_method NAT');
    if (values.ops === true && protocol !== 'udp') this.#say('ops-not-udp', `Virtual server ${id}: one packet scheduling requires UDP - resetting`, 'ops is for UDP', 'warning', 'ops');
    const realServers = this.#realServers(id, protocol, forward, group);
    const family = this.#family(group, realServers);
    const built: VirtualServer = {
      id, key, family, protocol, forward, realServers,
      scheduler: values.lvs_sched ?? 'wlc',
      flags: this.#flags(protocol),
      persistence: this.#persistence(id, family),
      ...this.#quorum(id, realServers),
      alpha: values.alpha ?? false,
      omega: values.omega ?? false,
      haSuspend: values.ha_suspend ?? false,
      smtpAlert: values.smtp_alert ?? this.#given.smtp_alert_checker ?? this.#given.smtp_alert ?? false,
      quorumUp: this.#script(values.quorum_up),
      quorumDown: this.#script(values.quorum_down),
      snmpName: values.snmp_name ?? null,
      sorryServer: values.sorry_server === undefined ? null : {
        address: values.sorry_server.address,
        port: values.sorry_server.port ?? this.#port(),
        forward: values.sorry_server_lvs_method ?? forward,
        inhibit: values.sorry_server_inhibit ?? false,
      },
      fullnat: {
        localAddressGroup: values.laddr_group_name ?? null,
        localAddresses: localAddresses(values.laddr_group_name ?? null, family, this.#localGroups),
        takeoverGroup: values.laddr_takeover_name ?? null,
        takeoverAddresses: localAddresses(values.laddr_takeover_name ?? null, family, this.#localGroups),
        denyGroup: values.daddr_group_name ?? null,
        allowGroup: values.waddr_group_name ?? null,
        synProxy: values.syn_proxy ?? false,
        bindLink: values.vip_bind_dev ?? null,
        establishTimeout: values.establish_timeout === undefined ? null : values.establish_timeout * SECOND,
        toa: values.toa ?? false,
      },
    };
    checkFullnat({ ...built, mark: key.kind === 'fwmark' }, this.#localGroups, { block: this.#block.place, of: (keyword) => this.#block.placeOf(keyword) ?? this.#block.place }, this.#context);
    return built;
  }

  #protocol(): Protocol | null {
    const asked = this.#block.values.protocol?.toLowerCase() as Protocol | undefined;
    const key = this.#key;
    if (key.kind === 'fwmark') {
      if (asked !== undefined) this.#say('fwmark-protocol', `Warning: Virtual server ${serviceId(key, undefined)}: protocol specified for fwmark - protocol will be ignored`, 'a mark stands for every protocol', 'warning', 'protocol');
      return null;
    }
    if (asked !== undefined) return asked;
    this.#say('no-protocol', `Virtual server ${serviceId(key, undefined)}: no protocol set - defaulting to UDP`, 'write: protocol TCP');
    return 'udp';
  }

  #port(): number {
    return this.#key.kind === 'address' ? this.#key.port : 0;
  }

  #flags(protocol: Protocol | null): VirtualServer['flags'] {
    const { values } = this.#block;
    return (['hashed', 'ops', 'flag-1', 'flag-2', 'flag-3'] as const).filter((flag) => values[flag] === true && (flag !== 'ops' || protocol === 'udp'));
  }

  #realServers(id: string, protocol: Protocol | null, forward: ForwardMethod, group: VirtualServerGroup | undefined): RealServer[] {
    const seen = new Set<string>();
    let ids: Set<string> | null = null;
    const servers: RealServer[] = [];
    const asked: string[] = [];
    for (const block of this.#block.values.real_server ?? []) {
      const server = buildRealServer(block, this.#block.values, this.#given, { forward, protocol, port: this.#port() }, this.#scripts, this.#context);
      // Addresses first: ids are made of parts, and most services have each address once.
      if (seen.has(server.address)) ids ??= new Set(asked);
      if (ids?.has(server.id) === true) {
        this.#context.report({ code: 'duplicate', place: block.place, saidAt: null, message: `VS ${id}: real server ${server.id} is duplicated - removing second rs`, remedy: 'a real server stands once in a service' });
        continue;
      }
      seen.add(server.address);
      ids?.add(server.id);
      asked.push(server.id);
      servers.push(this.#ports(id, server, block.header.port, group, block.place));
    }
    return servers;
  }

  /** The port of a real server follows the service's, except for NAT. */
  #ports(id: string, server: RealServer, asked: number | null, group: VirtualServerGroup | undefined, place: VirtualServerBlock['place']): RealServer {
    const key = this.#key;
    const say = (message: string, remedy: string): void => { this.#context.report({ code: 'ports-differ', severity: 'warning', message, place, saidAt: null, remedy }); };
    const { method } = server.forward;
    const keeps = method === 'NAT' || method === 'FNAT';
    if (keeps || asked === null || asked === 0) return server;
    if (key.kind === 'fwmark') {
      say(`WARNING - fwmark virtual server ${id}, real server ${server.id} has port specified - clearing`, `${method} cannot change ports`);
      return withPort(server, 0);
    }
    if (key.kind === 'address') {
      if (asked === key.port) return server;
      say(`WARNING - virtual server ${id} and real server ${server.id} ports don't match - resetting`, `${method} cannot change ports`);
      return withPort(server, key.port);
    }
    let marked = false;
    for (const entry of group?.entries ?? []) {
      if (entry.kind === 'fwmark') {
        if (!marked) say(`WARNING - fwmark virtual server ${id}, real server ${server.id} has port specified - port will be ignored`, `${method} cannot change ports`);
        marked = true;
      } else if (entry.port !== asked) say(`virtual server ${id}:[${entry.first}${entry.first === entry.last ? '' : `-${entry.last}`},${String(entry.port)}] and real server ${server.id} ports don't match`, `${method} cannot change ports`);
    }
    return server;
  }

  #family(group: VirtualServerGroup | undefined, servers: readonly RealServer[]): Family {
    const key = this.#key;
    if (key.kind === 'address') return familyOf(key.address);
    const entry = group?.entries.find((one) => one.kind === 'addresses');
    return this.#block.values.ip_family ?? (entry !== undefined ? familyOf(entry.first) : servers[0] === undefined ? 'inet' : familyOf(servers[0].address));
  }

  #persistence(id: string, family: Family): VirtualServer['persistence'] {
    const { values } = this.#block;
    const anyPort = this.#key.kind === 'address' && this.#key.port === 0;
    if (values.persistence_timeout === undefined && anyPort) {
      this.#say('zero-port', `Virtual server ${id}: zero port only valid for persistent services - setting`, `write: persistence_timeout ${String(PERSISTENCE)}`);
    }
    const timeout = values.persistence_timeout ?? (anyPort ? PERSISTENCE : undefined);
    if (timeout === undefined) return null;
    return { timeout: timeout * SECOND, granularity: values.persistence_granularity ?? maxPrefix(family), engine: values.persistence_engine ?? null };
  }

  #quorum(id: string, servers: readonly RealServer[]): { quorum: number; hysteresis: number } {
    const { values } = this.#block;
    const total = servers.reduce((sum, server) => sum + server.weight, 0);
    let quorum = values.quorum ?? 1;
    let hysteresis = values.hysteresis ?? 0;
    if (quorum > total && total > 0) {
      this.#say('quorum-too-high', `Warning - quorum ${String(quorum)} for ${id} exceeds total weight of real servers ${String(total)}, reducing quorum to ${String(total)}`, 'it could never be met', 'warning', 'quorum');
      quorum = total;
    }
    if (hysteresis >= quorum && hysteresis > 0) {
      this.#say('hysteresis-too-high', `Virtual server ${id}: hysteresis ${String(hysteresis)} >= quorum ${String(quorum)}; setting hysteresis to ${String(quorum - 1)}`, 'it must be less than the quorum', 'warning', 'hysteresis');
      hysteresis = quorum - 1;
    }
    return { quorum, hysteresis };
  }

  #script(script: RawScript | undefined): VirtualServer['quorumUp'] {
    if (script === undefined) return null;
    noteScript(this.#scripts, judgeScript(this.#context, script, script.account));
    return usable(script, this.#context);
  }

  #say(code: string, message: string, remedy: string, severity: 'warning' = 'warning', at?: keyof VirtualServerBlock['values']): void {
    this.#context.report({ code, severity, message, remedy, place: (at === undefined ? undefined : this.#block.placeOf(at)) ?? this.#block.place, saidAt: null });
  }
}

/** Its name has the port as well; its checkers ask at the one that was given. */
function withPort(server: RealServer, port: number): RealServer {
  return { ...server, port, id: `${server.id.slice(0, server.id.lastIndexOf(':') + 1)}${String(port)}` };
}
