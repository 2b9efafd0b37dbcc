import { expect } from 'chai';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { decodeLocalAddressReply, encodeGetLocalAddresses, fullnatKind, needsFullnat } from '../../lib/codec/ipvs-fullnat.ts';
import type { IpvsOperation } from '../../lib/codec/ipvs-operation.ts';
import { decodeServiceReply, encodeOperation } from '../../lib/codec/ipvs.ts';
import { type Destination, IPIP, type Service, type ServiceId } from '../../lib/codec/ipvs-values.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { ip } from '../../lib/util/ip.ts';

const WEB: ServiceId = { kind: 'address', protocol: 'tcp', address: ip('203.0.113.1'), port: 80 };
const WEB6: ServiceId = { kind: 'address', protocol: 'tcp', address: ip('2001:db8::1'), port: 80 };
const SERVICE: Service = { id: WEB, scheduler: 'rr', flags: [], persistence: null, engine: null };
const SERVER: Destination = { address: ip('10.0.1.11'), port: 80, weight: 1, upperThreshold: 0, lowerThreshold: 0, forward: { method: 'FNAT', tunnel: IPIP } };
/** AF, protocol, address of 16 bytes, port. */
const KEY = '0600010002000000 0600020006000000 14000300cb007101000000000000000000000000 0600040000500000';
const KEY6 = '060001000a000000 0600020006000000 1400030020010db8000000000000000000000001 0600040000500000';

function hex(text: string): string {
  return text.replaceAll(/[^0-9a-f]/gu, '');
}

describe('IPVS of the patched kernels: what it is known by', () => {
  for (const [name, commands, kind] of [
    ['a stock 6.1', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17], null],
    ['a kernel that does not tell', [], null],
    ['only some of the commands', [17, 18, 19], null],
    ['alibaba', [17, 18, 19, 20], 'services'],
    ['Xiaomi', [17, 18, 19, 20, 21, 22, 23], 'zones'],
  ] as const) it(name, () => { expect(fullnatKind(commands)).to.equal(kind); });
});

describe('IPVS of the patched kernels: requests, little-endian', () => {
  const rows: readonly (readonly [name: string, bytes: Uint8Array, text: string])[] = [
    ['add a local address', encodeOperation({ op: 'add-local-address', service: WEB, address: ip('10.0.0.21') }), `12010000 30000180${KEY} 18000780 140001000a000015000000000000000000000000`],
    ['delete one of IPv6', encodeOperation({ op: 'delete-local-address', service: WEB6, address: ip('2001:db8::21') }), `13010000 30000180${KEY6} 18000780 1400010020010db8000000000000000000000021`],
    ['list them', encodeGetLocalAddresses(WEB), `14010000 30000180${KEY}`],
    ['a server', encodeOperation({ op: 'add-destination', service: WEB, destination: SERVER }), `05010000 30000180${KEY}`],
  ];
  for (const [name, bytes, text] of rows) it(name, () => { expect(toHex(bytes).slice(0, hex(text).length)).to.equal(hex(text)); });

  it('a server has forwarding method 5', () => {
    expect(toHex(encodeOperation({ op: 'add-destination', service: WEB, destination: SERVER }))).to.include(hex('08000300 05000000'));
  });

  it('a service with syn_proxy has flag 0x8000; with a timeout of its own attribute 11 is a number', () => {
    const bytes = toHex(encodeOperation({ op: 'add-service', service: { ...SERVICE, synProxy: true, establishedTimeout: 90 } }));
    expect(bytes).to.include(hex('0c000700 00800000 3d800000')).and.include(hex('08000b00 5a000000'));
    expect(toHex(encodeOperation({ op: 'add-service', service: SERVICE })), 'a stock one has neither').to.not.include('0c00070000800000').and.not.include('08000b005a');
  });
});

describe('IPVS of the patched kernels: answers', () => {
  const answer = (inner: string, command = '12'): Uint8Array => fromHex(hex(`${command}010000 ${(inner.length / 2 + 4).toString(16).padStart(2, '0')}000780${inner}`));
  const whole = hex('14000100 0a000015000000000000000000000000 0c000200 0200000000000000 08000300 07000000');

  for (const [name, payload] of [
    ['nothing', new Uint8Array()],
    ['another command', answer(whole, '01')],
    ['no local address', fromHex('12010000')],
    ['cut off', answer(whole).subarray(0, 40)],
    ['no counters', answer(hex('14000100 0a000015000000000000000000000000'))],
    ['an address that is too short', answer(hex('06000100 0a000000 0c000200 0200000000000000 08000300 07000000'))],
    ['conflicts of 32 bits', answer(hex('14000100 0a000015000000000000000000000000 08000200 02000000 08000300 07000000'))],
  ] as const) {
    it(`${name}: refused`, () => { expect(decodeLocalAddressReply(payload, 'inet')).to.be.instanceOf(DecodeError); });
  }

  it('a local address with its counters', () => {
    expect(decodeLocalAddressReply(answer(whole), 'inet')).to.deep.equal({ address: '10.0.0.21', portConflicts: 2n, connections: 7 });
  });

  it('a service: the flag and the timeout are read back, and not on a stock kernel', () => {
    const reply = encodeOperation({ op: 'add-service', service: { ...SERVICE, synProxy: true, establishedTimeout: 90 } });
    expect(decodeServiceReply(reply, true)).to.deep.include({ synProxy: true, establishedTimeout: 90, engine: null });
    expect(decodeServiceReply(reply)).to.not.have.any.keys('synProxy', 'establishedTimeout');
  });
});

describe('IPVS: what a stock kernel is never sent', () => {
  const rows: readonly (readonly [operation: IpvsOperation, needs: boolean])[] = [
    [{ op: 'add-local-address', service: WEB, address: ip('10.0.0.21') }, true],
    [{ op: 'add-destination', service: WEB, destination: SERVER }, true],
    [{ op: 'edit-destination', service: WEB, destination: { ...SERVER, forward: { method: 'NAT', tunnel: IPIP } } }, false],
    [{ op: 'add-service', service: { ...SERVICE, synProxy: true } }, true],
    [{ op: 'edit-service', service: SERVICE }, false],
    [{ op: 'flush' }, false],
  ];
  for (const [operation, needs] of rows) it(`${operation.op}: ${needs ? 'refused' : 'sent'}`, () => { expect(needsFullnat(operation)).to.equal(needs); });
});
