import { expect } from 'chai';
import fc from 'fast-check';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import { decodeGeneric, genericPayload } from '../../lib/codec/genetlink.ts';
import type { IpvsOperation } from '../../lib/codec/ipvs-operation.ts';
import { NO_STATS } from '../../lib/codec/ipvs-stats.ts';
import type { Destination, Forward, Service, SyncDaemon, Tunnel } from '../../lib/codec/ipvs-values.ts';
import {
  decodeDaemonReply, decodeDestinationReply, decodeInfoReply, decodeServiceReply, decodeTimeoutsReply, encodeGetDaemons, encodeGetDestinations, encodeGetInfo, encodeGetServices,
  encodeGetTimeouts, encodeOperation,
} from '../../lib/codec/ipvs.ts';
import { AttributeWriter, findAttribute, NATIVE_ENDIAN } from '../../lib/codec/netlink.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { ip } from '../../lib/util/ip.ts';
import { destination, service, serviceId } from '../ipvs/values.ts';
import { skip } from '../needs.ts';

const WEB = 'tcp 192.0.2.1 80';
/** Attributes by hand: length, type, value, padding. */
const a = (type: string, value: string): string => `${(4 + value.length / 2).toString(16).padStart(2, '0')}00${type}${value}${'0'.repeat((8 - (value.length % 8)) % 8)}`;
const text = (value: string): string => toHex(new TextEncoder().encode(`${value}\0`));
const V4 = 'c0000201' + '00'.repeat(12);
const V6 = '20010db8000000000000000000000001';
const KEY = a('0100', '0200') + a('0200', '0600') + a('0300', V4) + a('0400', '0050');
const DEST_KEY = a('0100', `0a000001${'00'.repeat(12)}`) + a('0200', '1f90') + a('0b00', '0200');
const nested = (type: string, value: string): string => a(`${type}80`, value);

function expected(command: string, ...attributes: string[]): string {
  return `${command}010000${attributes.join('')}`;
}

