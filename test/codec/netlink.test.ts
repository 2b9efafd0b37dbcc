import { expect } from 'chai';
import fc from 'fast-check';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import {
  attributeString, attributeU32, AttributeWriter, decodeAttributes, decodeMessages, decodeResult, encodeMessage, findAttribute, NATIVE_ENDIAN, NLMSG_ERROR,
  type NetlinkMessage,
} from '../../lib/codec/netlink.ts';
import { ByteWriter, concat, fromHex, toHex } from '../../lib/util/bytes.ts';
import { skip } from '../needs.ts';

const MESSAGE: NetlinkMessage = { type: 20, flags: 5, sequence: 7, port: 0, payload: fromHex('aabbccddee') };

/** A message header with any length in it. */
function header(length: number): Uint8Array {
  return new ByteWriter(NATIVE_ENDIAN).u32(length).u16(2).u16(0).u32(1).u32(0).finish();
}

describe('netlink messages', () => {
  for (const [name, bytes, code] of [
    ['a header cut off', header(16).subarray(0, 15), 'too-short'],
    ['a length of 0', header(0), 'bad-length'],
    ['a length within the header', header(15), 'bad-length'],
    ['a length beyond the bytes', header(17), 'too-short'],
    ['a length of 4 GB', header(0xffff_ffff), 'too-short'],
    ['rubbish after a good message', concat(encodeMessage(MESSAGE), fromHex('01')), 'too-short'],
  ] as const) {
    it(`decoder refuses ${name}`, () => {
      expect(decodeMessages(bytes)).to.be.instanceOf(DecodeError).and.to.have.property('code', code);
    });
  }

  it('encodes header, payload and padding', function () {
    if (NATIVE_ENDIAN !== 'little') skip(this, 'the bytes are those of a little-endian machine');
    expect(toHex(encodeMessage(MESSAGE))).to.equal('15000000' + '1400' + '0500' + '07000000' + '00000000' + 'aabbccddee000000');
  });

  it('decodes several, the last without its padding', () => {
    const bytes = concat(encodeMessage(MESSAGE), encodeMessage({ ...MESSAGE, sequence: 8 }));
    expect(decodeMessages(bytes.subarray(0, bytes.length - 3))).to.deep.equal([MESSAGE, { ...MESSAGE, sequence: 8 }]);
    expect(decodeMessages(new Uint8Array(0))).to.deep.equal([]);
  });

  it('random bytes are answered, not thrown at', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const messages = decodeMessages(bytes);
      if (messages instanceof DecodeError) return;
      for (const message of messages) decodeResult(message);
      expect(messages.length).to.be.at.most(bytes.length / 16);
    }));
  });
});

describe('netlink results', () => {
  const failed = new ByteWriter(NATIVE_ENDIAN).u32(-17 >>> 0).bytes(header(20)).finish();
  const text = new AttributeWriter().attributeString(1, 'no such thing').finish();
  const result = (payload: Uint8Array, flags = 0): unknown => decodeResult({ type: NLMSG_ERROR, flags, sequence: 1, port: 1, payload });

  for (const [name, payload] of [
    ['nothing', new Uint8Array(0)],
    ['an errno alone', failed.subarray(0, 4)],
    ['an errno that is positive', new ByteWriter(NATIVE_ENDIAN).u32(17).bytes(header(20)).finish()],
  ] as const) {
    it(`refuses ${name}`, () => {
      expect(result(payload)).to.be.instanceOf(DecodeError).and.to.have.property('code', 'bad-error');
    });
  }

  for (const [name, payload, flags, expected] of [
    ['an acknowledgement', new ByteWriter(NATIVE_ENDIAN).u32(0).bytes(header(20)).finish(), 0, { errno: 0, message: null }],
    ['an errno', failed, 0, { errno: 17, message: null }],
    ['the kernel\'s words after a capped request', concat(failed, text), 0x300, { errno: 17, message: 'no such thing' }],
    ['the kernel\'s words after the whole request', concat(failed, fromHex('aabbccdd'), text), 0x200, { errno: 17, message: 'no such thing' }],
    ['attributes cut off', concat(failed, text.subarray(0, 6)), 0x300, { errno: 17, message: null }],
  ] as const) {
    it(`decodes ${name}`, () => {
      expect(result(payload, flags)).to.deep.equal(expected);
    });
  }
});

describe('netlink attributes', () => {
  const attribute = (length: number, type: number, value = ''): Uint8Array => new ByteWriter(NATIVE_ENDIAN).u16(length).u16(type).bytes(fromHex(value)).finish();

  for (const [name, bytes] of [
    ['a length of 0', attribute(0, 1)],
    ['a length within the header', attribute(3, 1)],
    ['a length beyond the bytes', attribute(9, 1, '01020304')],
  ] as const) {
    it(`decoder refuses ${name}`, () => {
      expect(decodeAttributes(bytes)).to.be.instanceOf(DecodeError).and.to.have.property('code', 'bad-attribute');
    });
  }

  it('decodes what the writer wrote, without the nesting flag', () => {
    const written = new AttributeWriter().attributeU8(1, 2).attributeU16(2, 3).attributeU32(3, 4).attributeString(4, 'va').nested(5, (inner) => inner.attributeU32(1, 9));
    const attributes = decodeAttributes(written.finish());
    if (attributes instanceof DecodeError) throw new Error(attributes.detail);
    expect(attributes.map(({ type, value }) => [type, value.length])).to.deep.equal([[1, 1], [2, 2], [3, 4], [4, 3], [5, 8]]);
    expect(attributeU32(findAttribute(attributes, 3))).to.equal(4);
    expect(attributeString(findAttribute(attributes, 4) ?? new Uint8Array(0))).to.equal('va');
    const inner = decodeAttributes(findAttribute(attributes, 5) ?? new Uint8Array(0));
    expect(inner instanceof DecodeError ? null : attributeU32(findAttribute(inner, 1))).to.equal(9);
  });

  it('a number of another size is none, a missing attribute too; the last of two counts', () => {
    expect(attributeU32(fromHex('010203'))).to.equal(null);
    expect(attributeU32(null)).to.equal(null);
    const twice = decodeAttributes(new AttributeWriter().attributeU8(1, 5).attributeU8(1, 6).finish());
    expect(twice instanceof DecodeError ? null : findAttribute(twice, 1)?.[0]).to.equal(6);
    expect(twice instanceof DecodeError ? 0 : findAttribute(twice, 2)).to.equal(null);
  });

  it('random bytes are answered, not thrown at', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const attributes = decodeAttributes(bytes);
      expect(attributes instanceof DecodeError || attributes.length <= bytes.length / 4).to.equal(true);
    }));
  });
});
