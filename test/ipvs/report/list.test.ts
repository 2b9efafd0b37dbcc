import { expect } from 'chai';
import { NO_STATS } from '../../../lib/codec/ipvs-stats.ts';
import type { Destination, IpvsStats, Service, ServiceEntryStatus, SyncDaemon, Tunnel } from '../../../lib/codec/ipvs-values.ts';
import { tableJson } from '../../../lib/ipvs/report/json.ts';
import { daemonLine, listTable, timeoutsLine, type ListKind } from '../../../lib/ipvs/report/list.ts';
import { inOrder } from '../../../lib/ipvs/report/order.ts';
import { saveTable } from '../../../lib/ipvs/report/save.ts';
import { counter } from '../../../lib/ipvs/report/words.ts';
import { ip } from '../../../lib/util/ip.ts';
import { destination, service } from '../values.ts';

const INFO = { version: '1.2.1', connectionTableSize: 4096 };

function status(text: string, more: Partial<Service>, ...destinations: readonly Destination[]): ServiceEntryStatus {
  return {
    service: { ...service(text, more), stats: NO_STATS },
    destinations: destinations.map((one) => ({ ...one, activeConnections: 0, inactiveConnections: 0, persistentConnections: 0, stats: NO_STATS })),
  };
}

function to(text: string, method: Destination['forward']['method'], more: Partial<Destination> = {}, tunnel: Tunnel = { type: 'ipip', port: 0, checksum: 'nocsum' }): Destination {
  return destination(text, { ...more, forward: { method, tunnel } });
}

