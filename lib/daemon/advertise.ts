import { createHmac } from 'node:crypto';
import { encodeAh } from '../codec/ah.ts';
import { type Advertisement, AUTH_AH, AUTH_NONE, AUTH_PASS, authData, encodeAdvertisement } from '../codec/vrrp.ts';
import type { VrrpInstance } from '../config/model.ts';
import type { OutgoingDatagram } from '../system/vrrp-sockets.ts';
import type { Hmac } from '../util/hmac.ts';
import type { IpAddress } from '../util/ip.ts';

/**
 * The datagrams of one advertisement: one to the group, or one to each unicast peer. `id` is the IPv4 identification,
 * `sequence` the first AH sequence number to use: one for each datagram.
 */
export function advertise(instance: VrrpInstance, priority: number, from: IpAddress, id: number, sequence: number): OutgoingDatagram[] {
  const unicast = instance.unicastPeers.length > 0;
  const targets = unicast ? instance.unicastPeers.map((p) => p.address) : [instance.multicastGroup];
  const advert = message(instance, priority);
  // Version 3 checksums name the destination, so that each peer has its own.
  const shared = instance.version === 2 ? encodeAdvertisement(advert, null) : null;
  const ttl = unicast ? instance.unicastTtl : 255;
  return targets.map((to, i) => {
    const message = shared ?? encodeAdvertisement(advert, { from, to });
    const payload = instance.auth?.type === 'AH' ? encodeAh({ from, to, ttl, id }, sequence + i, message, secretKey(instance), hmac) : message;
    return { from, to, payload, ttl, id };
  });
}

/** HMAC by Node's OpenSSL. */
export const hmac: Hmac = (algorithm, key, ...parts) => {
  const digest = createHmac(algorithm, key);
  for (const part of parts) digest.update(part);
  return digest.digest();
};

/** auth_pass as a key: 8 bytes, cut or padded with zeros. */
export function secretKey(instance: VrrpInstance): Uint8Array {
  return authData(Uint8Array.from(instance.auth?.secret ?? '', (c) => c.charCodeAt(0) & 0xff));
}

function message(instance: VrrpInstance, priority: number): Advertisement {
  const type = instance.auth === null ? AUTH_NONE : instance.auth.type === 'PASS' ? AUTH_PASS : AUTH_AH;
  return {
    version: instance.version, type: 1, vrid: instance.vrid, priority, advertInterval: instance.advertInterval,
    addresses: instance.virtualAddresses.map((v) => v.prefix.address),
    auth: instance.version === 2 ? { type, data: type === AUTH_PASS ? secretKey(instance) : new Uint8Array(0) } : null,
  };
}
