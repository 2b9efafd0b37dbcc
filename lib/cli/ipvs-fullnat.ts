/** What `tskeepalived ipvs` knows of FULLNAT: by the kernel, or by what the daemon has written down. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { serviceKey, type IpvsInfo, type ServiceEntryStatus } from '../codec/ipvs-values.ts';
import { parseNotes, type FullnatService } from '../ipvs/fullnat/notes.ts';
import { kernelLocals, PortUse, type ServiceLocals } from '../ipvs/report/local-addresses.ts';
import type { IpvsControl } from '../system/ipvs.ts';
import { eachJoined } from './ipvs-connections.ts';
import { journalPlace } from './journal-place.ts';

/** 2^20, which every kernel with the parameter can have; those of the forks have that or 2^22. */
const AMPLE = 1 << 20;

/** Services that a daemon of this network namespace has FULLNAT for on a stock kernel, by serviceKey. */
export function translated(): ReadonlyMap<string, FullnatService> {
  const { directory, prefix, epoch } = journalPlace();
  let names: string[];
  try {
    names = readdirSync(directory).filter((name) => name.startsWith(prefix) && name.endsWith('.ipvs.json.fullnat-services'));
  } catch {
    // No daemon has ever run here, or what it wrote is not for us to read.
    return new Map();
  }
  return new Map(names.flatMap((name) => parseNotes(read(join(directory, name)), epoch)).map((one) => [one.key, one]));
}

/** The table as it is meant: what is translated is FULLNAT, not masquerading. */
export function asFullnat(entries: readonly ServiceEntryStatus[], notes: ReadonlyMap<string, FullnatService>): ServiceEntryStatus[] {
  return entries.map((entry) => (!notes.has(serviceKey(entry.service.id)) ? entry : {
    ...entry, destinations: entry.destinations.map((one) => (one.forward.method === 'NAT' ? { ...one, forward: { ...one.forward, method: 'FNAT' as const } } : one)),
  }));
}

/** Local addresses of each service that has any, with what is in use of them. Rejects with SystemError. */
export async function localAddresses(control: IpvsControl, entries: readonly ServiceEntryStatus[], notes: ReadonlyMap<string, FullnatService>): Promise<ServiceLocals[]> {
  const use = new PortUse(entries.filter(({ service }) => notes.has(serviceKey(service.id))));
  if (notes.size > 0) await eachJoined((connection) => { use.count(connection); });
  const all: ServiceLocals[] = [];
  for (const { service: { id }, localAddresses: local = [] } of entries) {
    const note = notes.get(serviceKey(id));
    if (note !== undefined) all.push(use.locals(id, note.localAddresses));
    else if (local.length > 0) all.push(kernelLocals(id, await control.localAddresses(id)));
  }
  return all;
}

/** How to get more buckets; null: there are enough. */
export function sizeHint({ connectionTableSize: size }: IpvsInfo): string | null {
  if (size >= AMPLE) return null;
  return `hint: the connection table has ${String(size)} buckets; with many connections write "options ip_vs conn_tab_bits=22" to /etc/modprobe.d/ip_vs.conf and load the module again (20 is the most before Linux 6.5)`;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Gone since the directory was read, or private.
    return '';
  }
}
