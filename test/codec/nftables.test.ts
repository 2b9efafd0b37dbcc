import { expect } from 'chai';
import fc from 'fast-check';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { NATIVE_ENDIAN } from '../../lib/codec/netlink.ts';
import { decodeLoss, decodeTable, encodeBatchMark, encodeFilterOp, encodeGetTables, type FilterOp } from '../../lib/codec/nftables.ts';
import type { Expression } from '../../lib/codec/nft-expressions.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { skip } from '../needs.ts';

const TABLE = { family: 'inet', table: 't' } as const;
/** NFTA_*_TABLE 't' */
const NAME = '06000100 74000000';

describe('nf_tables', () => {
  before(function () {
    if (NATIVE_ENDIAN !== 'little') skip(this, 'the bytes are those of a little-endian machine');
  });

  describe('operations', () => {
    for (const [name, op, type, flags, bytes] of [
      ['a table', { ...TABLE, op: 'add-table' }, 0xa00, 0x400, `02000000 ${NAME} 08000200 00000000`],
      ['a table of IPv6 goes', { family: 'inet6', table: 't', op: 'delete-table' }, 0xa02, 0, `0a000000 ${NAME}`],
      ['a chain', { ...TABLE, op: 'add-chain', chain: 'c', hook: null }, 0xa03, 0x400, `02000000 ${NAME} 06000300 63000000`],
      ['a base chain', { ...TABLE, op: 'add-chain', chain: 'c', hook: { at: 'output', priority: -1 } }, 0xa03, 0x400,
        `02000000 ${NAME} 06000300 63000000 14000480 08000100 00000003 08000200 ffffffff 08000500 00000001 0b000700 66696c74657200 00`],
      ['a set', { ...TABLE, op: 'add-set', set: 's', key: 'ipv4_addr', map: false, constant: false, id: 1 }, 0xa09, 0x400,
        `02000000 ${NAME} 06000200 73000000 08000300 00000000 08000400 00000007 08000500 00000004 08000a00 00000001`],
      ['a constant set of address and interface name', { ...TABLE, op: 'add-set', set: 's', key: 'ipv6_addr . ifname', map: false, constant: true, id: 2 }, 0xa09, 0x400,
        `02000000 ${NAME} 06000200 73000000 08000300 00000002 08000400 00000229 08000500 00000020 08000a00 00000002`],
      ['a map', { ...TABLE, op: 'add-set', set: 'm', key: 'iface_index', map: true, constant: false, id: 3 }, 0xa09, 0x400,
        `02000000 ${NAME} 06000200 6d000000 08000300 00000008 08000400 00000014 08000500 00000004 08000600 00000014 08000700 00000004 08000a00 00000003 10000d00 000401000000010401000000`],
      ['a map from addresses to marks', { ...TABLE, op: 'add-set', set: 'm', key: 'ipv4_addr . inet_service', map: 'mark', constant: false, id: 1 }, 0xa09, 0x400,
        `02000000 ${NAME} 06000200 6d000000 08000300 00000008 08000400 000001cd 08000500 00000008 08000600 00000013 08000700 00000004 08000a00 00000001 0a000d00 010401000000 0000`],
      ['a set of interface numbers', { ...TABLE, op: 'add-set', set: 's', key: 'iface_index', map: false, constant: false, id: 1 }, 0xa09, 0x400,
        `02000000 ${NAME} 06000200 73000000 08000300 00000000 08000400 00000014 08000500 00000004 08000a00 00000001 0a000d00 000401000000 0000`],
      ['elements', { ...TABLE, op: 'add-elements', set: 's', elements: [{ key: fromHex('0a000001') }, { key: fromHex('03000000'), data: fromHex('02000000') }] }, 0xa0c, 0x400,
        `02000000 ${NAME} 06000200 73000000 30000380 10000180 0c000180 08000100 0a000001 1c000180 0c000180 08000100 03000000 0c000280 08000100 02000000`],
      ['an element goes', { ...TABLE, op: 'delete-elements', set: 's', elements: [{ key: fromHex('0a000001') }] }, 0xa0e, 0,
        `02000000 ${NAME} 06000200 73000000 14000380 10000180 0c000180 08000100 0a000001`],
    ] as const satisfies readonly (readonly [string, FilterOp, number, number, string])[]) {
      it(name, () => {
        const [message, ...more] = encodeFilterOp(op);
        expect(more).to.have.length(0);
        expect(message?.type).to.equal(type);
        expect(message?.flags).to.equal(flags);
        expect(toHex(message?.payload ?? new Uint8Array())).to.equal(bytes.replaceAll(' ', ''));
      });
    }

    it('4,000 elements are four messages, each within what an attribute can hold', () => {
      const elements = Array.from({ length: 4000 }, (_, i) => ({ key: new Uint8Array(32).fill(i & 0xff) }));
      const messages = encodeFilterOp({ ...TABLE, op: 'add-elements', set: 's', elements });
      expect(messages.map(({ payload }) => payload.length < 65_536)).to.deep.equal([true, true, true, true]);
    });
  });

  describe('steps of a rule', () => {
    for (const [name, step, bytes] of [
      ['payload', { type: 'payload', base: 'network', offset: 16, length: 4, register: 1 }, '0c000100 7061796c6f616400 24000280 08000100 00000001 08000200 00000001 08000300 00000010 08000400 00000004'],
      ['meta', { type: 'meta', key: 'oifkind', register: 2 }, '09000100 6d65746100000000 14000280 08000200 0000001b 08000100 00000002'],
      ['cmp', { type: 'equal', register: 1, value: fromHex('3a') }, '08000100 636d7000 20000280 08000100 00000001 08000200 00000000 0c000380 05000100 3a000000'],
      ['bitwise', { type: 'mask', register: 1, mask: fromHex('ffc0') }, '0c000100 6269747769736500 34000280 08000100 00000001 08000200 00000001 08000300 00000002 0c000480 06000100 ffc00000 0c000580 06000100 00000000'],
      ['lookup', { type: 'lookup', set: 's', register: 1, into: null }, '0b000100 6c6f6f6b75700000 14000280 08000200 00000001 06000100 73000000'],
      ['lookup of what shall not be there', { type: 'lookup-not', set: 's', register: 1 }, '0b000100 6c6f6f6b75700000 1c000280 08000200 00000001 06000100 73000000 08000500 00000001'],
      ['lookup in a map', { type: 'lookup', set: 'm', register: 2, into: 2 }, '0b000100 6c6f6f6b75700000 1c000280 08000200 00000002 08000300 00000002 06000100 6d000000'],
      ['dup', { type: 'dup', address: 1, link: 2 }, '08000100 64757000 14000280 08000100 00000001 08000200 00000002'],
      ['counter', { type: 'counter' }, '0c000100 636f756e74657200 04000280'],
      ['drop', { type: 'verdict', verdict: 'drop' }, '0e000100 696d6d656469617465000000 1c000280 08000100 00000000 10000280 0c000280 08000100 00000000'],
      ['accept', { type: 'verdict', verdict: 'accept' }, '0e000100 696d6d656469617465000000 1c000280 08000100 00000000 10000280 0c000280 08000100 00000001'],
      ['goto', { type: 'verdict', verdict: { goto: 'c' } }, '0e000100 696d6d656469617465000000 24000280 08000100 00000000 18000280 14000280 08000100 fffffffc 06000200 63000000'],
    ] as const satisfies readonly (readonly [string, Expression, string])[]) {
      it(name, () => {
        const [message] = encodeFilterOp({ ...TABLE, op: 'add-rule', chain: 'c', expressions: [step] });
        expect([message?.type, message?.flags]).to.deep.equal([0xa06, 0xc00]);
        const text = toHex(message?.payload ?? new Uint8Array());
        // Family, table, chain; the list, its one element.
        expect(text).to.match(new RegExp(`^02000000${NAME.replace(' ', '')}0600020063000000....0480....0180`));
        expect(text.slice(56)).to.equal(bytes.replaceAll(' ', ''));
      });
    }
  });

  it('marks of a batch, and the request for all tables', () => {
    expect(toHex(encodeBatchMark(0x10).payload)).to.equal('0000000a');
    expect(encodeGetTables()).to.deep.equal({ type: 0xa01, flags: 0, payload: fromHex('00000000') });
  });

  describe('what the kernel says', () => {
    for (const [name, bytes] of [
      ['nothing', ''],
      ['no name', '02000000'],
      ['a name cut off', '02000000 0a000100 74'],
    ] as const) {
      it(`${name} is no table`, () => {
        expect(decodeTable(fromHex(bytes))).to.be.instanceOf(DecodeError);
      });
    }

    it('tables; those of other families do not concern us', () => {
      expect(decodeTable(fromHex(`02000000 ${NAME}`))).to.deep.equal({ family: 'inet', name: 't' });
      expect(decodeTable(fromHex(`0a000000 ${NAME}`))).to.deep.equal({ family: 'inet6', name: 't' });
      expect(decodeTable(fromHex(`01000000 ${NAME}`))).to.equal(null);
    });

    for (const [name, type, loss] of [
      ['a new table', 0xa00, false], ['a table goes', 0xa02, true], ['a chain goes', 0xa05, true], ['a rule goes', 0xa08, true], ['a set goes', 0xa0b, true],
      ['an element comes', 0xa0c, false], ['an element goes', 0xa0e, true], ['another generation', 0xa0f, false],
    ] as const) {
      it(`${name}: ${loss ? 'a loss' : 'no loss'}`, () => {
        expect(decodeLoss(type, fromHex(`02000000 ${NAME}`))).to.deep.equal(loss ? { family: 'inet', name: 't' } : null);
      });
    }

    it('random bytes are answered, not thrown at', () => {
      fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 0xa00, max: 0xa1f }), (bytes, type) => {
        decodeTable(bytes);
        decodeLoss(type, bytes);
      }));
    });
  });
});
