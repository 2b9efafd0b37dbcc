import { expect } from 'chai';
import fc from 'fast-check';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { AttributeWriter, decodeAttributes, findAttribute } from '../../lib/codec/netlink.ts';
import {
  decodeAddress, decodeLink, encodeDeleteAddress, encodeGetAddresses, encodeGetLinks, encodeNewAddress, type AddressMessage,
} from '../../lib/codec/rtnetlink.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { ip } from '../../lib/util/ip.ts';

const PLAIN: AddressMessage = {
  linkIndex: 2, prefix: { address: ip('10.0.0.100'), length: 24 }, peer: null, broadcast: null, label: null, scope: 'global', flags: 0, preferred: null, protocol: 18,
};

const ifinfo = (family: number, index: number, flags: number): AttributeWriter => new AttributeWriter().u8(family).u8(0).u16(1).u32(index).u32(flags).u32(0);
const ifaddr = (family: number, length: number, flags = 0): AttributeWriter => new AttributeWriter().u8(family).u8(length).u8(flags).u8(0).u32(2);

describe('rtnetlink links', () => {
  for (const [name, payload, code] of [
    ['a header cut off', new Uint8Array(15), 'too-short'],
    ['no name', ifinfo(0, 2, 1).finish(), 'bad-link'],
    ['index 0', ifinfo(0, 0, 1).attributeString(3, 'va').finish(), 'bad-link'],
    ['an attribute cut off', ifinfo(0, 2, 1).attributeString(3, 'va').finish().subarray(0, 21), 'bad-attribute'],
    ['a link info that is no attribute', ifinfo(0, 2, 1).attributeString(3, 'va').attribute(18, fromHex('0100010000')).finish(), 'bad-attribute'],
  ] as const) {
    it(`decoder refuses ${name}`, () => {
      expect(decodeLink(payload)).to.be.instanceOf(DecodeError).and.to.have.property('code', code);
    });
  }

  it('a bridge\'s message about its port is no link', () => {
    expect(decodeLink(ifinfo(7, 2, 1).attributeString(3, 'va').finish())).to.equal(null);
  });

  it('decodes flags, MAC address, kind and lower device', () => {
    const payload = ifinfo(0, 9, 0x1 | 0x40 | 0x1000)
      .attributeString(3, 'vrrp.10').attribute(1, fromHex('00005e00010a')).attributeU32(4, 1400).attributeU32(5, 2)
      .nested(18, (info) => info.attributeString(1, 'macvlan')).finish();
    expect(decodeLink(payload)).to.deep.equal({
      index: 9, name: 'vrrp.10', mac: fromHex('00005e00010a'), mtu: 1400, up: true, running: true, loopback: false, pointToPoint: false, multicast: true,
      noArp: false, kind: 'macvlan', parentIndex: 2,
    });
  });

  it('decodes a tun: no MAC address, point to point, no ARP', () => {
    const link = decodeLink(ifinfo(0, 3, 0x10 | 0x80 | 0x8).attributeString(3, 'tun0').finish());
    expect(link).to.deep.include({ mac: new Uint8Array(0), pointToPoint: true, noArp: true, loopback: true, up: false, kind: '', parentIndex: null });
  });

  it('random bytes are answered, not thrown at', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      for (const decoded of [decodeLink(bytes), decodeAddress(bytes)]) {
        expect(decoded === null || decoded instanceof DecodeError || typeof decoded === 'object').to.equal(true);
      }
    }));
  });
});

describe('rtnetlink addresses', () => {
  for (const [name, payload, code] of [
    ['a header cut off', new Uint8Array(7), 'too-short'],
    ['no address', ifaddr(2, 24).finish(), 'bad-address'],
    ['an address of the other family', ifaddr(2, 24).attribute(2, new Uint8Array(16)).finish(), 'bad-address'],
    ['a prefix length of 33', ifaddr(2, 33).attribute(2, fromHex('0a000001')).finish(), 'bad-address'],
    ['an attribute cut off', ifaddr(2, 24).attribute(2, fromHex('0a000001')).finish().subarray(0, 14), 'bad-attribute'],
  ] as const) {
    it(`decoder refuses ${name}`, () => {
      expect(decodeAddress(payload)).to.be.instanceOf(DecodeError).and.to.have.property('code', code);
    });
  }

  it('encoder refuses a prefix length out of range', () => {
    expect(() => encodeNewAddress({ ...PLAIN, prefix: { address: ip('10.0.0.1'), length: 33 } })).to.throw(RangeError);
  });

  it('another family is no address', () => {
    expect(decodeAddress(ifaddr(28, 24).finish())).to.equal(null);
  });

  it('the long flags win over the short ones, which serve where there are no others', () => {
    const short = ifaddr(2, 24, 0x81).attribute(2, fromHex('0a000001'));
    expect(decodeAddress(short.finish())).to.have.property('flags', 0x81);
    expect(decodeAddress(short.attributeU32(8, 0x281).finish())).to.have.property('flags', 0x281);
  });

  for (const [name, address] of [
    ['IPv4', PLAIN],
    ['IPv4 with all there is', { ...PLAIN, broadcast: ip('10.0.0.255'), label: 'va:vip', scope: 'link', flags: 0x200, preferred: 30 }],
    ['IPv4 with a peer', { ...PLAIN, prefix: { address: ip('10.0.0.1'), length: 32 }, peer: ip('10.0.0.2') }],
    ['IPv4 with a scope that has no name', { ...PLAIN, scope: 77 }],
    ['IPv6, deprecated, without duplicate address detection', { ...PLAIN, prefix: { address: ip('2001:db8::1'), length: 128 }, flags: 2, preferred: 0 }],
    ['IPv6 with a peer', { ...PLAIN, prefix: { address: ip('fe80::1'), length: 128 }, peer: ip('fe80::2'), scope: 'link' }],
    ['of no protocol', { ...PLAIN, protocol: null }],
  ] as [string, AddressMessage][]) {
    it(`encodes and decodes: ${name}`, () => {
      expect(decodeAddress(encodeNewAddress(address))).to.deep.equal(address);
    });
  }

  it('leaves the kernel\'s own flags to the kernel', () => {
    expect(decodeAddress(encodeNewAddress({ ...PLAIN, flags: 0x1 | 0x2 | 0x8 | 0x20 | 0x40 | 0x80 }))).to.have.property('flags', 2);
  });

  it('deletes by address and prefix length, and nothing else', () => {
    const payload = encodeDeleteAddress({ ...PLAIN, label: 'va:vip', preferred: 0, broadcast: ip('10.0.0.255') });
    const attributes = decodeAttributes(payload.subarray(8));
    if (attributes instanceof DecodeError) throw new Error(attributes.detail);
    expect(toHex(payload.subarray(0, 4))).to.equal('02180000');
    expect(attributes.map(({ type }) => type)).to.have.members([1, 2]);
    expect(toHex(findAttribute(attributes, 1) ?? new Uint8Array(0))).to.equal('0a000064');
  });

  it('asks for the addresses of one family, or of all', () => {
    expect(['inet', 'inet6', null].map((family) => encodeGetAddresses(family as 'inet' | null)[0])).to.deep.equal([2, 10, 0]);
    expect(encodeGetLinks()).to.have.lengthOf(24);
  });
});
