import { expect } from 'chai';
import fc from 'fast-check';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { decodeMessages } from '../../lib/codec/netlink.ts';
import { decodeProcEvent, encodeListen } from '../../lib/codec/proc-events.ts';
import { ByteWriter } from '../../lib/util/bytes.ts';
import { NATIVE_ENDIAN } from '../../lib/codec/netlink.ts';

/** A cn_msg with an event of `what` and these 32-bit words. */
function event(what: number, words: readonly number[], over: { idx?: number; val?: number; length?: number; tail?: Uint8Array } = {}): Uint8Array {
  const writer = new ByteWriter(NATIVE_ENDIAN).u32(over.idx ?? 1).u32(over.val ?? 1).u32(7).u32(0).u16(over.length ?? 16 + 4 * words.length + (over.tail?.length ?? 0)).u16(0);
  writer.u32(what).u32(0).u64(123n);
  for (const word of words) writer.u32(word);
  return writer.bytes(over.tail ?? new Uint8Array(0)).finish();
}

const comm = (text: string): Uint8Array => { const bytes = new Uint8Array(16); bytes.set(new TextEncoder().encode(text)); return bytes; };

describe('decodeProcEvent', () => {
  for (const [name, bytes, code] of [
    ['nothing', new Uint8Array(0), 'too-short'],
    ['half a connector message', new Uint8Array(19), 'too-short'],
    ['a length that is not there', event(1, [1, 1, 2, 2], { length: 200 }), 'too-short'],
    ['a length that is too small for what it says', event(1, [1, 1, 2, 2], { length: 20 }), 'too-short'],
    ['a name that is cut off', event(0x200, [5, 5], { tail: new Uint8Array(8) }), 'too-short'],
    ['another connector', event(1, [1, 1, 2, 2], { idx: 2 }), 'bad-connector'],
    ['another value of this one', event(1, [1, 1, 2, 2], { val: 9 }), 'bad-connector'],
  ] as const) {
    it(`${name}: ${code}`, () => { expect(decodeProcEvent(bytes)).to.be.instanceOf(DecodeError).with.property('code', code); });
  }

  for (const [name, bytes, expected] of [
    ['an acknowledgement', event(0, [0]), { type: 'acknowledged', errno: 0 }],
    ['a refusal', event(0, [1]), { type: 'acknowledged', errno: 1 }],
    ['a fork', event(1, [10, 9, 20, 20]), { type: 'fork', pid: 20, parent: 9 }],
    ['a thread that is made', event(1, [9, 9, 20, 9]), { type: 'other' }],
    ['an exec', event(2, [20, 20]), { type: 'exec', pid: 20 }],
    ['another name', event(0x200, [20, 20], { tail: comm('Web Content') }), { type: 'renamed', pid: 20, comm: 'Web Content' }],
    ['a name without an end', event(0x200, [20, 20], { tail: comm('0123456789abcdef') }), { type: 'renamed', pid: 20, comm: '0123456789abcdef' }],
    ['another name of a thread', event(0x200, [21, 20], { tail: comm('worker') }), { type: 'other' }],
    ['an end', event(0x80000000, [20, 20, 0, 17, 1, 1]), { type: 'exit', pid: 20 }],
    ['an end as older kernels tell it', event(0x80000000, [20, 20, 0, 17]), { type: 'exit', pid: 20 }],
    ['the end of a thread', event(0x80000000, [21, 20, 0, 17]), { type: 'other' }],
    ['another user', event(4, [20, 20, 0, 0]), { type: 'other' }],
    ['something new', event(0x400, []), { type: 'other' }],
  ] as const) {
    it(name, () => { expect(decodeProcEvent(bytes)).to.deep.equal(expected); });
  }

  it('answers any bytes with an event or an error', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => { expect(decodeProcEvent(bytes)).to.be.an('object'); }));
  });
});

it('encodeListen: a netlink message from nobody with the connector\'s number and 1 or 2', () => {
  for (const [listen, word] of [[true, 1], [false, 2]] as const) {
    const messages = decodeMessages(encodeListen(listen));
    if (messages instanceof DecodeError) throw new Error(messages.detail);
    expect(messages.map(({ type, flags, payload }) => [type, flags, [...new Uint32Array(payload.slice().buffer)]])).to.deep.equal([[3, 0, [1, 1, 0, 0, 4, word]]]);
  }
});
