import { expect } from 'chai';
import fc from 'fast-check';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { decodeFamily, decodeGeneric, encodeGetFamily, genericPayload } from '../../lib/codec/genetlink.ts';
import { NATIVE_ENDIAN, type AttributeWriter } from '../../lib/codec/netlink.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { skip } from '../needs.ts';

const family = (): AttributeWriter => genericPayload(1, 2).attributeU16(1, 34).attributeString(2, 'IPVS').attributeU32(3, 1);

describe('generic netlink', () => {
  for (const [name, payload, code] of [
    ['a header cut off', fromHex('010200'), 'too-short'],
    ['an attribute cut off', genericPayload(1, 2).bytes(fromHex('09000100')).finish(), 'bad-attribute'],
    ['another command', genericPayload(2, 2).attributeU16(1, 34).attributeString(2, 'IPVS').finish(), 'bad-family'],
    ['a family without a number', genericPayload(1, 2).attributeString(2, 'IPVS').finish(), 'bad-family'],
    ['a number of 4 bytes', genericPayload(1, 2).attributeU32(1, 34).attributeString(2, 'IPVS').finish(), 'bad-family'],
    ['a family without a name', genericPayload(1, 2).attributeU16(1, 34).finish(), 'bad-family'],
    ['a list of commands that is none', family().attribute(6, fromHex('0200')).attribute(6, fromHex('01000000')).finish(), 'bad-attribute'],
  ] as const) {
    it(`decoder refuses ${name}`, () => {
      expect(decodeFamily(payload)).to.be.instanceOf(DecodeError).and.to.have.property('code', code);
    });
  }

  it('asks for a family by name', function () {
    if (NATIVE_ENDIAN !== 'little') skip(this, 'the bytes are those of a little-endian machine');
    expect(toHex(encodeGetFamily('IPVS'))).to.equal('03010000' + '09000200' + '4950565300' + '000000');
  });

  it('reads a family with its commands, or without', () => {
    expect(decodeFamily(family().finish())).to.deep.equal({ name: 'IPVS', id: 34, version: 1, commands: [] });
    const listed = family().nested(6, (list) => list.nested(1, (one) => one.attributeU32(1, 18).attributeU32(2, 11)).nested(2, (one) => one.attributeU32(2, 11)).nested(3, (one) => one.attributeU32(1, 4)));
    expect(decodeFamily(listed.finish())).to.deep.include({ commands: [18, 4] });
  });

  it('random bytes are answered, not thrown at', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      for (const decoded of [decodeGeneric(bytes), decodeFamily(bytes)]) expect(typeof decoded).to.equal('object');
    }));
  });
});
