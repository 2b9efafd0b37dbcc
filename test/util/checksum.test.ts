import { expect } from 'chai';
import { internetChecksum } from '../../lib/util/checksum.ts';
import { fromHex } from '../../lib/util/bytes.ts';

describe('Internet checksum', () => {
  for (const [name, hex, sum] of [
    ['nothing', '', 0xffff],
    ['zeros', '0000 0000', 0xffff],
    ['all ones', 'ffff', 0x0000],
    ['the example of RFC 1071 §3', '0001 f203 f4f5 f6f7', 0x220d],
    ['an odd byte, padded with zero', '01', 0xfeff],
    ['a carry out of a carry', 'ffff 0001 ffff', 0xfffe],
    ['an IPv4 header that holds its checksum', '45c00028 00010000 ff70d091 0a000001 e0000012', 0],
  ] as const) {
    it(`of ${name}`, () => {
      expect(internetChecksum(fromHex(hex))).to.equal(sum);
    });
  }

  it('counts parts as one run, also where they meet within a word', () => {
    const whole = fromHex('0102 0304 05');
    expect(internetChecksum(whole.subarray(0, 1), whole.subarray(1, 4), whole.subarray(4))).to.equal(internetChecksum(whole));
  });

  it('does not lose carries over much data', () => {
    expect(internetChecksum(new Uint8Array(1_000_000).fill(0xff))).to.equal(0);
  });
});
