import { expect } from 'chai';
import { checksum6, unsolicitedAdvertisement } from '../../lib/codec/ndisc.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { ip } from '../../lib/util/ip.ts';

const MAC = fromHex('02:00:00:00:00:0a');
/** Ethernet and IPv6 headers before the ICMPv6 message. */
const ICMP_OFFSET = 54;

describe('unsolicited neighbour advertisement', () => {
  for (const [name, mac, address] of [
    ['no MAC address', '', 'fe80::1'],
    ['a MAC address of 8 bytes', '02:00:00:00:00:00:00:0a', 'fe80::1'],
    ['an IPv4 address', '02:00:00:00:00:0a', '10.0.0.1'],
  ] as const) {
    it(`refuses ${name}`, () => {
      expect(() => unsolicitedAdvertisement(fromHex(mac), ip(address))).to.throw(RangeError, 'neighbour advertisement needs');
    });
  }

  // Both frames were seen with tcpdump at the other end of a veth pair.
  for (const [name, address, hex] of [
    ['a link-local address', 'fe80::100', `
      3333 0000 0001 0200 0000 000a 86dd 6000
      0000 0020 3aff fe80 0000 0000 0000 0000
      0000 0000 0100 ff02 0000 0000 0000 0000
      0000 0000 0001 8800 5594 2000 0000 fe80
      0000 0000 0000 0000 0000 0000 0100 0201
      0200 0000 000a`],
    ['a global address', '2001:db8::100', `
      3333 0000 0001 0200 0000 000a 86dd 6000
      0000 0020 3aff 2001 0db8 0000 0000 0000
      0000 0000 0100 ff02 0000 0000 0000 0000
      0000 0000 0001 8800 f723 2000 0000 2001
      0db8 0000 0000 0000 0000 0000 0100 0201
      0200 0000 000a`],
  ] as const) {
    it(`is, byte for byte, the frame keepalived 2.2.7 sends for ${name}`, () => {
      expect(toHex(unsolicitedAdvertisement(MAC, ip(address)))).to.equal(toHex(fromHex(hex)));
    });
  }

  it('sets the Router flag when asked to, and the checksum with it', () => {
    const frame = unsolicitedAdvertisement(MAC, ip('fe80::100'), true);
    expect(frame[ICMP_OFFSET + 4]).to.equal(0xa0);
    expect(checksum6(frame.subarray(22, 38), frame.subarray(38, 54), 58, frame.subarray(ICMP_OFFSET))).to.equal(0);
  });
});
