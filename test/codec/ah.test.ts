import { expect } from 'chai';
import fc from 'fast-check';
import { createHmac } from 'node:crypto';
import { AH_LENGTH, decodeAh, encodeAh } from '../../lib/codec/ah.ts';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { encodeIpv4Header } from '../../lib/codec/ipv4.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import type { Hmac } from '../../lib/util/hmac.ts';
import { ip, type IpAddress } from '../../lib/util/ip.ts';

const hmac: Hmac = (algorithm, key, ...parts) => parts.reduce((digest, part) => digest.update(part), createHmac(algorithm, key)).digest();
const KEY = new TextEncoder().encode('12345678');
const MESSAGE = fromHex('2133640102017066 0a000064 0000000000000000');
const FROM = ip('10.0.0.1');
const GROUP = ip('224.0.0.18');

/** The IP header as it arrives. */
function header(to: IpAddress, changes: Readonly<Record<number, number>> = {}, ttl = 255): Uint8Array {
  const bytes = encodeIpv4Header({ from: FROM, to, ttl, id: 7, protocol: 51 }, AH_LENGTH + MESSAGE.length);
  for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value;
  return bytes;
}

const sealed = (to: IpAddress = GROUP): Uint8Array => encodeAh({ from: FROM, to, ttl: 255, id: 7 }, 9, MESSAGE, KEY, hmac);
const code = (opened: ReturnType<typeof decodeAh>): string => (opened instanceof DecodeError ? opened.code : 'good');
/** What becomes of a good packet with a byte of the payload changed. */
const changed = (at: number, value: number): string => {
  const payload = sealed();
  payload[at] = value;
  return code(decodeAh(header(GROUP), FROM, GROUP, payload, KEY, hmac));
};

describe('decodeAh', () => {
  for (const [name, length] of [['nothing', 0], ['a byte too few', 23]] as const) {
    it(`refuses ${name}`, () => { expect(code(decodeAh(header(GROUP), FROM, GROUP, sealed().subarray(0, length), KEY, hmac))).to.equal('too-short'); });
  }

  for (const [name, at, value, expected] of [
    ['another next header', 0, 17, 'next-header'],
    ['another length', 1, 5, 'length'],
    ['an SPI that is not the sender', 7, 2, 'spi'],
    ['another sequence number', 11, 10, 'icv'],
    ['another check value', 12, 0, 'icv'],
    ['another reserved word', 2, 1, 'icv'],
    ['another message', 26, 200, 'icv'],
  ] as const) {
    it(`refuses ${name}`, () => { expect(changed(at, value)).to.equal(expected); });
  }

  it('refuses another key, another destination, another sender, another identification', () => {
    const other = ip('10.0.0.2');
    expect(code(decodeAh(header(GROUP), FROM, GROUP, sealed(), new TextEncoder().encode('1234567'), hmac))).to.equal('icv');
    expect(code(decodeAh(header(other), FROM, other, sealed(), KEY, hmac))).to.equal('icv');
    expect(code(decodeAh(header(GROUP), other, GROUP, sealed(), KEY, hmac))).to.equal('spi');
    expect(code(decodeAh(header(GROUP, { 5: 8 }), FROM, GROUP, sealed(), KEY, hmac))).to.equal('icv');
  });

  it('takes a good one, whatever a router or the kernel made of TOS, flags and checksum on the way', () => {
    for (const changes of [{}, { 1: 0 }, { 6: 0x40 }, { 10: 0x12, 11: 0x34 }]) {
      const opened = decodeAh(header(GROUP, changes), FROM, GROUP, sealed(), KEY, hmac);
      expect(opened).to.deep.include({ sequence: 9 });
      expect(opened instanceof DecodeError ? '' : toHex(opened.message)).to.equal(toHex(MESSAGE));
    }
  });

  it('the TTL counts for multicast, not for unicast', () => {
    expect(code(decodeAh(header(GROUP, {}, 254), FROM, GROUP, sealed(), KEY, hmac))).to.equal('icv');
    const to = ip('10.0.0.2');
    expect(code(decodeAh(header(to, {}, 60), FROM, to, sealed(to), KEY, hmac))).to.equal('good');
  });

  it('never throws, whatever the bytes, and takes nothing that was not sealed', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ maxLength: 60 }), (payload, ipHeader) => {
      expect(decodeAh(ipHeader, FROM, GROUP, payload, KEY, hmac)).to.be.instanceOf(DecodeError);
    }), { numRuns: 500 });
  });

  it('reads what was sealed: any message, any sequence number', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 0, max: 0xffffffff }), (message, sequence) => {
      const payload = encodeAh({ from: FROM, to: GROUP, ttl: 255, id: 7 }, sequence, message, KEY, hmac);
      const ipHeader = encodeIpv4Header({ from: FROM, to: GROUP, ttl: 255, id: 7, protocol: 51 }, payload.length);
      expect(decodeAh(ipHeader, FROM, GROUP, payload, KEY, hmac)).to.deep.equal({ sequence, message });
    }), { numRuns: 300 });
  });
});

describe('encodeAh', () => {
  it('writes next header 112, length 4, the source as SPI and the sequence number before the check value', () => {
    expect(toHex(sealed().subarray(0, 12))).to.equal('70040000' + '0a000001' + '00000009');
    expect(toHex(sealed().subarray(24))).to.equal(toHex(MESSAGE));
  });
});
