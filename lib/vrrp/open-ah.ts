import { decodeAh, type OpenedAh } from '../codec/ah.ts';
import { DecodeError } from '../codec/decode-error.ts';
import type { Hmac } from '../util/hmac.ts';
import type { IpAddress } from '../util/ip.ts';
import type { Event } from './state.ts';

/** A datagram of protocol 51 with its IPv4 header. */
export interface SealedDatagram {
  readonly from: IpAddress;
  readonly to: IpAddress | null;
  readonly header: Uint8Array | null;
  readonly payload: Uint8Array;
}

/**
 * Takes the authentication header off, or says why not, in keepalived's words. A sequence number not above `last` has been
 * seen (RFC 2402 §3.4.3).
 */
export function openAh(datagram: SealedDatagram, last: number, key: Uint8Array, hmac: Hmac): OpenedAh | Extract<Event, { type: 'drop' }> {
  const { header, from, to, payload } = datagram;
  if (header === null || to === null) return drop('ah', 'IPSEC-AH : the IP header of the packet is not known. Packet dropped.');
  const opened = decodeAh(header, from, to, payload, key, hmac);
  if (opened instanceof DecodeError) {
    return opened.code === 'icv'
      ? drop('ah-icv', 'IPSEC-AH : invalid IPSEC HMAC-MD5 value. Due to fields mutation or bad password !')
      : drop('ah', `IPSEC-AH : ${opened.detail}. Packet dropped.`);
  }
  if (opened.sequence <= last) return drop('ah-sequence', `IPSEC-AH : sequence number ${opened.sequence} already processed. Packet dropped. Local(${last})`);
  return opened;
}

function drop(kind: string, text: string): Extract<Event, { type: 'drop' }> {
  return { type: 'drop', counter: 'authFailure', kind, text };
}
