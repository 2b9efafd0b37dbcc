import { expect } from 'chai';
import fc from 'fast-check';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { type Advertisement, authData, checksumHolds, decodeAdvertisement, encodeAdvertisement, type Ends } from '../../lib/codec/vrrp.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { type Family, ip, ipFromBytes } from '../../lib/util/ip.ts';

const V2: Advertisement = {
  version: 2, type: 1, vrid: 51, priority: 100, advertInterval: 1000, addresses: [ip('10.0.0.100')], auth: { type: 0, data: new Uint8Array(8) },
};
const V3: Advertisement = { version: 3, type: 1, vrid: 51, priority: 100, advertInterval: 1000, addresses: [ip('10.0.0.100')], auth: null };
const ENDS: Ends = { from: ip('10.0.0.1'), to: ip('224.0.0.18') };
const ENDS6: Ends = { from: ip('fe80::1'), to: ip('ff02::12') };

const interval2 = fc.integer({ min: 0, max: 255 }).map((s) => s * 1000);
const interval3 = fc.integer({ min: 0, max: 4095 }).map((cs) => cs * 10);
const addressesOf = (family: Family): fc.Arbitrary<Advertisement['addresses']> => {
  const length = family === 'inet' ? 4 : 16;
  return fc.array(fc.uint8Array({ minLength: length, maxLength: length }).map(ipFromBytes), { maxLength: 255, size: 'small' });
};
const advertisementOf = (version: 2 | 3, family: Family): fc.Arbitrary<Advertisement> => fc.record({
  version: fc.constant(version), type: fc.nat(15), vrid: fc.nat(255), priority: fc.nat(255), addresses: addressesOf(family),
  advertInterval: version === 2 ? interval2 : interval3,
  auth: version === 2 ? fc.record({ type: fc.nat(255), data: fc.uint8Array({ minLength: 8, maxLength: 8 }) }) : fc.constant(null),
});

describe('decodeAdvertisement', () => {
  for (const [name, hex, family, code, detail] of [
    ['no bytes', '', 'inet', 'too-short', '0 bytes, a VRRP header has 8'],
    ['7 bytes', '21 33 64 01 00 01 ba', 'inet', 'too-short', '7 bytes, a VRRP header has 8'],
    ['version 0', '01 33 64 00 00 01 0000', 'inet', 'version', 'VRRP version 0'],
    ['version 1', '11 33 64 00 00 01 0000', 'inet', 'version', 'VRRP version 1'],
    ['version 4', '41 33 64 00 00 01 0000', 'inet', 'version', 'VRRP version 4'],
    ['version 15', 'ff ff ff ff ff ff ffff', 'inet', 'version', 'VRRP version 15'],
    ['version 2 without the authentication data', '21 33 64 01 00 01 ba52 0a000064', 'inet', 'length', '12 bytes, 20 expected for 1 addresses'],
    ['one byte too few', '21 33 64 01 00 01 ba52 0a000064 00000000000000', 'inet', 'length', '19 bytes, 20 expected for 1 addresses'],
    ['one byte too many', '21 33 64 01 00 01 ba52 0a000064 0000000000000000 00', 'inet', 'length', '21 bytes, 20 expected for 1 addresses'],
    ['a count greater than the addresses', '31 33 64 ff 00 64 0000 0a000064', 'inet', 'length', '12 bytes, 1028 expected for 255 addresses'],
    ['a count smaller than the addresses', '31 33 64 00 00 64 0000 0a000064', 'inet', 'length', '12 bytes, 8 expected for 0 addresses'],
    ['an IPv4 message read as IPv6', '31 33 64 01 00 64 0000 0a000064', 'inet6', 'length', '12 bytes, 24 expected for 1 addresses'],
  ] as const) {
    it(`refuses ${name}`, () => {
      expect(decodeAdvertisement(fromHex(hex), family)).to.deep.equal(new DecodeError(code, detail));
    });
  }

  it('leaves type, authentication, priority and checksum to the receiver to judge', () => {
    const advert = decodeAdvertisement(fromHex('2f 00 00 00 fe ff dead 0102030405060708'), 'inet');
    expect(advert).to.deep.equal({
      version: 2, type: 15, vrid: 0, priority: 0, advertInterval: 255_000, addresses: [], auth: { type: 254, data: fromHex('0102030405060708') },
    });
  });

  it('does not keep the datagram: the authentication data is a copy', () => {
    const message = encodeAdvertisement(V2, null);
    const advert = decodeAdvertisement(message, 'inet');
    message.fill(0xff);
    expect(advert).to.deep.include({ auth: { type: 0, data: new Uint8Array(8) } });
  });

  it('takes the lower twelve bits of the interval in version 3, whatever stands in rsvd (RFC 9568 §5.2.6)', () => {
    expect(decodeAdvertisement(fromHex('31 33 64 00 f0 64 0000'), 'inet')).to.deep.include({ advertInterval: 1000 });
  });

  it('never throws on random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom<Family>('inet', 'inet6'), (bytes, family) => {
      const result = decodeAdvertisement(bytes, family);
      expect(result instanceof DecodeError || result.addresses.length === bytes[3]).to.equal(true);
    }), { numRuns: 2000 });
  });

  it('never throws on a good message with a few bytes changed, added or cut', () => {
    const good = fc.oneof(advertisementOf(2, 'inet'), advertisementOf(3, 'inet')).map((a) => encodeAdvertisement(a, ENDS));
    const change = fc.tuple(fc.nat(2000), fc.nat(255));
    fc.assert(fc.property(good, fc.array(change, { maxLength: 4 }), fc.integer({ min: -8, max: 8 }), (message, changes, growth) => {
      const bytes = new Uint8Array(Math.max(0, message.length + growth));
      bytes.set(message.subarray(0, bytes.length));
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      const result = decodeAdvertisement(bytes, 'inet');
      expect(result instanceof DecodeError || result.addresses.length === bytes[3]).to.equal(true);
    }), { numRuns: 1000 });
  });

  for (const [version, family, pseudo] of [[2, 'inet', null], [3, 'inet', ENDS], [3, 'inet6', ENDS6]] as const) {
    it(`reads what was written, and the checksum holds: version ${version}, ${family}`, () => {
      fc.assert(fc.property(advertisementOf(version, family), (advert) => {
        const message = encodeAdvertisement(advert, pseudo);
        expect(decodeAdvertisement(message, family)).to.deep.equal(advert);
        expect(checksumHolds(message, pseudo)).to.equal(true);
      }), { numRuns: 300 });
    });
  }
});

