/** genhash(1): the MD5 of a page as HTTP_GET and SSL_GET compare it, with the options and the output of keepalived's. */
import { createHash, type Hash } from 'node:crypto';
import { isIP } from 'node:net';
import { performance } from 'node:perf_hooks';
import { authority, requestText } from '../check/http.ts';
import { limited, responseReader } from '../check/http-response.ts';
import { silence } from '../check/silence.ts';
import { openStream } from '../check/stream.ts';
import type { CheckTarget } from '../config/model-ipvs.ts';
import { linuxCheckSockets } from '../linux/check-sockets.ts';
import { linuxClock } from '../linux/clock.ts';
import { SystemError } from '../system/error.ts';
import { parseIp } from '../util/ip.ts';
import { parseWords, type GenhashOptions, USAGE } from './genhash-options.ts';

/** Resolves with the exit code: 1 for a command line that cannot be understood, else 0, as genhash has it. */
export async function genhash(argv: readonly string[], out: (text: string) => void = (text) => { process.stdout.write(text); }, err: (text: string) => void = (text) => { process.stderr.write(text); }): Promise<number> {
  const options = parseWords(argv);
  if (options === 'help') {
    out(USAGE);
    return 0;
  }
  if ('problem' in options) {
    err(`${options.problem}${options.problem === '' ? '' : '\n'}${USAGE}`);
    return 1;
  }
  const begun = performance.now();
  await fetchPage(options, out, err);
  if (options.verbose) out(`\nGlobal response time for [${options.url}] = ${Math.round((performance.now() - begun) * 1000)} usecs\n`);
  return 0;
}

function fetchPage(options: GenhashOptions, out: (text: string) => void, err: (text: string) => void): Promise<void> {
  const target = targetOf(options);
  const hash = createHash('md5');
  return new Promise((resolve) => {
    const sockets = linuxCheckSockets();
    const finish = (): void => {
      quiet.stop();
      stream?.close();
      resolve();
    };
    const fail = (text: string): void => {
      out(`${text}\n`);
      finish();
    };
    const quiet = silence(linuxClock(), options.timeout, (connected) => { fail(connected ? 'Timeout WEB read' : 'Timeout connecting'); });
    const page = pagePrinter(options, hash, out, err);
    let stream: ReturnType<typeof openStream> | null = null;
    try {
      stream = openStream(target, options.tls ? { options: tlsOptions(options), compliant: false } : null, sockets, {
        open() {
          quiet.connected();
          const host = options.virtualHost ?? authority(target);
          stream?.write(requestText({ protocol: options.protocol, virtualHost: host, target }, { path: options.url, virtualHost: null }));
        },
        data(chunk) {
          quiet.progress();
          page.take(chunk);
        },
        end() {
          page.end();
          finish();
        },
        failed(phase) { fail(phase === 'connect' ? 'Connection failed' : phase === 'handshake' ? 'SSL handshake/communication error connecting' : 'Read error'); },
      });
    } catch (cause) {
      if (!(cause instanceof SystemError)) throw cause;
      fail(`Connection failed (${cause.message})`);
    }
  });
}

/** Prints what comes, as far as `-v` wants it, and at the end the digest. */
function pagePrinter({ verbose }: GenhashOptions, hash: Hash, out: (text: string) => void, err: (text: string) => void): { take(chunk: Buffer): void; end(): void } {
  let seen = 0;
  let bytes = 0;
  let headShown = false;
  const reader = responseReader((part, head) => {
    showHead();
    const counted = limited(part, seen, head.contentLength);
    hash.update(counted);
    seen += part.length;
    if (verbose && counted.length > 0) out(`${rule('        HTML Buffer        ')}${hexDump(counted)}`);
  });
  return {
    take(chunk) {
      bytes += chunk.length;
      reader.take(chunk);
      showHead();
    },
    end() {
      if (bytes === 0 || reader.head === null) err('no data received from remote webserver\n');
      const digest = hash.digest();
      if (verbose && bytes > 0 && reader.head === null) out(rule('    HTTP Header Buffer    '));
      if (verbose) out(`\n${rule('    HTML hash resulting    ')}${hexDump(digest)}${rule(' HTML hash final resulting ')}`);
      if (reader.head !== null) out(`${digest.toString('hex')}\n`);
    },
  };

  function showHead(): void {
    if (headShown || reader.head === null) return;
    headShown = true;
    if (verbose) out(`${rule('    HTTP Header Buffer    ')}${hexDump(reader.head.bytes)}${rule(' HTTP Header Ascii Buffer ')}${reader.head.bytes.toString('latin1')}\n`);
  }
}

const DASHES = '-'.repeat(23);

function rule(title: string): string {
  return `${DASHES}[${title}]${DASHES}\n`;
}

/** Sixteen bytes a line: offset, bytes in hex, bytes as text. */
function hexDump(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const columns = Array.from({ length: 16 }, (_, i) => `${row[i]?.toString(16).padStart(2, '0') ?? '  '} ${i === 7 ? '- ' : ''}`).join('');
    const shown = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    text += `${String(at).padStart(4, '0')}  ${columns}  ${shown.padEnd(16)}\n`;
  }
  return text;
}

function targetOf({ server, port, mark, timeout }: GenhashOptions): CheckTarget {
  const address = parseIp(server);
  if (address === null) throw new RangeError(`not an address: ${server}`);
  return { address, port, bindAddress: null, bindPort: 0, bindLink: null, fwmark: mark, connectTimeout: timeout };
}

function tlsOptions({ sni, virtualHost }: GenhashOptions): { rejectUnauthorized: false; servername?: string } {
  return { rejectUnauthorized: false, ...(sni && virtualHost !== null && isIP(virtualHost) === 0 ? { servername: virtualHost } : {}) };
}
