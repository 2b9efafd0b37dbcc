/** The steps of nf_tables' rules (uapi linux/netfilter/nf_tables.h), as `nft --debug=netlink` shows them. Numbers are big-endian. */
import { ByteWriter } from '../util/bytes.ts';
import type { Family } from '../util/ip.ts';
import type { AttributeWriter } from './netlink.ts';

/**
 * Registers 1 and 2 have 16 bytes, and a value that is longer goes on in the next; 8 to 13 are the same room cut into words of
 * 4 bytes (8 begins where 1 does, 12 where 2 does).
 */
export type Register = 1 | 2 | 8 | 9 | 10 | 11 | 12 | 13;
export type MetaKey = 'mark' | 'iif' | 'oif' | 'iifname' | 'oifname' | 'l4proto' | 'oifkind';
/** Of the connection: `original` is the way of its first packet, whatever the packet looks like by now. */
export type ConnectionKey = 'state' | 'direction' | 'original daddr' | 'original proto-dst';
export type Verdict = 'accept' | 'drop' | { readonly goto: string };

export type Expression =
  | { readonly type: 'payload'; readonly base: 'network' | 'transport'; readonly offset: number; readonly length: number; readonly register: Register }
  /** Writes to the transport header, TCP's checksum kept right. */
  | { readonly type: 'write'; readonly offset: number; readonly length: number; readonly register: Register }
  | { readonly type: 'constant'; readonly register: Register; readonly value: Uint8Array }
  | { readonly type: 'meta'; readonly key: MetaKey; readonly register: Register }
  /** The packet's mark becomes what the register has. */
  | { readonly type: 'set-mark'; readonly register: Register }
  | { readonly type: 'connection'; readonly key: ConnectionKey; readonly family: Family; readonly register: Register }
  | { readonly type: 'equal' | 'not-equal'; readonly register: Register; readonly value: Uint8Array }
  | { readonly type: 'mask'; readonly register: Register; readonly mask: Uint8Array }
  | { readonly type: 'lookup'; readonly set: string; readonly register: Register; readonly into: Register | null }
  /** Goes on when the set has it not. */
  | { readonly type: 'lookup-not'; readonly set: string; readonly register: Register }
  /** A map of verdicts: what stands there for the key is done. */
  | { readonly type: 'dispatch'; readonly map: string; readonly register: Register }
  /** jhash of so many bytes, modulo. */
  | { readonly type: 'hash'; readonly from: Register; readonly length: number; readonly modulus: number; readonly seed: number; readonly into: Register }
  /** Part of a TCP option into a register; without the option the rule does not match. */
  | { readonly type: 'tcp-option'; readonly kind: number; readonly offset: number; readonly length: number; readonly register: Register }
  /** The option becomes NOPs. */
  | { readonly type: 'strip-tcp-option'; readonly kind: number }
  /** Source translation to the address (and port) in the registers. */
  | { readonly type: 'snat'; readonly family: Family; readonly address: Register; readonly port: Register | null }
  /** Sends the packet to the address in one register by the interface in the other. */
  | { readonly type: 'dup'; readonly address: Register; readonly link: Register }
  | { readonly type: 'counter' }
  | { readonly type: 'verdict'; readonly verdict: Verdict };

const META: Readonly<Record<MetaKey, number>> = { mark: 3, iif: 4, oif: 5, iifname: 6, oifname: 7, l4proto: 16, oifkind: 27 };
const VERDICTS = { drop: 0, accept: 1, goto: -4 } as const;
const NFT_REG_VERDICT = 0;
const NFT_LOOKUP_F_INV = 1;
const NFPROTO: Readonly<Record<Family, number>> = { inet: 2, inet6: 10 };
const TCP_CHECKSUM = 16;
const NFT_EXTHDR_OP_TCPOPT = 1;

