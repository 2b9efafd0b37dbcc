import type { Checker } from '../config/model-ipvs.ts';
import { attempt, type CheckMachine } from './attempt.ts';
import { exchangeDatagrams } from './datagram.ts';
import { type Attempt, failure, type Subject, SUCCESS, type Verdict } from './verdict.ts';

type UdpCheck = Checker & { readonly type: 'UDP_CHECK' };

/** Sent when no payload is given: 32 bytes that tell who asks. */
const FILLER = new TextEncoder().encode('keepalived check - keepalived ch');

/** UDP_CHECK: silence is a success, unless an answer is required; an ICMP error is a failure either way. */
export function checkUdp(check: UdpCheck, subject: Subject, machine: CheckMachine): Attempt {
  const { target, requireReply } = check;
  const payload = check.payload === null ? FILLER : hexBytes(check.payload);
  return attempt({ kind: check.type, subject }, machine, target.connectTimeout, () => (requireReply ? failure(null) : SUCCESS), (settle) =>
    exchangeDatagrams('udp', target, payload, machine.sockets, (reply) => { settle(judge(check, reply, subject)); }, () => { settle(failure(null)); }));
}

function judge({ requireReply, minReply, maxReply, reply: pattern }: UdpCheck, reply: Uint8Array, { server }: Subject): Verdict {
  if (!requireReply) return SUCCESS;
  if (reply.length < minReply || reply.length > maxReply) return failure(null);
  return pattern === null || matches(pattern, reply) ? SUCCESS : failure(`UDP check to ${server} reply data mismatch.`);
}

/** Digit by digit, up to the shorter of the two; `x` matches any digit. */
export function matches(pattern: string, reply: Uint8Array): boolean {
  const digits = Math.min(pattern.length, reply.length * 2);
  for (let i = 0; i < digits; i++) {
    const wanted = pattern.charAt(i).toLowerCase();
    const byte = reply[i >> 1] ?? 0;
    const digit = i % 2 === 0 ? byte >> 4 : byte & 0xf;
    if (wanted !== 'x' && parseInt(wanted, 16) !== digit) return false;
  }
  return true;
}

function hexBytes(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../gu) ?? [], (pair) => parseInt(pair, 16));
}
