import { expect } from 'chai';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Destination, ServiceEntry, Tunnel } from '../../lib/codec/ipvs-values.ts';
import { diffTables } from '../../lib/ipvs/diff.ts';
import { listTable, type ListKind } from '../../lib/ipvs/report/list.ts';
import { inOrder } from '../../lib/ipvs/report/order.ts';
import { saveTable } from '../../lib/ipvs/report/save.ts';
import { EMPTY_TABLE, tableOf } from '../../lib/ipvs/table.ts';
import { linuxIpvs } from '../../lib/linux/ipvs.ts';
import type { IpvsControl } from '../../lib/system/ipvs.ts';
import { destination, serviceId } from '../ipvs/values.ts';
import { until } from '../linux/namespaces.ts';
import { ipvsadm, restore } from './ipvsadm.ts';
import { requireUml } from './needs.ts';

const PROGRAM = join(dirname(createRequire(import.meta.url).resolve('../../../package.json')), 'bin/tskeepalived.js');

/** `tskeepalived ipvs`. */
function ours(...options: string[]): string {
  return execFileSync(process.execPath, [PROGRAM, 'ipvs', ...options], { encoding: 'utf8' });
}

describe('tskeepalived ipvs', function () {
  this.timeout(240_000);
  let control: IpvsControl;

  before(async function () {
    requireUml(this, 'ipvsadm');
    control = await linuxIpvs();
  });
  beforeEach(() => { ipvsadm('-C'); });
  after(() => {
    control?.close();
    if (control !== undefined) ipvsadm('-C');
  });

  it('random tables print as by ipvsadm, byte for byte, in every form', async () => {
    const lists: readonly (readonly [ListKind, string])[] = [['stats', '--stats'], ['rate', '--rate'], ['thresholds', '--thresholds'], ['persistent', '--persistent-conn'], ['tunnels', '--tun-info']];
    await fc.assert(fc.asyncProperty(TABLES, async (entries) => {
      ipvsadm('-C');
      expect((await control.apply(diffTables(tableOf(entries), EMPTY_TABLE))).filter((error) => error !== null)).to.deep.equal([]);
      const info = await control.info();
      const dumped = await control.dump();
      const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
      expect(ipvsadm('-Ln')).to.equal(text(listTable(info, inOrder(dumped), 'plain')));
      expect(ipvsadm('-Ln', '--nosort')).to.equal(text(listTable(info, dumped, 'plain')));
      expect(ipvsadm('-Sn')).to.equal(text(saveTable(inOrder(dumped))));
      for (const [kind, option] of lists) expect(ipvsadm('-Ln', option), option).to.equal(text(listTable(info, inOrder(dumped), kind)));
    }), { numRuns: 8, endOnFailure: true });
  });

  it('the program prints the table, its commands, timeouts, sync daemons and JSON', () => {
    restore(['-A -t 192.0.2.1:80 -s wlc -p 360 -M 255.255.255.0', '-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 5 -x 9', '-A -f 7 -6 -s rr', '-A -t 10.0.0.9:80 -s rr']);
    for (const options of [['-Ln', '--nosort'], ['-Sn'], ['-Ln', '--timeout'], ['-Ln', '--daemon']]) expect(ours(...options), options.join(' ')).to.equal(ipvsadm(...options));
    const { services } = JSON.parse(ours('--json')) as { services: { destinations: object[] }[] };
    expect(services).to.have.lengthOf(3);
    expect(services.find((one) => one.destinations.length > 0)?.destinations[0]).to.deep.include({ address: '10.0.0.1', port: 8080, weight: 5, forward: 'NAT', upperThreshold: 9 });
  });

  describe('with connections', () => {
    const open: Socket[] = [];
    let server: Server;

    before(async () => {
      execFileSync('sh', ['-c', 'ip address add 192.0.2.1/32 dev lo; ip address add 10.9.0.1/32 dev lo; ip -6 address add 2001:db8::1/128 dev lo; ip -6 address add fd09::1/128 dev lo']);
      server = createServer((socket) => {
        open.push(socket);
        socket.on('error', () => undefined).end('hello');
      }).listen(8080, '::');
      await once(server, 'listening');
    });
    after(() => {
      for (const socket of open) socket.destroy();
      server.close();
      execFileSync('sh', ['-c', 'ip address delete 192.0.2.1/32 dev lo; ip address delete 10.9.0.1/32 dev lo; ip -6 address delete 2001:db8::1/128 dev lo; ip -6 address delete fd09::1/128 dev lo']);
    });

    it('prints them as ipvsadm does, with what a persistence engine keeps, and the counters of real traffic', async () => {
      restore([
        '-A -t 192.0.2.1:80 -s rr -p 300', '-a -t 192.0.2.1:80 -r 10.9.0.1:8080 -m', '-A -t [2001:db8::1]:80 -s rr', '-a -t [2001:db8::1]:80 -r [fd09::1]:8080 -m',
        '-A -u 192.0.2.1:5060 -s rr -p 90 --pe sip', '-a -u 192.0.2.1:5060 -r 10.9.0.1:5060 -m',
      ]);
      for (const host of ['192.0.2.1', '192.0.2.1', '2001:db8::1']) {
        const socket = connect(80, host).on('error', () => undefined);
        open.push(socket);
        await once(socket, 'data');
      }
      const udp = createSocket('udp4').on('error', () => undefined);
      udp.send('INVITE sip:bob@example.com SIP/2.0\r\nCall-ID: abc123@example.com\r\n\r\n', 5060, '192.0.2.1');
      await until('the connections', async () => (await control.dump()).every(({ service }) => service.stats.connections > 0n) && ours('-c', '--json').split('\n').length > 5, 30_000);

      const table = async (kind: ListKind, exact: boolean): Promise<string> => `${listTable(await control.info(), inOrder(await control.dump()), kind, exact).join('\n')}\n`;
      for (const [options, print] of [
        [['-Lcn', '--persistent-conn'], (...words) => Promise.resolve(ours(...words))],
        [['-Lcn'], (...words) => Promise.resolve(ours(...words))],
        [['-Ln'], () => table('plain', false)],
        [['-Ln', '--stats'], () => table('stats', false)],
        [['-Ln', '--stats', '--exact'], () => table('stats', true)],
        [['-Ln', '--rate'], () => table('rate', false)],
        [['-Ln', '--persistent-conn'], () => table('persistent', false)],
      ] as [string[], (...words: string[]) => Promise<string>][]) {
        // Seconds go by and states change: only what stood still around ipvsadm's turn can be compared.
        let [before, theirs] = ['', ''];
        await until(`a quiet moment for ${options.join(' ')}`, async () => {
          before = noSeconds(await print(...options));
          theirs = noSeconds(ipvsadm(...options));
          return noSeconds(await print(...options)) === before;
        }, 60_000);
        expect(before, options.join(' ')).to.equal(theirs);
      }
      udp.close();

      expect((await control.apply([{ op: 'zero', service: serviceId('tcp 192.0.2.1 80') }])).concat(await control.apply([{ op: 'zero', service: null }]))).to.deep.equal([null, null]);
      expect((await control.dump()).map(({ service }) => service.stats.connections)).to.deep.equal([0n, 0n, 0n]);
    });
  });
});

