import { serviceFamily, type DestinationId, type ServiceEntryStatus, type ServiceId } from '../../codec/ipvs-values.ts';
import { ByteReader, concat } from '../../util/bytes.ts';
import { ipToBytes, type IpAddress } from '../../util/ip.ts';

/**
 * The order in which ipvsadm(8) lists services and destinations. It compares by differences of 32 bits, which may run over:
 * 10.0.0.1 comes after 192.0.0.1, and there are circles. What comes out then depends on the way of sorting, so the C
 * library's merge sort is done here.
 */
export function inOrder(entries: readonly ServiceEntryStatus[]): ServiceEntryStatus[] {
  const services = entries.map((entry) => ({ entry, words: serviceWords(entry.service.id) }));
  return mergeSort(services).map(({ entry }) => {
    const destinations = entry.destinations.map((destination) => ({ destination, words: destinationWords(destination) }));
    return { ...entry, destinations: mergeSort(destinations).map(({ destination }) => destination) };
  });
}

interface Sortable {
  /** Compared from the left. */
  readonly words: readonly number[];
}

const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;

/** Mark, family, protocol, address, port. */
function serviceWords(id: ServiceId): number[] {
  const family = serviceFamily(id) === 'inet' ? 2 : 10;
  return id.kind === 'fwmark' ? [id.mark, family] : [0, family, PROTOCOLS[id.protocol], ...addressWords(id.address), id.port];
}

function destinationWords({ address, port }: DestinationId): number[] {
  return [...addressWords(address), port];
}

function addressWords(address: IpAddress): number[] {
  const bytes = ipToBytes(address);
  const reader = new ByteReader(concat(bytes, new Uint8Array(16 - bytes.length)));
  return [reader.u32(), reader.u32(), reader.u32(), reader.u32()];
}

function compare(a: Sortable, b: Sortable): number {
  for (const [i, word] of a.words.entries()) {
    const difference = (word - (b.words[i] ?? 0)) | 0;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The first half (the smaller one) and the rest, each sorted, then merged. */
function mergeSort<T extends Sortable>(list: readonly T[]): T[] {
  if (list.length <= 1) return [...list];
  const left = mergeSort(list.slice(0, list.length >> 1));
  const right = mergeSort(list.slice(list.length >> 1));
  const merged: T[] = [];
  let [i, j] = [0, 0];
  for (let a = left[i], b = right[j]; a !== undefined && b !== undefined; a = left[i], b = right[j]) {
    if (compare(a, b) <= 0) i = merged.push(a) - j;
    else j = merged.push(b) - i;
  }
  return [...merged, ...left.slice(i), ...right.slice(j)];
}
