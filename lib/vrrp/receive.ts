/**
 * What a router believes of a datagram (RFC 3768 §7.1, RFC 9568 §7.1), in keepalived's order and words: the first check
 * that fails drops it, with a counter and a line. What is only worth a remark lets the advertisement through.
 */
import { TRAILER_LENGTH } from '../codec/auth-trailer.ts';
import { type Advertisement, AUTH_AH, AUTH_NONE, AUTH_PASS, authData, decodeAdvertisement, messageLength } from '../codec/vrrp.ts';
import { DecodeError } from '../codec/decode-error.ts';
import type { VrrpInstance } from '../config/model.ts';
import { equalBytes } from '../util/bytes.ts';
import { type IpAddress, isMulticast } from '../util/ip.ts';
import { judgeChecksum } from './checksum.ts';
import type { BadTrailer, HmacSettings } from './open-trailer.ts';
import { type Event, OWNER_PRIORITY, type VirtualRouter } from './state.ts';

/** A datagram as the socket gave it: what follows the IP header, and what the header said. */
export interface Received {
  readonly from: IpAddress;
  /** null: the socket could not tell. */
  readonly to: IpAddress | null;
  readonly ttl: number | null;
  readonly payload: Uint8Array;
}

type Drop = Extract<Event, { type: 'drop' }>;
const IPV4_HEADER = 20;

/** Judges the trailer of auth_hmac; null: it is believed. */
export type Unseal = (settings: HmacSettings, message: Uint8Array, trailer: Uint8Array | null) => BadTrailer | null;

/** The events of one datagram for one instance: remarks first, then the advertisement, or the drop alone. */
export function receive(instance: VrrpInstance, router: VirtualRouter, datagram: Received, unseal?: Unseal): Event[] {
  // keepalived's: an owner that ignores adverts believes in nobody else.
  if (instance.ownerIgnoreAdverts && instance.priority === OWNER_PRIORITY) return [];
  const { payload, from } = datagram;
  const { message, trailer } = cut(instance, payload);
  const advert = decodeAdvertisement(message, instance.family);
  if (advert instanceof DecodeError && advert.code !== 'version') return [tooShort(instance, payload)];
  const version = (payload[0] ?? 0) >> 4;
  const wrong = ttl(instance, datagram) ?? versionOf(instance, version);
  if (wrong !== null) return [wrong];
  if (advert instanceof DecodeError) return [drop('versionErr', 'version', advert.detail)];
  const sealed = seal(instance, message, trailer, unseal);
  if (sealed !== null && instance.extras?.hmac?.mode !== 'permissive') return [sealed];
  // The kernel's checksum of IPv6 is one of all that follows the header.
  const summed = instance.family === 'inet6' ? payload : message;
  const ends = { from, to: datagram.to ?? instance.multicastGroup };
  const sum = judgeChecksum(instance, ends, summed);
  const refused = authentication(instance, advert) ?? interval2(instance, advert) ?? type(advert)
    ?? (sum === 'wrong' ? drop('checksumErr', 'checksum', `Invalid VRRPv${instance.version} checksum`) : null) ?? peer(instance, datagram);
  if (refused !== null) return [refused];
  const form: Event[] = sum === 'old' && !router.oldChecksum ? [{ type: 'old-checksum' }] : [];
  return [...form, ...(sealed === null ? [] : [sealed]), ...interval3(instance, router, advert), ...addressList(instance, router, from, advert), { type: 'advertisement', from, advert }];
}

function ttl(instance: VrrpInstance, { ttl, from }: Received): Drop | null {
  if (ttl === null) return null;
  if (instance.unicastPeers.length === 0) {
    return ttl === 255 ? null : drop('ttlErr', 'ttl', `invalid TTL/HL. Received ${ttl} and expect 255`);
  }
  const known = instance.unicastPeers.find((p) => p.address === from);
  const [least, most] = [known?.minTtl ?? 0, known?.maxTtl ?? 255];
  return ttl >= least && ttl <= most ? null : drop('ttlErr', 'ttl', `invalid TTL/HL. Received ${ttl} and expect between ${least} and ${most}`);
}

function versionOf(instance: VrrpInstance, version: number): Drop | null {
  return version === instance.version ? null : drop('versionErr', 'version', `wrong version. Received ${version} and expect ${instance.version}`);
}

/** Version 2 alone has it; RFC 3768 took it out, keepalived kept RFC 2338's. */
function authentication(instance: VrrpInstance, { auth }: Advertisement): Drop | null {
  if (auth === null) return null;
  if (auth.type !== AUTH_NONE && auth.type !== AUTH_PASS && auth.type !== AUTH_AH) {
    return drop('invalidAuthType', 'auth-unknown', `Invalid auth type: ${auth.type}`);
  }
  const expected = instance.auth === null ? AUTH_NONE : instance.auth.type === 'PASS' ? AUTH_PASS : AUTH_AH;
  if (auth.type !== expected) return drop('authTypeMismatch', 'auth-type', `received a ${auth.type} auth, expecting ${expected}!`);
  if (expected === AUTH_PASS && !equalBytes(auth.data, authData(secretBytes(instance)))) {
    return drop('authFailure', 'password', 'received an invalid passwd!');
  }
  return null;
}

