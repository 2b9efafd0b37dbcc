import { ByteReader, ByteWriter } from '../util/bytes.ts';
import { ipFromBytes, ipToBytes, type IpAddress } from '../util/ip.ts';
import type { Encap } from '../util/route.ts';
import { DecodeError } from './decode-error.ts';
import type { AttributeWriter} from './netlink.ts';
import { decodeAttributes, findAttribute } from './netlink.ts';

/** Lightweight tunnels of routes (linux/lwtunnel.h, mpls_iptunnel.h, ila.h): RTA_ENCAP_TYPE, and what RTA_ENCAP holds. */

const TYPES = { mpls: 1, ip: 2, ila: 3, ip6: 4 } as const;

const MPLS_IPTUNNEL_DST = 1;
const ILA_ATTR_LOCATOR = 1;
/** LWTUNNEL_IP_*; the IPv6 ones have hop limit and traffic class in the places of TTL and TOS. */
const ID = 1;
const DST = 2;
const SRC = 3;
const TTL = 4;
const TOS = 5;
const FLAGS = 6;

/** A label stack entry (RFC 3032 §2.1): label (20), traffic class (3), bottom of stack (1), TTL (8). */
const BOTTOM_OF_STACK = 0x100;

export function encapType(encap: Encap): number {
  return TYPES[encap.type];
}

/** Writes the attributes within RTA_ENCAP. */
export function encodeEncap(writer: AttributeWriter, encap: Encap): void {
  switch (encap.type) {
    case 'mpls':
      writer.attribute(MPLS_IPTUNNEL_DST, labelStack(encap.labels));
      return;
    case 'ila':
      writer.attribute(ILA_ATTR_LOCATOR, locatorBytes(encap.locator));
      return;
    case 'ip':
    case 'ip6': {
      if (encap.id !== null) writer.attribute(ID, new ByteWriter('big', 8).u64(BigInt(encap.id)).finish());
      if (encap.target !== null) writer.attribute(DST, ipToBytes(encap.target));
      if (encap.source !== null) writer.attribute(SRC, ipToBytes(encap.source));
      if (encap.hops !== null) writer.attributeU8(TTL, encap.hops);
      if (encap.tos !== null) writer.attributeU8(TOS, encap.tos);
      if (encap.flags !== null) writer.attribute(FLAGS, new ByteWriter('big', 2).u16(encap.flags).finish());
    }
  }
}

/** `type` of RTA_ENCAP_TYPE; null for a kind that no configuration has. */
export function decodeEncap(type: number, bytes: Uint8Array): Encap | null | DecodeError {
  const attributes = decodeAttributes(bytes);
  if (attributes instanceof DecodeError) return attributes;
  const find = (attribute: number): Uint8Array | null => findAttribute(attributes, attribute);
  switch (type) {
    case TYPES.mpls:
      return { type: 'mpls', labels: labels(find(MPLS_IPTUNNEL_DST) ?? new Uint8Array(0)) };
    case TYPES.ila: {
      const locator = find(ILA_ATTR_LOCATOR);
      return locator?.length === 8 ? { type: 'ila', locator: locatorText(locator) } : null;
    }
    case TYPES.ip:
    case TYPES.ip6: {
      const id = find(ID);
      const flags = find(FLAGS);
      return {
        type: type === TYPES.ip ? 'ip' : 'ip6',
        id: id?.length === 8 ? String(new ByteReader(id).u64()) : null,
        target: address(find(DST)), source: address(find(SRC)),
        hops: find(TTL)?.[0] ?? null, tos: find(TOS)?.[0] ?? null,
        flags: flags?.length === 2 ? new ByteReader(flags).u16() : null,
      };
    }
    default:
      return null;
  }
}

function labelStack(stack: readonly number[]): Uint8Array {
  const writer = new ByteWriter('big', 4 * stack.length);
  stack.forEach((label, i) => writer.u32(((label << 12) >>> 0) + (i === stack.length - 1 ? BOTTOM_OF_STACK : 0)));
  return writer.finish();
}

function labels(bytes: Uint8Array): number[] {
  const reader = new ByteReader(bytes);
  const stack: number[] = [];
  while (reader.remaining >= 4) stack.push(reader.u32() >>> 12);
  return stack;
}

function locatorBytes(locator: string): Uint8Array {
  const writer = new ByteWriter('big', 8);
  for (const group of locator.split(':')) writer.u16(parseInt(group, 16));
  return writer.finish();
}

function locatorText(bytes: Uint8Array): string {
  const reader = new ByteReader(bytes);
  return Array.from({ length: 4 }, () => reader.u16().toString(16)).join(':');
}

function address(bytes: Uint8Array | null): IpAddress | null {
  return bytes?.length === 4 || bytes?.length === 16 ? ipFromBytes(bytes) : null;
}
