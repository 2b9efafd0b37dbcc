/** Rules as a dump of nf_tables has them (uapi linux/netfilter/nf_tables.h): whose they are, their comment and what they counted. */
import { ByteReader } from '../util/bytes.ts';
import type { Family } from '../util/ip.ts';
import { DecodeError } from './decode-error.ts';
import { attributeString, AttributeWriter, decodeAttributes, findAttribute, type NetlinkAttribute } from './netlink.ts';

const NFT_MSG_NEWRULE = 0x0a06;
const NFT_MSG_GETRULE = 0x0a07;
const FAMILIES: Readonly<Record<Family, number>> = { inet: 2, inet6: 10 };
/** NFTNL_UDATA_RULE_COMMENT */
const COMMENT = 0;

export interface CountingRule {
  readonly table: string;
  readonly chain: string;
  readonly comment: string | null;
  /** One for each of its counters, in the order of its steps. */
  readonly counters: readonly { readonly packets: bigint; readonly bytes: bigint }[];
}

/** For a dump of the rules of one table. */
export function encodeGetRules(family: Family, table: string): { readonly type: number; readonly flags: number; readonly payload: Uint8Array } {
  return { type: NFT_MSG_GETRULE, flags: 0, payload: new AttributeWriter().u8(FAMILIES[family]).zeros(3).attributeString(1, table).finish() };
}

/** A message of such a dump; null for one of another kind. */
export function decodeRule(type: number, payload: Uint8Array): CountingRule | null | DecodeError {
  if (type !== NFT_MSG_NEWRULE) return null;
  if (payload.length < 4) return new DecodeError('too-short', `nf_tables rule of ${payload.length} bytes`);
  const attributes = decodeAttributes(payload.subarray(4));
  if (attributes instanceof DecodeError) return attributes;
  const [table, chain] = [findAttribute(attributes, 1), findAttribute(attributes, 2)];
  if (table === null || chain === null) return new DecodeError('bad-rule', 'nf_tables rule without a table or a chain');
  const counters = countersOf(findAttribute(attributes, 4) ?? new Uint8Array());
  if (counters instanceof DecodeError) return counters;
  return { table: attributeString(table), chain: attributeString(chain), comment: commentOf(findAttribute(attributes, 7)), counters };
}

function countersOf(expressions: Uint8Array): CountingRule['counters'] | DecodeError {
  const steps = decodeAttributes(expressions);
  if (steps instanceof DecodeError) return steps;
  const counters: { packets: bigint; bytes: bigint }[] = [];
  for (const { value } of steps) {
    const step = decodeAttributes(value);
    if (step instanceof DecodeError) return step;
    if (attributeString(findAttribute(step, 1) ?? new Uint8Array()) !== 'counter') continue;
    const data = decodeAttributes(findAttribute(step, 2) ?? new Uint8Array());
    if (data instanceof DecodeError) return data;
    const [bytes, packets] = [count(data, 1), count(data, 2)];
    if (bytes === null || packets === null) return new DecodeError('bad-rule', 'nf_tables counter without its numbers');
    counters.push({ packets, bytes });
  }
  return counters;
}

function count(attributes: readonly NetlinkAttribute[], type: number): bigint | null {
  const value = findAttribute(attributes, type);
  return value?.length === 8 ? new ByteReader(value).u64() : null;
}

/** Type, length and value of each part; null when none is a comment, or it is cut off. */
function commentOf(data: Uint8Array | null): string | null {
  const reader = new ByteReader(data ?? new Uint8Array());
  while (reader.remaining >= 2) {
    const type = reader.u8();
    const value = reader.slice(reader.u8());
    if (reader.overrun) return null;
    if (type === COMMENT) return attributeString(value);
  }
  return null;
}
