import type { DestinationStatus, IpvsInfo, IpvsStats, IpvsTimeouts, Service, ServiceEntryStatus, SyncDaemon, Tunnel } from '../../codec/ipvs-values.ts';
import { counter, endpoint, FORWARD_WORDS, netmask, schedulerFlags, serviceTitle } from './words.ts';

/** What is shown beside each destination. */
export type ListKind = 'plain' | 'stats' | 'rate' | 'thresholds' | 'persistent' | 'tunnels';

/** The table as `ipvsadm -Ln` prints it, with the options of that name; line by line. */
export function listTable(info: IpvsInfo, entries: readonly ServiceEntryStatus[], kind: ListKind, exact = false): string[] {
  const { head, destination } = LAYOUTS[kind];
  const lines = [headLine(info), ...head];
  for (const { service, destinations } of entries) {
    const numbers = counters(kind);
    lines.push(numbers === null ? serviceLine(service) : countersLine(serviceTitle(service.id), service.stats, numbers, exact));
    for (const one of destinations) {
      lines.push(numbers === null ? `  -> ${destination(one)}` : countersLine(`  -> ${endpoint(one)}`, one.stats, numbers, exact));
    }
  }
  return lines;
}

/** The first line of every list: the size is that of the connection table. */
export function headLine(info: IpvsInfo): string {
  return `IP Virtual Server version ${info.version} (size=${info.connectionTableSize})`;
}

/** `ipvsadm -Ln --timeout`. */
export function timeoutsLine({ tcp, tcpFin, udp }: IpvsTimeouts): string {
  return `Timeout (tcp tcpfin udp): ${tcp} ${tcpFin} ${udp}`;
}

/** `ipvsadm -Ln --daemon`. A kernel before 4.3 tells link and id only. */
export function daemonLine({ state, link, syncId, maxLength, group, port, ttl }: SyncDaemon): string {
  const more = maxLength === null ? '' : `, maxlen=${maxLength}, group=${group ?? ''}, port=${port ?? 0}, ttl=${ttl ?? 0}`;
  return `${state} sync daemon (mcast=${link}, syncid=${syncId}${more})`;
}

interface Layout {
  readonly head: readonly string[];
  /** After the arrow; not for counters. */
  readonly destination: (destination: DestinationStatus) => string;
}

const LAYOUTS: Readonly<Record<ListKind, Layout>> = {
  plain: {
    head: ['Prot LocalAddress:Port Scheduler Flags', '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn'],
    destination: (one) => columns([endpoint(one), 28], [FORWARD_WORDS[one.forward.method], 7], [one.weight, 6], [one.activeConnections, 10], [one.inactiveConnections, 10]),
  },
  tunnels: {
    head: ['Prot LocalAddress:Port Scheduler Flags', '  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn'],
    destination: (one) =>
      columns([endpoint(one), 28], [FORWARD_WORDS[one.forward.method], 7], [tunnelInfo(one), 13], [one.weight, 6], [one.activeConnections, 10], [one.inactiveConnections, 10]),
  },
  thresholds: {
    head: ['Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn ', '  -> RemoteAddress:Port'],
    destination: (one) => columns([endpoint(one), 28], [one.upperThreshold, 10], [one.lowerThreshold, 10], [one.activeConnections, 10], [one.inactiveConnections, 10]),
  },
  persistent: {
    head: ['Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn ', '  -> RemoteAddress:Port'],
    destination: (one) => columns([endpoint(one), 28], [one.weight, 9], [one.persistentConnections, 11], [one.activeConnections, 10], [one.inactiveConnections, 10]),
  },
  stats: {
    head: ['Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes', '  -> RemoteAddress:Port'],
    destination: endpoint,
  },
  rate: {
    head: ['Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS', '  -> RemoteAddress:Port'],
    destination: endpoint,
  },
};

function counters(kind: ListKind): readonly (keyof IpvsStats)[] | null {
  if (kind === 'stats') return ['connections', 'inPackets', 'outPackets', 'inBytes', 'outBytes'];
  if (kind === 'rate') return ['connectionRate', 'inPacketRate', 'outPacketRate', 'inByteRate', 'outByteRate'];
  return null;
}

function countersLine(title: string, stats: IpvsStats, names: readonly (keyof IpvsStats)[], exact: boolean): string {
  return title.padEnd(33) + names.map((name) => counter(stats[name], exact)).join('');
}

function serviceLine(service: Service): string {
  const { scheduler, persistence, engine, flags } = service;
  const words = [`${serviceTitle(service.id)} ${scheduler}`];
  const own = schedulerFlags(service);
  const mask = netmask(service);
  if (own !== null) words.push(`(${own})`);
  if (persistence !== null) words.push(`persistent ${persistence.timeout}`);
  if (mask !== null) words.push(`mask ${mask}`);
  if (persistence !== null && engine !== null) words.push(`pe ${engine}`);
  if (flags.includes('ops')) words.push('ops');
  return words.join(' ');
}

/** `gue:6080:+c`, `gre:-c`, `ipip`; `n/a` for what is no tunnel. */
function tunnelInfo({ forward: { method, tunnel } }: DestinationStatus): string {
  if (method !== 'TUN') return 'n/a';
  switch (tunnel.type) {
    case 'ipip':
      return 'ipip';
    case 'gue':
      return `gue:${tunnel.port}:${CHECKSUMS[tunnel.checksum]}`;
    case 'gre':
      return `gre:${CHECKSUMS[tunnel.checksum]}`;
  }
}

const CHECKSUMS: Readonly<Record<Tunnel['checksum'], string>> = { nocsum: '-c', csum: '+c', remcsum: 'r+c' };

function columns(...cells: readonly (readonly [string | number, number])[]): string {
  return cells.map(([value, width]) => String(value).padEnd(width)).join(' ');
}
