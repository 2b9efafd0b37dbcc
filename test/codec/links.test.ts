import { expect } from 'chai';
import { encodeDeleteLink, encodeLinkUp, encodeNewIpvlan, encodeNewMacvlan, encodeNoAddressGeneration, encodeSetMacvlan } from '../../lib/codec/links.ts';
import { NATIVE_ENDIAN } from '../../lib/codec/netlink.ts';
import { decodeLink } from '../../lib/codec/rtnetlink.ts';

const MAC = Uint8Array.of(0, 0, 0x5e, 0, 1, 0x33);

/** As `strace ip link …` shows them on a little-endian machine. */
const ROWS: readonly (readonly [string, Uint8Array, string])[] = [
  ['a new private macvlan', encodeNewMacvlan({ name: 'vrrp.51', parentIndex: 3, mac: MAC, group: 0, masterIndex: null }),
    '00000000 00000000 00000000 00000000 0c000300767272702e353100 0800050003000000 0a00010000005e0001330000 08001b0000000000 1c001280 0b0001006d6163766c616e00 0c000280 0800010001000000'],
  ['one of group 7 in a VRF', encodeNewMacvlan({ name: 'v', parentIndex: 3, mac: MAC, group: 7, masterIndex: 9 }),
    '00000000 00000000 00000000 00000000 0600030076000000 0800050003000000 0a00010000005e0001330000 08001b0007000000 08000a0009000000 1c001280 0b0001006d6163766c616e00 0c000280 0800010001000000'],
  ['another MAC, private mode', encodeSetMacvlan('v', MAC),
    '00000000 00000000 00000000 00000000 0600030076000000 0a00010000005e0001330000 1c001280 0b0001006d6163766c616e00 0c000280 0800010001000000'],
  ['a new ipvlan, private', encodeNewIpvlan({ name: 'ipv9', parentIndex: 3, group: 0, masterIndex: null, flags: 1 }),
    '00000000 00000000 00000000 00000000 0900030069707639 00000000 0800050003000000 08001b0000000000 24001280 0a0001006970766c616e0000 14000280 0600010000000000 0600020001000000'],
  ['addr_gen_mode none', encodeNoAddressGeneration('v'), '00000000 00000000 00000000 00000000 0600030076000000 10001a80 0c000a80 0500080001000000'],
  ['up', encodeLinkUp('v'), '00000000 00000000 01000000 01000000 0600030076000000'],
  ['gone', encodeDeleteLink(6), '00000000 06000000 00000000 00000000'],
];

describe('links of our own', () => {
  for (const [name, bytes, expected] of ROWS) {
    it(name, function () {
      if (NATIVE_ENDIAN !== 'little') this.skip();
      expect(Buffer.from(bytes).toString('hex')).to.equal(expected.replaceAll(' ', ''));
    });
  }

  it('what makes a macvlan reads as one: parent, MAC, mode, group, master', () => {
    const payload = encodeNewMacvlan({ name: 'vrrp.51', parentIndex: 3, mac: MAC, group: 7, masterIndex: 9 });
    new DataView(payload.buffer, payload.byteOffset).setUint32(4, 6, NATIVE_ENDIAN === 'little');
    expect(decodeLink(payload)).to.deep.include({ index: 6, name: 'vrrp.51', mac: MAC, kind: 'macvlan', parentIndex: 3, macvlanMode: 1, group: 7, masterIndex: 9 });
  });

  it('what makes an ipvlan reads as one', () => {
    for (const [flags, expected] of [[0, undefined], [1, 1], [2, 2]] as const) {
      const payload = encodeNewIpvlan({ name: 'i', parentIndex: 3, group: 7, masterIndex: 9, flags });
      new DataView(payload.buffer, payload.byteOffset).setUint32(4, 6, NATIVE_ENDIAN === 'little');
      const link = decodeLink(payload);
      expect(link).to.deep.include({ index: 6, name: 'i', kind: 'ipvlan', parentIndex: 3, group: 7, masterIndex: 9 });
      expect((link as { ipvlanFlags?: number }).ipvlanFlags).to.equal(expected);
    }
  });

  it('a macvlan whose mode is cut off has none', () => {
    const payload = encodeSetMacvlan('v', MAC);
    const view = new DataView(payload.buffer, payload.byteOffset);
    view.setUint32(4, 6, NATIVE_ENDIAN === 'little');
    view.setUint16(payload.length - 8, 7, NATIVE_ENDIAN === 'little');
    expect(decodeLink(payload)).to.not.have.property('macvlanMode');
  });
});
