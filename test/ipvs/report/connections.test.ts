import { expect } from 'chai';
import fc from 'fast-check';
import { connectionLine, connectionsHead, fourAddressesLine, hasLocal, parseConnection, type Connection } from '../../../lib/ipvs/report/connections.ts';
import { connectionJson } from '../../../lib/ipvs/report/json.ts';

function parsed(line: string): Connection {
  const connection = parseConnection(line);
  if (connection === null) throw new Error(`no connection: ${line}`);
  return connection;
}

/** Lines of /proc/net/ip_vs_conn, and what ipvsadm 1.31 made of them. */
describe('connections as ipvsadm prints them', () => {
  for (const line of [
    '',
    'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData',
    'TCP 0A010002 CC6E C0000201 0050 0A020002 1F90 ESTABLISHED',
    'TCP 0A010002 CC6E C0000201 0050 0A020002 1F90 ESTABLISHED     soon',
    'TCP 0A0100 CC6E C0000201 0050 0A020002 1F90 ESTABLISHED     892',
    'TCP 0A010002 CC6 C0000201 0050 0A020002 1F90 ESTABLISHED     892',
    'TCP 0A010002 CC6E C0000201 XXXX 0A020002 1F90 ESTABLISHED     892',
  ]) {
    it(`no connection: ${line}`, () => { expect(parseConnection(line)).to.equal(null); });
  }

  for (const [line, printed] of [
    ['TCP 0A010002 CC6E C0000201 0050 0A020002 1F90 ESTABLISHED     892', 'TCP 14:52  ESTABLISHED 10.1.0.2:52334     192.0.2.1:80       10.2.0.2:8080'],
    ['TCP 0A010002 CC74 C0000201 0050 0A020002 1F90 TIME_WAIT       112', 'TCP 01:52  TIME_WAIT   10.1.0.2:52340     192.0.2.1:80       10.2.0.2:8080'],
    ['IP  0A010002 0000 00000005 0000 0A020002 0000 ASSURED          82', 'IP  01:22  ASSURED     10.1.0.2:0         0.0.0.5:0          10.2.0.2:0'],
    ['UDP 0A010002 A484 C0000201 0035 0A020002 0035 UDP             292', 'UDP 04:52  UDP         10.1.0.2:42116     192.0.2.1:53       10.2.0.2:53'],
    ['TCP fd01:0000:0000:0000:0000:0000:0000:0002 A560 2001:0db8:0000:0000:0000:0000:0000:0001 0050 fd02:0000:0000:0000:0000:0000:0000:0002 1F90 ESTABLISHED     892',
      'TCP 14:52  ESTABLISHED [fd01::2]:42336    [2001:db8::1]:80   [fd02::2]:8080'],
    ['UDP 0A010002 0000 C0000201 13C4 0A020002 13C4 NONE             82 sip abc123@example.com', 'UDP 01:22  NONE        10.1.0.2:0         192.0.2.1:5060     10.2.0.2:5060'],
  ] as const) {
    it(`prints ${line}`, () => { expect(connectionLine(parsed(line), false)).to.equal(printed); });
  }

  it('with what the persistence engine keeps', () => {
    const sip = parsed('UDP 0A010002 0000 C0000201 13C4 0A020002 13C4 NONE             82 sip abc123@example.com');
    expect(connectionsHead(true)[1]).to.equal('pro expire state       source             virtual            destination        pe name          pe_data');
    expect(connectionLine(sip, true)).to.equal('UDP 01:22  NONE        10.1.0.2:0         192.0.2.1:5060     10.2.0.2:5060    sip                abc123@example.com');
    expect(connectionLine(parsed('UDP 0A010002 A484 C0000201 0035 0A020002 0035 UDP 7200'), true)).to.equal('UDP 120:00  UDP         10.1.0.2:42116     192.0.2.1:53       10.2.0.2:53');
    expect(JSON.parse(connectionJson(sip))).to.deep.equal({
      protocol: 'UDP', client: { address: '10.1.0.2', port: 0 }, virtual: { address: '192.0.2.1', port: 5060 }, destination: { address: '10.2.0.2', port: 5060 }, state: 'NONE', expires: 82,
      engine: { name: 'sip', data: 'abc123@example.com' },
    });
  });

  it('random lines are answered, not thrown at', () => {
    fc.assert(fc.property(fc.array(fc.oneof(fc.stringMatching(/^[\dA-F:]{0,40}$/u), fc.string()), { maxLength: 12 }), (words) => {
      expect(typeof parseConnection(words.join(' '))).to.equal('object');
    }));
  });
});

describe('connections with FULLNAT: four addresses', () => {
  const HEAD = 'Pro FromIP   FPrt ToIP     TPrt LocalIP  LPrt DestIP   DPrt State       Expires';
  const LINE = 'TCP 0A010002 CC6E C0000201 0050 0A000015 1388 0A020002 1F90 ESTABLISHED      89';

  it("a patched kernel's file is known by its head, and the local address is not taken for the server", () => {
    expect([hasLocal(HEAD), hasLocal('Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData')]).to.deep.equal([true, false]);
    expect(parseConnection(LINE, true)).to.deep.include({ local: { address: '10.0.0.21', port: 5000 }, destination: { address: '10.2.0.2', port: 8080 }, state: 'ESTABLISHED', expires: 89 });
    expect(parseConnection(LINE), 'as a stock one it is none').to.equal(null);
    expect(parseConnection(LINE.replace('0A000015 1388', '00000000 0000'), true)?.local, 'one that is no FULLNAT').to.equal(null);
  });

  it('as a line and as JSON', () => {
    const connection = parseConnection(LINE, true);
    if (connection === null) throw new Error('no connection');
    expect(fourAddressesLine(connection)).to.equal('TCP 01:29  ESTABLISHED 10.1.0.2:52334     192.0.2.1:80       10.0.0.21:5000     10.2.0.2:8080');
    expect(fourAddressesLine({ ...connection, local: null })).to.equal('TCP 01:29  ESTABLISHED 10.1.0.2:52334     192.0.2.1:80       -                  10.2.0.2:8080');
    expect(JSON.parse(connectionJson(connection))).to.deep.include({ local: { address: '10.0.0.21', port: 5000 } });
    expect(connectionLine(connection, false), "without --fullnat as ipvsadm's").to.equal('TCP 01:29  ESTABLISHED 10.1.0.2:52334     192.0.2.1:80       10.2.0.2:8080');
  });
});
