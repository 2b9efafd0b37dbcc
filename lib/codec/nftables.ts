/**
 * nf_tables over nfnetlink: payloads of the messages that change a ruleset (uapi linux/netfilter/nf_tables.h). A change is a
 * batch, carried out as a whole or not at all: NFNL_MSG_BATCH_BEGIN, the messages, NFNL_MSG_BATCH_END.
 *
 *     nfgenmsg: | family (8) | version 0 (8) | resource (16, big-endian) |   then attributes, whose numbers are big-endian
 */
import { ByteReader, ByteWriter, concat } from '../util/bytes.ts';
import type { Family } from '../util/ip.ts';
import { DecodeError } from './decode-error.ts';
import { writeExpression, writeVerdict, type Expression, type Verdict } from './nft-expressions.ts';
import { attributeString, AttributeWriter, decodeAttributes, findAttribute, NATIVE_ENDIAN, NLM_F_APPEND, NLM_F_CREATE } from './netlink.ts';

export const NFNL_MSG_BATCH_BEGIN = 0x10;
export const NFNL_MSG_BATCH_END = 0x11;
/** Multicast group of every change. */
export const NFNLGRP_NFTABLES = 7;

const NFNL_SUBSYS_NFTABLES = 10;
const NEWTABLE = 0;
const GETTABLE = 1;
const DELTABLE = 2;
const NEWCHAIN = 3;
const DELCHAIN = 5;
const NEWRULE = 6;
const DELRULE = 8;
const NEWSET = 9;
const DELSET = 11;
const NEWSETELEM = 12;
const DELSETELEM = 14;
const FAMILIES: Readonly<Record<Family, number>> = { inet: 2, inet6: 10 };

/** What a set's keys are; `nft list` prints them by it. */
export type KeyType =
  | 'ipv4_addr' | 'ipv6_addr' | 'iface_index' | 'icmpv6_type' | 'mark' | 'ipv6_addr . iface_index' | 'ipv6_addr . ifname'
  | 'ipv4_addr . inet_service' | 'ipv6_addr . inet_service' | 'inet_proto . ipv4_addr . inet_service' | 'inet_proto . ipv6_addr . inet_service';

/** Number by which nft(8) knows the type (six bits for each part of several), and length in bytes. */
const KEYS: Readonly<Record<KeyType, { readonly type: number; readonly length: number }>> = {
  'ipv4_addr': { type: 7, length: 4 },
  'ipv6_addr': { type: 8, length: 16 },
  'iface_index': { type: 20, length: 4 },
  'icmpv6_type': { type: 29, length: 1 },
  'mark': { type: 19, length: 4 },
  'ipv6_addr . iface_index': { type: (8 << 6) | 20, length: 20 },
  'ipv6_addr . ifname': { type: (8 << 6) | 41, length: 32 },
  'ipv4_addr . inet_service': { type: (7 << 6) | 13, length: 8 },
  'ipv6_addr . inet_service': { type: (8 << 6) | 13, length: 20 },
  'inet_proto . ipv4_addr . inet_service': { type: (12 << 12) | (7 << 6) | 13, length: 12 },
  'inet_proto . ipv6_addr . inet_service': { type: (12 << 12) | (8 << 6) | 13, length: 24 },
};

export interface SetElement {
  readonly key: Uint8Array;
  /** What a map has for the key. */
  readonly data?: Uint8Array | { readonly verdict: Verdict };
}

interface InTable {
  readonly family: Family;
  readonly table: string;
}

/** Where a base chain stands. It lets pass what it does not drop. `nat`: only first packets of connections come by. */
export interface Hook {
  readonly at: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  readonly priority: number;
  readonly type?: 'filter' | 'nat';
}

/** One message of a batch. */
export type FilterOp = InTable & (
  | { readonly op: 'add-table' | 'delete-table' }
  | { readonly op: 'add-chain'; readonly chain: string; readonly hook: Hook | null }
  /** `flush-chain`: all its rules go. A chain goes when nobody refers to it. */
  | { readonly op: 'flush-chain' | 'delete-chain'; readonly chain: string }
  /** `map`: what its keys lead to: more of the same kind (true), verdicts, or values of another kind. */
  | { readonly op: 'add-set'; readonly set: string; readonly key: KeyType; readonly map: boolean | 'verdict' | KeyType; readonly constant: boolean; readonly id: number }
  | { readonly op: 'flush-set' | 'delete-set'; readonly set: string }
  /** `comment`: up to 127 bytes, which nft(8) lists with the rule. */
  | { readonly op: 'add-rule'; readonly chain: string; readonly expressions: readonly Expression[]; readonly comment?: string }
  | { readonly op: 'add-elements' | 'delete-elements'; readonly set: string; readonly elements: readonly SetElement[] }
);

