/**
 * Connections of netfilter over ctnetlink (uapi linux/netfilter/nfnetlink_conntrack.h): one is asked for by the addresses that its
 * client sees, and what answers has those that the server sees as well.
 *
 *     nfgenmsg | TUPLE_ORIG { IP { src, dst }, PROTO { number, source port, destination port } } | TUPLE_REPLY { … } | …
 */
import { familyOf, ipFromBytes, ipToBytes, type Family, type IpAddress } from '../util/ip.ts';
import { DecodeError } from './decode-error.ts';
import { attributePort, AttributeWriter, decodeAttributes, findAttribute, type NetlinkAttribute } from './netlink.ts';

const NFNL_SUBSYS_CTNETLINK = 1;
/** The netlink message types of asking for one, and of the answer. */
export const CT_GET = (NFNL_SUBSYS_CTNETLINK << 8) | 1;
export const CT_NEW = NFNL_SUBSYS_CTNETLINK << 8;

const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
/** Of a tuple's addresses: source and destination. */
const ADDRESSES: Readonly<Record<Family, readonly [number, number]>> = { inet: [1, 2], inet6: [3, 4] };
const FAMILIES: Readonly<Record<Family, number>> = { inet: 2, inet6: 10 };

export interface Tuple {
  /** IP's number: TCP 6, UDP 17, SCTP 132. */
  readonly protocol: number;
  readonly from: { readonly address: IpAddress; readonly port: number };
  readonly to: { readonly address: IpAddress; readonly port: number };
}

/** The connection whose first packet had these addresses. */
export function encodeGetConnection({ protocol, from, to }: Tuple): Uint8Array {
  const family = familyOf(from.address);
  const [source, destination] = ADDRESSES[family];
  return new AttributeWriter().u8(FAMILIES[family]).u8(0).zeros(2)
    .nested(CTA_TUPLE_ORIG, (tuple) => tuple
      .nested(CTA_TUPLE_IP, (ip) => ip.attribute(source, ipToBytes(from.address)).attribute(destination, ipToBytes(to.address)))
      .nested(CTA_TUPLE_PROTO, (proto) => proto.attributeU8(CTA_PROTO_NUM, protocol).attribute(CTA_PROTO_SRC_PORT, portBytes(from.port)).attribute(CTA_PROTO_DST_PORT, portBytes(to.port))))
    .finish();
}

/** What the answer's replies look like: from the server to whom it takes for the client. */
export function decodeReplyTuple(payload: Uint8Array): Tuple | DecodeError {
  const family = ([...Object.keys(FAMILIES)] as Family[]).find((one) => FAMILIES[one] === payload[0]);
  const attributes = payload.length < 4 || family === undefined ? new DecodeError('bad-connection', `ctnetlink message of ${payload.length} bytes`) : decodeAttributes(payload.subarray(4));
  if (attributes instanceof DecodeError) return attributes;
  const tuple = within(attributes, CTA_TUPLE_REPLY);
  const ip = tuple === null ? null : within(tuple, CTA_TUPLE_IP);
  const proto = tuple === null ? null : within(tuple, CTA_TUPLE_PROTO);
  const [source, destination] = ADDRESSES[family ?? 'inet'].map((type) => (ip === null ? null : addressOf(findAttribute(ip, type), family ?? 'inet')));
  const protocol = proto === null ? undefined : findAttribute(proto, CTA_PROTO_NUM)?.[0];
  if (source == null || destination == null || proto === null || protocol === undefined) return new DecodeError('bad-connection', 'connection without addresses or protocol');
  const port = (type: number): number => attributePort(findAttribute(proto, type)) ?? 0;
  return { protocol, from: { address: source, port: port(CTA_PROTO_SRC_PORT) }, to: { address: destination, port: port(CTA_PROTO_DST_PORT) } };
}


function within(attributes: readonly NetlinkAttribute[], type: number): readonly NetlinkAttribute[] | null {
  const value = findAttribute(attributes, type);
  const list = value === null ? null : decodeAttributes(value);
  return list === null || list instanceof DecodeError ? null : list;
}

function addressOf(value: Uint8Array | null, family: Family): IpAddress | null {
  return value?.length === (family === 'inet' ? 4 : 16) ? ipFromBytes(value) : null;
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff);
}
