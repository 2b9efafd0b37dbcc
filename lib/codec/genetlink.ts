import { ByteReader } from '../util/bytes.ts';
import { DecodeError } from './decode-error.ts';
import { attributeString, attributeU32, AttributeWriter, decodeAttributes, findAttribute, NATIVE_ENDIAN, type NetlinkAttribute } from './netlink.ts';

/**
 * Generic netlink (genetlink(7), linux/genetlink.h): families are found by name, their number differs from one boot to the
 * next. A payload begins with
 *
 *     | command (8) | version (8) | reserved (16) | attributes …
 */

/** The netlink message type of the controller, which knows the others. */
export const GENL_ID_CTRL = 16;

const CTRL_CMD_NEWFAMILY = 1;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_VERSION = 1;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
const CTRL_ATTR_VERSION = 3;
const CTRL_ATTR_OPS = 6;
const CTRL_ATTR_OP_ID = 1;

export interface GenericMessage {
  readonly command: number;
  readonly version: number;
  readonly attributes: readonly NetlinkAttribute[];
}

export interface GenericFamily {
  readonly name: string;
  /** The type of its netlink messages. */
  readonly id: number;
  readonly version: number;
  /** Numbers of the commands it knows; empty where the kernel does not tell. */
  readonly commands: readonly number[];
}

/** A payload with its header written; attributes are the caller's to add. */
export function genericPayload(command: number, version: number): AttributeWriter {
  return new AttributeWriter().u8(command).u8(version).zeros(2);
}

export function decodeGeneric(payload: Uint8Array): GenericMessage | DecodeError {
  const reader = new ByteReader(payload, NATIVE_ENDIAN);
  const command = reader.u8();
  const version = reader.u8();
  reader.skip(2);
  if (reader.overrun) return new DecodeError('too-short', `generic netlink message of ${payload.length} bytes`);
  const attributes = decodeAttributes(reader.slice(reader.remaining));
  return attributes instanceof DecodeError ? attributes : { command, version, attributes };
}

/** Asks the controller for a family, which makes the kernel load its module where it knows which. */
export function encodeGetFamily(name: string): Uint8Array {
  return genericPayload(CTRL_CMD_GETFAMILY, CTRL_VERSION).attributeString(CTRL_ATTR_FAMILY_NAME, name).finish();
}

/** The controller's answer. */
export function decodeFamily(payload: Uint8Array): GenericFamily | DecodeError {
  const message = decodeGeneric(payload);
  if (message instanceof DecodeError) return message;
  const { command, attributes } = message;
  const id = findAttribute(attributes, CTRL_ATTR_FAMILY_ID);
  const name = findAttribute(attributes, CTRL_ATTR_FAMILY_NAME);
  if (command !== CTRL_CMD_NEWFAMILY || id?.length !== 2 || name === null) return new DecodeError('bad-family', `command ${command} of the generic netlink controller`);
  const commands = operations(findAttribute(attributes, CTRL_ATTR_OPS));
  if (commands instanceof DecodeError) return commands;
  return {
    name: attributeString(name),
    id: new ByteReader(id, NATIVE_ENDIAN).u16(),
    version: attributeU32(findAttribute(attributes, CTRL_ATTR_VERSION)) ?? 0,
    commands,
  };
}

/** A list of nested attributes, numbered by their place. */
function operations(value: Uint8Array | null): number[] | DecodeError {
  if (value === null) return [];
  const list = decodeAttributes(value);
  if (list instanceof DecodeError) return list;
  const numbers: number[] = [];
  for (const one of list) {
    const inner = decodeAttributes(one.value);
    if (inner instanceof DecodeError) return inner;
    const number = attributeU32(findAttribute(inner, CTRL_ATTR_OP_ID));
    if (number !== null) numbers.push(number);
  }
  return numbers;
}