describe('IPVS messages', () => {
  before(function () {
    if (NATIVE_ENDIAN !== 'little') skip(this, 'the bytes are those of a little-endian machine');
  });

  const full = (scheduler: string, flags: string, timeout: string, netmask: string): string => a('0600', text(scheduler)) + a('0700', `${flags}0000003d000000`) + a('0800', timeout) + a('0900', netmask);
  const plainDest = (method: string, weight: string, upper = '00000000', lower = '00000000'): string => a('0300', method) + a('0400', weight) + a('0500', upper) + a('0600', lower);
  const toDest = (more: Partial<Destination>): IpvsOperation => ({ op: 'add-destination', service: serviceId(WEB), destination: destination('10.0.0.1 8080', more) });
  const tunnel = (type: Tunnel['type'], port: number, checksum: Tunnel['checksum']): Partial<Destination> => ({ forward: { method: 'TUN', tunnel: { type, port, checksum } } });
  const method = (name: Forward['method']): Partial<Destination> => ({ forward: { method: name, tunnel: { type: 'gue', port: 9, checksum: 'csum' } } });
  const daemon: SyncDaemon = { state: 'master', link: 'eth0', syncId: 5, maxLength: null, group: null, port: null, ttl: null };

  for (const [name, operation, bytes] of [
    ['a service', { op: 'add-service', service: service(WEB) }, expected('01', nested('01', KEY + full('rr', '00', '00000000', 'ffffffff')))],
    ['a changed service, persistent by /24', { op: 'edit-service', service: service(WEB, { scheduler: 'wlc', persistence: { timeout: 360, granularity: 24 } }) },
      expected('02', nested('01', KEY + full('wlc', '01', '68010000', 'ffffff00')))],
    ['a netmask with holes', { op: 'add-service', service: service(WEB, { persistence: { timeout: 1, granularity: ip('255.0.255.0') } }) },
      expected('01', nested('01', KEY + full('rr', '01', '01000000', 'ff00ff00')))],
    ['granularity /13', { op: 'add-service', service: service(WEB, { persistence: { timeout: 1, granularity: 13 } }) }, expected('01', nested('01', KEY + full('rr', '01', '01000000', 'fff80000')))],
    ['one-packet scheduling', { op: 'add-service', service: service('udp 192.0.2.1 53', { flags: ['ops'] }) },
      expected('01', nested('01', a('0100', '0200') + a('0200', '1100') + a('0300', V4) + a('0400', '0035') + full('rr', '04', '00000000', 'ffffffff')))],
    ['every scheduler flag, SCTP', { op: 'add-service', service: service('sctp 192.0.2.1 80', { scheduler: 'sh', flags: ['flag-1', 'flag-2', 'flag-3'] }) },
      expected('01', nested('01', a('0100', '0200') + a('0200', '8400') + a('0300', V4) + a('0400', '0050') + full('sh', '38', '00000000', 'ffffffff')))],
    ['IPv6, persistent by /64, with an engine', { op: 'add-service', service: service('udp 2001:db8::1 5060', { persistence: { timeout: 60, granularity: 64 }, engine: 'sip' }) },
      expected('01', nested('01', a('0100', '0a00') + a('0200', '1100') + a('0300', V6) + a('0400', '13c4') + full('rr', '01', '3c000000', '40000000') + a('0b00', text('sip'))))],
    ['a mark', { op: 'add-service', service: service('fwmark 4000000000 inet6') }, expected('01', nested('01', a('0100', '0a00') + a('0500', '00286bee') + full('rr', '00', '00000000', '80000000')))],
    ['a service that goes', { op: 'delete-service', id: serviceId(WEB) }, expected('03', nested('01', KEY))],
    ['a destination, direct', toDest({ weight: 5 }), expected('05', nested('01', KEY), nested('02', DEST_KEY + plainDest('03000000', '05000000')))],
    ['a destination, translated, with thresholds', toDest({ ...method('NAT'), upperThreshold: 100, lowerThreshold: 50 }),
      expected('05', nested('01', KEY), nested('02', DEST_KEY + plainDest('00000000', '01000000', '64000000', '32000000')))],
    ['a destination by FULLNAT', toDest(method('FNAT')), expected('05', nested('01', KEY), nested('02', DEST_KEY + plainDest('05000000', '01000000')))],
    ['an ipip tunnel', toDest(tunnel('ipip', 9, 'csum')), expected('05', nested('01', KEY), nested('02', DEST_KEY + plainDest('02000000', '01000000')))],
    ['a gue tunnel', toDest(tunnel('gue', 6080, 'remcsum')), expected('05', nested('01', KEY), nested('02', DEST_KEY + plainDest('02000000', '01000000') + a('0d00', '01') + a('0e00', '17c0') + a('0f00', '0200')))],
    ['a gre tunnel', toDest(tunnel('gre', 9, 'csum')), expected('05', nested('01', KEY), nested('02', DEST_KEY + plainDest('02000000', '01000000') + a('0d00', '02') + a('0f00', '0100')))],
    ['a changed destination of the largest weight', { op: 'edit-destination', service: serviceId(WEB), destination: destination('10.0.0.1 8080', { weight: 2147483647 }) },
      expected('06', nested('01', KEY), nested('02', DEST_KEY + plainDest('03000000', 'ffffff7f')))],
    ['an IPv6 destination that goes, of an IPv4 service', { op: 'delete-destination', service: serviceId(WEB), destination: { address: ip('2001:db8::1'), port: 80 } },
      expected('07', nested('01', KEY), nested('02', a('0100', V6) + a('0200', '0050') + a('0b00', '0a00')))],
    ['a sync daemon', { op: 'start-daemon', daemon }, expected('09', nested('03', a('0100', '01000000') + a('0200', text('eth0')) + a('0300', '05000000')))],
    ['a sync daemon with all its settings', { op: 'start-daemon', daemon: { ...daemon, state: 'backup', maxLength: 1400, group: ip('224.0.0.99'), port: 8850, ttl: 3 } },
      expected('09', nested('03', a('0100', '02000000') + a('0200', text('eth0')) + a('0300', '05000000') + a('0400', '7805') + a('0500', 'e0000063') + a('0700', '9222') + a('0800', '03')))],
    ['a sync daemon with an IPv6 group', { op: 'start-daemon', daemon: { ...daemon, group: ip('ff02::99') } },
      expected('09', nested('03', a('0100', '01000000') + a('0200', text('eth0')) + a('0300', '05000000') + a('0600', `ff02${'00'.repeat(13)}99`)))],
    ['a sync daemon that ends', { op: 'stop-daemon', state: 'backup' }, expected('0a', nested('03', a('0100', '02000000')))],
    ['two of the timeouts', { op: 'set-timeouts', timeouts: { tcp: 900, udp: 300 } }, expected('0c', a('0400', '84030000'), a('0600', '2c010000'))],
    ['counters of a service to zero', { op: 'zero', service: serviceId(WEB) }, expected('10', nested('01', KEY))],
    ['all counters to zero', { op: 'zero', service: null }, expected('10')],
    ['everything away', { op: 'flush' }, expected('11')],
  ] as [string, IpvsOperation, string][]) {
    it(`encodes ${name}`, () => { expect(toHex(encodeOperation(operation))).to.equal(bytes); });
  }

  it('encodes what is asked', () => {
    expect([encodeGetServices(), encodeGetDestinations(serviceId(WEB)), encodeGetDaemons(), encodeGetTimeouts(), encodeGetInfo()].map((bytes) => toHex(bytes))).to.deep.equal([
      expected('04'), expected('08', nested('01', KEY)), expected('0b'), expected('0d'), expected('0f'),
    ]);
  });
});

