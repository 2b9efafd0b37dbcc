import { expect } from 'chai';
import { localLines, kernelLocals, localsJson, PortUse } from '../../../lib/ipvs/report/local-addresses.ts';
import { conntrackKey, parseConntrack, protocolNumber, withLocal } from '../../../lib/ipvs/report/conntrack.ts';
import { parseConnection, type Connection } from '../../../lib/ipvs/report/connections.ts';
import { ip } from '../../../lib/util/ip.ts';
import { destination, entry, serviceId } from '../values.ts';

/** `TCP 10.1.0.2:52334 192.0.2.1:80 10.0.0.21:5000 10.2.0.2:8080`; `-` for no local address. */
function connection(text: string): Connection {
  const [protocol = '', ...ends] = text.split(' ');
  const [client, virtual, local, target] = ends.map((one) => (one === '-' ? null : { address: ip(one.slice(0, one.lastIndexOf(':'))), port: Number(one.slice(one.lastIndexOf(':') + 1)) }));
  if (client == null || virtual == null || local === undefined || target == null) throw new Error(text);
  return { protocol, client, virtual, local, destination: target, state: 'ESTABLISHED', expires: 9, engine: null };
}

describe('local addresses in use', () => {
  const entries = [entry('tcp 192.0.2.1 80', '10.2.0.2 8080', '10.2.0.3 8080'), entry('udp 192.0.2.1 0', '10.2.0.2 53'), entry('fwmark 7 inet', destination('10.2.0.9 0'))];

  it('by service, and the server towards which an address has used the most ports', () => {
    const use = new PortUse(entries);
    for (const text of [
      'TCP 10.1.0.2:1 192.0.2.1:80 10.0.0.21:1 10.2.0.2:8080', 'TCP 10.1.0.2:2 192.0.2.1:80 10.0.0.21:2 10.2.0.3:8080', 'TCP 10.1.0.2:3 192.0.2.1:80 10.0.0.21:3 10.2.0.3:8080',
      'TCP 10.1.0.2:4 192.0.2.1:80 10.0.0.22:4 10.2.0.2:8080', 'UDP 10.1.0.2:5 192.0.2.1:5353 10.0.0.21:5 10.2.0.2:53', 'TCP 10.1.0.2:6 198.51.100.1:443 10.0.0.21:6 10.2.0.9:443',
      // Of no service here, without a local address, and of an address that is no service's.
      'TCP 10.1.0.2:7 192.0.2.1:81 10.0.0.21:7 10.2.0.2:8080', 'TCP 10.1.0.2:8 192.0.2.1:80 - 10.2.0.2:8080', 'TCP 10.1.0.2:9 192.0.2.1:80 10.0.0.99:9 10.2.0.2:8080',
    ]) use.count(connection(text));
    const pool = [ip('10.0.0.21'), ip('10.0.0.22')];
    const lists = entries.map(({ service }) => use.locals(service.id, pool));
    expect(localLines(lists)).to.deep.equal([
      'VIP:VPORT                  TOTAL SNAT_IP                  CONFLICTS     CONNS FULLEST',
      'TCP  192.0.2.1:80              2',
      '                                 10.0.0.21                        -         3 2/64512 10.2.0.3:8080',
      '                                 10.0.0.22                        -         1 1/64512 10.2.0.2:8080',
      'UDP  192.0.2.1:0               2',
      '                                 10.0.0.21                        -         1 1/64512 10.2.0.2:53',
      '                                 10.0.0.22                        -         0',
      'FWM  7                         2',
      '                                 10.0.0.21                        -         1 1/64512 10.2.0.9:443',
      '                                 10.0.0.22                        -         0',
    ]);
    expect(localsJson(lists)[0]).to.deep.equal({
      kind: 'address', protocol: 'tcp', address: '192.0.2.1', port: 80, by: 'netfilter',
      localAddresses: [
        { address: '10.0.0.21', connections: 3, fullest: { server: { address: '10.2.0.3', port: 8080 }, used: 2, of: 64512 } },
        { address: '10.0.0.22', connections: 1, fullest: { server: { address: '10.2.0.2', port: 8080 }, used: 1, of: 64512 } },
      ],
    });
  });

  it('as a patched kernel tells', () => {
    const list = kernelLocals(serviceId('tcp 2001:db8::1 80'), [{ address: ip('2001:db8::21'), portConflicts: 3n, connections: 9 }]);
    expect(localLines([list])).to.deep.equal([
      'VIP:VPORT                  TOTAL SNAT_IP                  CONFLICTS     CONNS',
      'TCP  [2001:db8::1]:80          1',
      '                                 2001:db8::21                     3         9',
    ]);
  });
});

describe("connections joined with netfilter's", () => {
  it('lines of its file', () => {
    for (const line of ['', 'ipv4     2 icmp     1 29 src=10.1.0.2 dst=192.0.2.1 type=8 code=0 id=1 src=192.0.2.1 dst=10.1.0.2 type=0 code=0 id=1 mark=0 zone=0 use=2', 'ipv4 2 tcp 6 9 src=x dst=y sport=1 dport=2 src=z dst=w sport=3 dport=4']) expect(parseConntrack(line), line).to.equal(null);
    const line = 'ipv4     2 tcp      6 431999 ESTABLISHED src=10.1.0.2 dst=192.0.2.1 sport=52334 dport=80 src=10.2.0.2 dst=10.0.0.21 sport=8080 dport=52334 [ASSURED] mark=0 zone=0 use=2';
    expect(parseConntrack(line)).to.deep.equal({ key: 'tcp 10.1.0.2 52334 192.0.2.1 80', to: { address: '10.0.0.21', port: 52334 } });
    expect(conntrackKey(connection('TCP 10.1.0.2:52334 192.0.2.1:80 - 10.2.0.2:8080'))).to.equal('tcp 10.1.0.2 52334 192.0.2.1 80');
    expect(parseConntrack('ipv6     10 udp      17 29 src=2001:0db8:0000:0000:0000:0000:0000:0009 dst=2001:0db8:0000:0000:0000:0000:0000:0001 sport=5 dport=53 [UNREPLIED] src=fd00:0000:0000:0000:0000:0000:0000:0002 dst=fd00:0000:0000:0000:0000:0000:0000:0021 sport=53 dport=5 mark=0 zone=0 use=2')).to.deep.equal({ key: 'udp 2001:db8::9 5 2001:db8::1 53', to: { address: 'fd00::21', port: 5 } });
  });

  it('whom the server takes for the client; the client itself is no local address', () => {
    const one = connection('TCP 10.1.0.2:52334 192.0.2.1:80 - 10.2.0.2:8080');
    expect(withLocal(one, null).local).to.equal(null);
    expect(withLocal(one, { to: { address: ip('10.1.0.2'), port: 52334 } }).local).to.equal(null);
    expect(withLocal(one, { to: { address: ip('10.0.0.21'), port: 1024 } }).local).to.deep.equal({ address: '10.0.0.21', port: 1024 });
  });

  it('a template is no connection', () => {
    const template = parseConnection('TCP 0A010002 0000 C0000201 0050 0A020002 1F90 NONE             82');
    expect([template === null ? 0 : protocolNumber(template), protocolNumber(connection('UDP 10.1.0.2:5 192.0.2.1:80 - 10.2.0.2:8080'))]).to.deep.equal([null, 17]);
  });
});
