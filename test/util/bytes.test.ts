import { expect } from 'chai';
import { ByteReader, ByteWriter, concat, equalBytes, fromHex, toHex } from '../../lib/util/bytes.ts';

describe('ByteReader', () => {
  for (const [name, read] of [
    ['u8', (r: ByteReader) => r.u8()],
    ['u16', (r: ByteReader) => r.u16()],
    ['u32', (r: ByteReader) => r.u32()],
    ['i32', (r: ByteReader) => r.i32()],
    ['u64', (r: ByteReader) => Number(r.u64())],
    ['slice', (r: ByteReader) => r.slice(9).length],
    ['slice of a negative length', (r: ByteReader) => r.slice(-1).length],
  ] as const) {
    it(`answers 0 past the end, and remembers it: ${name}`, () => {
      const reader = new ByteReader(new Uint8Array(0));
      expect(read(reader)).to.equal(0);
      expect(reader.overrun).to.equal(true);
    });
  }

  it('reads nothing more after an overrun, though bytes would be left', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3));
    expect(reader.u32()).to.equal(0);
    expect(reader.u8()).to.equal(0);
    expect(reader.remaining).to.equal(0);
  });

  it('reads big-endian, from the middle of a larger buffer', () => {
    const reader = new ByteReader(fromHex('ffff 01 0203 04050607 fffffffe 0000000000000009 aabb').subarray(2));
    expect([reader.u8(), reader.u16(), reader.u32(), reader.i32(), reader.u64(), toHex(reader.slice(2))]).to.deep.equal([1, 0x0203, 0x04050607, -2, 9n, 'aabb']);
    expect(reader.overrun).to.equal(false);
  });

  it('reads little-endian when told so', () => {
    const reader = new ByteReader(fromHex('0201 04030201'), 'little');
    expect([reader.u16(), reader.u32()]).to.deep.equal([0x0102, 0x01020304]);
  });
});

describe('ByteWriter', () => {
  it('refuses to patch what is not written', () => {
    expect(() => new ByteWriter().u8(1).patchU16(0, 1)).to.throw(RangeError);
    expect(() => new ByteWriter().u32(1).patchU32(-1, 1)).to.throw(RangeError);
  });

  it('grows beyond its first capacity and keeps what it has', () => {
    const writer = new ByteWriter('big', 1);
    writer.u8(1).u16(0x0203).u32(0x04050607).u64(8n).bytes(Uint8Array.of(9)).align(4).patchU16(1, 0xffff);
    expect(toHex(writer.finish())).to.equal('01ffff04050607' + '0000000000000008' + '09');
    expect(writer.length).to.equal(16);
  });

  for (const [name, write] of [
    ['u8', (w) => w.u8(7)], ['u16', (w) => w.u16(7)], ['u32', (w) => w.u32(7)], ['u64', (w) => w.u64(7n)], ['bytes', (w) => w.bytes(Uint8Array.of(7))],
  ] as [string, (w: ByteWriter) => ByteWriter][]) {
    it(`grows at ${name}`, () => { expect(toHex(write(new ByteWriter('big', 0)).finish())).to.match(/^(00)*07$/u); });
  }

  it('aligns with zeros, and not when already aligned', () => {
    expect(toHex(new ByteWriter().u8(1).align(4).align(4).finish())).to.equal('01000000');
  });

  it('writes little-endian when told so', () => {
    expect(toHex(new ByteWriter('little').u16(1).u32(2).patchU32(2, 3).finish())).to.equal('010003000000');
  });
});

describe('bytes', () => {
  for (const text of ['0', 'zz', '0x00', '00-11']) {
    it(`fromHex refuses '${text}'`, () => {
      expect(() => fromHex(text)).to.throw(RangeError, 'not hexadecimal');
    });
  }

  it('fromHex and toHex are each other\'s inverse', () => {
    expect(toHex(fromHex('02:00:00:00:00:0A'), ':')).to.equal('02:00:00:00:00:0a');
    expect(fromHex('')).to.have.lengthOf(0);
  });

  it('concat and equalBytes', () => {
    expect(equalBytes(concat(Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2)), Uint8Array.of(1, 2))).to.equal(true);
    expect(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 2))).to.equal(false);
    expect(equalBytes(Uint8Array.of(1, 3), Uint8Array.of(1, 2))).to.equal(false);
  });
});