/** NFTA_EXPR_NAME and NFTA_EXPR_DATA. */
export function writeExpression(writer: AttributeWriter, step: Expression): void {
  const named = (name: string, build: (data: AttributeWriter) => void): void => void writer.attributeString(1, name).nested(2, build);
  switch (step.type) {
    case 'payload':
      return named('payload', (d) => d.attribute(1, be32(step.register)).attribute(2, be32(step.base === 'network' ? 1 : 2)).attribute(3, be32(step.offset)).attribute(4, be32(step.length)));
    case 'write':
      return named('payload', (d) => d.attribute(5, be32(step.register)).attribute(2, be32(2)).attribute(3, be32(step.offset)).attribute(4, be32(step.length)).attribute(6, be32(1)).attribute(7, be32(TCP_CHECKSUM)));
    case 'constant':
      return named('immediate', (d) => d.attribute(1, be32(step.register)).nested(2, (value) => value.attribute(1, step.value)));
    case 'meta':
      return named('meta', (d) => d.attribute(2, be32(META[step.key])).attribute(1, be32(step.register)));
    case 'set-mark':
      return named('meta', (d) => d.attribute(2, be32(META.mark)).attribute(3, be32(step.register)));
    case 'connection':
      return named('ct', (d) => { connection(d, step); });
    case 'equal':
    case 'not-equal':
      return named('cmp', (d) => d.attribute(1, be32(step.register)).attribute(2, be32(step.type === 'equal' ? 0 : 1)).nested(3, (value) => value.attribute(1, step.value)));
    case 'mask':
      return named('bitwise', (d) => d
        .attribute(1, be32(step.register)).attribute(2, be32(step.register)).attribute(3, be32(step.mask.length))
        .nested(4, (value) => value.attribute(1, step.mask)).nested(5, (value) => value.attribute(1, new Uint8Array(step.mask.length))));
    case 'lookup':
      return named('lookup', (d) => {
        d.attribute(2, be32(step.register));
        if (step.into !== null) d.attribute(3, be32(step.into));
        d.attributeString(1, step.set);
      });
    case 'lookup-not':
      return named('lookup', (d) => d.attribute(2, be32(step.register)).attributeString(1, step.set).attribute(5, be32(NFT_LOOKUP_F_INV)));
    case 'dispatch':
      return named('lookup', (d) => d.attribute(2, be32(step.register)).attribute(3, be32(NFT_REG_VERDICT)).attributeString(1, step.map));
    case 'hash':
      return named('hash', (d) => d.attribute(1, be32(step.from)).attribute(2, be32(step.into)).attribute(3, be32(step.length)).attribute(4, be32(step.modulus)).attribute(5, be32(step.seed)));
    case 'tcp-option':
      return named('exthdr', (d) => d.attribute(1, be32(step.register)).attribute(2, Uint8Array.of(step.kind)).attribute(3, be32(step.offset)).attribute(4, be32(step.length)).attribute(6, be32(NFT_EXTHDR_OP_TCPOPT)));
    case 'strip-tcp-option':
      return named('exthdr', (d) => d.attribute(2, Uint8Array.of(step.kind)).attribute(6, be32(NFT_EXTHDR_OP_TCPOPT)));
    case 'snat':
      return named('nat', (d) => {
        d.attribute(1, be32(0)).attribute(2, be32(NFPROTO[step.family])).attribute(3, be32(step.address));
        if (step.port !== null) d.attribute(5, be32(step.port));
      });
    case 'dup':
      return named('dup', (d) => d.attribute(1, be32(step.address)).attribute(2, be32(step.link)));
    case 'counter':
      return named('counter', () => undefined);
    case 'verdict':
      return named('immediate', (d) => d.attribute(1, be32(NFT_REG_VERDICT)).nested(2, (data) => data.nested(2, (inner) => { writeVerdict(inner, step.verdict); })));
  }
}

/** NFTA_VERDICT_CODE and, with a goto, NFTA_VERDICT_CHAIN. */
export function writeVerdict(writer: AttributeWriter, value: Verdict): void {
  if (typeof value === 'string') writer.attribute(1, be32(VERDICTS[value]));
  else writer.attribute(1, be32(VERDICTS.goto)).attributeString(2, value.goto);
}

function connection(writer: AttributeWriter, { key, family, register }: Extract<Expression, { type: 'connection' }>): void {
  writer.attribute(1, be32(register));
  switch (key) {
    case 'state': return void writer.attribute(2, be32(0));
    case 'direction': return void writer.attribute(2, be32(1));
    // NFT_CT_DST_IP and NFT_CT_DST_IP6, in the direction IP_CT_DIR_ORIGINAL.
    case 'original daddr': return void writer.attribute(2, be32(family === 'inet' ? 20 : 22)).attribute(3, Uint8Array.of(0));
    case 'original proto-dst': return void writer.attribute(2, be32(12)).attribute(3, Uint8Array.of(0));
  }
}

function be32(value: number): Uint8Array {
  return new ByteWriter('big', 4).u32(value >>> 0).finish();
}
