import { expect } from 'chai';
import fc from 'fast-check';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { decodeEncap } from '../../lib/codec/encap.ts';
import { AttributeWriter, decodeAttributes } from '../../lib/codec/netlink.ts';
import { decodeRoute, encodeDeleteRoute, encodeGetRoutes, encodeNewRoute, routeProtocol, type RouteMessage } from '../../lib/codec/routes.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { ip, ipFromBytes, parsePrefix, type IpAddress, type Prefix } from '../../lib/util/ip.ts';
import { RTAX, type Nexthop } from '../../lib/util/route.ts';

const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new RangeError(text);
  return parsed;
};

const PLAIN: RouteMessage = {
  family: 'inet', destination: prefix('10.1.0.0/24'), source: null, type: 1, tos: 0, table: 254, protocol: 18, scope: 0, priority: null, preferredSource: null,
  gateway: ip('10.0.0.254'), link: 2, onlink: false, realms: null, encap: null, metrics: [], congestion: null, expires: null, preference: null, ttlPropagate: null, nexthops: [],
};
const SIX: RouteMessage = { ...PLAIN, family: 'inet6', destination: prefix('2001:db8::/32'), gateway: ip('fe80::1') };
const hop = (gateway: string | null, link: number | null, weight = 1, more: Partial<Nexthop<number>> = {}): Nexthop<number> =>
  ({ gateway: gateway === null ? null : ip(gateway), link, weight, onlink: false, realms: null, encap: null, ...more });

const header = (length: number, sourceLength = 0, family = 2): AttributeWriter => new AttributeWriter().u8(family).u8(length).u8(sourceLength).u8(0).u8(254).u8(18).u8(0).u8(1).u32(0);

