import { ByteReader, ByteWriter, type Endian } from '../util/bytes.ts';
import { DecodeError } from './decode-error.ts';

/**
 * Netlink messages (netlink(7)), in the byte order of the machine, each part padded to 4 bytes:
 *
 *     | length (32, with this header) | type (16) | flags (16) | sequence (32) | port (32) | payload … |
 *
 * and attributes, which follow a family's own fixed header in the payload:
 *
 *     | length (16, with these 4 bytes) | type (16) | value … |
 */

export const NATIVE_ENDIAN: Endian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 'little' : 'big';

export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
/** For requests that make something. */
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
/** For requests that ask: NLM_F_ROOT and NLM_F_MATCH. */
export const NLM_F_DUMP = 0x300;
/** On an error or acknowledgement: attributes follow, the echoed request is cut off. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

const HEADER_LENGTH = 16;
const ATTRIBUTE_HEADER = 4;
const NLMSGERR_ATTR_MSG = 1;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER are flags in the type. */
const NLA_TYPE_MASK = 0x3fff;
const NLA_F_NESTED = 0x8000;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Port of the socket that asked; 0 for a notification. */
  readonly port: number;
  readonly payload: Uint8Array;
}

export interface NetlinkAttribute {
  /** Without the flags NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
  readonly type: number;
  readonly value: Uint8Array;
}

/** What NLMSG_ERROR says: errno 0 is an acknowledgement. */
export interface NetlinkResult {
  /** Positive errno, or 0. */
  readonly errno: number;
  /** The kernel's own words (NETLINK_EXT_ACK), or null. */
  readonly message: string | null;
}

/** One message, padded to 4 bytes, so that the bytes of several may follow each other in one send. */
export function encodeMessage(message: NetlinkMessage): Uint8Array {
  return writeMessage(new ByteWriter(NATIVE_ENDIAN, messageLength(message.payload)), message).finish();
}

/** The same, behind what the writer has. */
export function writeMessage(writer: ByteWriter, { type, flags, sequence, port, payload }: NetlinkMessage): ByteWriter {
  return writer.u32(HEADER_LENGTH + payload.length).u16(type).u16(flags).u32(sequence).u32(port).bytes(payload).align(4);
}

/** Bytes that a message with that payload takes, padding included. */
export function messageLength(payload: Uint8Array): number {
  return align4(HEADER_LENGTH + payload.length);
}

/** All messages of one received datagram; the payloads are views of it. */
export function decodeMessages(bytes: Uint8Array): readonly NetlinkMessage[] | DecodeError {
  const messages: NetlinkMessage[] = [];
  const reader = new ByteReader(bytes, NATIVE_ENDIAN);
  while (reader.remaining > 0) {
    const length = reader.u32();
    const type = reader.u16();
    const flags = reader.u16();
    const sequence = reader.u32();
    const port = reader.u32();
    if (!reader.overrun && length < HEADER_LENGTH) return new DecodeError('bad-length', `netlink message of length ${length}`);
    const payload = reader.slice(length - HEADER_LENGTH);
    if (reader.overrun) return new DecodeError('too-short', `netlink message ${messages.length} is cut off in ${bytes.length} bytes`);
    messages.push({ type, flags, sequence, port, payload });
    reader.skip(Math.min(padding(length), reader.remaining));
  }
  return messages;
}

/** The payload of NLMSG_ERROR: an errno, the request's header (and payload, unless capped), then attributes. */
export function decodeResult({ payload, flags }: NetlinkMessage): NetlinkResult | DecodeError {
  const reader = new ByteReader(payload, NATIVE_ENDIAN);
  const errno = 0 - reader.i32();
  const requestLength = reader.u32();
  reader.skip(HEADER_LENGTH - 4);
  if (reader.overrun || errno < 0) return new DecodeError('bad-error', `netlink error of ${payload.length} bytes`);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, message: null };
  if ((flags & NLM_F_CAPPED) === 0) reader.skip(align4(Math.max(requestLength - HEADER_LENGTH, 0)));
  const attributes = decodeAttributes(reader.slice(reader.remaining));
  if (attributes instanceof DecodeError || reader.overrun) return { errno, message: null };
  const text = findAttribute(attributes, NLMSGERR_ATTR_MSG);
  return { errno, message: text === null ? null : attributeString(text) };
}

/** All attributes of a run of them; a value shorter or longer than its family expects is for the caller to see. */
export function decodeAttributes(bytes: Uint8Array): readonly NetlinkAttribute[] | DecodeError {
  const attributes: NetlinkAttribute[] = [];
  const reader = new ByteReader(bytes, NATIVE_ENDIAN);
  while (reader.remaining >= ATTRIBUTE_HEADER) {
    const length = reader.u16();
    const type = reader.u16() & NLA_TYPE_MASK;
    if (length < ATTRIBUTE_HEADER) return new DecodeError('bad-attribute', `netlink attribute ${type} of length ${length}`);
    const value = reader.slice(length - ATTRIBUTE_HEADER);
    if (reader.overrun) return new DecodeError('bad-attribute', `netlink attribute ${type} of length ${length} is cut off`);
    attributes.push({ type, value });
    reader.skip(Math.min(padding(length), reader.remaining));
  }
  return attributes;
}

/** The value of the last attribute of that type, as the kernel reads them; null when there is none. */
export function findAttribute(attributes: readonly NetlinkAttribute[], type: number): Uint8Array | null {
  return attributes.findLast((attribute) => attribute.type === type)?.value ?? null;
}

/** A value of exactly 4 bytes as a number; null for any other. */
export function attributeU32(value: Uint8Array | null): number | null {
  return value?.length === 4 ? new ByteReader(value, NATIVE_ENDIAN).u32() : null;
}

/** The same of exactly 2 bytes. */
export function attributeU16(value: Uint8Array | null): number | null {
  return value?.length === 2 ? new ByteReader(value, NATIVE_ENDIAN).u16() : null;
}

/** The same in network order. */
export function attributePort(value: Uint8Array | null): number | null {
  return value?.length === 2 ? new ByteReader(value, 'big').u16() : null;
}

/** Text up to its NUL. */
export function attributeString(value: Uint8Array): string {
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}

/** Builds a payload: the family's fixed header first (any writer calls), then attributes. */
export class AttributeWriter extends ByteWriter {
  constructor() {
    super(NATIVE_ENDIAN);
  }

  attribute(type: number, value: Uint8Array): this {
    return this.u16(ATTRIBUTE_HEADER + value.length).u16(type).bytes(value).align(4);
  }

  attributeU8(type: number, value: number): this {
    return this.u16(ATTRIBUTE_HEADER + 1).u16(type).u8(value).align(4);
  }

  attributeU16(type: number, value: number): this {
    return this.u16(ATTRIBUTE_HEADER + 2).u16(type).u16(value).align(4);
  }

  attributeU32(type: number, value: number): this {
    return this.u16(ATTRIBUTE_HEADER + 4).u16(type).u32(value);
  }

  /** With its NUL. */
  attributeString(type: number, text: string): this {
    return this.attribute(type, new TextEncoder().encode(`${text}\0`));
  }

  /** An attribute made of attributes, which `build` writes (on this same writer, whose length so far is a multiple of 4). */
  nested(type: number, build: (inner: AttributeWriter) => void): this {
    const start = this.length;
    this.u16(ATTRIBUTE_HEADER).u16(type | NLA_F_NESTED);
    build(this);
    return this.patchU16(start, this.length - start).align(4);
  }
}

function align4(length: number): number {
  return length + padding(length);
}

function padding(length: number): number {
  return (4 - (length % 4)) % 4;
}
