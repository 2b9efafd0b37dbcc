/**
 * FULLNAT on a kernel without it: which connections get which local address (fullnat.md 6). IPVS masquerades; what is here says
 * whose source address is translated besides, to what, and which packets must never leave untranslated.
 */
import type { IpvsConfig, VirtualServer } from '../../config/model-ipvs.ts';
import { serviceFamily, serviceKey, type IpvsProtocol, type ServiceId } from '../../codec/ipvs-values.ts';
import { familyOf, type Family, type IpAddress } from '../../util/ip.ts';
import { serviceIds } from '../desired.ts';

/** The local addresses of one group and family, in the order of the configuration: the place of each decides who gets it. */
export interface LocalPool {
  readonly name: string;
  readonly addresses: readonly IpAddress[];
}

/** A service of the kernel whose connections get an address of a pool. */
export interface TranslatedService {
  readonly id: ServiceId;
  readonly pool: string;
  /** The pool of a TCP connection that is met in its middle, since another director had it before; absent: `pool`. */
  readonly takeover?: string;
  /** The client's address goes into the SYN (`toa on`). */
  readonly toa: boolean;
}

/** A real server's socket that must see local addresses only; port 0: any (a fwmark service without a port). */
export interface GuardedServer {
  readonly protocol: IpvsProtocol;
  readonly address: IpAddress;
  readonly port: number;
}

/** All of one family; IPv4 and IPv6 are tables of their own. */
export interface FullnatPlan {
  readonly family: Family;
  /** Decides which client gets which address of a pool. */
  readonly seed: number;
  readonly pools: readonly LocalPool[];
  readonly services: readonly TranslatedService[];
  readonly servers: readonly GuardedServer[];
}

/** Does any server of it get FULLNAT? */
export function isFullnat({ forward, realServers, sorryServer }: VirtualServer): boolean {
  return [forward, ...realServers.map((server) => server.forward), ...(sorryServer === null ? [] : [sorryServer.forward])].some(({ method }) => method === 'FNAT');
}

/** What the configuration asks for in one family; null: nothing. */
export function fullnatPlan({ virtualServers, groups, fullnatSeed: seed }: Pick<IpvsConfig, 'virtualServers' | 'groups' | 'fullnatSeed'>, family: Family): FullnatPlan | null {
  const pools = new Map<string, LocalPool>();
  const services = new Map<string, TranslatedService>();
  const servers = new Map<string, GuardedServer>();
  for (const server of virtualServers.filter(isFullnat)) {
    const ids = serviceIds(server, groups).filter((id) => serviceFamily(id) === family);
    const { localAddressGroup: name, localAddresses: addresses } = server.fullnat;
    if (ids.length === 0 || name === null || addresses.length === 0) continue;
    const pool: LocalPool = { name, addresses };
    pools.set(pool.name, pool);
    const takeover = takeoverPool(server);
    if (takeover !== null) pools.set(takeover.name, takeover);
    for (const id of ids) {
      // Of two virtual servers with one service in the kernel the first decides, as with its other settings.
      if (!services.has(serviceKey(id))) services.set(serviceKey(id), { id, pool: pool.name, ...(takeover === null ? {} : { takeover: takeover.name }), toa: server.fullnat.toa });
    }
    for (const guarded of guardedServers(server, family)) servers.set(`${guarded.protocol} ${guarded.address} ${String(guarded.port)}`, guarded);
  }
  return services.size === 0 ? null : { family, seed, pools: [...pools.values()], services: [...services.values()], servers: [...servers.values()] };
}

function takeoverPool({ fullnat: { takeoverGroup: name, takeoverAddresses: addresses } }: VirtualServer): LocalPool | null {
  return name === null || addresses.length === 0 ? null : { name, addresses };
}

function guardedServers(server: VirtualServer, family: Family): GuardedServer[] {
  const protocols: readonly IpvsProtocol[] = server.protocol === null ? ['tcp', 'udp', 'sctp'] : [server.protocol];
  const targets = [...server.realServers, ...(server.sorryServer === null ? [] : [server.sorryServer])];
  return targets
    .filter(({ address, forward }) => forward.method === 'FNAT' && familyOf(address) === family)
    .flatMap(({ address, port }) => protocols.map((protocol) => ({ protocol, address, port })));
}
