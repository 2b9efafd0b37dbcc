import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { checkHttp, type HttpCheck, requestText } from '../../lib/check/http.ts';
import type { HttpUrl } from '../../lib/config/model-ipvs.ts';
import { ip } from '../../lib/util/ip.ts';
import { closedPort, descriptorsBackTo, HASTY, httpCheck, openDescriptors, realMeans, serve, SUBJECT, target, type TestServer, url } from './servers.ts';

const means = realMeans();
const HELLO = 'hello\n';
const MD5 = createHash('md5').update(HELLO).digest('hex');
const OK = `HTTP/1.0 200 OK\r\n\r\n${HELLO}`;
const NO_DATA = { type: 'failure', reason: 'Read, no data received from ' };
const GOOD = (matched: string): object => ({ type: 'success', matched, notes: [] });
const BAD = (reason: string): object => ({ type: 'failure', reason, notes: [] });
const regex = (pattern: string, more: Partial<NonNullable<HttpUrl['regex']>> = {}): Partial<HttpUrl> => ({ regex: { pattern, options: [], negated: false, minOffset: 0, maxOffset: 0, ...more } });

interface Row {
  readonly name: string;
  readonly answer: string;
  readonly url?: Partial<HttpUrl>;
  readonly found: object;
}

const rows: Row[] = [
  { name: 'nothing at all', answer: '', found: NO_DATA },
  { name: 'garbage', answer: 'garbage', found: NO_DATA },
  { name: 'a header that does not end', answer: 'HTTP/1.0 200 OK\r\nX: y\r\n', found: NO_DATA },
  { name: 'lines ended by LF alone', answer: `HTTP/1.0 200 OK\n\n${HELLO}`, found: NO_DATA },
  { name: 'garbage with an empty line', answer: 'what?\r\n\r\n', found: BAD('HTTP status code error to') },
  { name: 'no blank after the code', answer: `HTTP/1.0 200\r\n\r\n${HELLO}`, found: BAD('HTTP status code error to') },
  { name: 'a code of four digits', answer: `HTTP/1.0 2000 OK\r\n\r\n${HELLO}`, found: BAD('HTTP status code error to') },
  { name: 'a redirect', answer: 'HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n', found: BAD('HTTP status code error to') },
  { name: '500', answer: 'HTTP/1.0 500 Oh\r\n\r\n', found: BAD('HTTP status code error to') },
  { name: 'a code beside those listed', answer: OK, url: { statusCodes: [{ from: 201, to: 299 }, { from: 404, to: 404 }] }, found: BAD('HTTP status code error to') },
  { name: 'another digest', answer: `HTTP/1.0 200 OK\r\n\r\nbye`, url: { digests: [MD5] }, found: BAD('MD5 digest error to') },
  { name: 'a chunked body is not decoded', answer: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n${HELLO}\r\n0\r\n\r\n`, url: { digests: [MD5] }, found: BAD('MD5 digest error to') },
  { name: 'no match', answer: OK, url: regex('bye'), found: BAD('Regex match failed') },
  { name: 'a match that must not be', answer: OK, url: regex('hel+o', { negated: true }), found: BAD('Regex match failed') },
  { name: 'a match before regex_min_offset', answer: OK, url: regex('hel+o', { minOffset: 1 }), found: BAD('Regex match failed') },
  { name: 'a match after regex_max_offset', answer: OK, url: regex('lo', { maxOffset: 2, options: ['use_offset_limit'] }), found: BAD('Regex match failed') },
  { name: 'a match after regex_max_offset without use_offset_limit', answer: OK, url: regex('lo', { maxOffset: 2 }), found: GOOD('Regex match') },
  { name: 'a digest beside a bad regular expression', answer: OK, url: { digests: [MD5], ...regex('bye') }, found: BAD('Regex match failed') },
  { name: 'a regular expression that JavaScript does not have', answer: OK, url: regex('(?R)'), found: { type: 'unable', line: "Invalid regex: '(?R)': (?R at offset 0 is not supported" } },
  { name: 'a regular expression without end', answer: `HTTP/1.0 200 OK\r\n\r\n${'a'.repeat(60)}`, url: regex('^(a+)+b'), found: BAD('Regex match failed') },
  { name: '200', answer: OK, found: GOOD('HTTP status code') },
  { name: '204 without a body', answer: 'HTTP/1.1 204 No Content\r\n\r\n', found: GOOD('HTTP status code') },
  { name: 'a code of a range', answer: 'HTTP/1.1 404 No\r\n\r\n', url: { statusCodes: [{ from: 200, to: 299 }, { from: 400, to: 409 }] }, found: GOOD('HTTP status code') },
  { name: 'the digest', answer: OK, url: { digests: ['0'.repeat(32), MD5] }, found: GOOD('MD5 digest') },
  { name: 'the digest of what Content-Length counts', answer: `HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\n${HELLO}more`, url: { digests: [MD5] }, found: { ...GOOD('MD5 digest'), notes: ['http_check for RS [10.0.0.2]:tcp:80 VS [10.0.0.1]:tcp:80 url /: content_length (6) does not match received bytes (10)'] } },
  { name: 'content-length in small letters is not seen', answer: `HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\n${HELLO}`, url: { digests: [MD5] }, found: GOOD('MD5 digest') },
  { name: 'a match', answer: OK, url: regex('HEL+o', { options: ['caseless'] }), found: GOOD('Regex match') },
  { name: 'no match, and none must be', answer: OK, url: regex('bye', { negated: true }), found: GOOD('Regex match') },
];

function check(port: number, one: Partial<HttpUrl> = {}, more: Partial<HttpCheck> = {}): Promise<unknown> {
  return checkHttp(httpCheck(target(port), more), url(one), SUBJECT, means, null).verdict;
}

/** With limits that are soon over. */
function hasty(port: number, one: Partial<HttpUrl> = {}): Promise<unknown> {
  return checkHttp(httpCheck(target(port, { connectTimeout: HASTY.connectTimeout }), { schedule: HASTY.schedule }), url(one), SUBJECT, means, null).verdict;
}

describe('HTTP_GET', () => {
  let open: number;
  before(async () => {
    await check(await closedPort());
    open = openDescriptors();
  });
  afterEach(async () => {
    expect(await descriptorsBackTo(open), 'descriptors').to.be.at.most(open);
  });

  for (const row of rows) {
    it(row.name, async () => {
      await withServer((socket) => socket.end(row.answer, 'latin1'), async (port) => {
        expect(await check(port, row.url)).to.deep.equal(row.found);
      });
    });
  }

  it('nobody listens', async () => {
    expect(await check(await closedPort())).to.deep.equal({ type: 'failure', reason: 'Connection failed' });
  });

  it('it accepts and never answers', async () => {
    await withServer(() => undefined, async (port) => {
      expect(await hasty(port)).to.deep.equal({ type: 'failure', reason: 'Timeout WEB read' });
    });
  });

  it('it closes with a reset', async () => {
    await withServer((socket) => { socket.resetAndDestroy(); }, async (port) => {
      expect(await check(port)).to.deep.equal({ type: 'failure', reason: 'Read error with' });
    });
  });

  it('a byte at a time, for ever: the whole has a limit too', async () => {
    await withServer((socket) => {
      const timer = setInterval(() => socket.write('x'), 50);
      socket.on('close', () => { clearInterval(timer); });
    }, async (port) => {
      expect(await hasty(port)).to.deep.equal({ type: 'failure', reason: 'Timeout WEB read' });
    });
  });

  it('a header without end', async () => {
    await withServer((socket) => socket.end(`HTTP/1.0 200 OK\r\nX: ${'y'.repeat(200_000)}\r\n\r\n`), async (port) => {
      expect(await check(port)).to.deep.equal(NO_DATA);
    });
  });

  it('1 GB: memory stays where it was, the limit ends it at the latest', async () => {
    const block = Buffer.alloc(1024 * 1024);
    let peak = 0;
    const before = process.memoryUsage.rss();
    const watch = setInterval(() => { peak = Math.max(peak, process.memoryUsage.rss()); }, 20);
    try {
      await withServer((socket) => {
        let left = 1024;
        socket.write('HTTP/1.0 200 OK\r\n\r\n');
        const more = (): void => {
          while (left > 0 && !socket.destroyed) {
            left--;
            if (!socket.write(block)) return void socket.once('drain', more);
          }
          socket.end();
        };
        more();
      }, async (port) => {
        expect(await hasty(port, { digests: [MD5], ...regex('zzz') })).to.have.property('type', 'failure');
      });
    } finally {
      clearInterval(watch);
    }
    expect(peak - before).to.be.lessThan(100 * 1024 * 1024);
  });

  it('the request, byte for byte', async () => {
    await withServer((socket) => socket.end(OK), async (port, requests) => {
      await check(port, { path: '/a?b=c' });
      for (let i = 0; i < 200 && requests().length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(requests()).to.deep.equal([`GET /a?b=c HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 127.0.0.1:${port}\r\n\r\n`]);
    });
  });
});

describe('the request of HTTP_GET', () => {
  const to = target(8080);
  const table: { name: string; check: Partial<HttpCheck>; url?: Partial<HttpUrl>; lines: string[] }[] = [
    { name: '1.0', check: {}, lines: ['GET / HTTP/1.0', 'User-Agent: KeepAliveClient', 'Host: 127.0.0.1:8080'] },
    { name: '1.0C', check: { protocol: '1.0C' }, lines: ['GET / HTTP/1.0', 'User-Agent: KeepAliveClient', 'Connection: close', 'Host: 127.0.0.1:8080'] },
    { name: '1.1', check: { protocol: '1.1' }, lines: ['GET / HTTP/1.1', 'User-Agent: KeepAliveClient', 'Connection: close', 'Host: 127.0.0.1:8080'] },
    { name: 'IPv6', check: { target: { ...to, address: ip('2001:db8::1') } }, lines: ['GET / HTTP/1.0', 'User-Agent: KeepAliveClient', 'Host: [2001:db8::1]:8080'] },
    { name: "the checker's virtualhost", check: { virtualHost: 'www.example.org' }, lines: ['GET / HTTP/1.0', 'User-Agent: KeepAliveClient', 'Host: www.example.org'] },
    { name: "the URL's virtualhost", check: { virtualHost: 'www.example.org' }, url: { virtualHost: 'a.example.org' }, lines: ['GET / HTTP/1.0', 'User-Agent: KeepAliveClient', 'Host: a.example.org'] },
  ];
  for (const row of table) {
    it(row.name, () => {
      expect(requestText(httpCheck(to, row.check), url(row.url))).to.equal(`${row.lines.join('\r\n')}\r\n\r\n`);
    });
  }
});

async function withServer(answer: Parameters<typeof serve>[0], run: (port: number, requests: () => string[]) => Promise<void>): Promise<void> {
  const server: TestServer = await serve(answer);
  try {
    await run(server.port, () => server.requests);
  } finally {
    await server.close();
  }
}
