import { type Destination, IPIP, type ServiceEntry, type ServiceId } from '../../codec/ipvs-values.ts';
import { EMPTY_TABLE, sameKeys, tableOf, type IpvsTable } from '../../ipvs/table.ts';
import { SystemError } from '../../system/error.ts';
import type { Files } from '../../system/files.ts';
import { parseIp } from '../../util/ip.ts';
import type { Log } from '../log/log.ts';

/**
 * What this run may put into IPVS, written before it does and removed at a clean stop: the next start after a crash removes what
 * is no longer configured, and nothing of anybody else.
 */
export class IpvsJournal {
  readonly #files: Pick<Files, 'read' | 'write' | 'remove'>;
  readonly #log: Log;
  readonly #path: string;
  /** Identifies this boot of this network namespace. */
  readonly #epoch: string;
  #written: IpvsTable | null = null;

  constructor(files: Pick<Files, 'read' | 'write' | 'remove'>, log: Log, path: string, epoch: string) {
    this.#files = files;
    this.#log = log;
    this.#path = path;
    this.#epoch = epoch;
  }

  /** Services and destinations of the run before, if it did not end well; only their keys mean something. */
  async leftover(): Promise<IpvsTable> {
    try {
      const value: unknown = JSON.parse(new TextDecoder().decode(await this.#files.read(this.#path)));
      if (!isRecord(value) || value['epoch'] !== this.#epoch || !Array.isArray(value['services'])) return EMPTY_TABLE;
      return tableOf(value['services'].flatMap(entryOf));
    } catch (cause) {
      if (!(cause instanceof SystemError && cause.code === 'ENOENT')) this.#log.warn(`journal ${this.#path} cannot be read: ${String(cause)}`);
      return EMPTY_TABLE;
    }
  }

  /** What is written already is not written again. */
  async claim(table: IpvsTable): Promise<void> {
    if (this.#written !== null && sameKeys(this.#written, table)) return;
    this.#written = table;
    const services = [...table.values()].map(({ service, destinations, localAddresses = [] }) => ({ id: service.id, destinations: destinations.map(({ address, port }) => ({ address, port })), ...(localAddresses.length === 0 ? {} : { localAddresses }) }));
    try {
      await this.#files.write(this.#path, `${JSON.stringify({ epoch: this.#epoch, services })}\n`, 0o600);
    } catch (cause) {
      this.#written = null;
      this.#log.warn(`journal ${this.#path} cannot be written (${String(cause)}): if this daemon is killed, services that are then taken out of its configuration stay until removed by hand`);
    }
  }

  async clear(): Promise<void> {
    try {
      await this.#files.remove(this.#path);
    } catch (cause) {
      if (!(cause instanceof SystemError && cause.code === 'ENOENT')) this.#log.warn(`journal ${this.#path} cannot be removed: ${String(cause)}`);
    }
  }
}

function entryOf(value: unknown): ServiceEntry[] {
  if (!isRecord(value) || !Array.isArray(value['destinations'])) return [];
  const id = idOf(value['id']);
  if (id === null) return [];
  return [{ service: { id, scheduler: 'none', flags: [], persistence: null, engine: null }, destinations: value['destinations'].flatMap(destinationOf), ...localOf(value['localAddresses']) }];
}

function localOf(value: unknown): Pick<ServiceEntry, 'localAddresses'> {
  return Array.isArray(value) ? { localAddresses: value.flatMap((one: unknown) => (typeof one === 'string' ? parseIp(one) ?? [] : [])) } : {};
}

function idOf(value: unknown): ServiceId | null {
  if (!isRecord(value)) return null;
  const { kind, protocol, address, port, mark, family } = value;
  if (kind === 'fwmark') return typeof mark === 'number' && (family === 'inet' || family === 'inet6') ? { kind, mark, family } : null;
  const ip = typeof address === 'string' ? parseIp(address) : null;
  const known = protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp';
  return kind === 'address' && known && ip !== null && typeof port === 'number' ? { kind, protocol, address: ip, port } : null;
}

function destinationOf(value: unknown): Destination[] {
  if (!isRecord(value) || typeof value['address'] !== 'string' || typeof value['port'] !== 'number') return [];
  const address = parseIp(value['address']);
  if (address === null) return [];
  return [{ address, port: value['port'], weight: 0, upperThreshold: 0, lowerThreshold: 0, forward: { method: 'NAT', tunnel: IPIP } }];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
