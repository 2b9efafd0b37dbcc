import { IPIP, type Destination, type Service, type ServiceEntry, type ServiceId } from '../../lib/codec/ipvs-values.ts';
import { ip } from '../../lib/util/ip.ts';

/** `tcp 192.0.2.1 80` and `fwmark 7 inet`, as serviceKey writes them. */
export function serviceId(text: string): ServiceId {
  const [kind = '', second = '', third = ''] = text.split(' ');
  if (kind === 'fwmark') return { kind, mark: Number(second), family: third as 'inet' | 'inet6' };
  return { kind: 'address', protocol: kind as 'tcp' | 'udp' | 'sctp', address: ip(second), port: Number(third) };
}

export function service(text: string, more: Partial<Service> = {}): Service {
  return { id: serviceId(text), scheduler: 'rr', flags: [], persistence: null, engine: null, ...more };
}

/** `10.0.0.1 80`. */
export function destination(text: string, more: Partial<Destination> = {}): Destination {
  const [address = '', port = ''] = text.split(' ');
  return { address: ip(address), port: Number(port), forward: { method: 'DR', tunnel: IPIP }, weight: 1, upperThreshold: 0, lowerThreshold: 0, ...more };
}

/** A service with plain destinations. */
export function entry(text: string, ...destinations: readonly (string | Destination)[]): ServiceEntry {
  return { service: service(text), destinations: destinations.map((one) => (typeof one === 'string' ? destination(one) : one)) };
}
