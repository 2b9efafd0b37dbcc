import { parseIp } from '../../util/ip.ts';
import type { Connection, Endpoint } from './connections.ts';

const NUMBERS: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, SCTP: 132 };

/** IP's number of a connection's protocol; null: a template, which is no connection. */
export function protocolNumber({ protocol, client }: Pick<Connection, 'protocol' | 'client'>): number | null {
  return client.port === 0 ? null : NUMBERS[protocol] ?? null;
}

/** A connection with whom its server takes for the client, by what netfilter knows of its replies; the client itself is none. */
export function withLocal(connection: Connection, reply: { readonly to: Endpoint } | null): Connection {
  const { client } = connection;
  return reply === null || (reply.to.address === client.address && reply.to.port === client.port) ? connection : { ...connection, local: reply.to };
}

/** What a connection is found by in the lines of /proc/net/nf_conntrack. */
export function conntrackKey({ protocol, client, virtual }: Pick<Connection, 'protocol' | 'client' | 'virtual'>): string {
  return `${protocol.toLowerCase()} ${client.address} ${String(client.port)} ${virtual.address} ${String(virtual.port)}`;
}

/**
 * A line of that file: its key, and where replies go. null: it has no ports.
 *
 *     ipv4     2 tcp      6 431999 ESTABLISHED src=… dst=… sport=… dport=… src=… dst=… sport=… dport=… [ASSURED] mark=0 …
 */
export function parseConntrack(line: string): { readonly key: string; readonly to: Endpoint } | null {
  const [, , protocol = ''] = line.split(/\s+/u, 3);
  const words = (name: string): string[] => [...line.matchAll(new RegExp(`\\b${name}=(\\S+)`, 'gu'))].map((found) => found[1] ?? '');
  const [[source], [target, local], [sport], [dport, localPort]] = [words('src'), words('dst'), words('sport'), words('dport')];
  const [client, virtual, to] = [source, target, local].map((text) => parseIp(text ?? ''));
  if (client == null || virtual == null || to == null || sport === undefined || dport === undefined || localPort === undefined) return null;
  return { key: conntrackKey({ protocol, client: { address: client, port: Number(sport) }, virtual: { address: virtual, port: Number(dport) } }), to: { address: to, port: Number(localPort) } };
}