/** What the kernel would say about what it was told: the same attributes, and its own. */
function echo(operation: IpvsOperation, command: number, type: number, more: (inner: AttributeWriter) => void): Uint8Array {
  const asked = decodeGeneric(encodeOperation(operation));
  if (asked instanceof DecodeError) throw new Error(asked.detail);
  return genericPayload(command, 1).nested(type, (inner) => {
    inner.bytes(findAttribute(asked.attributes, type) ?? new Uint8Array(0));
    more(inner);
  }).finish();
}

const STATS = (inner: AttributeWriter): AttributeWriter => [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].reduce((writer, type) => {
  const bytes = new AttributeWriter().u64(2n ** 63n + BigInt(type)).finish();
  return writer.attribute(type, bytes);
}, inner);

describe('IPVS answers', () => {
  const counted = Object.fromEntries(Object.keys(NO_STATS).map((name, i) => [name, 2n ** 63n + BigInt(i + 1)]));
  const services: fc.Arbitrary<Service> = fc.record({
    id: fc.constantFrom(WEB, 'udp 2001:db8::1 0', 'sctp 10.0.0.1 65535', 'fwmark 7 inet', 'fwmark 4294967295 inet6').map(serviceId),
    scheduler: fc.constantFrom('rr', 'none', 'wlc'),
    flags: fc.subarray(['ops', 'flag-1', 'flag-2', 'flag-3'] as const),
    persistence: fc.option(fc.record({ timeout: fc.integer({ min: 1, max: 2 ** 31 }), granularity: fc.integer({ min: 0, max: 32 }) })),
    engine: fc.option(fc.constant('sip')),
  });
  const destinations: fc.Arbitrary<Destination> = fc.record({
    address: fc.constantFrom('10.0.0.1', '2001:db8::7', '255.255.255.255').map(ip),
    port: fc.integer({ min: 0, max: 65535 }),
    forward: fc.record({ method: fc.constantFrom('NAT', 'DR', 'TUN', 'LOCAL', 'BYPASS', 'FNAT'), tunnel: fc.constant<Tunnel>({ type: 'ipip', port: 0, checksum: 'nocsum' }) }),
    weight: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    upperThreshold: fc.integer({ min: 0, max: 65535 }),
    lowerThreshold: fc.integer({ min: 0, max: 65535 }),
  });

  it('a service comes back as it was sent, with counters of 64 bits', () => {
    fc.assert(fc.property(services, (one) => {
      const answer = echo({ op: 'add-service', service: one }, 1, 1, (inner) => inner.nested(12, STATS));
      expect(decodeServiceReply(answer)).to.deep.equal({ ...one, stats: counted });
    }));
  });

  it('a destination comes back as it was sent, with its connections', () => {
    fc.assert(fc.property(destinations, (one) => {
      const answer = echo({ op: 'add-destination', service: serviceId(WEB), destination: one }, 5, 2, (inner) =>
        inner.attributeU32(7, 1).attributeU32(8, 2).attributeU32(9, 3).nested(12, STATS));
      const status = { ...one, activeConnections: 1, inactiveConnections: 2, persistentConnections: 3, stats: counted };
      expect(decodeDestinationReply(answer, serviceId(WEB))).to.deep.equal(status);
    }));
  });

  for (const [name, tunnel] of [
    ['gue', { type: 'gue', port: 6080, checksum: 'remcsum' }],
    ['gre', { type: 'gre', port: 0, checksum: 'csum' }],
  ] as [string, Tunnel][]) {
    it(`a ${name} tunnel comes back as it was sent`, () => {
      const one = destination('10.0.0.1 80', { forward: { method: 'TUN', tunnel } });
      const answer = echo({ op: 'add-destination', service: serviceId(WEB), destination: one }, 5, 2, () => undefined);
      expect(decodeDestinationReply(answer, serviceId(WEB))).to.deep.include(one);
    });
  }

  it('counters of a kernel that has 32 bits for some of them', () => {
    const old = (inner: AttributeWriter): AttributeWriter => inner.attributeU32(1, 7).attribute(4, fromHex('0100000001000000')).attributeU32(10, 9);
    const answer = echo({ op: 'add-service', service: service(WEB) }, 1, 1, (inner) => inner.nested(10, old));
    expect(decodeServiceReply(answer)).to.deep.include({ stats: { ...NO_STATS, connections: 7n, inBytes: 0x1_0000_0001n, outByteRate: 9n } });
  });

  it('a destination without a family of its own is of its service\'s', () => {
    const answer = genericPayload(5, 1).nested(2, (inner) => inner.attribute(1, fromHex(V6)).attribute(2, fromHex('0050'))).finish();
    expect(decodeDestinationReply(answer, serviceId('tcp 2001:db8::1 80'))).to.deep.include({ address: '2001:db8::1' });
    expect(decodeDestinationReply(answer, serviceId(WEB))).to.deep.include({ address: '32.1.13.184' });
  });

  it('sync daemons, timeouts and information', () => {
    const daemon: SyncDaemon = { state: 'backup', link: 'eth0.7', syncId: 255, maxLength: 1472, group: ip('ff02::99'), port: 8848, ttl: 255 };
    expect(decodeDaemonReply(echo({ op: 'start-daemon', daemon }, 9, 3, () => undefined))).to.deep.equal(daemon);
    const old: SyncDaemon = { ...daemon, state: 'master', maxLength: null, group: null, port: null, ttl: null };
    expect(decodeDaemonReply(echo({ op: 'start-daemon', daemon: old }, 9, 3, () => undefined))).to.deep.equal(old);
    expect(decodeTimeoutsReply(genericPayload(12, 1).attributeU32(4, 900).attributeU32(5, 120).finish())).to.deep.equal({ tcp: 900, tcpFin: 120, udp: 0 });
    expect(decodeInfoReply(genericPayload(14, 1).attributeU32(1, 0x010201).attributeU32(2, 4096).finish())).to.deep.equal({ version: '1.2.1', connectionTableSize: 4096 });
  });

  const inService = (build: (inner: AttributeWriter) => void): Uint8Array => genericPayload(1, 1).nested(1, build).finish();
  const named = (inner: AttributeWriter): AttributeWriter => inner.attributeString(6, 'rr').attribute(7, new Uint8Array(8));
  for (const [name, decoded, code] of [
    ['a header cut off', decodeServiceReply(fromHex('0101')), 'too-short'],
    ['another command', decodeServiceReply(genericPayload(5, 1).finish()), 'bad-reply'],
    ['no service in it', decodeServiceReply(genericPayload(1, 1).finish()), 'bad-reply'],
    ['an attribute cut off', decodeServiceReply(inService((inner) => inner.bytes(fromHex('09000100')))), 'bad-attribute'],
    ['a service of another family', decodeServiceReply(inService((inner) => named(inner).attributeU16(1, 28))), 'bad-service'],
    ['a service of another protocol', decodeServiceReply(inService((inner) => named(inner).attributeU16(1, 2).attributeU16(2, 1).attribute(3, new Uint8Array(16)).attribute(4, new Uint8Array(2)))), 'bad-service'],
    ['a service without address', decodeServiceReply(inService((inner) => named(inner).attributeU16(1, 2).attributeU16(2, 6))), 'bad-service'],
    ['an IPv6 service with 4 bytes of address', decodeServiceReply(inService((inner) => named(inner).attributeU16(1, 10).attributeU16(2, 6).attribute(3, new Uint8Array(4)).attribute(4, new Uint8Array(2)))), 'bad-service'],
    ['a service without scheduler', decodeServiceReply(inService((inner) => inner.attributeU16(1, 2).attributeU32(5, 7))), 'bad-service'],
    ['a counter of 3 bytes', decodeServiceReply(inService((inner) => named(inner).attributeU16(1, 2).attributeU32(5, 7).nested(12, (stats) => stats.attribute(1, new Uint8Array(3))))), 'bad-stats'],
    ['a destination without address', decodeDestinationReply(genericPayload(5, 1).nested(2, (inner) => inner.attributeU16(11, 2)).finish(), serviceId(WEB)), 'bad-destination'],
    ['a destination of no known method', decodeDestinationReply(genericPayload(5, 1).nested(2, (inner) => inner.attribute(1, new Uint8Array(16)).attribute(2, new Uint8Array(2)).attributeU32(3, 6)).finish(), serviceId(WEB)), 'bad-destination'],
    ['a tunnel of no known type', decodeDestinationReply(genericPayload(5, 1).nested(2, (inner) => inner.attribute(1, new Uint8Array(16)).attribute(2, new Uint8Array(2)).attributeU8(13, 3)).finish(), serviceId(WEB)), 'bad-destination'],
    ['a sync daemon of no state', decodeDaemonReply(genericPayload(9, 1).nested(3, (inner) => inner.attributeString(2, 'eth0').attributeU32(3, 1)).finish()), 'bad-daemon'],
    ['information without a version', decodeInfoReply(genericPayload(14, 1).finish()), 'bad-info'],
    ['timeouts in another answer', decodeTimeoutsReply(genericPayload(14, 1).finish()), 'bad-reply'],
  ] as [string, unknown, string][]) {
    it(`decoders refuse ${name}`, () => { expect(decoded).to.be.instanceOf(DecodeError).and.to.have.property('code', code); });
  }

  it('random bytes are answered, not thrown at', () => {
    const soup = fc.tuple(fc.integer({ min: 0, max: 20 }), fc.array(fc.tuple(fc.integer({ min: 0, max: 15 }), fc.uint8Array({ maxLength: 40 })), { maxLength: 12 }));
    fc.assert(fc.property(soup, fc.uint8Array({ maxLength: 60 }), ([command, attributes], bytes) => {
      const payload = genericPayload(command, 1).nested(1 + (command % 3), (inner) => attributes.forEach(([type, value]) => inner.attribute(type, value))).finish();
      for (const message of [bytes, payload]) {
        for (const decoded of [decodeServiceReply(message), decodeDestinationReply(message, serviceId(WEB)), decodeDaemonReply(message), decodeTimeoutsReply(message), decodeInfoReply(message)]) {
          expect(typeof decoded).to.equal('object');
        }
      }
    }), { numRuns: 500 });
  });
});
