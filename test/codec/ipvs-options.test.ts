import { expect } from 'chai';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import type { IpvsOperation } from '../../lib/codec/ipvs-operation.ts';
import {
  decodeOptionDaemons, decodeOptionDestinations, decodeOptionInfo, decodeOptionLocalAddresses, decodeOptionServices, decodeOptionTimeouts, destinationsRequest, encodeOption, localAddressesRequest, optionRefusal,
  servicesRequest,
} from '../../lib/codec/ipvs-options.ts';
import { IPIP } from '../../lib/codec/ipvs-values.ts';
import { fromHex, toHex } from '../../lib/util/bytes.ts';
import { ip } from '../../lib/util/ip.ts';
import { destination, service, serviceId } from '../ipvs/values.ts';

const WEB = serviceId('tcp 203.0.113.1 80');
/** Protocol 6, 203.0.113.1, port 80, no mark. */
const KEY = '06000000 cb007101 00500000 00000000';
const NOTHING = '00'.repeat(28);
const RR = '7272000000000000 0000000000000000';
const FNAT = { method: 'FNAT', tunnel: IPIP } as const;

function hex(text: string): string {
  return text.replaceAll(/[^0-9a-f]/gu, '');
}

describe('IPVS by socket options: requests, little-endian', () => {
  const rows: readonly (readonly [name: string, operation: IpvsOperation, option: number, bytes: string])[] = [
    ['a service', { op: 'add-service', service: service('tcp 203.0.113.1 80') }, 1154, `${KEY} ${RR} 00000000 00000000 ffffffff`],
    ['one with syn_proxy', { op: 'add-service', service: service('tcp 203.0.113.1 80', { synProxy: true }) }, 1154, `${KEY} ${RR} 00800000 00000000 ffffffff`],
    ['one that is persistent for a network', { op: 'edit-service', service: service('tcp 203.0.113.1 80', { persistence: { timeout: 300, granularity: 24 }, flags: ['flag-1'] }) }, 1155, `${KEY} ${RR} 09000000 2c010000 ffffff00`],
    ['one of a mark, which needs a protocol', { op: 'add-service', service: service('fwmark 7 inet') }, 1154, `06000000 00000000 00000000 07000000 ${RR} 00000000 00000000 ffffffff`],
    ['no service any more', { op: 'delete-service', id: WEB }, 1156, `${KEY} ${NOTHING}`],
    ['no service at all', { op: 'flush' }, 1157, ''],
    ['a server by FULLNAT', { op: 'add-destination', service: WEB, destination: destination('10.0.1.11 8080', { forward: FNAT, weight: 3, upperThreshold: 9, lowerThreshold: 7 }) }, 1159, `${KEY} ${NOTHING} 0a00010b 1f900000 05000000 03000000 09000000 07000000`],
    ['a server that goes', { op: 'delete-destination', service: WEB, destination: { address: ip('10.0.1.11'), port: 80 } }, 1160, `${KEY} ${NOTHING} 0a00010b 00500000 00000000 00000000 00000000 00000000`],
    ['a server that changes', { op: 'edit-destination', service: WEB, destination: destination('10.0.1.11 80', { forward: { method: 'DR', tunnel: IPIP }, weight: 0 }) }, 1161, `${KEY} ${NOTHING} 0a00010b 00500000 03000000 00000000 00000000 00000000`],
    ['timeouts', { op: 'set-timeouts', timeouts: { tcp: 900, udp: 30 } }, 1162, '84030000 00000000 1e000000'],
    ['a sync daemon', { op: 'start-daemon', daemon: { state: 'master', link: 'eth0', syncId: 5, maxLength: null, group: null, port: null, ttl: null } }, 1163, '01000000 65746830000000000000000000000000 05000000'],
    ['none any more', { op: 'stop-daemon', state: 'backup' }, 1164, `02000000 ${'00'.repeat(20)}`],
    ['counters of one', { op: 'zero', service: WEB }, 1167, `${KEY} ${NOTHING}`],
    ['counters of all', { op: 'zero', service: null }, 1167, '00'.repeat(44)],
    ['a local address', { op: 'add-local-address', service: WEB, address: ip('10.0.0.21') }, 1168, `${KEY} ${NOTHING} 0a000015`],
    ['a local address that goes', { op: 'delete-local-address', service: WEB, address: ip('10.0.0.21') }, 1169, `${KEY} ${NOTHING} 0a000015`],
  ];
  for (const [name, operation, option, bytes] of rows) {
    it(name, () => {
      expect(optionRefusal(operation)).to.equal(null);
      const asked = encodeOption(operation);
      expect([asked.option, toHex(asked.value)]).to.deep.equal([option, hex(bytes)]);
    });
  }

  it('buffers to be filled, of the exact size', () => {
    expect([toHex(servicesRequest(1, 'stock')), servicesRequest(2, 'fullnat').length]).to.deep.equal([hex('01000000 00000000') + '00'.repeat(104), 8 + 2 * 120]);
    expect(toHex(destinationsRequest(WEB, 1, 'stock'))).to.equal(hex(`${KEY} 01000000 00000000`) + '00'.repeat(96));
    expect(destinationsRequest(WEB, 3, 'fullnat')).to.have.length(24 + 3 * 104);
    expect(toHex(localAddressesRequest(WEB, 2))).to.equal(hex(`${KEY} 02000000 00000000`) + '00'.repeat(48));
    expect(toHex(localAddressesRequest(null, 0)), 'a question about nothing').to.equal('00'.repeat(24));
  });

  for (const [name, operation, code] of [
    ['a service of IPv6', { op: 'add-service', service: service('tcp 2001:db8::1 80') }, 'EAFNOSUPPORT'],
    ['a mark of IPv6', { op: 'delete-service', id: serviceId('fwmark 7 inet6') }, 'EAFNOSUPPORT'],
    ['a server of IPv6', { op: 'add-destination', service: WEB, destination: destination('2001:db8::1 80') }, 'EAFNOSUPPORT'],
    ['a local address of IPv6', { op: 'add-local-address', service: WEB, address: ip('2001:db8::1') }, 'EAFNOSUPPORT'],
    ['a persistence engine', { op: 'add-service', service: service('tcp 203.0.113.1 80', { engine: 'sip' }) }, 'EOPNOTSUPP'],
    ['a timeout of its own', { op: 'edit-service', service: service('tcp 203.0.113.1 80', { establishedTimeout: 9 }) }, 'EOPNOTSUPP'],
    ['a tunnel of another kind', { op: 'add-destination', service: WEB, destination: destination('10.0.0.1 80', { forward: { method: 'TUN', tunnel: { type: 'gre', port: 0, checksum: 'csum' } } }) }, 'EOPNOTSUPP'],
  ] as [string, IpvsOperation, string][]) it(`${name}: not this way`, () => { expect(optionRefusal(operation)?.[0]).to.equal(code); });
});

