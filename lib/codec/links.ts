import { ByteWriter } from '../util/bytes.ts';
import { AttributeWriter, NATIVE_ENDIAN } from './netlink.ts';

/**
 * What is asked about links of one's own (rtnetlink(7), ip-link(8)): macvlan interfaces. The payload begins with an
 * ifinfomsg, see rtnetlink.ts. IFLA_LINKINFO holds the kind and, nested, what is particular to it.
 */

const AF_INET6 = 10;
const IFF_UP = 0x1;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_AF_SPEC = 26;
const IFLA_GROUP = 27;

const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_MACVLAN_MODE = 1;
const IFLA_IPVLAN_MODE = 1;
const IFLA_IPVLAN_FLAGS = 2;
const IPVLAN_MODE_L2 = 0;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;

/** MACVLAN_MODE_PRIVATE: no frame goes from one macvlan of an interface to another. */
export const MACVLAN_PRIVATE = 1;

export interface MacvlanMessage {
  readonly name: string;
  /** Index of the interface below. */
  readonly parentIndex: number;
  readonly mac: Uint8Array;
  /** Interface group; 0 is the default one. */
  readonly group: number;
  /** Index of the VRF that it belongs to; null: none. */
  readonly masterIndex: number | null;
}

/** For RTM_NEWLINK with NLM_F_CREATE: a private macvlan, down. */
export function encodeNewMacvlan({ name, parentIndex, mac, group, masterIndex }: MacvlanMessage): Uint8Array {
  const writer = head(0, 0, 0)
    .attributeString(IFLA_IFNAME, name)
    .attributeU32(IFLA_LINK, parentIndex)
    .attribute(IFLA_ADDRESS, mac)
    .attributeU32(IFLA_GROUP, group);
  if (masterIndex !== null) writer.attributeU32(IFLA_MASTER, masterIndex);
  return privateMacvlan(writer).finish();
}

/** How ipvlans of an interface reach one another (IFLA_IPVLAN_FLAGS): 0 bridge, all of them; 1 private, none; 2 vepa, by the switch. */
export type IpvlanFlags = 0 | 1 | 2;

export interface IpvlanMessage extends Omit<MacvlanMessage, 'mac'> {
  readonly flags: IpvlanFlags;
}

/** For RTM_NEWLINK with NLM_F_CREATE: an ipvlan in L2 mode, down. It has the MAC of the interface below. */
export function encodeNewIpvlan({ name, parentIndex, group, masterIndex, flags }: IpvlanMessage): Uint8Array {
  const writer = head(0, 0, 0).attributeString(IFLA_IFNAME, name).attributeU32(IFLA_LINK, parentIndex).attributeU32(IFLA_GROUP, group);
  if (masterIndex !== null) writer.attributeU32(IFLA_MASTER, masterIndex);
  const short = (value: number): Uint8Array => new ByteWriter(NATIVE_ENDIAN, 2).u16(value).finish();
  return writer.nested(IFLA_LINKINFO, (info) => {
    info.attribute(IFLA_INFO_KIND, new TextEncoder().encode('ipvlan'))
      .nested(IFLA_INFO_DATA, (data) => { data.attribute(IFLA_IPVLAN_MODE, short(IPVLAN_MODE_L2)).attribute(IFLA_IPVLAN_FLAGS, short(flags)); });
  }).finish();
}

/** For RTM_NEWLINK without NLM_F_CREATE: the macvlan of that name gets this MAC and private mode. */
export function encodeSetMacvlan(name: string, mac: Uint8Array): Uint8Array {
  return privateMacvlan(head(0, 0, 0).attributeString(IFLA_IFNAME, name).attribute(IFLA_ADDRESS, mac)).finish();
}

/** For RTM_NEWLINK without NLM_F_CREATE: the kernel gives it no link-local address of its own (addr_gen_mode none). */
export function encodeNoAddressGeneration(name: string): Uint8Array {
  return head(0, 0, 0)
    .attributeString(IFLA_IFNAME, name)
    .nested(IFLA_AF_SPEC, (spec) => { spec.nested(AF_INET6, (six) => { six.attributeU8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE); }); })
    .finish();
}

/** For RTM_NEWLINK without NLM_F_CREATE. */
export function encodeLinkUp(name: string): Uint8Array {
  return head(0, IFF_UP, IFF_UP).attributeString(IFLA_IFNAME, name).finish();
}

/** For RTM_DELLINK: by index, since another may have taken the name. */
export function encodeDeleteLink(index: number): Uint8Array {
  return head(index, 0, 0).finish();
}

function privateMacvlan(writer: AttributeWriter): AttributeWriter {
  return writer.nested(IFLA_LINKINFO, (info) => {
    info.attribute(IFLA_INFO_KIND, new TextEncoder().encode('macvlan'))
      .nested(IFLA_INFO_DATA, (data) => { data.attribute(IFLA_MACVLAN_MODE, new ByteWriter(NATIVE_ENDIAN, 4).u32(MACVLAN_PRIVATE).finish()); });
  });
}

function head(index: number, flags: number, change: number): AttributeWriter {
  return new AttributeWriter().u8(0).zeros(3).u32(index).u32(flags).u32(change);
}