/** RFC 3768 §7.1: another interval in version 2 means a misconfiguration, and the packet is dropped. */
function interval2(instance: VrrpInstance, { version, advertInterval }: Advertisement): Drop | null {
  if (version !== 2 || advertInterval === instance.advertInterval) return null;
  const text = `advertisement interval mismatch mine=${instance.advertInterval / 1000} sec rcv'd=${advertInterval / 1000} sec`;
  return drop('advertIntervalErr', 'interval', text);
}

function type({ type }: Advertisement): Drop | null {
  return type === 1 ? null : drop('invalidTypeRcvd', 'type', `Invalid packet type. ${type} and expect 1`);
}

/** With auth_hmac a packet that is longer by a trailer has one. */
function cut(instance: VrrpInstance, payload: Uint8Array): { message: Uint8Array; trailer: Uint8Array | null } {
  const length = messageLength(payload, instance.family);
  const has = (instance.extras?.hmac ?? null) !== null && length !== null && payload.length === length + TRAILER_LENGTH;
  return has ? { message: payload.subarray(0, length), trailer: payload.subarray(length) } : { message: payload, trailer: null };
}

function seal(instance: VrrpInstance, message: Uint8Array, trailer: Uint8Array | null, unseal: Unseal | undefined): Drop | null {
  const settings = instance.extras?.hmac ?? null;
  const bad = settings === null || unseal === undefined ? null : unseal(settings, message, trailer);
  return bad === null ? null : drop(bad.counter, bad.counter, bad.text);
}

function peer(instance: VrrpInstance, { from, to }: Received): Drop | null {
  const unicast = instance.unicastPeers.length > 0;
  if (to !== null && isMulticast(to) === unicast) {
    return drop('castErr', 'cast', `received ${unicast ? 'multicast' : 'unicast'} advert from ${from}, ${unicast ? 'unicast' : 'multicast'} expected`);
  }
  const limited = instance.checkUnicastSource || instance.unicastPeers.some((p) => p.minTtl !== null || p.maxTtl !== null);
  if (unicast && limited && !instance.unicastPeers.some((p) => p.address === from)) {
    return drop('peerErr', 'peer', `unicast source address ${from} not a unicast peer`);
  }
  return null;
}

/** Version 3 takes over the master's interval (RFC 9568 §6.4.2), and says so. */
function interval3(instance: VrrpInstance, router: VirtualRouter, { version, advertInterval, priority }: Advertisement): Drop[] {
  if (version !== 3 || priority === 0 || router.state.name !== 'Backup' || router.state.masterAdverInterval === advertInterval) return [];
  const text = `advertisement interval updated from ${router.state.masterAdverInterval}ms to ${advertInterval}ms by master`;
  return [drop(advertInterval === instance.advertInterval ? null : 'advertIntervalErr', `interval ${advertInterval}`, text)];
}

/** RFC 3768 §7.1 MAY: a list that differs from ours is counted and told, not dropped. */
function addressList(instance: VrrpInstance, router: VirtualRouter, from: IpAddress, advert: Advertisement): Drop[] {
  const known = router.state.name === 'Backup' && router.state.master?.address === from;
  if (instance.skipCheckAdvAddr && known) return [];
  const ours = instance.virtualAddresses.map((v) => v.prefix.address);
  if (advert.addresses.length !== ours.length) {
    return [drop('addrListErr', 'address-count', `received an unexpected ip number count ${advert.addresses.length}, expected ${ours.length}!`)];
  }
  const theirs = new Set(advert.addresses);
  const missing = ours.find((address) => !theirs.has(address));
  if (missing === undefined) return [];
  return [drop('addrListErr', 'address-list', `ip address associated with VRID ${instance.vrid} not present in MASTER advert: ${missing}`)];
}

/** The lengths are those of the IP packet, as keepalived tells them. */
function tooShort(instance: VrrpInstance, payload: Uint8Array): Drop {
  const size = instance.family === 'inet' ? 4 : 16;
  const expected = 8 + (payload.length < 8 ? instance.virtualAddresses.length : (payload[3] ?? 0)) * size + (instance.version === 2 ? 8 : 0);
  const header = instance.family === 'inet' ? IPV4_HEADER : 0;
  const how = payload.length < expected ? 'short' : 'long';
  return drop('packetLenErr', 'length', `vrrp packet too ${how}, length ${payload.length + header} and expect ${expected + header}`);
}

function secretBytes(instance: VrrpInstance): Uint8Array {
  return Uint8Array.from(instance.auth?.secret ?? '', (c) => c.charCodeAt(0) & 0xff);
}

function drop(counter: Drop['counter'], kind: string, text: string): Drop {
  return { type: 'drop', counter, kind, text };
}
