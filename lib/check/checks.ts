import type { SecureContext } from 'node:tls';
import type { Checker } from '../config/model-ipvs.ts';
import type { CheckMachine } from './attempt.ts';
import { checkDns } from './dns.ts';
import { checkHttp } from './http.ts';
import { checkMisc } from './misc.ts';
import { checkPing } from './ping.ts';
import { checkSmtp } from './smtp.ts';
import { checkTcp } from './tcp.ts';
import { checkUdp } from './udp.ts';
import type { Attempt, Subject } from './verdict.ts';

/** The machine, and what all SSL_GETs share. */
export interface CheckMeans extends CheckMachine {
  /** null: Node's own. */
  readonly tls: SecureContext | null;
}

/** One attempt of a checker. `url`: which of its URLs. null: a checker that is told its news (FILE_CHECK, BFD_CHECK) makes none. */
export function startCheck(checker: Checker, url: number, subject: Subject, means: CheckMeans): Attempt | null {
  switch (checker.type) {
    case 'TCP_CHECK': return checkTcp({ ...checker, type: 'TCP_CHECK' }, subject, means);
    case 'PING_CHECK': return checkPing({ ...checker, type: 'PING_CHECK' }, subject, means);
    case 'UDP_CHECK': return checkUdp(checker, subject, means);
    case 'DNS_CHECK': return checkDns(checker, subject, means);
    case 'SMTP_CHECK': return checkSmtp(checker, subject, means);
    case 'MISC_CHECK': return checkMisc(checker, means);
    case 'HTTP_GET':
    case 'SSL_GET': {
      const wanted = checker.urls[url] ?? checker.urls[0];
      return wanted === undefined ? null : checkHttp(checker, wanted, subject, means, means.tls);
    }
    case 'FILE_CHECK':
    case 'BFD_CHECK': return null;
  }
}
