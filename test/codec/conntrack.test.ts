import { expect } from 'chai';
import { CT_GET, CT_NEW, decodeReplyTuple, encodeGetConnection, type Tuple } from '../../lib/codec/conntrack.ts';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { ip } from '../../lib/util/ip.ts';

const FOUR: Tuple = { protocol: 6, from: { address: ip('10.1.0.2'), port: 52334 }, to: { address: ip('192.0.2.1'), port: 80 } };
const SIX: Tuple = { protocol: 17, from: { address: ip('2001:db8::9'), port: 5 }, to: { address: ip('2001:db8::1'), port: 53 } };

function hex(text: string): string {
  return text.replaceAll(/[^0-9a-f]/gu, '');
}

/** IP { source, destination }, PROTO { number, ports }. */
const TUPLE4 = '14000180 080001000a010002 08000200c0000201 1c000280 0500010006000000 06000200cc6e0000 0600030000500000';
const TUPLE6 = '2c000180 1400030020010db8000000000000000000000009 1400040020010db8000000000000000000000001 1c000280 0500010011000000 0600020000050000 0600030000350000';

describe('ctnetlink: asking for one connection, little-endian', () => {
  it('numbers of the messages', () => { expect([CT_GET, CT_NEW]).to.deep.equal([0x101, 0x100]); });
  for (const [name, tuple, bytes] of [['IPv4', FOUR, `02000000 34000180 ${TUPLE4}`], ['IPv6', SIX, `0a000000 4c000180 ${TUPLE6}`]] as const) {
    it(name, () => { expect(toHex(encodeGetConnection(tuple))).to.equal(hex(bytes)); });
  }
});

describe('ctnetlink: the answer', () => {
  for (const [name, text] of [
    ['nothing', ''], ['too short', '0200'], ['of no family', '07000000'], ['without the reply', `02000000 34000180 ${TUPLE4}`], ['cut off', `02000000 34000280 ${TUPLE4}`.slice(0, 60)],
    ['addresses of the other family', `02000000 4c000280 ${TUPLE6}`], ['without a protocol', '02000000 18000280 14000180 080001000a010002 08000200c0000201'],
  ] as const) it(`${name}: refused`, () => { expect(decodeReplyTuple(fromHex(hex(text)))).to.be.instanceOf(DecodeError); });

  it('what replies look like', () => {
    expect(decodeReplyTuple(fromHex(hex(`02000000 34000280 ${TUPLE4} 0800030000000188`)))).to.deep.equal(FOUR);
    expect(decodeReplyTuple(fromHex(hex(`0a000000 4c000280 ${TUPLE6}`)))).to.deep.equal(SIX);
  });
});
