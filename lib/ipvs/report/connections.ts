import { ipFromBytes, parseIp, type IpAddress } from '../../util/ip.ts';
import { fromHex } from '../../util/bytes.ts';
import { endpoint } from './words.ts';

/** A line of /proc/net/ip_vs_conn. */
export interface Connection {
  /** `TCP`, `UDP`, `SCTP`; `IP` for a persistence template of a firewall mark, whose virtual address is the mark. */
  readonly protocol: string;
  readonly client: Endpoint;
  readonly virtual: Endpoint;
  readonly destination: Endpoint;
  /** FULLNAT: whom the destination takes for the client; null: none, or not known. */
  readonly local: Endpoint | null;
  readonly state: string;
  /** Seconds. */
  readonly expires: number;
  /** Persistence engine and what it keeps, or null. */
  readonly engine: { readonly name: string; readonly data: string } | null;
}

export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

/** Is this the head of a patched kernel's file? There the local address stands between virtual and destination. */
export function hasLocal(head: string): boolean {
  return /\bLPrt\b/u.test(head);
}

/** null for a line that is none of a connection, as the first is. `patched`: of a file whose head has the local address. */
export function parseConnection(line: string, patched = false): Connection | null {
  const [protocol = '', fromIp = '', fromPort = '', toIp = '', toPort = '', ...rest] = line.trim().split(/\s+/u);
  const [localIp, localPort] = patched ? rest.splice(0, 2) : [];
  const [destIp = '', destPort = '', state = '', expires = '', name, data] = rest;
  const client = parseEndpoint(fromIp, fromPort);
  const virtual = parseEndpoint(toIp, toPort);
  const destination = parseEndpoint(destIp, destPort);
  if (client === null || virtual === null || destination === null || !/^\d+$/u.test(expires)) return null;
  const local = parseEndpoint(localIp ?? '', localPort ?? '');
  return {
    protocol, client, virtual, destination, local: local === null || local.port === 0 ? null : local, state, expires: Number(expires),
    engine: name === undefined ? null : { name, data: data ?? '' },
  };
}

/** The head of `ipvsadm -Lcn`; `engines`: with --persistent-conn. */
export function connectionsHead(engines: boolean): string[] {
  return ['IPVS connection entries', `pro expire state       source             virtual            destination${engines ? '        pe name          pe_data' : ''}`];
}

export function connectionLine(connection: Connection, engines: boolean): string {
  const { protocol, client, virtual, destination, state, expires, engine } = connection;
  const line = `${protocol.padEnd(3)} ${two(Math.floor(expires / 60))}:${two(expires % 60)}  ${state.padEnd(11)} ${endpoint(client).padEnd(18)} ${endpoint(virtual).padEnd(18)}`;
  if (!engines || engine === null) return `${line} ${endpoint(destination)}`;
  return `${line} ${endpoint(destination).padEnd(16)} ${engine.name.padEnd(18)} ${engine.data}`;
}

/** The head of the view with all four addresses, and its lines: what the client sees, and what the server sees. */
export const FOUR_ADDRESSES_HEAD: readonly string[] = ['IPVS connection entries', 'pro expire state       source             virtual            local              destination'];

export function fourAddressesLine({ protocol, client, virtual, destination, local, state, expires }: Connection): string {
  const time = `${two(Math.floor(expires / 60))}:${two(expires % 60)}`;
  return `${protocol.padEnd(3)} ${time}  ${state.padEnd(11)} ${[client, virtual].map((one) => endpoint(one).padEnd(18)).join(' ')} ${(local === null ? '-' : endpoint(local)).padEnd(18)} ${endpoint(destination)}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** `0A010002 0050`, or an IPv6 address with all its digits. */
function parseEndpoint(address: string, port: string): Endpoint | null {
  if (!/^[\dA-Fa-f]{4}$/u.test(port)) return null;
  const ip = /^[\dA-Fa-f]{8}$/u.test(address) ? ipFromBytes(fromHex(address)) : parseIp(address);
  return ip === null ? null : { address: ip, port: parseInt(port, 16) };
}
