import { expect } from 'chai';
import { gratuitousArp } from '../../lib/codec/arp.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { ip } from '../../lib/util/ip.ts';

const MAC = fromHex('02:00:00:00:00:0a');

describe('gratuitous ARP', () => {
  for (const [name, mac, address] of [
    ['no MAC address', '', '10.0.0.1'],
    ['a MAC address of 5 bytes', '02:00:00:00:00', '10.0.0.1'],
    ['an InfiniBand address of 20 bytes', '00'.repeat(20), '10.0.0.1'],
    ['an IPv6 address', '02:00:00:00:00:0a', '2001:db8::1'],
  ] as const) {
    it(`refuses ${name}`, () => {
      expect(() => gratuitousArp(fromHex(mac), ip(address))).to.throw(RangeError, 'gratuitous ARP needs');
    });
  }

  it('is, byte for byte, the frame keepalived 2.2.7 sends', () => {
    // Seen with tcpdump at the other end of a veth pair.
    expect(toHex(gratuitousArp(MAC, ip('10.0.0.100')))).to.equal(toHex(fromHex(`
      ffff ffff ffff 0200 0000 000a 0806 0001
      0800 0604 0001 0200 0000 000a 0a00 0064
      ffff ffff ffff 0a00 0064`)));
  });
});
