import { expect } from 'chai';
import fc from 'fast-check';
import {
  compareIp, familyOf, ip, ipFromBytes, ipToBytes, isLinkLocal6, isMulticast, maxPrefix, parseIp, parsePrefix, printPrefix,
} from '../../lib/util/ip.ts';

const RUNS = { numRuns: 500 };
const fourBytes = fc.uint8Array({ minLength: 4, maxLength: 4 });
/** Runs of zeros are what RFC 5952 is about: make them likely. */
const sixteenBytes = fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes));
const anyBytes = fc.oneof(fourBytes, sixteenBytes);

describe('parseIp', () => {
  for (const [name, text] of [
    ['nothing', ''],
    ['a name', 'localhost'],
    ['three parts', '10.0.0'],
    ['five parts', '10.0.0.1.2'],
    ['a part above 255', '10.0.0.256'],
    ['an empty part', '10..0.1'],
    ['a leading zero, octal to some', '10.0.0.010'],
    ['a sign', '10.0.0.-1'],
    ['hexadecimal parts', '0x0a.0.0.1'],
    ['a blank in front', ' 10.0.0.1'],
    ['a blank behind', '10.0.0.1 '],
    ['a prefix length', '10.0.0.1/24'],
    ['a lone colon', ':'],
    ['three colons', ':::'],
    ['two double colons', '1::2::3'],
    ['seven groups', '1:2:3:4:5:6:7'],
    ['nine groups', '1:2:3:4:5:6:7:8:9'],
    ['eight groups and a double colon', '1:2:3:4::5:6:7:8'],
    ['a group of five digits', '12345::'],
    ['a letter that is no digit', '2001:db8::g'],
    ['a colon in front', ':1:2:3:4:5:6:7'],
    ['a colon behind', '1:2:3:4:5:6:7:'],
    ['a zone', 'fe80::1%eth0'],
    ['a prefix length in IPv6', '2001:db8::/32'],
    ['a dotted quad that is none', '::ffff:10.0.0.256'],
    ['a dotted quad in front', '10.0.0.1::'],
    ['a dotted quad in the middle', '::10.0.0.1:2'],
  ] as const) {
    it(`refuses ${name}`, () => {
      expect(parseIp(text)).to.equal(null);
      expect(() => ip(text)).to.throw(RangeError, `not an IP address: '${text}'`);
    });
  }

  for (const [name, text, printed] of [
    ['the lowest IPv4 address', '0.0.0.0', '0.0.0.0'],
    ['the highest IPv4 address', '255.255.255.255', '255.255.255.255'],
    ['leading zeros gone (RFC 5952 §4.1)', '2001:0db8::0001', '2001:db8::1'],
    ['a group of zeros as one (§4.1)', '2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['as short as possible (§4.2.1)', '2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['one zero group is not shortened (§4.2.2)', '2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['the longest run is shortened (§4.2.3)', '2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['the first of equal runs is shortened (§4.2.3)', '2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['lower case (§4.3)', '2001:DB8:AAAA::ABCD', '2001:db8:aaaa::abcd'],
    ['the unspecified address', '0:0:0:0:0:0:0:0', '::'],
    ['the loopback address', '0:0:0:0:0:0:0:1', '::1'],
    ['zeros at the end', '2001:db8:0:0:0:0:0:0', '2001:db8::'],
    ['no zeros at all', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['an IPv4-mapped address (§5)', '::FFFF:c0a8:0001', '::ffff:192.168.0.1'],
    ['a dotted quad behind a prefix', '64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['a dotted quad after six groups', '0:0:0:0:0:ffff:10.0.0.1', '::ffff:10.0.0.1'],
  ] as const) {
    it(`prints ${name}`, () => {
      expect(parseIp(text)).to.equal(printed);
      expect(parseIp(printed), 'and reads it again').to.equal(printed);
    });
  }

  it('bytes → text → bytes, and one text for each address', () => {
    fc.assert(fc.property(anyBytes, (bytes) => {
      const address = ipFromBytes(bytes);
      expect([...ipToBytes(address)]).to.deep.equal([...bytes]);
      expect(parseIp(address)).to.equal(address);
    }), RUNS);
  });

  it('any long spelling of an IPv6 address means the same', () => {
    fc.assert(fc.property(sixteenBytes, fc.boolean(), (bytes, upper) => {
      const long = Array.from({ length: 8 }, (_, i) => (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16).padStart(4, '0')).join(':');
      expect(parseIp(upper ? long.toUpperCase() : long)).to.equal(ipFromBytes(bytes));
    }), RUNS);
  });

  it('never throws, whatever the text', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.%/') }));
    fc.assert(fc.property(text, (t) => {
      const address = parseIp(t);
      expect(address === null || parseIp(address) === address).to.equal(true);
    }), RUNS);
  });
});

describe('ipFromBytes', () => {
  for (const length of [0, 3, 5, 15, 17]) {
    it(`refuses ${length} bytes`, () => {
      expect(() => ipFromBytes(new Uint8Array(length))).to.throw(RangeError, `not ${length}`);
    });
  }
});

describe('parsePrefix', () => {
  for (const [name, text] of [
    ['nothing', ''],
    ['no length', '10.0.0.1/'],
    ['a length above 32', '10.0.0.1/33'],
    ['a length above 128', '2001:db8::/129'],
    ['a sign', '10.0.0.1/+8'],
    ['a negative length', '10.0.0.1/-1'],
    ['a fraction', '10.0.0.1/8.5'],
    ['a netmask', '10.0.0.1/255.255.255.0'],
    ['two lengths', '10.0.0.1/8/8'],
    ['no address', '/24'],
  ] as const) {
    it(`refuses ${name}`, () => { expect(parsePrefix(text)).to.equal(null); });
  }

  for (const [text, printed] of [
    ['10.0.0.1', '10.0.0.1/32'],
    ['10.0.0.1/0', '10.0.0.1/0'],
    ['10.0.0.1/24', '10.0.0.1/24'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['2001:DB8::0:1/64', '2001:db8::1/64'],
  ] as const) {
    it(`${text} is ${printed}`, () => {
      const prefix = parsePrefix(text);
      expect(prefix === null ? null : printPrefix(prefix)).to.equal(printed);
    });
  }
});

describe('compareIp', () => {
  it('orders by number, not by text, and IPv4 before IPv6', () => {
    const sorted = ['2.0.0.0', '10.0.0.0', '10.0.0.9', '10.0.0.10', '::', '::2', '::10', 'fe80::1'];
    expect(sorted.map(ip).reverse().sort(compareIp)).to.deep.equal(sorted);
  });

  it('is an order: equal only to itself, the opposite the other way round', () => {
    fc.assert(fc.property(anyBytes, anyBytes, (x, y) => {
      const [a, b] = [ipFromBytes(x), ipFromBytes(y)];
      expect(Math.sign(compareIp(a, b))).to.equal(-Math.sign(compareIp(b, a)) + 0);
      expect(compareIp(a, b) === 0).to.equal(a === b);
    }), RUNS);
  });
});

describe('kinds of addresses', () => {
  for (const [text, family, multicast, linkLocal] of [
    ['223.255.255.255', 'inet', false, false],
    ['224.0.0.18', 'inet', true, false],
    ['239.255.255.255', 'inet', true, false],
    ['240.0.0.0', 'inet', false, false],
    ['254.128.0.1', 'inet', false, false],
    ['ff02::12', 'inet6', true, false],
    ['fe80::1', 'inet6', false, true],
    ['febf:ffff::1', 'inet6', false, true],
    ['fec0::1', 'inet6', false, false],
    ['fe7f::1', 'inet6', false, false],
  ] as const) {
    it(`${text} is ${family}${multicast ? ', multicast' : ''}${linkLocal ? ', link-local' : ''}`, () => {
      const address = ip(text);
      expect([familyOf(address), isMulticast(address), isLinkLocal6(address)]).to.deep.equal([family, multicast, linkLocal]);
      expect(maxPrefix(familyOf(address))).to.equal(ipToBytes(address).length * 8);
    });
  }
});
