import { expect } from 'chai';
import fc from 'fast-check';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { buildIpv4Packet, encodeIpv4Header, parseIpv4 } from '../../lib/codec/ipv4.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { internetChecksum } from '../../lib/util/checksum.ts';
import { ip } from '../../lib/util/ip.ts';

/** keepalived 2.2.7's first advertisement, seen with tcpdump. */
const SEEN = fromHex(`
  45c0 0028 0001 0000 ff70 d091 0a00 0001 e000 0012
  210a c801 0001 0c8f 0a00 0064 0000 0000 0000 0000`);

describe('IPv4', () => {
  for (const [name, hex, code] of [
    ['nothing', '', 'too-short'],
    ['19 bytes', toHex(SEEN.subarray(0, 19)), 'too-short'],
    ['version 6', '65' + toHex(SEEN.subarray(1)), 'bad-version'],
    ['a header length of 4 words', '44' + toHex(SEEN.subarray(1)), 'bad-header-length'],
    ['a header longer than the packet', '4f' + toHex(SEEN.subarray(1)), 'bad-header-length'],
    ['a total length beyond the packet', '45c00029' + toHex(SEEN.subarray(4)), 'bad-total-length'],
    ['a total length within the header', '45c00013' + toHex(SEEN.subarray(4)), 'bad-total-length'],
  ] as const) {
    it(`parse refuses ${name}`, () => {
      const parsed = parseIpv4(fromHex(hex));
      expect(parsed).to.be.instanceOf(DecodeError).and.to.have.property('code', code);
    });
  }

  it('build refuses a payload that does not fit', () => {
    expect(() => encodeIpv4Header({ from: ip('10.0.0.1'), to: ip('10.0.0.2'), ttl: 255, id: 1, protocol: 112 }, 65_516)).to.throw(RangeError, 'too long');
  });

  it('builds, byte for byte, the packet keepalived 2.2.7 sends', () => {
    const fields = { from: ip('10.0.0.1'), to: ip('224.0.0.18'), ttl: 255, id: 1, protocol: 112 };
    expect(toHex(buildIpv4Packet({ ...fields, payload: SEEN.subarray(20) }))).to.equal(toHex(SEEN));
  });

  it('parse cuts off link-layer padding and keeps options with the header', () => {
    const packet = fromHex('46c0 001c 0001 0000 ff70 0000 0a00 0001 e000 0012 9404 0000 aabbccdd 0000 0000');
    expect(parseIpv4(packet)).to.deep.equal({
      header: packet.subarray(0, 24),
      from: '10.0.0.1',
      to: '224.0.0.18',
      ttl: 255,
      protocol: 112,
      payload: fromHex('aabbccdd'),
      totalLength: 28,
    });
  });

  it('what is built parses back, with a right checksum', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(255), fc.nat(65_535), (payload, ttl, id) => {
      const packet = buildIpv4Packet({ from: ip('192.0.2.1'), to: ip('192.0.2.2'), ttl, id, protocol: 51, payload });
      const parsed = parseIpv4(packet);
      if (parsed instanceof DecodeError) throw new Error(parsed.detail);
      expect({ ttl: parsed.ttl, protocol: parsed.protocol, payload: toHex(parsed.payload) }).to.deep.equal({ ttl, protocol: 51, payload: toHex(payload) });
      expect(internetChecksum(parsed.header)).to.equal(0);
    }));
  });

  it('random bytes are answered, not thrown at', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const parsed = parseIpv4(bytes);
      expect(parsed instanceof DecodeError || parsed.payload.length <= bytes.length).to.equal(true);
    }));
  });
});
