import { expect } from 'chai';
import fc from 'fast-check';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { NATIVE_ENDIAN } from '../../lib/codec/netlink.ts';
import { encodeFilterOp } from '../../lib/codec/nftables.ts';
import { decodeRule, encodeGetRules } from '../../lib/codec/nft-rules.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { skip } from '../needs.ts';

const NEWRULE = 0xa06;
/** NFTA_RULE_TABLE 't', NFTA_RULE_CHAIN 'c' */
const NAMES = '06000100 74000000 06000200 63000000';
/** NFTA_LIST_ELEM: counter of 300 bytes in 5 packets */
const COUNTER = '2c000180 0c000100 636f756e74657200 1c000280 0c000100 000000000000012c 0c000200 0000000000000005';
/** NFTA_LIST_ELEM: snat, without anything */
const SNAT = '10000180 08000100 6e617400 04000280';

describe('rules of nf_tables', () => {
  before(function () {
    if (NATIVE_ENDIAN !== 'little') skip(this, 'the bytes are those of a little-endian machine');
  });

  for (const [name, bytes] of [
    ['nothing', ''],
    ['a header cut off', '0200'],
    ['no table', '02000000 06000200 63000000'],
    ['no chain', '02000000 06000100 74000000'],
    ['an attribute cut off', `02000000 ${NAMES} 20000480 1c00`],
    ['a counter without its numbers', `02000000 ${NAMES} 18000480 14000180 0c000100 636f756e74657200 04000280`],
    ['a counter of 4 bytes', `02000000 ${NAMES} 28000480 24000180 0c000100 636f756e74657200 14000280 08000100 00000001 08000200 00000001`],
  ] as const) {
    it(`${name}: an error`, () => expect(decodeRule(NEWRULE, fromHex(bytes.replaceAll(' ', '')))).to.be.instanceOf(DecodeError));
  }

  it('the request for those of one table', () => {
    const { type, payload } = encodeGetRules('inet6', 't');
    expect([type, toHex(payload)]).to.deep.equal([0xa07, '0a00000006000100' + '74000000']);
  });

  it('comment and counters, in order', () => {
    const list = `${COUNTER} ${SNAT} ${COUNTER.replace('0000000000000005', '0000000000000004')}`;
    const length = (4 + fromHex(list.replaceAll(' ', '')).length).toString(16);
    const rule = decodeRule(NEWRULE, fromHex(`02000000 ${NAMES} ${length}000480 ${list} 0b000700 00 05 6e6f746500 00`.replaceAll(' ', '')));
    expect(rule).to.deep.equal({ table: 't', chain: 'c', comment: 'note', counters: [{ packets: 5n, bytes: 300n }, { packets: 4n, bytes: 300n }] });
  });

  it('a message of another kind is none', () => expect(decodeRule(0xa00, fromHex('02000000'))).to.equal(null));

  it('a comment that is cut off is none', () => {
    expect(decodeRule(NEWRULE, fromHex(`02000000 ${NAMES} 07000700 00 09 61 00`.replaceAll(' ', '')))).to.deep.include({ comment: null });
  });

  it('what is written is what is read', () => {
    const [message] = encodeFilterOp({ op: 'add-rule', family: 'inet', table: 't', chain: 'c', comment: '10.0.0.0/8', expressions: [{ type: 'snat', family: 'inet', address: 8, port: null }] });
    expect(decodeRule(message?.type ?? 0, message?.payload ?? new Uint8Array())).to.deep.equal({ table: 't', chain: 'c', comment: '10.0.0.0/8', counters: [] });
  });

  it('random bytes: a rule, nothing or an error', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      decodeRule(NEWRULE, bytes);
    }));
  });
});