describe('IPVS by socket options: answers, little-endian', () => {
  const rates = '01000000 02000000 03000000 04000000 05000000';
  const narrow = `0a000000 0b000000 0c000000 00000000 0d00000000000000 0e00000000000000 ${rates} 00000000`;
  const wide = `0a00000001000000 0b00000000000000 0c00000000000000 0d00000000000000 0e00000000000000 ${rates} 00000000`;
  const stats = { inPackets: 11n, outPackets: 12n, inBytes: 13n, outBytes: 14n, connectionRate: 1n, inPacketRate: 2n, outPacketRate: 3n, inByteRate: 4n, outByteRate: 5n };
  const settings = `${RR} 03800000 2c010000 ffffff00`;

  it('services of a stock kernel', () => {
    expect(decodeOptionServices(fromHex(hex(`01000000 00000000 ${KEY} ${settings} 02000000 ${narrow}`)), 'stock')).to.deep.equal([
      { service: { ...service('tcp 203.0.113.1 80', { persistence: { timeout: 300, granularity: 24 } }), stats: { connections: 10n, ...stats } }, destinations: 2, localAddresses: 0 },
    ]);
  });

  it('of one with FULLNAT: the number of local addresses, counters of 64 bits, syn_proxy; what is gone meanwhile is zero', () => {
    expect(decodeOptionServices(fromHex(hex(`02000000 00000000 ${KEY} ${settings} 02000000 03000000 00000000 ${wide}`) + '00'.repeat(120)), 'fullnat')).to.deep.equal([
      { service: { ...service('tcp 203.0.113.1 80', { persistence: { timeout: 300, granularity: 24 }, synProxy: true }), stats: { connections: 0x1_0000_000an, ...stats } }, destinations: 2, localAddresses: 3 },
    ]);
  });

  for (const [layout, counters] of [['stock', narrow], ['fullnat', wide]] as const) {
    it(`servers, ${layout}`, () => {
      const text = `${KEY} 01000000 00000000 0a00010b 1f900000 05010000 03000000 09000000 07000000 04000000 05000000 06000000 00000000 ${counters}`;
      expect(decodeOptionDestinations(fromHex(hex(text)), layout)).to.deep.equal([{
        ...destination('10.0.1.11 8080', { forward: FNAT, weight: 3, upperThreshold: 9, lowerThreshold: 7 }), activeConnections: 4, inactiveConnections: 5, persistentConnections: 6,
        stats: { connections: layout === 'stock' ? 10n : 0x1_0000_000an, ...stats },
      }]);
    });
  }

  it('local addresses', () => {
    expect(decodeOptionLocalAddresses(fromHex(hex(`${KEY} 01000000 00000000 0a000015 00000000 0200000001000000 07000000 00000000`)))).to.deep.equal([{ address: '10.0.0.21', portConflicts: 0x1_0000_0002n, connections: 7 }]);
  });

  it('what it is, timeouts, sync daemons', () => {
    expect(decodeOptionInfo(fromHex(hex('01020100 00004000 05000000 00000000')))).to.deep.equal({ version: '1.2.1', connectionTableSize: 4194304, services: 5 });
    expect(decodeOptionTimeouts(fromHex(hex('84030000 78000000 2c010000')))).to.deep.equal({ tcp: 900, tcpFin: 120, udp: 300 });
    expect(decodeOptionDaemons(fromHex(hex(`02000000 65746830000000000000000000000000 05000000`) + '00'.repeat(24)))).to.deep.equal([{ state: 'backup', link: 'eth0', syncId: 5, maxLength: null, group: null, port: null, ttl: null }]);
  });

  it('a protocol and a method that are none are refused', () => {
    expect(decodeOptionServices(fromHex(hex(`01000000 00000000 ${KEY.replace('06', '07')} ${settings} 02000000 ${narrow}`)), 'stock')).to.be.instanceOf(DecodeError);
    expect(decodeOptionDestinations(fromHex(hex(`${KEY} 01000000 00000000 0a00010b 1f900000 07000000 `) + '00'.repeat(84)), 'stock')).to.be.instanceOf(DecodeError);
  });
});