describe('encodeAdvertisement', () => {
  for (const [name, advert, pseudo, hex] of [
    // The header's checksums were worked out apart from this code (RFC 1071 §1).
    ['version 2, no authentication', V2, null, '21 33 64 01 00 01 7066 0a000064 0000000000000000'],
    ['version 2, priority 0', { ...V2, priority: 0 }, null, '21 33 00 01 00 01 d466 0a000064 0000000000000000'],
    ['version 2, two addresses in their order', { ...V2, addresses: [ip('10.0.0.101'), ip('10.0.0.100')] }, null, '21 33 64 02 00 01 6600 0a000065 0a000064 0000000000000000'],
    ['version 2, a password shorter than 8 bytes', { ...V2, auth: { type: 1, data: new TextEncoder().encode('secret') } }, null, '21 33 64 01 01 01 331a 0a000064 7365637265740000'],
    ['version 3, IPv4, pseudo header included', V3, ENDS, '31 33 64 01 00 64 7573 0a000064'],
    ['version 3, IPv6', { ...V3, addresses: [ip('fe80::100')] }, ENDS6, '31 33 64 01 00 64 6cc7 fe800000000000000000000000000100'],
  ] as const) {
    it(`writes ${name}`, () => {
      const message = encodeAdvertisement(advert, pseudo);
      expect(checksumHolds(message, pseudo), 'checksum').to.equal(true);
      expect(toHex(message)).to.equal(toHex(fromHex(hex)));
    });
  }

  it('puts nothing into rsvd, even for an interval that does not fit in twelve bits', () => {
    const message = encodeAdvertisement({ ...V3, advertInterval: 50_000 }, ENDS);
    expect((message[4] ?? 0) >> 4).to.equal(0);
  });
});

describe('checksumHolds', () => {
  it('notices any single bit that changed', () => {
    const message = encodeAdvertisement(V2, null);
    for (let bit = 0; bit < message.length * 8; bit++) {
      const broken = message.slice();
      broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(checksumHolds(broken, null), `bit ${bit}`).to.equal(false);
    }
  });

  for (const [name, pseudo] of [
    ['without the pseudo header', null],
    ['with another source', { ...ENDS, from: ip('10.0.0.2') }],
    ['with another destination', { ...ENDS, to: ip('10.0.0.2') }],
  ] as const) {
    it(`of version 3 does not hold ${name}`, () => {
      expect(checksumHolds(encodeAdvertisement(V3, ENDS), pseudo)).to.equal(false);
    });
  }
});

describe('authData', () => {
  for (const [secret, hex] of [['', '0000000000000000'], ['a', '6100000000000000'], ['12345678', '3132333435363738'], ['123456789', '3132333435363738']] as const) {
    it(`'${secret}' is ${hex}`, () => { expect(toHex(authData(new TextEncoder().encode(secret)))).to.equal(hex); });
  }
});