export interface FilterMessage {
  readonly type: number;
  /** Beside NLM_F_REQUEST and NLM_F_ACK. */
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** A ruleset's table, as a dump names it. */
export interface FilterTable {
  readonly family: Family;
  readonly name: string;
}

/** An attribute's length has 16 bits: so many elements go into one message. */
const ELEMENTS_AT_MOST = 1000;

/** NFNL_MSG_BATCH_BEGIN and NFNL_MSG_BATCH_END of nf_tables. */
export function encodeBatchMark(type: number): FilterMessage {
  return { type, flags: 0, payload: Uint8Array.of(0, 0, 0, NFNL_SUBSYS_NFTABLES) };
}

/** All messages of one operation: several for very many elements. */
export function encodeFilterOp(op: FilterOp): FilterMessage[] {
  switch (op.op) {
    case 'add-table':
      return [message(NEWTABLE, NLM_F_CREATE, body(op).attributeString(1, op.table).attribute(2, be32(0)))];
    case 'delete-table':
      return [message(DELTABLE, 0, body(op).attributeString(1, op.table))];
    case 'add-chain':
      return [message(NEWCHAIN, NLM_F_CREATE, chain(op))];
    case 'flush-chain':
      return [message(DELRULE, 0, body(op).attributeString(1, op.table).attributeString(2, op.chain))];
    case 'delete-chain':
      return [message(DELCHAIN, 0, body(op).attributeString(1, op.table).attributeString(3, op.chain))];
    case 'flush-set':
      return [message(DELSETELEM, 0, body(op).attributeString(1, op.table).attributeString(2, op.set))];
    case 'delete-set':
      return [message(DELSET, 0, body(op).attributeString(1, op.table).attributeString(2, op.set))];
    case 'add-set':
      return [message(NEWSET, NLM_F_CREATE, set(op))];
    case 'add-rule':
      return [message(NEWRULE, NLM_F_CREATE | NLM_F_APPEND, rule(op))];
    case 'add-elements':
      return slices(op.elements).map((some) => message(NEWSETELEM, NLM_F_CREATE, elements(op, some)));
    case 'delete-elements':
      return slices(op.elements).map((some) => message(DELSETELEM, 0, elements(op, some)));
  }
}

/** For a dump of the tables of both families. */
export function encodeGetTables(): FilterMessage {
  return { type: messageType(GETTABLE), flags: 0, payload: Uint8Array.of(0, 0, 0, 0) };
}

/** A message of a dump of tables; null for a family that is neither IPv4's nor IPv6's own. */
export function decodeTable(payload: Uint8Array): FilterTable | null | DecodeError {
  const family = decodeFamily(payload);
  if (family instanceof DecodeError || family === null) return family;
  const attributes = decodeAttributes(payload.subarray(4));
  if (attributes instanceof DecodeError) return attributes;
  const name = findAttribute(attributes, 1);
  return name === null ? new DecodeError('bad-table', 'table message without a name') : { family, name: attributeString(name) };
}

/** Whose table a notification says to have lost something (itself, a chain, a rule, a set, an element); null when it says no such thing. */
export function decodeLoss(type: number, payload: Uint8Array): FilterTable | null | DecodeError {
  // The table's name is attribute 1 in each of them.
  return LOSSES.has(type) ? decodeTable(payload) : null;
}

const LOSSES: ReadonlySet<number> = new Set([DELTABLE, DELCHAIN, DELRULE, DELSET, DELSETELEM].map(messageType));

function messageType(type: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | type;
}

function message(type: number, flags: number, writer: AttributeWriter): FilterMessage {
  return { type: messageType(type), flags, payload: writer.finish() };
}

function decodeFamily(payload: Uint8Array): Family | null | DecodeError {
  const reader = new ByteReader(payload);
  const family = reader.u8();
  reader.skip(3);
  if (reader.overrun) return new DecodeError('too-short', `nf_tables message of ${payload.length} bytes`);
  return family === FAMILIES.inet ? 'inet' : family === FAMILIES.inet6 ? 'inet6' : null;
}

function body({ family }: InTable): AttributeWriter {
  return new AttributeWriter().u8(FAMILIES[family]).zeros(3);
}

function chain(op: Extract<FilterOp, { op: 'add-chain' }>): AttributeWriter {
  const { hook } = op;
  const writer = body(op).attributeString(1, op.table).attributeString(3, op.chain);
  if (hook === null) return writer;
  return writer
    .nested(4, (inner) => inner.attribute(1, be32(HOOKS.indexOf(hook.at))).attribute(2, be32(hook.priority)))
    .attribute(5, be32(1))
    .attributeString(7, hook.type ?? 'filter');
}

/** NF_INET_PRE_ROUTING and so on. */
const HOOKS: readonly Hook['at'][] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];
const NFT_DATA_VERDICT = 0xffffff00;

