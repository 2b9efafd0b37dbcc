import { type Advertisement, AUTH_AH, AUTH_NONE, AUTH_PASS, encodeAdvertisement } from '../codec/vrrp.ts';
import type { VrrpInstance } from '../config/model.ts';
import type { OutgoingDatagram } from '../system/vrrp-sockets.ts';
import type { IpAddress } from '../util/ip.ts';

/** The datagrams of one advertisement: one to the group, or one to each unicast peer. `id` is the IPv4 identification. */
export function advertise(instance: VrrpInstance, priority: number, from: IpAddress, id: number): OutgoingDatagram[] {
  const unicast = instance.unicastPeers.length > 0;
  const targets = unicast ? instance.unicastPeers.map((p) => p.address) : [instance.multicastGroup];
  const advert = message(instance, priority);
  // Version 3 checksums name the destination, so that each peer has its own.
  const shared = instance.version === 2 ? encodeAdvertisement(advert, null) : null;
  return targets.map((to) => ({ from, to, payload: shared ?? encodeAdvertisement(advert, { from, to }), ttl: unicast ? instance.unicastTtl : 255, id }));
}

function message(instance: VrrpInstance, priority: number): Advertisement {
  const secret = Uint8Array.from(instance.auth?.secret ?? '', (c) => c.charCodeAt(0) & 0xff);
  const type = instance.auth === null ? AUTH_NONE : instance.auth.type === 'PASS' ? AUTH_PASS : AUTH_AH;
  return {
    version: instance.version, type: 1, vrid: instance.vrid, priority, advertInterval: instance.advertInterval,
    addresses: instance.virtualAddresses.map((v) => v.prefix.address),
    auth: instance.version === 2 ? { type, data: type === AUTH_PASS ? secret : new Uint8Array(0) } : null,
  };
}
