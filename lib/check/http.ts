import type { SecureContext } from 'node:tls';
import { isIP } from 'node:net';
import type { Checker, CheckTarget, HttpUrl } from '../config/model-ipvs.ts';
import { familyOf } from '../util/ip.ts';
import { attempt, type CheckMachine } from './attempt.ts';
import { bodyJudge, isGoodStatus } from './http-body.ts';
import { responseReader } from './http-response.ts';
import { exchangeLimit, silence } from './silence.ts';
import { openStream, type TlsSettings } from './stream.ts';
import { isUnreachable } from './unable.ts';
import { type Attempt, failure, type Found, type Subject } from './verdict.ts';

export type HttpCheck = Checker & { readonly type: 'HTTP_GET' | 'SSL_GET' };

/** HTTP_GET and SSL_GET: one URL. `context`: the client side of TLS, from the SSL block. */
export function checkHttp(check: HttpCheck, url: HttpUrl, subject: Subject, machine: CheckMachine, context: SecureContext | null): Attempt {
  const { type: kind, target, schedule } = check;
  const judge = bodyJudge(url);
  if ('problem' in judge) return { verdict: Promise.resolve({ type: 'unable', line: judge.problem }), cancel: () => undefined };
  const timeout = (): Found => failure('Timeout WEB read');
  return attempt({ kind, subject }, machine, exchangeLimit(target, schedule), timeout, (settle) => {
    const quiet = silence(machine.clock, target.connectTimeout, (connected) => { settle(connected ? timeout() : failure('Timeout connecting')); });
    const response = responseReader((part, head) => { judge.take(part, head); });
    const stream = openStream(target, kind === 'SSL_GET' ? tlsSettings(check, url, context) : null, machine.sockets, {
      open() {
        quiet.connected();
        stream.write(requestText(check, url));
      },
      data(chunk) {
        quiet.progress();
        response.take(chunk);
        if (response.overflown) settle(failure('Read, no data received from '));
      },
      end() {
        if (response.head === null) return settle(failure('Read, no data received from '));
        const { head, received } = response;
        const notes = head.contentLength === null || head.contentLength === received ? []
          : [`http_check for RS ${subject.server} VS ${subject.service} url ${url.path}: content_length (${head.contentLength}) does not match received bytes (${received})`];
        settle({ ...(isGoodStatus(url, head.status) ? judge.verdict() : failure('HTTP status code error to')), notes });
      },
      failed(phase, cause) {
        settle(failure(phase === 'connect' ? (isUnreachable(cause) ? 'HTTP_CHECK - network unreachable' : 'Connection failed') : phase === 'handshake' ? 'SSL handshake/communication error connecting to' : 'Read error with'));
      },
    });
    return () => {
      quiet.stop();
      stream.close();
      judge.close();
    };
  });
}

/** What is sent, byte for byte keepalived's. */
export function requestText(check: Pick<HttpCheck, 'protocol' | 'virtualHost' | 'target'>, url: Pick<HttpUrl, 'path' | 'virtualHost'>): string {
  const { protocol, target } = check;
  const version = protocol === '1.1' ? '1.1' : '1.0';
  const close = protocol === '1.0' ? '' : 'Connection: close\r\n';
  return `GET ${url.path} HTTP/${version}\r\nUser-Agent: KeepAliveClient\r\n${close}Host: ${hostOf(check, url) ?? authority(target)}\r\n\r\n`;
}

function hostOf(check: Pick<HttpCheck, 'virtualHost'>, url: Pick<HttpUrl, 'virtualHost'>): string | null {
  return url.virtualHost ?? check.virtualHost;
}

/** `IP:PORT`, IPv6 in brackets. */
export function authority({ address, port }: CheckTarget): string {
  return `${familyOf(address) === 'inet6' ? `[${address}]` : address}:${port}`;
}

/** No certificate is verified, and the real server's virtualhost is no name in SNI (reference 5.2). RFC 6066 §3 has no addresses in SNI, and Node refuses them. */
function tlsSettings(check: HttpCheck, url: HttpUrl, context: SecureContext | null): TlsSettings {
  const name = check.sni ? (check.sniName ?? url.virtualHost ?? check.sniHost) : null;
  return {
    options: {
      rejectUnauthorized: false,
      ...(context === null ? {} : { secureContext: context }),
      ...(name === null || isIP(name) !== 0 ? {} : { servername: name }),
    },
    compliant: url.tlsCompliant,
  };
}