function set(op: Extract<FilterOp, { op: 'add-set' }>): AttributeWriter {
  const { type, length } = KEYS[op.key];
  const data = op.map === true ? op.key : op.map;
  const writer = body(op)
    .attributeString(1, op.table)
    .attributeString(2, op.set)
    .attribute(3, be32((op.constant ? 2 : 0) | (data === false ? 0 : 8)))
    .attribute(4, be32(type))
    .attribute(5, be32(length));
  if (data === 'verdict') writer.attribute(6, be32(NFT_DATA_VERDICT));
  else if (data !== false) writer.attribute(6, be32(KEYS[data].type)).attribute(7, be32(KEYS[data].length));
  writer.attribute(10, be32(op.id));
  const native = [...(NATIVE.has(op.key) ? [KEY_BYTE_ORDER] : []), ...(isNative(data) ? [DATA_BYTE_ORDER] : [])];
  return native.length > 0 ? writer.attribute(13, byteOrders(native)) : writer;
}

/** Kinds in the machine's byte order. */
const NATIVE: ReadonlySet<KeyType> = new Set<KeyType>(['iface_index', 'mark']);
const KEY_BYTE_ORDER = 0;
const DATA_BYTE_ORDER = 1;
const HOST_ENDIAN = 1;

function isNative(data: false | 'verdict' | KeyType): boolean {
  return data !== false && data !== 'verdict' && NATIVE.has(data);
}

/** For nft(8) alone, which takes numbers for big-endian without it and prints no interface's name: type, length and value of each. */
function byteOrders(which: readonly number[]): Uint8Array {
  const writer = new ByteWriter(NATIVE_ENDIAN, 12);
  for (const what of which) writer.u8(what).u8(4).u32(HOST_ENDIAN);
  return writer.finish();
}

function rule(op: Extract<FilterOp, { op: 'add-rule' }>): AttributeWriter {
  const writer = body(op).attributeString(1, op.table).attributeString(2, op.chain).nested(4, (list) => {
    for (const step of op.expressions) list.nested(1, (inner) => { writeExpression(inner, step); });
  });
  if (op.comment === undefined) return writer;
  const text = new TextEncoder().encode(`${op.comment}\0`);
  return writer.attribute(7, concat(Uint8Array.of(COMMENT, text.length), text));
}

/** NFTNL_UDATA_RULE_COMMENT: what nft(8) keeps in a rule's user data as type, length and value. */
const COMMENT = 0;

function elements(op: Extract<FilterOp, { op: 'add-elements' | 'delete-elements' }>, some: readonly SetElement[]): AttributeWriter {
  return body(op).attributeString(1, op.table).attributeString(2, op.set).nested(3, (list) => {
    for (const { key, data } of some) {
      list.nested(1, (element) => {
        element.nested(1, (inner) => inner.attribute(1, key));
        if (data instanceof Uint8Array) element.nested(2, (inner) => inner.attribute(1, data));
        else if (data !== undefined) element.nested(2, (inner) => inner.nested(2, (verdict) => { writeVerdict(verdict, data.verdict); }));
      });
    }
  });
}

function be32(value: number): Uint8Array {
  return new ByteWriter('big', 4).u32(value >>> 0).finish();
}

function slices(all: readonly SetElement[]): SetElement[][] {
  const parts: SetElement[][] = [];
  for (let i = 0; i < all.length; i += ELEMENTS_AT_MOST) parts.push(all.slice(i, i + ELEMENTS_AT_MOST));
  return parts;
}
