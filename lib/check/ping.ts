import { randomInt } from 'node:crypto';
import type { Checker } from '../config/model-ipvs.ts';
import { familyOf } from '../util/ip.ts';
import { attempt, type CheckMachine } from './attempt.ts';
import { exchangeDatagrams } from './datagram.ts';
import { type Attempt, failure, type Subject, SUCCESS } from './verdict.ts';

/** RFC 792, RFC 4443 §4. */
const ECHO = { inet: { request: 8, reply: 0 }, inet6: { request: 128, reply: 129 } } as const;
const HEADER = 8;
const DATA = new TextEncoder().encode('keepalived check - keepalived ch');

/** PING_CHECK: an echo reply with our sequence number within connect_timeout. The kernel fills in identifier and checksum. */
export function checkPing({ type: kind, target }: Checker & { readonly type: 'TCP_CHECK' | 'PING_CHECK' }, subject: Subject, machine: CheckMachine): Attempt {
  const types = ECHO[familyOf(target.address)];
  const sequence = randomInt(0x10000);
  const timeout = (): ReturnType<typeof failure> => failure(`ICMP connection to address ${subject.server} timeout.`);
  return attempt({ kind, subject }, machine, target.connectTimeout, timeout, (settle) =>
    // An ICMP socket has no port; bind_port has no meaning for it.
    exchangeDatagrams('echo', { ...target, port: 0, bindPort: 0 }, echoRequest(types.request, sequence), machine.sockets, (packet) => {
      if (isReply(packet, types.reply, sequence)) settle(SUCCESS);
    }, () => { settle(failure(`ICMP connection to ${subject.server} of ${subject.service} failed.`)); }));
}

function echoRequest(type: number, sequence: number): Uint8Array {
  const packet = new Uint8Array(HEADER + DATA.length);
  packet[0] = type;
  packet.set([sequence >> 8, sequence & 0xff], 6);
  packet.set(DATA, HEADER);
  return packet;
}

function isReply(packet: Uint8Array, type: number, sequence: number): boolean {
  return packet.length >= HEADER && packet[0] === type && (((packet[6] ?? 0) << 8) | (packet[7] ?? 0)) === sequence;
}
