/**
 * Which services FULLNAT on a stock kernel stands for: IPVS there knows them as masquerading only. The daemon writes it down for
 * whoever lists the table.
 */
import { serviceKey, type ServiceId } from '../../codec/ipvs-values.ts';
import type { IpvsConfig } from '../../config/model-ipvs.ts';
import { parseIp, type IpAddress } from '../../util/ip.ts';
import { serviceIds } from '../desired.ts';
import { isFullnat } from './plan.ts';

export interface FullnatService {
  /** As serviceKey writes it. */
  readonly key: string;
  readonly group: string;
  readonly localAddresses: readonly IpAddress[];
}

/** `served`: the configuration as IPVS gets it. */
export function translatedServices(config: IpvsConfig, served: IpvsConfig): readonly FullnatService[] {
  const masqueraded = new Set(served.virtualServers.filter((service) => !isFullnat(service)).map(({ id }) => id));
  return config.virtualServers.filter((service) => isFullnat(service) && masqueraded.has(service.id)).flatMap((service) => {
    const { localAddressGroup: group, localAddresses } = service.fullnat;
    return serviceIds(service, config.groups).map((id: ServiceId) => ({ key: serviceKey(id), group: group ?? '', localAddresses }));
  });
}

export function printNotes(epoch: string, services: readonly FullnatService[]): string {
  return `${JSON.stringify({ epoch, services })}\n`;
}

/** What was written in this boot of this network namespace. */
export function parseNotes(text: string, epoch: string): readonly FullnatService[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  if (typeof value !== 'object' || value === null || !('epoch' in value) || value.epoch !== epoch || !('services' in value) || !Array.isArray(value.services)) return [];
  return value.services.flatMap((one: unknown): FullnatService[] => {
    if (typeof one !== 'object' || one === null || !('key' in one) || typeof one.key !== 'string' || !('localAddresses' in one) || !Array.isArray(one.localAddresses)) return [];
    const group = 'group' in one && typeof one.group === 'string' ? one.group : '';
    return [{ key: one.key, group, localAddresses: one.localAddresses.flatMap((address: unknown) => (typeof address === 'string' ? parseIp(address) ?? [] : [])) }];
  });
}
