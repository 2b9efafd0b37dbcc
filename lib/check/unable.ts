import type { Checker } from '../config/model-ipvs.ts';
import { SystemError } from '../system/error.ts';
import type { Subject } from './verdict.ts';

/** keepalived's line for a check that could not be made, with what the kernel said. The server's state stays as it is. */
export function unableLine(kind: Checker['type'], { server }: Subject, cause: SystemError): string {
  const why = ` (${server}: ${cause.operation} ${cause.object}: ${cause.code})`;
  const bind = cause.operation.startsWith('bind') || cause.operation.startsWith('mark');
  switch (kind) {
    case 'TCP_CHECK': return `TCP ${bind ? 'socket bind failed' : 'connect fail to create socket'}. Rescheduling.${why}`;
    case 'UDP_CHECK': return `UDP ${bind ? 'socket bind failed' : 'connect fail to create socket'}. Rescheduling.${why}`;
    case 'PING_CHECK': return `ICMP ${bind ? 'socket bind failed' : 'connect fail to create socket'}. Rescheduling.${why}`;
    case 'HTTP_GET':
    case 'SSL_GET': return `WEB ${bind ? 'socket bind failed' : 'connection fail to create socket'}. Rescheduling.${why}`;
    case 'SMTP_CHECK': return `SMTP_CHECK ${bind ? 'socket bind failed' : 'connection failed to create socket'}. Rescheduling.${why}`;
    case 'DNS_CHECK': return `DNS_CHECK (${server}) ${bind ? 'UDP socket bind failed' : 'failed to create socket'}. Rescheduling.${why}`;
    case 'MISC_CHECK':
    case 'FILE_CHECK':
    case 'BFD_CHECK': return `${kind} could not be made. Rescheduling.${why}`;
  }
}

/** What the kernel refused on account of the network or the peer, not of our own socket. */
export function isPeerFault({ operation }: SystemError): boolean {
  return operation === 'connect' || operation === 'send to' || operation === 'receive from';
}

/** No way there, as the kernel knew at once. */
export function isUnreachable(cause: Error): boolean {
  return cause instanceof SystemError && cause.code === 'ENETUNREACH';
}
