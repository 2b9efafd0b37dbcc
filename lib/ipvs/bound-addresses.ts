/** Addresses that the balancing half itself puts on interfaces: those of virtual servers with vip_bind_dev, and local addresses with a device. */
import type { IpvsConfig, VirtualServer } from '../config/model-ipvs.ts';
import { eachAddress, familyOf, type IpAddress } from '../util/ip.ts';
import type { Standing } from './desired.ts';
import { isFullnat } from './fullnat/plan.ts';

export interface BoundAddress {
  readonly link: string;
  readonly address: IpAddress;
}

export function boundKey({ link, address }: BoundAddress): string {
  return `${link} ${address}`;
}

/** While the quorum is not lost; several services may share one. A mark has none. */
export function boundAddresses(standings: readonly Standing[], groups: IpvsConfig['groups']): readonly BoundAddress[] {
  return unique(standings.filter(({ state }) => state.quorum !== 'down').flatMap(({ service }) => ofService(service, groups)));
}

/** `ADDRESS IF` of the groups that FULLNAT uses, of the services' families. */
export function localBoundAddresses({ virtualServers, localAddressGroups }: Pick<IpvsConfig, 'virtualServers' | 'localAddressGroups'>): readonly BoundAddress[] {
  return unique(virtualServers.filter(isFullnat).flatMap(({ family, fullnat: { localAddressGroup: name } }) => localAddressGroups
    .filter((group) => group.name === name)
    .flatMap(({ ranges }) => ranges.flatMap(({ first, last, link }) => (link === null || familyOf(first) !== family ? [] : eachAddress(first, last).map((address) => ({ link, address })))))));
}

function ofService({ key, fullnat: { bindLink: link } }: VirtualServer, groups: IpvsConfig['groups']): BoundAddress[] {
  if (link === null) return [];
  switch (key.kind) {
    case 'fwmark': return [];
    case 'address': return [{ link, address: key.address }];
    case 'group': {
      const entries = groups.find(({ name }) => name === key.name)?.entries ?? [];
      return entries.flatMap((entry) => (entry.kind === 'fwmark' ? [] : eachAddress(entry.first, entry.last).map((address) => ({ link, address }))));
    }
  }
}

function unique(all: readonly BoundAddress[]): BoundAddress[] {
  return [...new Map(all.map((one) => [boundKey(one), one])).values()];
}
