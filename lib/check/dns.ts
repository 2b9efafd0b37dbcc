import { randomInt } from 'node:crypto';
import { constants } from 'node:os';
import { decode, encode, RECURSION_DESIRED, type RecordType } from 'dns-packet';
import type { Checker } from '../config/model-ipvs.ts';
import type { SystemError } from '../system/error.ts';
import { attempt, type CheckMachine } from './attempt.ts';
import { exchangeDatagrams } from './datagram.ts';
import { isUnreachable } from './unable.ts';
import { type Attempt, failure, type Subject, SUCCESS, type Verdict } from './verdict.ts';

const HEADER = 12;
const RCODE = 0xf;

/** DNS_CHECK: a recursive query by UDP; an answer to it without an error is a success, whatever it says. */
export function checkDns(check: Checker & { readonly type: 'DNS_CHECK' }, subject: Subject, machine: CheckMachine): Attempt {
  const id = randomInt(0x10000);
  const query = encode({ type: 'query', id, flags: RECURSION_DESIRED, questions: [{ type: check.query as RecordType, name: check.name }] });
  return attempt({ kind: check.type, subject }, machine, check.target.connectTimeout, () => failure('read timeout from socket'), (settle) =>
    exchangeDatagrams('udp', check.target, query, machine.sockets, (reply) => {
      const verdict = judge(reply, id);
      if (verdict !== null) settle(verdict);
    }, (cause) => {
      if (isUnreachable(cause)) settle(failure(`network unreachable for [${check.target.address}]:${check.target.port}`));
      else settle(failure(cause.operation === 'send to' ? 'failed to write socket.' : `failed to read socket; ${errnoText(cause)}`));
    }));
}

/** null: no answer to this query, or none at all. */
function judge(reply: Uint8Array, id: number): Verdict | null {
  if (reply.length < HEADER) return null;
  const bytes = Buffer.from(reply.buffer, reply.byteOffset, reply.length);
  // The code is in the fixed part: what follows may be cut short or odd without making the answer an error.
  const rcode = bytes.readUInt16BE(2) & RCODE;
  if (bytes.readUInt16BE(0) !== id || !isResponse(bytes)) return null;
  return rcode === 0 ? SUCCESS : failure(`read error occurred. (rcode = ${rcode})`);
}

function isResponse(bytes: Buffer): boolean {
  try {
    return decode(bytes).type === 'response';
  } catch {
    // dns-packet wants every record whole; keepalived looks at the header alone.
    return (bytes.readUInt8(2) & 0x80) !== 0;
  }
}

/** As strerror(3) has them; others by name. */
const TEXTS: Readonly<Record<string, string>> = { ECONNREFUSED: 'Connection refused', EHOSTUNREACH: 'No route to host', ENETUNREACH: 'Network is unreachable', EPERM: 'Operation not permitted' };

function errnoText({ code }: SystemError): string {
  const number = (constants.errno as Readonly<Record<string, number>>)[code] ?? 0;
  return `errno ${number} (${TEXTS[code] ?? code})`;
}
