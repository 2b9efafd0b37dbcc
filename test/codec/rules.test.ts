import { expect } from 'chai';
import fc from 'fast-check';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { AttributeWriter } from '../../lib/codec/netlink.ts';
import { decodeRule, encodeGetRules, encodeRule } from '../../lib/codec/rules.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { ip, ipFromBytes, type IpAddress } from '../../lib/util/ip.ts';
import type { RuleOf } from '../../lib/util/route.ts';

const PLAIN: RuleOf = {
  family: 'inet', invert: false, source: { address: ip('10.98.0.0'), length: 24 }, destination: null, tos: 0, action: 1, table: 100, priority: 98, protocol: 18, mark: null,
  markMask: null, realms: null, suppressPrefixLength: null, suppressGroup: null, inputLink: null, outputLink: null, tunnelId: null, users: null, l3mdev: false, ipProtocol: null,
  sourcePorts: null, destinationPorts: null, target: null,
};
const header = (length: number, sourceLength = 0, family = 2): AttributeWriter => new AttributeWriter().u8(family).u8(length).u8(sourceLength).u8(0).u8(254).u16(0).u8(1).u32(0);

describe('rtnetlink rules', () => {
  for (const [name, payload, code] of [
    ['a header cut off', new Uint8Array(11), 'too-short'],
    ['a destination of 33 bits', header(33).finish(), 'bad-rule'],
    ['a source without its address', header(0, 8).finish(), 'bad-rule'],
    ['a source of the other family', header(0, 8).attribute(2, new Uint8Array(16)).finish(), 'bad-rule'],
    ['an attribute cut off', header(0).attributeU32(6, 100).finish().subarray(0, 18), 'bad-attribute'],
  ] as const) {
    it(`decoder refuses ${name}`, () => {
      expect(decodeRule(payload)).to.be.instanceOf(DecodeError).and.to.have.property('code', code);
    });
  }

  it('a rule of another family is none of ours', () => {
    expect(decodeRule(header(0, 0, 128).finish())).to.equal(null);
  });

  for (const [name, rule] of [
    ['a destination of the other family', { ...PLAIN, destination: { address: ip('2001:db8::'), length: 32 } }],
    ['a prefix that is too long', { ...PLAIN, source: { address: ip('10.0.0.0'), length: 33 } }],
  ] as const) {
    it(`${name} is not encoded`, () => {
      expect(() => encodeRule(rule)).to.throw(RangeError);
    });
  }

  // What keepalived 2.2.7 was seen to send for the same lines.
  for (const [name, rule, expected] of [
    ['from a network to a table', PLAIN, '0200180064000001 00000000  08000200 0a620000  08000600 62000000  05001500 12000000'],
    ['to a network, a table above 255', { ...PLAIN, source: null, destination: { address: ip('10.2.0.0'), length: 24 }, table: 6909, priority: 101 },
      '0218000000000001 00000000  08000f00 fd1a0000  08000100 0a020000  08000600 65000000  05001500 12000000'],
    ['not from a network', { ...PLAIN, invert: true }, '0200180064000001 02000000  08000200 0a620000  08000600 62000000  05001500 12000000'],
    ['goto', { ...PLAIN, source: null, action: 2, table: 0, priority: 110, target: 300 }, '0200000000000002 00000000  08000600 6e000000  05001500 12000000  08000400 2c010000'],
    ['l3mdev', { ...PLAIN, source: null, table: 0, l3mdev: true }, '0200000000000001 00000000  08000600 62000000  05001300 01000000  05001500 12000000'],
    ['ports, protocol, users, tunnel', { ...PLAIN, source: null, ipProtocol: 6, sourcePorts: { from: 10, to: 20 }, destinationPorts: { from: 30, to: 40 }, users: { from: 1000, to: 2000 }, tunnelId: 77 },
      '0200000064000001 00000000  08000600 62000000  0c000c00 000000000000004d  0c001400 e8030000 d0070000  05001500 12000000  05001600 06000000  08001700 0a001400  08001800 1e002800'],
    ['mark, realms, interfaces, suppressed results', { ...PLAIN, source: null, mark: 24, markMask: 12, realms: 0x1e0014, inputLink: 'eth0', outputLink: 'eth1', suppressPrefixLength: 8, suppressGroup: 3 },
      '0200000064000001 00000000  08000600 62000000  08000a00 18000000  08001000 0c000000  08000b00 14001e00  09000300 6574683000 000000  09001100 6574683100 000000  08000e00 08000000  08000d00 03000000  05001500 12000000'],
  ] as const) {
    it(`bytes: ${name}`, () => {
      expect(toHex(encodeRule(rule))).to.equal(expected.replaceAll(' ', ''));
      expect(decodeRule(encodeRule(rule))).to.deep.equal(rule);
    });
  }

  it('bytes: a dump', () => {
    expect(toHex(encodeGetRules('inet6'))).to.equal('0a0000000000000000000000');
  });

  it('the kernel\'s "nothing suppressed" is nothing', () => {
    expect(decodeRule(header(0).attributeU32(14, 0xffff_ffff).attributeU32(13, 0xffff_ffff).finish())).to.deep.include({ suppressPrefixLength: null, suppressGroup: null });
  });

  it('round trip: whatever can be said comes back', () => {
    fc.assert(fc.property(anyRule, (rule) => { expect(decodeRule(encodeRule(rule))).to.deep.equal(rule); }));
  });

  it('random bytes are answered, not thrown at', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const decoded = decodeRule(bytes);
      expect(decoded === null || decoded instanceof DecodeError || typeof decoded === 'object').to.equal(true);
    }));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), u8, (bytes, type) => {
      const decoded = decodeRule(header(0).attribute(type, bytes).finish());
      expect(decoded instanceof DecodeError || typeof decoded === 'object').to.equal(true);
    }));
    expect(decodeRule(fromHex('02'))).to.be.instanceOf(DecodeError);
  });
});

const u32 = fc.integer({ min: 0, max: 0xffff_fffe });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u8 = fc.integer({ min: 0, max: 255 });
const nullable = <T>(inner: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(inner, { nil: null });
const address = (six: boolean): fc.Arbitrary<IpAddress> => fc.uint8Array({ minLength: six ? 16 : 4, maxLength: six ? 16 : 4 }).map(ipFromBytes);
const name = nullable(fc.constantFrom('eth0', 'eth1'));
const anyRule = fc.boolean().chain((six): fc.Arbitrary<RuleOf> => {
  const network = nullable(fc.record({ address: address(six), length: fc.integer({ min: 0, max: six ? 128 : 32 }) }));
  return fc.record({
    family: fc.constant(six ? 'inet6' as const : 'inet' as const), invert: fc.boolean(), source: network, destination: network, tos: u8, action: fc.integer({ min: 1, max: 8 }), table: u32,
    priority: u32, protocol: u8, mark: nullable(u32), markMask: nullable(u32), realms: nullable(u32), suppressPrefixLength: nullable(u32), suppressGroup: nullable(u32),
    inputLink: name, outputLink: name, tunnelId: nullable(u32), users: nullable(fc.record({ from: u32, to: u32 })), l3mdev: fc.boolean(), ipProtocol: nullable(u8),
    sourcePorts: nullable(fc.record({ from: u16, to: u16 })), destinationPorts: nullable(fc.record({ from: u16, to: u16 })), target: nullable(u32),
  });
});
