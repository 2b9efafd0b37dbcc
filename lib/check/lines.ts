/** What keepalived writes about checks: log lines and bodies of mails (reference 5.2, 5.3; where it is silent, as 2.2.7 was seen to write them). */
import type { Checker } from '../config/model-ipvs.ts';
import type { ScriptEnd, Subject } from './verdict.ts';

type Kind = Checker['type'];

/** Said when a checker comes up, and at its first success; null: keepalived says nothing. */
export function successLine(kind: Kind, { server }: Subject): string | null {
  switch (kind) {
    case 'TCP_CHECK': return `TCP connection to ${server} success.`;
    case 'UDP_CHECK': return `UDP connection to ${server} success.`;
    case 'PING_CHECK': return `ICMP connection to ${server} success.`;
    case 'HTTP_GET':
    case 'SSL_GET': return `Remote Web server ${server} succeed on service.`;
    case 'SMTP_CHECK': return `Remote SMTP server ${server} succeed on service.`;
    case 'DNS_CHECK':
    case 'MISC_CHECK':
    case 'FILE_CHECK':
    case 'BFD_CHECK': return null;
  }
}

/** A URL of a server that is down has succeeded. */
export function urlLine({ server }: Subject, matched: string, path: string): string {
  return `${matched} success to ${server} url(${path})`;
}

/** One failed attempt, as log_all_failures has it. */
export function reasonLine(kind: Kind, { server }: Subject, reason: string | null): string | null {
  switch (kind) {
    case 'TCP_CHECK': return `TCP connection to ${server} failed.`;
    case 'UDP_CHECK': return reason ?? `UDP connection to ${server} failed.`;
    case 'PING_CHECK': return reason;
    case 'HTTP_GET':
    case 'SSL_GET': return reason === null ? null : `${reason} server ${server}.`;
    case 'SMTP_CHECK': return reason === null ? null : `SMTP_CHECK ${reason}`;
    case 'DNS_CHECK': return `DNS_CHECK (${server}) ${reason ?? 'connection failure.'}`;
    case 'MISC_CHECK':
    case 'FILE_CHECK':
    case 'BFD_CHECK': return null;
  }
}

/** The failure that counts. The first result of a checker had no retries. */
export function failedLine(kind: Kind, { server, service }: Subject, reason: string | null, retry: number, retried: boolean): string {
  const after = (tried: boolean): string => (tried && retry > 0 ? ` after ${retry} retries` : '');
  switch (kind) {
    case 'TCP_CHECK': return `TCP_CHECK on service ${server} failed${after(retried)}.`;
    case 'UDP_CHECK': return `UDP_CHECK on service ${server} failed${after(retried)}.`;
    case 'PING_CHECK': return retried && retry > 0 ? `ICMP CHECK on service ${server} of ${service} failed after ${retry} retries.` : `ICMP CHECK on service ${server} failed.`;
    case 'HTTP_GET':
    case 'SSL_GET': return `HTTP_CHECK on service ${server} failed${after(true)}.`;
    case 'SMTP_CHECK': return `SMTP_CHECK ${reason ?? ''}`;
    case 'DNS_CHECK': return `DNS_CHECK (${server}) ${reason ?? 'connection failure.'}${after(retried)}`;
    case 'MISC_CHECK':
    case 'FILE_CHECK':
    case 'BFD_CHECK': return `${kind} on service ${server} failed.`;
  }
}

/** The body of the mail. */
export function mailText(kind: Kind, up: boolean, reason: string | null): string {
  switch (kind) {
    case 'TCP_CHECK': return `=> TCP CHECK ${up ? 'succeed' : 'failed'} on service <=`;
    case 'UDP_CHECK': return `=> UDP CHECK ${up ? 'succeed' : 'failed'} on service <=`;
    case 'PING_CHECK': return `=> ICMP CHECK ${up ? 'succeed' : 'failed'} on service <=`;
    case 'HTTP_GET':
    case 'SSL_GET': return up ? '=> CHECK succeeded on service <=' : '=> CHECK failed on service : HTTP request failed <=';
    case 'SMTP_CHECK': return up ? '=> CHECK succeeded on service <=' : `=> CHECK failed on service : ${reason ?? ''} <=`;
    case 'DNS_CHECK': return `=> DNS_CHECK: ${up ? 'succeed' : 'failed'} on service <=`;
    case 'MISC_CHECK': return `=> MISC CHECK ${up ? 'succeeded' : 'failed'} on service <=`;
    case 'FILE_CHECK': return `=> FILE_CHECK ${up ? 'succeeded' : 'failed'} on service <=`;
    case 'BFD_CHECK': return `=> BFD CHECK ${up ? 'UP' : 'DOWN'} on service <=`;
  }
}

/** `tries`: with its leading blank or comma; only for failures. */
export function miscLine({ server, service }: Subject, script: string, end: ScriptEnd, tries: string, good: boolean): string {
  const word = end.type === 'timed-out' ? 'timed out' : good ? 'succeeded' : 'failed';
  const how = end.type === 'exited' && !good ? ` (exited with status ${end.status})`
    : end.type === 'signalled' ? ` (due to signal ${end.signal})`
    : end.type === 'failed' ? ` (${end.reason})` : '';
  return `Misc check for [${server} VS ${service}] by [${script}] ${word}${tries}${how}.`;
}
