import { createHmac } from 'node:crypto';
import { encodeAh } from '../codec/ah.ts';
import { encodeTrailer, type Stamp } from '../codec/auth-trailer.ts';
import { type Advertisement, AUTH_AH, AUTH_NONE, AUTH_PASS, authData, encodeAdvertisement, type Ends, withChecksum } from '../codec/vrrp.ts';
import type { VrrpInstance } from '../config/model.ts';
import type { OutgoingDatagram } from '../system/vrrp-sockets.ts';
import type { Hmac } from '../util/hmac.ts';
import { concat, fromHex } from '../util/bytes.ts';
import type { IpAddress } from '../util/ip.ts';
import { pseudoHeaderOf } from '../vrrp/checksum.ts';

/**
 * The datagrams of one advertisement: one to the group, or one to each unicast peer. `id` is the IPv4 identification,
 * `sequence` the first AH sequence number to use: one for each datagram; `stamp` that of auth_hmac's trailer.
 */
export function advertise(instance: VrrpInstance, priority: number, from: IpAddress, { id, sequence, stamp, oldChecksum }: Marks): OutgoingDatagram[] {
  const unicast = instance.unicastPeers.length > 0;
  const targets = unicast ? instance.unicastPeers.map((p) => p.address) : [instance.multicastGroup];
  const advert = message(instance, priority);
  // Version 3 checksums name the destination, so that each peer has its own.
  const shared = instance.version === 2 ? encodeAdvertisement(advert, null) : null;
  const ttl = unicast ? instance.unicastTtl : 255;
  return targets.map((to, i) => {
    // A copy for each: a packet that is sent again is known by its payload.
    const message = sealed(instance, shared?.slice() ?? encodeAdvertisement(advert, pseudoHeaderOf(instance, { from, to }, oldChecksum)), { from, to }, stamp);
    const payload = instance.auth?.type === 'AH' ? encodeAh({ from, to, ttl, id }, sequence + i, message, secretKey(instance), hmac) : message;
    return { from, to, payload, ttl, id };
  });
}

/** What differs from one advertisement to the next. */
export interface Marks {
  readonly id: number;
  readonly sequence: number;
  readonly stamp: Stamp;
  /** A peer makes checksums as keepalived did before 1.3.6. */
  readonly oldChecksum: boolean;
}

/** With auth_hmac, its trailer behind the message; IPv6's checksum then covers both, as a kernel makes it. */
function sealed(instance: VrrpInstance, message: Uint8Array, ends: Ends, stamp: Stamp): Uint8Array {
  const settings = instance.extras?.hmac ?? null;
  const key = settings?.keys.find(({ id }) => id === settings.activeKey);
  if (settings === null || settings.mode === 'receive-only' || key === undefined) return message;
  const whole = concat(message, encodeTrailer(message, ends.from, key.id, stamp, fromHex(key.secret), hmac));
  return instance.family === 'inet6' ? withChecksum(whole, ends) : whole;
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