describe('rtnetlink routes', () => {
  for (const [name, payload, code] of [
    ['a header cut off', new Uint8Array(11), 'too-short'],
    ['a destination of 33 bits', header(33).finish(), 'bad-route'],
    ['a source of 129 bits', header(0, 129, 10).finish(), 'bad-route'],
    ['an attribute cut off', header(24).attribute(1, fromHex('0a010000')).finish().subarray(0, 18), 'bad-attribute'],
    ['metrics that are no attributes', header(24).attribute(8, fromHex('0100010000')).finish(), 'bad-attribute'],
    ['a next hop shorter than its header', header(24).attribute(9, fromHex('0400000000000000')).finish(), 'bad-nexthop'],
    ['a next hop that is cut off', header(24).attribute(9, fromHex('2000000000000000')).finish(), 'bad-nexthop'],
    ['a next hop of no length at all', header(24).attribute(9, fromHex('0000')).finish(), 'bad-nexthop'],
    ['a tunnel that is no attribute', header(24).attributeU16(21, 2).attribute(22, fromHex('0100010000')).finish(), 'bad-attribute'],
  ] as const) {
    it(`decoder refuses ${name}`, () => {
      expect(decodeRoute(payload)).to.be.instanceOf(DecodeError).and.to.have.property('code', code);
    });
  }

  it('a route of MPLS and a clone of the kernel\'s are none of ours', () => {
    expect(decodeRoute(header(20, 0, 28).finish())).to.equal(null);
    expect(decodeRoute(new AttributeWriter().u8(2).u8(32).zeros(6).u32(0x200).finish())).to.equal(null);
  });

  for (const [name, route] of [
    ['a destination of the other family', { ...PLAIN, destination: prefix('2001:db8::/32') }],
    ['a prefix that is too long', { ...PLAIN, destination: { address: ip('10.0.0.0'), length: 33 } }],
    ['a source prefix of the other family', { ...SIX, source: prefix('10.0.0.0/8') }],
  ] as const) {
    it(`${name} is not encoded`, () => {
      expect(() => encodeNewRoute(route)).to.throw(RangeError);
      expect(() => encodeDeleteRoute(route)).to.throw(RangeError);
    });
  }

  for (const [name, route, expected] of [
    ['via a gateway and an interface', PLAIN,
      '02180000fe120001 00000000  08000100 0a010000  08000500 0a0000fe  08000400 02000000'],
    ['a table above 255, TOS, metric, source address, realms', { ...PLAIN, table: 6909, tos: 4, priority: 12, preferredSource: ip('10.0.0.100'), realms: 0x50006, gateway: null },
      '0218000400120001 00000000  08000f00 fd1a0000  08000100 0a010000  08000700 0a000064  08000600 0c000000  08000b00 06000500  08000400 02000000'],
    ['a blackhole', { ...PLAIN, type: 6, gateway: null, link: null }, '02180000fe120006 00000000  08000100 0a010000'],
    ['metrics, one of them locked, and congestion control', { ...PLAIN, gateway: null, link: null, metrics: [{ metric: RTAX.mtu, value: 1000, locked: false }, { metric: RTAX.ssthresh, value: 107, locked: true }], congestion: { name: 'cubic', locked: false } },
      '02180000fe120001 00000000  08000100 0a010000  28000880  08000100 40000000  08000200 e8030000  08000600 6b000000  0a001000 637562696300 0000'],
    ['onlink, legs of different weight', { ...PLAIN, gateway: null, link: null, nexthops: [hop('10.0.0.1', 2, 1, { onlink: true }), hop('10.0.0.2', null, 256)] },
      '02180000fe120001 00000000  08000100 0a010000  24000900  1000 04 00 02000000 08000500 0a000001  1000 00 ff 00000000 08000500 0a000002'],
    ['an IPv6 gateway for IPv4', { ...PLAIN, gateway: ip('fe80::1'), onlink: true },
      '02180000fe120001 04000000  08000100 0a010000  16001200 0a00 fe800000000000000000000000000001 0000  08000400 02000000'],
    ['an MPLS stack', { ...PLAIN, encap: { type: 'mpls', labels: [100, 200] } },
      '02180000fe120001 00000000  08000100 0a010000  08000500 0a0000fe  08000400 02000000  06001500 0100 0000  10001680 0c000100 00064000 000c8100'],
    ['IPv6: source prefix, lifetime, preference', { ...SIX, source: prefix('2001:db8:1::/48'), expires: 100, preference: 3, gateway: null },
      '0a203000fe120001 00000000  14000100 20010db8000000000000000000000000  14000200 20010db8000100000000000000000000  08001700 64000000  05001400 03000000  08000400 02000000'],
  ] as const) {
    it(`bytes: ${name}`, () => {
      expect(toHex(encodeNewRoute(route))).to.equal(expected.replaceAll(' ', ''));
      expect(decodeRoute(encodeNewRoute(route))).to.deep.equal(route);
    });
  }

  it('bytes: a removal says what tells the route from others, and no more', () => {
    const full: RouteMessage = { ...PLAIN, priority: 5, metrics: [{ metric: RTAX.mtu, value: 1400, locked: false }], realms: 7, encap: { type: 'mpls', labels: [1] } };
    expect(toHex(encodeDeleteRoute(full))).to.equal('02180000fe120001 00000000  08000100 0a010000  08000600 05000000  08000500 0a0000fe  08000400 02000000'.replaceAll(' ', ''));
    const legs: RouteMessage = { ...PLAIN, gateway: null, link: null, nexthops: [hop('10.0.0.1', 2, 1, { realms: 5, encap: { type: 'mpls', labels: [1] } })] };
    expect(decodeRoute(encodeDeleteRoute(legs))).to.deep.include({ nexthops: [hop('10.0.0.1', 2)] });
  });

  it('bytes: a dump of one protocol', () => {
    expect(toHex(encodeGetRoutes('inet', 18))).to.equal('020000000012000000000000');
  });

  it('the protocol is read from the header alone', () => {
    expect(routeProtocol(encodeNewRoute(PLAIN))).to.equal(18);
    expect(routeProtocol(new Uint8Array(3))).to.equal(null);
  });

  it('an address of all zeros that the kernel leaves out is the default route', () => {
    expect(decodeRoute(header(0).attributeU32(4, 2).finish())).to.deep.include({ destination: prefix('0.0.0.0/0'), gateway: null, link: 2 });
    expect(decodeRoute(header(0, 0, 10).finish())).to.deep.include({ destination: prefix('::/0') });
  });

  for (const [name, encap] of [
    ['ip', { type: 'ip', id: '18446744073709551615', source: ip('10.0.0.8'), target: ip('10.0.0.7'), hops: 9, tos: 4, flags: 0x100 }],
    ['ip, nothing said', { type: 'ip', id: null, source: null, target: null, hops: null, tos: null, flags: null }],
    ['ip6', { type: 'ip6', id: '5', source: ip('2001:db8::8'), target: ip('2001:db8::7'), hops: 64, tos: 0, flags: null }],
    ['mpls, the largest label', { type: 'mpls', labels: [1048575] }],
    ['ila', { type: 'ila', locator: '2001:db8:0:1' }],
  ] as const) {
    it(`encap ${name} comes back`, () => {
      const route: RouteMessage = { ...PLAIN, encap: encap };
      expect(decodeRoute(encodeNewRoute(route))).to.deep.equal(route);
    });
  }

  it('a tunnel of another kind, and an ILA one without its locator, are left out', () => {
    expect(decodeEncap(5, new Uint8Array(0))).to.equal(null);
    expect(decodeEncap(3, new AttributeWriter().attribute(1, new Uint8Array(4)).finish())).to.equal(null);
  });

  it('round trip: whatever can be said comes back', () => {
    fc.assert(fc.property(anyRoute, (route) => {
      expect(decodeRoute(encodeNewRoute(route))).to.deep.equal(route);
      const removal = decodeRoute(encodeDeleteRoute(route));
      expect(removal).to.deep.include({ destination: route.destination, table: route.table, protocol: route.protocol, priority: route.priority, gateway: route.gateway, link: route.link });
      expect(decodeAttributes(encodeNewRoute(route).subarray(12))).to.be.an('array');
    }));
  });

  it('random bytes are answered, not thrown at', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const decoded = decodeRoute(bytes);
      expect(decoded === null || decoded instanceof DecodeError || typeof decoded === 'object').to.equal(true);
    }));
    // With a header that is right, so that attributes are reached.
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(8, 9, 18, 21, 22), (bytes, type) => {
      const decoded = decodeRoute(header(24).attributeU16(21, 2).attribute(type, bytes).finish());
      expect(decoded instanceof DecodeError || typeof decoded === 'object').to.equal(true);
    }));
  });
});

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u8 = fc.integer({ min: 0, max: 255 });
const index = fc.integer({ min: 1, max: 0x7fff_ffff });
const nullable = <T>(inner: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(inner, { nil: null });
const address = (six: boolean): fc.Arbitrary<IpAddress> => fc.uint8Array({ minLength: six ? 16 : 4, maxLength: six ? 16 : 4 }).map(ipFromBytes);
const anyHop = (six: boolean): fc.Arbitrary<Nexthop<number>> => fc.record({
  gateway: nullable(address(six)), link: nullable(index), weight: fc.integer({ min: 1, max: 256 }), onlink: fc.boolean(), realms: nullable(u32), encap: fc.constant(null),
});
/** Metrics as the kernel reads them: each once. */
const metrics = fc.uniqueArray(fc.record({ metric: fc.constantFrom(2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17), value: u32, locked: fc.boolean() }), { selector: ({ metric }) => metric });
const anyRoute = fc.boolean().chain((six): fc.Arbitrary<RouteMessage> => fc.record({
  family: fc.constant(six ? 'inet6' as const : 'inet' as const),
  destination: fc.record({ address: address(six), length: fc.integer({ min: 0, max: six ? 128 : 32 }) }),
  source: six ? nullable(fc.record({ address: address(six), length: fc.integer({ min: 1, max: 128 }) })) : fc.constant(null),
  type: fc.integer({ min: 1, max: 11 }), tos: u8, table: u32, protocol: u8, scope: u8, priority: nullable(u32), preferredSource: nullable(address(six)),
  gateway: nullable(fc.boolean().chain((other) => address(other !== six))), link: nullable(index), onlink: fc.boolean(), realms: nullable(u32), encap: fc.constant(null), metrics,
  congestion: nullable(fc.record({ name: fc.constantFrom('cubic', 'bbr'), locked: fc.boolean() })), expires: nullable(u32), preference: nullable(u8), ttlPropagate: nullable(fc.boolean()),
  nexthops: fc.array(anyHop(six), { maxLength: 4 }),
}));
