import { DecodeError } from '../codec/decode-error.ts';
import { NLM_F_CREATE, NLM_F_EXCL, type NetlinkMessage } from '../codec/netlink.ts';
import {
  decodeAddress, decodeLink, encodeDeleteAddress, encodeGetAddresses, encodeGetLinks, encodeNewAddress, RTM_DELADDR, RTM_DELLINK, RTM_GETADDR,
  RTM_GETLINK, RTM_NEWADDR, RTM_NEWLINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK,
} from '../codec/rtnetlink.ts';
import type { Address, Link, NetlinkRoutes, NetworkEvent, NetworkOp } from '../system/netlink-routes.ts';
import { SystemError } from '../system/error.ts';
import { printPrefix } from '../util/ip.ts';
import { closing } from './closing.ts';
import { NetlinkChannel } from './netlink-channel.ts';
import { NetlinkRequests, type NetlinkRequest } from './netlink-requests.ts';

const NETLINK_ROUTE = 0;

/**
 * rtnetlink(7), on two sockets: one asks and is answered, one hears of changes, so that neither can crowd out the other.
 * `failed` hears when the second has died: from then on no change would be noticed. Throws SystemError.
 */
export function linuxNetlinkRoutes(failed: (cause: SystemError) => void, options: { readonly monitorBuffer?: number } = {}): NetlinkRoutes {
  const requests = new NetlinkRequests(NETLINK_ROUTE, 'rtnetlink request socket');
  const watchers = new Set<(event: NetworkEvent) => void>();
  const monitor = closing(requests, () =>
    new Monitor((event) => watchers.forEach((changed) => changed(event)), failed, options.monitorBuffer ?? null));
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
    close() {
      requests.close();
      monitor.close();
    },
  };
}

const GET_LINKS: NetlinkRequest = { type: RTM_GETLINK, flags: 0, payload: encodeGetLinks(), operation: 'list', object: 'interfaces' };
const GET_ADDRESSES = { type: RTM_GETADDR, flags: 0, operation: 'list', object: 'addresses' };

/** Turns the kernel's notifications into events, and a grown count of dropped ones into 'lost'. */
class Monitor {
  readonly #channel: NetlinkChannel;
  readonly #tell: (event: NetworkEvent) => void;
  #drops = 0;
  #checking = false;
  #open = true;

  constructor(tell: (event: NetworkEvent) => void, failed: (cause: SystemError) => void, buffer: number | null) {
    this.#tell = tell;
    this.#channel = new NetlinkChannel(NETLINK_ROUTE, 'rtnetlink monitor socket', (message) => this.#hear(message), failed);
    if (buffer !== null) this.#channel.setReceiveBuffer(buffer);
    for (const group of [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR]) this.#channel.join(group);
  }

  close(): void {
    this.#open = false;
    this.#channel.close();
  }

  #hear(message: NetlinkMessage): void {
    // A drop needs a full buffer, and a full buffer has messages to be heard: looking after each burst finds every drop.
    if (!this.#checking) {
      this.#checking = true;
      setImmediate(() => this.#checkDrops());
    }
    const event = toEvent(message);
    if (event !== null) this.#tell(event);
  }

  #checkDrops(): void {
    if (!this.#open) return;
    this.#checking = false;
    const drops = this.#channel.drops;
    if (drops === this.#drops) return;
    this.#drops = drops;
    this.#tell({ type: 'lost' });
  }
}

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

function decodeAll<T extends Link | Address>(messages: readonly NetlinkMessage[], type: number, decode: (payload: Uint8Array) => T | null | DecodeError): T[] {
  return messages.filter((message) => message.type === type).flatMap(({ payload }) => {
    const value = decode(payload);
    if (value instanceof DecodeError) throw new SystemError('decode', 'the kernel\'s dump', 'EBADMSG', value);
    return value === null ? [] : [value];
  });
}

function toRequest(operation: NetworkOp): NetlinkRequest {
  const { address } = operation;
  const object = `${printPrefix(address.prefix)} on interface index ${address.linkIndex}`;
  switch (operation.op) {
    case 'add-address':
      return { type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL, payload: encodeNewAddress(address), operation: 'add address', object };
    case 'delete-address':
      return { type: RTM_DELADDR, flags: 0, payload: encodeDeleteAddress(address), operation: 'delete address', object };
  }
}
