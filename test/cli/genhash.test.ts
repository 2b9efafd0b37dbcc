import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { genhash } from '../../lib/cli/genhash.ts';
import { closedPort, serve } from '../check/servers.ts';
import { requirePrograms } from '../needs.ts';

const MD5_HELLO = 'b1946ac92492d2347c6235b4d2611184';

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await genhash(argv, (text) => { out += text; }, (text) => { err += text; });
  return { code, out, err };
}

describe('genhash', () => {
  for (const [name, argv, complaint] of [
    ['nothing', [], 'Usage: '],
    ['no port', ['-s', '127.0.0.1', '-u', '/'], 'Usage: '],
    ['a name instead of an address', ['-s', 'localhost', '-p', '80', '-u', '/'], 'server should be an IP, not localhost\n'],
    ['a port that is none', ['-s', '127.0.0.1', '-p', '99999', '-u', '/'], "invalid port number '99999'\n"],
    ['a mark that is none', ['-s', '127.0.0.1', '-p', '80', '-u', '/', '-m', 'x'], "invalid fwmark 'x'\n"],
    ['a timeout that is none', ['-s', '127.0.0.1', '-p', '80', '-u', '/', '-t', 'x'], "invalid timeout 'x'\n"],
    ['a protocol that is none', ['-s', '127.0.0.1', '-p', '80', '-u', '/', '-P', '3'], "invalid HTTP protocol version '3'\n"],
    ['an unknown option', ['-Z'], 'Unknown option -Z\n'],
    ['an option without its value', ['-s'], 'Missing parameter for option -s\n'],
    ['a stray word', ['-s', '127.0.0.1', 'more'], 'Unexpected argument(s): more\n'],
  ] as const) {
    it(`${name}: exit 1 and the usage`, async () => {
      const ran = await run(...argv);
      expect(ran.err.startsWith(complaint)).to.equal(true);
      expect(ran.err).to.include('Usage: tskeepalived genhash');
      expect(ran).to.include({ code: 1, out: '' });
    });
  }

  it('the help', async () => {
    expect(await run('--help')).to.include({ code: 0, err: '' });
  });

  it('nobody listens', async () => {
    expect(await run('-s', '127.0.0.1', '-p', String(await closedPort()), '-u', '/')).to.deep.equal({ code: 0, out: 'Connection failed\n', err: '' });
  });

  it('no answer within -t', async () => {
    const server = await serve(() => undefined);
    try {
      expect((await run('-s', '127.0.0.1', '-p', String(server.port), '-u', '/', '-t', '1')).out).to.equal('Timeout WEB read\n');
    } finally {
      await server.close();
    }
  });

  it('the digest, alone', async () => {
    const server = await serve((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nhello\n'));
    try {
      expect(await run('--server', '127.0.0.1', '--port', String(server.port), '--url=/')).to.deep.equal({ code: 0, out: `${MD5_HELLO}\n`, err: '' });
    } finally {
      await server.close();
    }
  });

  describe('beside genhash(1)', function () {
    before(function () { requirePrograms(this, 'genhash'); });

    const answers: Record<string, string> = {
      plain: 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello\n',
      'Content-Length cuts': 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhello\n',
      'content-length does not': 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhello\n',
      chunked: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello\n\r\n0\r\n\r\n',
      'no reason phrase': 'HTTP/1.1 200\r\n\r\nhello\n',
      'not found': 'HTTP/1.1 404 No\r\n\r\nhello\n',
      'no header': 'garbage\n\nxx',
      'nothing at all': '',
      'a body of several lines of the dump': `HTTP/1.0 200 OK\r\n\r\n${'0123456789abcdef'.repeat(3)}xyz`,
    };
    for (const [name, answer] of Object.entries(answers)) {
      for (const more of [[], ['-v', '-V', 'www.example.org', '-P', '1.1']]) {
        it(`${name} ${more.join(' ')}`, async () => {
          const server = await serve((socket) => socket.end(answer, 'latin1'));
          try {
            const argv = ['-s', '127.0.0.1', '-p', String(server.port), '-u', '/x', ...more];
            const theirs = await reference(argv);
            const ours = await run(...argv);
            expect(timeless(ours.out)).to.equal(timeless(theirs));
            for (let i = 0; i < 200 && server.requests.length < 2; i++) await new Promise((resolve) => setTimeout(resolve, 10));
            expect(server.requests[1]).to.equal(server.requests[0]);
          } finally {
            await server.close();
          }
        });
      }
    }
  });
});

function reference(argv: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('genhash', argv, { timeout: 60_000 }, (cause, stdout) => {
      if (cause === null) resolve(stdout);
      else reject(new Error(cause.message));
    });
  });
}

function timeless(text: string): string {
  return text.replace(/= \d+ usecs/u, '= N usecs');
}
