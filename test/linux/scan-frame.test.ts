import { expect } from 'chai';
import fc from 'fast-check';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { decodeFrame, printSeen, seenToJson, type LinkType, type SeenAdvertisement } from '../../lib/linux/scan-frame.ts';
import { concat, fromHex, toHex } from '../../lib/util/bytes.ts';

/** Seen with tcpdump, from keepalived 2.2.7. */
const V2 = fromHex(`
  0100 5e00 0012 0200 0000 000a 0800 45c0
  0028 0001 0000 ff70 d091 0a00 0001 e000
  0012 210a c801 0001 0c8f 0a00 0064 0000
  0000 0000 0000`);
const V3_IPV6 = fromHex(`
  3333 0000 0012 0200 0000 000a 86dd 6c0d
  7b16 0028 70ff fe80 0000 0000 0000 0000
  00ff fe00 000a ff02 0000 0000 0000 0000
  0000 0000 0012 310b c802 0064 db1b fe80
  0000 0000 0000 0000 0000 0000 0100 2001
  0db8 0000 0000 0000 0000 0000 0100`);

/** Made from V2: the VRRP message behind an Authentication Header with sequence number 7. */
const AH = concat(
  V2.subarray(0, 14), fromHex('45c0 0040 0001 0000 ff33 0000 0a00 0001 e000 0012'),
  fromHex('70 04 0000 0a000001 00000007'), new Uint8Array(12), V2.subarray(34),
);

function changed(frame: Uint8Array, offset: number, byte: number): Uint8Array {
  const copy = Uint8Array.from(frame);
  copy[offset] = byte;
  return copy;
}

function decoded(frame: Uint8Array, linkType: LinkType = 'ETHERNET'): SeenAdvertisement {
  const seen = decodeFrame(linkType, frame);
  if (seen instanceof DecodeError) throw new Error(seen.detail);
  return seen;
}

describe('scan: frames', () => {
  for (const [name, frame, code] of [
    ['nothing', new Uint8Array(0), 'too-short'],
    ['a frame of 13 bytes', V2.subarray(0, 13), 'too-short'],
    ['a VLAN tag and no more', concat(V2.subarray(0, 12), fromHex('8100 0005')), 'too-short'],
    ['ARP', changed(V2, 13, 0x06), 'not-ip'],
    ['UDP', changed(V2, 23, 17), 'not-vrrp'],
    ['an IPv4 header cut off', V2.subarray(0, 30), 'too-short'],
    ['an IPv6 packet cut off', V3_IPV6.subarray(0, 90), 'too-short'],
    ['ICMPv6', changed(V3_IPV6, 20, 58), 'not-vrrp'],
    ['an AH longer than the packet', changed(AH, 35, 60), 'bad-ah'],
    ['TCP behind AH', changed(AH, 34, 6), 'not-vrrp'],
  ] as const) {
    it(`${name} is no VRRP`, () => {
      expect(decodeFrame('ETHERNET', frame)).to.be.instanceOf(DecodeError).and.to.have.property('code', code);
    });
  }

  it('version 2 over IPv4', () => {
    const line = printSeen(0, decoded(V2)).slice('00:00:00.000 '.length);
    expect(line).to.equal('10.0.0.1 > 224.0.0.18 VRRPv2 vrid 10 prio 200, interval 1s, auth none, addresses 10.0.0.100, ttl 255, checksum ok');
  });

  it('version 3 over IPv6', () => {
    expect(JSON.parse(seenToJson(0, decoded(V3_IPV6)))).to.deep.equal({
      time: '1970-01-01T00:00:00.000Z', from: 'fe80::ff:fe00:a', to: 'ff02::12', version: 3, type: 1, vrid: 11, priority: 200, interval: 1, auth: 'none',
      ahSequence: null, addresses: ['fe80::100', '2001:db8::100'], ttl: 255, checksum: 'ok',
    });
  });

  it('behind an Authentication Header, a VLAN tag, a cooked header, and no header at all', () => {
    expect(decoded(AH)).to.include({ ahSequence: 7, checksum: 'ok' });
    expect(decoded(concat(V2.subarray(0, 12), fromHex('8100 0005'), V2.subarray(12))).checksum).to.equal('ok');
    expect(decoded(concat(new Uint8Array(14), V2.subarray(12)), 'LINKTYPE_LINUX_SLL').checksum).to.equal('ok');
    expect(decoded(V2.subarray(14), 'RAW').checksum).to.equal('ok');
  });

  it('a bad checksum, and one of version 3 without the pseudo header', () => {
    expect(decoded(changed(V2, 36, 100)).checksum).to.equal('bad');
    // Version 3 with an interval of 100 cs and the checksum over the message alone.
    const v3 = fromHex('310a c801 0064 0000 0a00 0064');
    const sum = 0xffff - [0x310a, 0xc801, 0x0064, 0x0a00, 0x0064].reduce((a, b) => (a + b > 0xffff ? a + b - 0xffff : a + b));
    v3.set([sum >> 8, sum & 0xff], 6);
    const packet = concat(fromHex('45c0 0020 0001 0000 ff70 0000 0a00 0001 e000 0012'), v3);
    expect(decoded(packet, 'RAW').checksum).to.equal('as-v2');
    expect(printSeen(0, decoded(packet, 'RAW'))).to.contain('VRRPv3 vrid 10').and.to.contain('checksum as-v2');
  });

  it('a malformed message is shown with what is wrong', () => {
    const seen = decoded(changed(V2, 37, 9));
    expect(printSeen(0, seen)).to.contain('10.0.0.1 > 224.0.0.18 malformed: 20 bytes, 52 expected for 9 addresses (length)');
    expect(JSON.parse(seenToJson(0, seen))).to.include({ error: 'length', from: '10.0.0.1' });
  });

  it('a password is not printed', () => {
    const withPassword = concat(changed(V2, 38, 1).subarray(0, 46), new TextEncoder().encode('s3cr3t!!'));
    const seen = decoded(withPassword);
    expect(printSeen(0, seen)).to.contain('auth pass').and.not.to.contain('s3cr3t');
    expect(seenToJson(0, seen)).to.not.contain('s3cr3t').and.not.to.contain(toHex(new TextEncoder().encode('s3cr3t')));
  });

  it('random bytes are answered, not thrown at', () => {
    fc.assert(fc.property(fc.constantFrom<LinkType>('ETHERNET', 'LINKTYPE_LINUX_SLL', 'RAW'), fc.uint8Array({ maxLength: 120 }), (linkType, bytes) => {
      const seen = decodeFrame(linkType, bytes);
      expect(seen instanceof DecodeError || printSeen(0, seen).length > 0).to.equal(true);
    }));
  });
});