/** As ipvsadm 1.31 printed them in the user-mode kernel. */
describe('tables as ipvsadm prints them', () => {
  for (const [name, line, wanted] of [
    ['one-packet scheduling', 'UDP  192.0.2.1:53 rr ops', ['udp 192.0.2.1 53', { flags: ['ops'] }]],
    ['flags of sh, persistence, engine and ops', 'UDP  192.0.2.1:80 sh (sh-fallback,sh-port) persistent 360 mask 255.255.0.0 pe sip ops',
      ['udp 192.0.2.1 80', { scheduler: 'sh', flags: ['ops', 'flag-1', 'flag-2', 'flag-3'], persistence: { timeout: 360, granularity: 16 }, engine: 'sip' }]],
    ['a netmask with holes', 'UDP  192.0.2.1:81 mh (mh-fallback,mh-port) persistent 60 mask 255.0.255.0 ops',
      ['udp 192.0.2.1 81', { scheduler: 'mh', flags: ['ops', 'flag-1', 'flag-2'], persistence: { timeout: 60, granularity: ip('255.0.255.0') } }]],
    ['a flag that mh has no name for', 'UDP  192.0.2.1:82 mh ()', ['udp 192.0.2.1 82', { scheduler: 'mh', flags: ['flag-3'] }]],
    ['plain flags', 'TCP  192.0.2.1:5062 wrr (flag-1,flag-2,flag-3)', ['tcp 192.0.2.1 5062', { scheduler: 'wrr', flags: ['flag-1', 'flag-2', 'flag-3'] }]],
    ['persistence by single clients', 'TCP  [2001:db8::1]:443 fo persistent 30', ['tcp 2001:db8::1 443', { scheduler: 'fo', persistence: { timeout: 30, granularity: 128 } }]],
    ['an IPv6 mark', 'FWM  7 IPv6 lblcr persistent 300 mask 64', ['fwmark 7 inet6', { scheduler: 'lblcr', persistence: { timeout: 300, granularity: 64 } }]],
    ['a mark of 32 bits', 'FWM  -294967295 rr', ['fwmark 4000000001 inet', {}]],
    ['SCTP', 'SCTP 192.0.2.1:99 rr', ['sctp 192.0.2.1 99', {}]],
  ] as [string, string, [string, Partial<Service>]][]) {
    it(`a service: ${name}`, () => { expect(listTable(INFO, [status(...wanted)], 'plain')[3]).to.equal(line); });
  }

  const servers = status('tcp 192.0.2.1 80', {}, to('10.0.0.1 80', 'NAT', { weight: 5, upperThreshold: 100, lowerThreshold: 50 }), to('10.0.0.2 8080', 'DR', { weight: 2147483647 }), to('10.0.0.3 80', 'TUN'),
    to('10.0.0.5 80', 'TUN', {}, { type: 'gue', port: 6080, checksum: 'remcsum' }), to('10.0.0.8 80', 'TUN', {}, { type: 'gre', port: 0, checksum: 'csum' }), to('2001:db8:1234:5678:9abc:def0:1234:5678 443', 'TUN'));
  for (const [kind, lines] of [
    ['plain', [
      'IP Virtual Server version 1.2.1 (size=4096)',
      'Prot LocalAddress:Port Scheduler Flags',
      '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
      'TCP  192.0.2.1:80 rr',
      '  -> 10.0.0.1:80                  Masq    5      0          0         ',
      '  -> 10.0.0.2:8080                Route   2147483647 0          0         ',
      '  -> 10.0.0.3:80                  Tunnel  1      0          0         ',
      '  -> 10.0.0.5:80                  Tunnel  1      0          0         ',
      '  -> 10.0.0.8:80                  Tunnel  1      0          0         ',
      '  -> [2001:db8:1234:5678:9abc:def0:1234:5678]:443 Tunnel  1      0          0         ',
    ]],
    ['tunnels', [
      'IP Virtual Server version 1.2.1 (size=4096)',
      'Prot LocalAddress:Port Scheduler Flags',
      '  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn',
      'TCP  192.0.2.1:80 rr',
      '  -> 10.0.0.1:80                  Masq    n/a           5      0          0         ',
      '  -> 10.0.0.2:8080                Route   n/a           2147483647 0          0         ',
      '  -> 10.0.0.3:80                  Tunnel  ipip          1      0          0         ',
      '  -> 10.0.0.5:80                  Tunnel  gue:6080:r+c  1      0          0         ',
      '  -> 10.0.0.8:80                  Tunnel  gre:+c        1      0          0         ',
      '  -> [2001:db8:1234:5678:9abc:def0:1234:5678]:443 Tunnel  ipip          1      0          0         ',
    ]],
    ['thresholds', [
      'IP Virtual Server version 1.2.1 (size=4096)',
      'Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn ',
      '  -> RemoteAddress:Port',
      'TCP  192.0.2.1:80 rr',
      '  -> 10.0.0.1:80                  100        50         0          0         ',
    ]],
    ['persistent', [
      'IP Virtual Server version 1.2.1 (size=4096)',
      'Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn ',
      '  -> RemoteAddress:Port',
      'TCP  192.0.2.1:80 rr',
      '  -> 10.0.0.1:80                  5         0           0          0         ',
    ]],
    ['stats', [
      'IP Virtual Server version 1.2.1 (size=4096)',
      'Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes',
      '  -> RemoteAddress:Port',
      'TCP  192.0.2.1:80                        0        0        0        0        0',
      '  -> 10.0.0.1:80                         0        0        0        0        0',
    ]],
    ['rate', [
      'IP Virtual Server version 1.2.1 (size=4096)',
      'Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS',
      '  -> RemoteAddress:Port',
      'TCP  192.0.2.1:80                        0        0        0        0        0',
      '  -> 10.0.0.1:80                         0        0        0        0        0',
    ]],
  ] as [ListKind, string[]][]) {
    it(`the whole list: ${kind}`, () => { expect(listTable(INFO, [servers], kind).slice(0, lines.length)).to.deep.equal(lines); });
  }

  for (const [value, short, exact] of [
    [0n, '        0', '        0'],
    [99_999_999n, ' 99999999', ' 99999999'],
    [100_000_000n, '  100000K', ' 100000000'],
    [999_999_999n, '  999999K', ' 999999999'],
    [1_000_000_000n, '    1000M', ' 1000000000'],
    [99_999_999_999n, '   99999M', ' 99999999999'],
    [100_000_000_000n, '     100G', ' 100000000000'],
    [99_999_999_999_999n, '   99999G', ' 99999999999999'],
    [100_000_000_000_000n, '     100T', ' 100000000000000'],
    [2n ** 64n - 1n, '18446744T', ' 18446744073709551615'],
  ] as const) {
    it(`the counter ${value}`, () => { expect([counter(value, false), counter(value, true)]).to.deep.equal([short, exact]); });
  }

  it('the commands of -S', () => {
    const odd = status('udp 192.0.2.1 80', { scheduler: 'sh', flags: ['ops', 'flag-1'], persistence: { timeout: 360, granularity: 16 }, engine: 'sip' });
    expect(saveTable([servers, odd, status('fwmark 3 inet6', {}), status('udp 192.0.2.1 82', { scheduler: 'mh', flags: ['flag-3'] })])).to.deep.equal([
      '-A -t 192.0.2.1:80 -s rr',
      '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 5',
      '-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -g -w 2147483647',
      '-a -t 192.0.2.1:80 -r 10.0.0.3:80 -i -w 1 --tun-type ipip',
      '-a -t 192.0.2.1:80 -r 10.0.0.5:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum',
      '-a -t 192.0.2.1:80 -r 10.0.0.8:80 -i -w 1 --tun-type gre --tun-csum',
      '-a -t 192.0.2.1:80 -r [2001:db8:1234:5678:9abc:def0:1234:5678]:443 -i -w 1 --tun-type ipip',
      '-A -u 192.0.2.1:80 -s sh -p 360 -M 255.255.0.0 --pe sip -o -b sh-fallback',
      '-A -f 3 -6 -s rr',
      '-A -u 192.0.2.1:82 -s mh -b ',
    ]);
  });

  it('timeouts and sync daemons', () => {
    const daemon: SyncDaemon = { state: 'master', link: 'eth0', syncId: 5, maxLength: 1472, group: ip('224.0.0.81'), port: 8848, ttl: 1 };
    expect(timeoutsLine({ tcp: 900, tcpFin: 120, udp: 300 })).to.equal('Timeout (tcp tcpfin udp): 900 120 300');
    expect(daemonLine(daemon)).to.equal('master sync daemon (mcast=eth0, syncid=5, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)');
    expect(daemonLine({ ...daemon, maxLength: null, group: null, port: null, ttl: null })).to.equal('master sync daemon (mcast=eth0, syncid=5)');
  });

  it('JSON keeps all digits of a counter', () => {
    const stats: IpvsStats = { ...NO_STATS, inBytes: 2n ** 64n - 1n };
    const text = tableJson(INFO, { tcp: 1, tcpFin: 2, udp: 3 }, [], [{ service: { ...servers.service, stats }, destinations: servers.destinations }]);
    expect(text).to.contain('"inBytes": 18446744073709551615,');
    const parsed = JSON.parse(text) as { services: { destinations: object[] }[] };
    expect(parsed).to.deep.include({ version: '1.2.1', timeouts: { tcp: 1, tcpFin: 2, udp: 3 } });
    expect(parsed.services[0]).to.deep.include({ kind: 'address', protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr', persistence: null });
    expect(parsed.services[0]?.destinations[3]).to.deep.include({ forward: 'TUN', tunnel: { type: 'gue', port: 6080, checksum: 'remcsum' } });
    expect(parsed.services[0]?.destinations[0]).not.to.have.property('tunnel');
  });
});

describe('the order in which ipvsadm lists', () => {
  const order = (...services: string[]): string[] => saveTable(inOrder(services.map((one) => status(one, {})))).map((line) => line.slice(3, -6));

  it('families, protocols, addresses, ports, marks', () => {
    expect(order('fwmark 10 inet', 'udp ::1 80', 'tcp ::1 80', 'fwmark 7 inet6', 'sctp 10.0.0.1 1', 'udp 10.0.0.1 1', 'tcp 10.0.0.2 1', 'tcp 10.0.0.1 256', 'tcp 10.0.0.1 2', 'fwmark 7 inet')).to.deep.equal([
      '-t 10.0.0.1:2', '-t 10.0.0.1:256', '-t 10.0.0.2:1', '-u 10.0.0.1:1', '--sctp-service 10.0.0.1:1', '-t [::1]:80', '-u [::1]:80', '-f 7', '-f 7 -6', '-f 10',
    ]);
  });

  it('differences that run over: 192.0.2.1 before 10.0.0.9, fe80::1 before ::1, marks of 32 bits before all', () => {
    expect(order('tcp ::1 80', 'tcp fe80::1 80', 'tcp 10.0.0.9 80', 'tcp 192.0.2.1 80', 'fwmark 4000000000 inet', 'fwmark 1 inet')).to.deep.equal([
      '-f -294967296', '-t 192.0.2.1:80', '-t 10.0.0.9:80', '-t [fe80::1]:80', '-t [::1]:80', '-f 1',
    ]);
  });

  it('destinations of both families by their first 32 bits', () => {
    const [entry] = inOrder([status('tcp 192.0.2.1 80', {}, to('127.0.0.1 80', 'NAT'), to('2001:db8::9 80', 'TUN'), to('10.0.0.9 80', 'NAT'), to('10.0.0.9 8', 'NAT'))]);
    expect(entry?.destinations.map(({ address, port }) => `${address} ${port}`)).to.deep.equal(['10.0.0.9 8', '10.0.0.9 80', '2001:db8::9 80', '127.0.0.1 80']);
  });
});
