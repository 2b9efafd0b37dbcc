import { ByteWriter } from '../util/bytes.ts';
import { ipToBytes, type IpAddress } from '../util/ip.ts';

/**
 * ARP over Ethernet (RFC 826):
 *
 *     |  destination (6)  |  source (6)  | 0x0806 |
 *     | hardware type 1   | protocol type 0x0800  |
 *     | hlen 6  | plen 4  | operation             |
 *     | sender hardware (6) | sender protocol (4) |
 *     | target hardware (6) | target protocol (4) |
 */

const BROADCAST = new Uint8Array(6).fill(0xff);
const ETHERTYPE_ARP = 0x0806;
const REQUEST = 1;

/**
 * The gratuitous ARP that announces `address` at `mac` (RFC 5227 §3 calls it an ARP Announcement, RFC 9568 §6.4.1 asks for
 * it): a broadcast *request* whose sender and target are the address itself. The target hardware address is all ones and
 * nothing is padded, as keepalived does; the driver pads to the Ethernet minimum.
 *
 * Throws a RangeError when `mac` is not 6 bytes or `address` is not IPv4.
 */
export function gratuitousArp(mac: Uint8Array, address: IpAddress): Uint8Array {
  const ip = ipToBytes(address);
  if (mac.length !== 6) throw new RangeError(`gratuitous ARP needs a MAC address of 6 bytes, not ${mac.length}`);
  if (ip.length !== 4) throw new RangeError(`gratuitous ARP needs an IPv4 address, not ${address}`);
  return new ByteWriter('big', 42)
    .bytes(BROADCAST).bytes(mac).u16(ETHERTYPE_ARP)
    .u16(1).u16(0x0800)
    .u8(6).u8(4).u16(REQUEST)
    .bytes(mac).bytes(ip)
    .bytes(BROADCAST).bytes(ip)
    .finish();
}
