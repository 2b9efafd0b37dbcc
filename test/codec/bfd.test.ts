import { expect } from 'chai';
import fc from 'fast-check';
import { type BfdPacket, decodeBfd, encodeBfd } from '../../lib/codec/bfd.ts';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';

/** As keepalived 2.2.7 sent it: Up, with a Poll. */
const BYTES = '20e00518 663c8a6f 5db90a97 000249f0 000186a0 00000000';
const PACKET: BfdPacket = {
  diagnostic: 0, state: 'Up', poll: true, final: false, controlPlaneIndependent: false, authenticated: false, demand: false, multiplier: 5,
  myDiscriminator: 0x663c8a6f, yourDiscriminator: 0x5db90a97, desiredMinTx: 150, requiredMinRx: 100, requiredMinEchoRx: 0,
};

/** The good packet with some bytes changed. */
function changed(changes: Readonly<Record<number, number>>): Uint8Array {
  const bytes = fromHex(BYTES);
  for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value;
  return bytes;
}

describe('BFD control packets', () => {
  for (const [name, bytes, code] of [
    ['nothing', new Uint8Array(0), 'too-short'],
    ['a byte too few', fromHex(BYTES).subarray(0, 23), 'too-short'],
    ['version 0', changed({ 0: 0x00 }), 'bad-version'],
    ['version 2', changed({ 0: 0x40 }), 'bad-version'],
    ['a length of 23', changed({ 3: 23 }), 'bad-length'],
    ['a length of 24 with authentication', changed({ 1: 0xc4 }), 'bad-length'],
    ['a length beyond the payload', changed({ 3: 25 }), 'bad-length'],
    ['a multiplier of 0', changed({ 2: 0 }), 'bad-multiplier'],
    ['multipoint', changed({ 1: 0xc1 }), 'multipoint'],
    ['my discriminator 0', changed({ 4: 0, 5: 0, 6: 0, 7: 0 }), 'bad-discriminator'],
    ['your discriminator 0 in state Up', changed({ 8: 0, 9: 0, 10: 0, 11: 0 }), 'bad-discriminator'],
    ['your discriminator 0 in state Init', changed({ 1: 0x80, 8: 0, 9: 0, 10: 0, 11: 0 }), 'bad-discriminator'],
  ] as const) {
    it(`${name} is refused`, () => {
      expect(decodeBfd(bytes)).to.be.instanceOf(DecodeError).and.to.have.property('code', code);
    });
  }

  it('keepalived\'s own, both ways', () => {
    expect(decodeBfd(fromHex(BYTES))).to.deep.equal(PACKET);
    expect(toHex(encodeBfd(PACKET))).to.equal(BYTES.replaceAll(' ', ''));
  });

  for (const [name, changes, expected] of [
    ['Down without your discriminator', { 1: 0x40, 8: 0, 9: 0, 10: 0, 11: 0 }, { state: 'Down', poll: false, yourDiscriminator: 0 }],
    ['AdminDown', { 1: 0x00 }, { state: 'AdminDown', poll: false }],
    ['Final', { 1: 0xd0 }, { poll: false, final: true }],
    ['control plane independent, demand', { 1: 0xca }, { poll: false, controlPlaneIndependent: true, demand: true }],
    ['a diagnostic', { 0: 0x23 }, { diagnostic: 3 }],
  ] as const satisfies readonly (readonly [string, Readonly<Record<number, number>>, Partial<BfdPacket>])[]) {
    it(name, () => {
      expect(decodeBfd(changed(changes))).to.deep.equal({ ...PACKET, ...expected });
    });
  }

  it('authentication is seen, and what is behind the packet is not read', () => {
    const bytes = fromHex(`${BYTES} 0102`);
    bytes[1] = 0xc4;
    bytes[3] = 26;
    expect(decodeBfd(bytes)).to.deep.equal({ ...PACKET, poll: false, authenticated: true });
  });

  it('random and mutated bytes are answered, not thrown at; what is taken can be said again', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => { decodeBfd(bytes); }));
    fc.assert(fc.property(fc.nat(23), fc.nat(255), (at, value) => {
      const packet = decodeBfd(changed({ [at]: value }));
      if (packet instanceof DecodeError || packet.authenticated) return;
      expect(decodeBfd(encodeBfd(packet))).to.deep.equal(packet);
    }));
  });
});
