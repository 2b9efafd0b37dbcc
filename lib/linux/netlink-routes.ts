import { DecodeError } from '../codec/decode-error.ts';
import type { NetlinkMessage } from '../codec/netlink.ts';
import {
  decodeAddress, decodeLink, encodeGetAddresses, encodeGetLinks, RTM_DELADDR, RTM_DELLINK, RTM_GETADDR, RTM_GETLINK, RTM_NEWADDR, RTM_NEWLINK,
  RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK,
} from '../codec/rtnetlink.ts';
import type { NetlinkRoutes, NetworkEvent, RouteEvent } from '../system/netlink-routes.ts';
import { SystemError } from '../system/error.ts';
import { closing } from './closing.ts';
import { dumpMarkedRoutes, MARKED_GROUPS, toRouteEvent } from './marked-routes.ts';
import type { BufferSize } from './netlink-channel.ts';
import { NetlinkMonitor } from './netlink-monitor.ts';
import { toRequest } from './netlink-operations.ts';
import { NetlinkRequests, type NetlinkRequest } from './netlink-requests.ts';

const NETLINK_ROUTE = 0;

/** Receive buffers that somebody has asked for: of requests' answers, of the kernel's notifications. */
export interface NetlinkBuffers {
  readonly commandBuffer?: BufferSize;
  readonly monitorBuffer?: BufferSize;
}

/**
 * rtnetlink(7), on two sockets: one asks and is answered, one hears of changes, so that neither can crowd out the other. A
 * third one hears of routes and rules while somebody watches them: a router may have a great many.
 * `failed` hears when one of those has died: from then on no change would be noticed. Throws SystemError.
 */
export function linuxNetlinkRoutes(failed: (cause: SystemError) => void, options: NetlinkBuffers = {}): NetlinkRoutes {
  const buffer = options.monitorBuffer ?? null;
  const requests = new NetlinkRequests(NETLINK_ROUTE, 'rtnetlink request socket', { filterDumps: true, ...(options.commandBuffer === undefined ? {} : { receiveBuffer: options.commandBuffer }) });
  const watchers = new Set<(event: NetworkEvent) => void>();
  const routeWatchers = new Set<(event: RouteEvent) => void>();
  const monitor = closing(requests, () => new NetlinkMonitor<NetworkEvent>({
    name: 'rtnetlink monitor socket', groups: [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR], toEvent, failed, buffer,
    tell: (event) => { watchers.forEach((changed) => { changed(event); }); },
  }));
  let routeMonitor: NetlinkMonitor<RouteEvent> | null = null;
  return {
    async dump(family) {
      const links = decodeAll(await requests.dump(GET_LINKS), RTM_NEWLINK, decodeLink);
      const ask = { ...GET_ADDRESSES, payload: encodeGetAddresses(family ?? null) };
      return { links, addresses: decodeAll(await requests.dump(ask), RTM_NEWADDR, decodeAddress) };
    },
    apply: (operations) => requests.batch(operations.map(toRequest)),
    watch(changed) {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
    dumpRoutes: () => dumpMarkedRoutes(requests),
    watchRoutes(changed) {
      routeMonitor ??= new NetlinkMonitor<RouteEvent>({
        name: 'rtnetlink route monitor socket', groups: MARKED_GROUPS, toEvent: toRouteEvent, failed, buffer,
        tell: (event) => { routeWatchers.forEach((watcher) => { watcher(event); }); },
      });
      routeWatchers.add(changed);
      return () => {
        if (!routeWatchers.delete(changed) || routeWatchers.size > 0) return;
        routeMonitor?.close();
        routeMonitor = null;
      };
    },
    close() {
      requests.close();
      monitor.close();
      routeMonitor?.close();
    },
  };
}

const GET_LINKS: NetlinkRequest = { type: RTM_GETLINK, flags: 0, payload: encodeGetLinks(), operation: 'list', object: 'interfaces' };
const GET_ADDRESSES = { type: RTM_GETADDR, flags: 0, operation: 'list', object: 'addresses' };

/** Null for what does not concern us. A message that cannot be decoded counts as lost: what it said is to be dumped. */
function toEvent({ type, payload }: NetlinkMessage): NetworkEvent | null {
  if (type === RTM_NEWLINK || type === RTM_DELLINK) {
    const link = decodeLink(payload);
    if (link === null) return null;
    if (link instanceof DecodeError) return { type: 'lost' };
    return type === RTM_NEWLINK ? { type: 'link', link } : { type: 'link-gone', index: link.index, name: link.name };
  }
  if (type === RTM_NEWADDR || type === RTM_DELADDR) {
    const address = decodeAddress(payload);
    if (address === null) return null;
    if (address instanceof DecodeError) return { type: 'lost' };
    return type === RTM_NEWADDR ? { type: 'address', address } : { type: 'address-gone', address };
  }
  return null;
}

/** Every message of a dump that is of `type` and concerns us. Throws SystemError for one that cannot be decoded. */
function decodeAll<T>(messages: readonly NetlinkMessage[], type: number, decode: (payload: Uint8Array) => T | null | DecodeError): T[] {
  return messages.filter((message) => message.type === type).flatMap(({ payload }) => {
    const value = decode(payload);
    if (value instanceof DecodeError) throw new SystemError('decode', 'the kernel\'s dump', 'EBADMSG', value);
    return value === null ? [] : [value];
  });
}
