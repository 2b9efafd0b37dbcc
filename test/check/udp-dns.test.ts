import { expect } from 'chai';
import { decode, encode } from 'dns-packet';
import { createSocket } from 'node:dgram';
import { checkDns } from '../../lib/check/dns.ts';
import { checkPing } from '../../lib/check/ping.ts';
import { checkUdp, matches } from '../../lib/check/udp.ts';
import type { Checker } from '../../lib/config/model-ipvs.ts';
import { ip } from '../../lib/util/ip.ts';
import { requireRoot } from '../needs.ts';
import { descriptorsBackTo, openDescriptors, realMeans, SCHEDULE, SUBJECT, target } from './servers.ts';

const means = realMeans();
type Udp = Checker & { readonly type: 'UDP_CHECK' };

/** A UDP server that answers each datagram with what `reply` makes of it (null: silence). */
async function answering(reply: (received: Buffer) => Uint8Array | null): Promise<{ port: number; received: Buffer[]; close(): Promise<void> }> {
  const socket = createSocket('udp4');
  const received: Buffer[] = [];
  socket.on('message', (message, from) => {
    received.push(message);
    const answer = reply(message);
    if (answer !== null) socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { port: socket.address().port, received, close: () => new Promise((resolve) => { socket.close(resolve); }) };
}

function udp(port: number, more: Partial<Udp> = {}, connectTimeout = 5000): Promise<unknown> {
  return checkUdp({ type: 'UDP_CHECK', target: target(port, { connectTimeout }), schedule: SCHEDULE, payload: null, reply: null, requireReply: false, minReply: 0, maxReply: 255, ...more }, SUBJECT, means).verdict;
}

describe('checks by datagrams', () => {
  let open: number;
  before(async () => {
    await udp(9, {}, 10);
    open = openDescriptors();
  });
  afterEach(async () => {
    expect(await descriptorsBackTo(open), 'descriptors').to.be.at.most(open);
  });

  describe('UDP_CHECK', () => {
    const ABCD = Buffer.from('abcd', 'hex');
    const bad = { type: 'failure', reason: null };
    const good = { type: 'success', matched: null };
    const rows: { name: string; check: Partial<Udp>; reply: (m: Buffer) => Uint8Array | null; wait?: number; found: object }[] = [
      { name: 'silence where an answer is required', check: { requireReply: true }, reply: () => null, wait: 200, found: bad },
      { name: 'an answer that is too short', check: { requireReply: true, minReply: 3 }, reply: () => ABCD, found: bad },
      { name: 'an answer that is too long', check: { requireReply: true, maxReply: 1 }, reply: () => ABCD, found: bad },
      { name: 'another answer', check: { requireReply: true, reply: 'abce' }, reply: () => ABCD, found: { type: 'failure', reason: 'UDP check to [10.0.0.2]:tcp:80 reply data mismatch.' } },
      { name: 'silence is a success', check: {}, reply: () => null, wait: 200, found: good },
      { name: 'the answer, with a digit that may be any', check: { requireReply: true, reply: 'aBxd' }, reply: () => ABCD, found: good },
      { name: 'any answer', check: { requireReply: true }, reply: () => ABCD, found: good },
    ];
    for (const row of rows) {
      it(row.name, async () => {
        const server = await answering(row.reply);
        try {
          expect(await udp(server.port, row.check, row.wait)).to.deep.equal(row.found);
        } finally {
          await server.close();
        }
      });
    }

    it('a port that is closed: the ICMP error is the failure', async () => {
      const server = await answering(() => null);
      await server.close();
      expect(await udp(server.port)).to.deep.equal(bad);
    });

    it('what is sent: keepalived’s 32 bytes, or the payload', async () => {
      const server = await answering(() => ABCD);
      try {
        await udp(server.port);
        await udp(server.port, { payload: '0102ff' });
        expect(server.received.map((m) => m.toString('hex'))).to.deep.equal(['6b656570616c6976656420636865636b202d206b656570616c69766564206368', '0102ff']);
      } finally {
        await server.close();
      }
    });

    it('a pattern counts up to the shorter of the two', () => {
      expect(['ab', 'abcdef', 'axcx', 'bb'].map((pattern) => matches(pattern, ABCD))).to.deep.equal([true, true, true, false]);
    });
  });

  describe('DNS_CHECK', () => {
    const dns = (port: number, wait = 5000, more: { query?: string; name?: string } = {}): Promise<unknown> =>
      checkDns({ type: 'DNS_CHECK', target: target(port, { connectTimeout: wait }), schedule: SCHEDULE, query: 'SOA', name: '.', ...more }, SUBJECT, means).verdict;
    const answer = (flags: number) => (m: Buffer): Uint8Array => {
      const reply = Buffer.from(m);
      reply.writeUInt16BE(flags, 2);
      return reply;
    };
    const rows: { name: string; reply: (m: Buffer) => Uint8Array | null; wait?: number; found: object }[] = [
      { name: 'silence', reply: () => null, wait: 200, found: { type: 'failure', reason: 'read timeout from socket' } },
      { name: 'garbage is no answer', reply: () => Buffer.from('garbage that is long enough'), wait: 200, found: { type: 'failure', reason: 'read timeout from socket' } },
      { name: 'too short', reply: (m) => m.subarray(0, 4), wait: 200, found: { type: 'failure', reason: 'read timeout from socket' } },
      { name: 'an answer to another question', reply: (m) => { const r = Buffer.from(answer(0x8180)(m)); r.writeUInt16BE(r.readUInt16BE(0) ^ 1, 0); return r; }, wait: 200, found: { type: 'failure', reason: 'read timeout from socket' } },
      { name: 'the query come back', reply: (m) => m, wait: 200, found: { type: 'failure', reason: 'read timeout from socket' } },
      { name: 'NXDOMAIN', reply: answer(0x8183), found: { type: 'failure', reason: 'read error occurred. (rcode = 3)' } },
      { name: 'SERVFAIL', reply: answer(0x8182), found: { type: 'failure', reason: 'read error occurred. (rcode = 2)' } },
      { name: 'an answer', reply: answer(0x8180), found: { type: 'success', matched: null } },
      { name: 'an answer with records', reply: (m) => encode({ type: 'response', id: m.readUInt16BE(0), answers: [{ type: 'A', name: 'a.example', data: '192.0.2.1' }] }), found: { type: 'success', matched: null } },
      { name: 'an answer whose records are cut off', reply: (m) => { const r = Buffer.from(answer(0x8380)(m)); r.writeUInt16BE(9, 6); return r; }, found: { type: 'success', matched: null } },
    ];
    for (const row of rows) {
      it(row.name, async () => {
        const server = await answering(row.reply);
        try {
          expect(await dns(server.port, row.wait)).to.deep.equal(row.found);
        } finally {
          await server.close();
        }
      });
    }

    it('a port that is closed', async () => {
      const server = await answering(() => null);
      await server.close();
      expect(await dns(server.port)).to.deep.equal({ type: 'failure', reason: 'failed to read socket; errno 111 (Connection refused)' });
    });

    for (const query of ['A', 'NS', 'CNAME', 'SOA', 'MX', 'TXT', 'AAAA', 'RRSIG', 'DNSKEY']) {
      it(`the query for ${query}`, async () => {
        const server = await answering(answer(0x8180));
        try {
          await dns(server.port, 5000, { query, name: 'www.example.org' });
          const sent = decode(server.received[0] ?? Buffer.alloc(0));
          expect(sent).to.include({ type: 'query', flag_rd: true });
          expect(sent.questions).to.deep.equal([{ type: query, class: 'IN', name: 'www.example.org' }]);
        } finally {
          await server.close();
        }
      });
    }
  });

  describe('PING_CHECK', function () {
    before(function () { requireRoot(this); });
    const ping = (address: string, wait: number): Promise<unknown> =>
      checkPing({ type: 'PING_CHECK', target: target(80, { address: ip(address), connectTimeout: wait }), schedule: SCHEDULE }, SUBJECT, means).verdict;

    it('an address that cannot be asked', async () => {
      expect(await ping('255.255.255.255', 200)).to.have.property('type', 'failure');
    });
    it('IPv4', async () => {
      expect(await ping('127.0.0.1', 5000)).to.deep.equal({ type: 'success', matched: null });
    });
    it('IPv6', async () => {
      expect(await ping('::1', 5000)).to.deep.equal({ type: 'success', matched: null });
    });
  });
});
