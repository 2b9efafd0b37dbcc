import { ByteWriter, concat } from '../util/bytes.ts';
import { internetChecksum } from '../util/checksum.ts';
import { ip, ipToBytes, type IpAddress } from '../util/ip.ts';

/**
 * Neighbour Advertisement (RFC 4861 §4.4) in an Ethernet frame:
 *
 *     |  33:33:00:00:00:01 (6)  |  source (6)  | 0x86DD |
 *     | IPv6 header (40): hop limit 255, next header 58 |
 *     |   type 136    |    code 0     |    checksum     |
 *     |R|S|O|                reserved                   |
 *     |                target address (16)              |
 *     | option 2 (1) | length 1 (1) |  link-layer (6)   |
 */

const ALL_NODES = ip('ff02::1');
const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);
const ETHERTYPE_IPV6 = 0x86dd;
const ICMPV6 = 58;
const NEIGHBOR_ADVERTISEMENT = 136;
const TARGET_LINK_LAYER_ADDRESS = 2;
const ROUTER = 0x8000_0000;
const OVERRIDE = 0x2000_0000;

/**
 * The unsolicited Neighbour Advertisement that announces `address` at `mac` (RFC 4861 §7.2.6): from the address itself to all
 * nodes, Override set, Solicited clear, Router set only when this node forwards.
 *
 * Throws a RangeError when `mac` is not 6 bytes or `address` is not IPv6.
 */
export function unsolicitedAdvertisement(mac: Uint8Array, address: IpAddress, router = false): Uint8Array {
  const target = ipToBytes(address);
  if (mac.length !== 6) throw new RangeError(`a neighbour advertisement needs a MAC address of 6 bytes, not ${mac.length}`);
  if (target.length !== 16) throw new RangeError(`a neighbour advertisement needs an IPv6 address, not ${address}`);

  const message = new ByteWriter('big', 32)
    .u8(NEIGHBOR_ADVERTISEMENT).u8(0).u16(0)
    .u32(router ? (ROUTER | OVERRIDE) >>> 0 : OVERRIDE)
    .bytes(target)
    .u8(TARGET_LINK_LAYER_ADDRESS).u8(1).bytes(mac);
  message.patchU16(2, checksum6(target, ipToBytes(ALL_NODES), ICMPV6, message.finish()));
  const payload = message.finish();

  const header = new ByteWriter('big', 54)
    .bytes(ALL_NODES_MAC).bytes(mac).u16(ETHERTYPE_IPV6)
    .u32(0x6000_0000).u16(payload.length).u8(ICMPV6).u8(255)
    .bytes(target).bytes(ipToBytes(ALL_NODES))
    .finish();
  return concat(header, payload);
}

/** The checksum of an upper-layer packet over IPv6, with its pseudo header (RFC 8200 §8.1). */
export function checksum6(from: Uint8Array, to: Uint8Array, nextHeader: number, payload: Uint8Array): number {
  const pseudo = new ByteWriter('big', 40).bytes(from).bytes(to).u32(payload.length).u32(nextHeader).finish();
  return internetChecksum(pseudo, payload);
}