/** What a connection has left to live is another figure in every second; how it is written, the unit tests say. */
function noSeconds(text: string): string {
  return text.replaceAll(/ \d\d:\d\d /gu, ' --:-- ');
}

const HOSTS = fc.oneof(fc.ipV4().filter((text) => /^(?:[1-9]|1[0-2]?\d|1[3-9]\d|2[01]\d|22[0-3])\./u.test(text) && !text.startsWith('127.')), fc.constantFrom('10.0.0.1', '10.0.0.2', '192.0.2.1'));
const HOSTS6 = fc.tuple(fc.constantFrom('2001:db8:', 'fd00:', '2600:ffff:'), fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 0, max: 0xffff })).map(([head, a, b]) => `${head}${b.toString(16)}::${a.toString(16)}`);
const PORTS = fc.integer({ min: 1, max: 65535 });

const TUNNELS: fc.Arbitrary<Tunnel> = fc.oneof(
  fc.constant<Tunnel>({ type: 'ipip', port: 0, checksum: 'nocsum' }),
  fc.record({ type: fc.constant('gue' as const), port: PORTS, checksum: fc.constantFrom('nocsum', 'csum', 'remcsum') }),
  fc.record({ type: fc.constant('gre' as const), port: fc.constant(0), checksum: fc.constantFrom('nocsum', 'csum') }),
);

function destinations(six: boolean): fc.Arbitrary<Destination[]> {
  const one = fc.record({ host: six ? HOSTS6 : HOSTS, port: PORTS, method: fc.constantFrom('NAT', 'DR', 'TUN'), tunnel: TUNNELS, weight: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 2 ** 31 - 1 })), upper: fc.integer({ min: 0, max: 99999 }) })
    .map(({ host, port, method, tunnel, weight, upper }) => destination(`${host} ${port}`, { forward: { method, tunnel }, weight, upperThreshold: upper, lowerThreshold: upper >> 1 }));
  const other = fc.tuple(six ? HOSTS : HOSTS6, PORTS, TUNNELS).map(([host, port, tunnel]) => destination(`${host} ${port}`, { forward: { method: 'TUN', tunnel } }));
  return fc.uniqueArray(fc.oneof({ weight: 4, arbitrary: one }, { weight: 1, arbitrary: other }), { selector: ({ address, port }) => `${address} ${port}`, maxLength: 6 });
}

const IDS = fc.oneof(
  fc.tuple(fc.constantFrom('tcp', 'udp', 'sctp'), fc.oneof(HOSTS, HOSTS6), PORTS).map((words) => words.join(' ')),
  fc.tuple(fc.constant('fwmark'), fc.integer({ min: 1, max: 2 ** 32 - 1 }), fc.constantFrom('inet', 'inet6')).map((words) => words.join(' ')),
);

const TABLES: fc.Arbitrary<ServiceEntry[]> = fc.uniqueArray(IDS, { minLength: 3, maxLength: 14 }).chain((ids) => fc.tuple(...ids.map((text): fc.Arbitrary<ServiceEntry> => {
  const six = text.includes(':') || text.endsWith('inet6');
  const timeouts = fc.integer({ min: 1, max: 86400 });
  return fc.record({
    service: fc.record({
      id: fc.constant(serviceId(text)),
      scheduler: fc.constantFrom('rr', 'wlc', 'sh', 'mh', 'fo', 'none'),
      flags: fc.subarray(text.startsWith('udp') ? ['ops', 'flag-1', 'flag-2', 'flag-3'] as const : ['flag-1', 'flag-2', 'flag-3'] as const),
      persistence: fc.option(fc.record({ timeout: timeouts, granularity: fc.integer({ min: six ? 1 : 0, max: six ? 128 : 32 }) })),
      engine: fc.constant(null),
    }),
    destinations: destinations(six),
  });
})));
