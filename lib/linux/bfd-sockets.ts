import { readFileSync } from 'node:fs';
import type { BfdDatagram, BfdSockets, BfdSpeaker, BfdSpeakerSpec } from '../system/bfd-sockets.ts';
import { SystemError } from '../system/error.ts';
import { type Family, ipFromBytes, ipToBytes, type IpAddress } from '../util/ip.ts';
import {
  AF_INET, AF_INET6, bind, check, close, errnoName, MSG_DONTWAIT, MSG_TRUNC, NATIVE_LITTLE_ENDIAN, pollReadable, recvmsg, sendto, setOption, SO_PRIORITY,
  SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, socket, SOL_SOCKET,
} from './libc.ts';
import { Message } from './message.ts';

/** ip(7) */
const IPPROTO_IP = 0;
const IP_TOS = 1;
const IP_TTL = 2;
const IP_PKTINFO = 8;
const IP_RECVTTL = 12;
/** ipv6(7) */
const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
const IPV6_TCLASS = 67;

const SOCKADDR_IN = 16;
const SOCKADDR_IN6 = 28;
const CONTROL_SPACE = 256;
/** A control packet with the longest authentication has 52 bytes; what is longer is none of ours. */
const LARGEST = 512;
const DATAGRAMS_PER_TURN = 64;
/** Internetwork Control, as VRRP; a session should not end because a queue is full. */
const TOS = 0xc0;
const TC_PRIO_CONTROL = 7;

/** RFC 5881 §4 */
const FIRST_PORT = 49_152;
const LAST_PORT = 65_535;
/** keepalived's: with fewer than these in common with the system's range, the system's range does not count. */
const PORTS_AT_LEAST = 1024;
const PORT_ATTEMPTS = 64;

/** Shared by all sockets: nothing is kept in it between two calls. */
const incoming = new Message({ name: SOCKADDR_IN6, data: LARGEST, control: CONTROL_SPACE });

/** UDP by koffi: dgram tells neither TTL nor destination of what it receives. */
export function linuxBfdSockets(): BfdSockets {
  return { listen, speaker };
}

function listen(family: Family, port: number, receive: (datagram: BfdDatagram) => void, failed: (cause: Error) => void): { close(): void } {
  const name = `${family} BFD socket on port ${port}`;
  const fd = open(family, name);
  let unpoll = (): void => undefined;
  let isOpen = true;
  const end = (): void => {
    if (!isOpen) return;
    isOpen = false;
    unpoll();
    close(fd);
  };
  const fail = (cause: Error): void => {
    end();
    failed(cause);
  };
  try {
    if (family === 'inet') {
      setOption(fd, IPPROTO_IP, IP_RECVTTL, 1, 'set IP_RECVTTL of', name);
      setOption(fd, IPPROTO_IP, IP_PKTINFO, 1, 'set IP_PKTINFO of', name);
    } else {
      setOption(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, 'set IPV6_RECVHOPLIMIT of', name);
      setOption(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, 'set IPV6_RECVPKTINFO of', name);
    }
    const address = sockaddr(family, null, port);
    check(bind(fd, address, address.length), 'bind', name);
    unpoll = pollReadable(fd, () => { readAll(fd, family, () => isOpen, receive, (code) => { fail(new SystemError('receive on', name, code)); }); });
  } catch (cause) {
    end();
    throw cause;
  }
  return { close: end };
}

function readAll(fd: number, family: Family, isOpen: () => boolean, receive: (datagram: BfdDatagram) => void, failed: (code: string) => void): void {
  for (let count = 0; count < DATAGRAMS_PER_TURN && isOpen(); count++) {
    incoming.setLengths(SOCKADDR_IN6, LARGEST, CONTROL_SPACE);
    const size = recvmsg(fd, incoming.header, MSG_DONTWAIT);
    if (size < 0) {
      const code = errnoName();
      if (code === 'EAGAIN' || code === 'EINTR' || code === 'ENETDOWN') return;
      return failed(code);
    }
    if ((incoming.flags & MSG_TRUNC) === 0) receive(datagramOf(family, size));
  }
}

/** Copies: the shared buffer is overwritten by the next. */
function datagramOf(family: Family, size: number): BfdDatagram {
  let ttl: number | null = null;
  let to: IpAddress | null = null;
  incoming.eachControl((level, type, data) => {
    if (level === IPPROTO_IP && type === IP_TTL && data.length >= 4) ttl = int(data);
    // struct in_pktinfo: interface, local address, destination of the header.
    if (level === IPPROTO_IP && type === IP_PKTINFO && data.length >= 12) to = ipFromBytes(Uint8Array.from(data.subarray(8, 12)));
    if (level === IPPROTO_IPV6 && type === IPV6_HOPLIMIT && data.length >= 4) ttl = int(data);
    if (level === IPPROTO_IPV6 && type === IPV6_PKTINFO && data.length >= 16) to = ipFromBytes(Uint8Array.from(data.subarray(0, 16)));
  });
  const from = ipFromBytes(Uint8Array.from(family === 'inet' ? incoming.name.subarray(4, 8) : incoming.name.subarray(8, 24)));
  return { from, to, ttl, payload: Uint8Array.from(incoming.data.subarray(0, size)) };
}

function speaker({ family, source, ttl }: BfdSpeakerSpec): BfdSpeaker {
  const name = `${family} BFD socket from ${source ?? 'any address'}`;
  const fd = open(family, name);
  try {
    if (family === 'inet') {
      setOption(fd, IPPROTO_IP, IP_TTL, ttl, 'set IP_TTL of', name);
      setOption(fd, IPPROTO_IP, IP_TOS, TOS, 'set IP_TOS of', name);
    } else {
      setOption(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl, 'set IPV6_UNICAST_HOPS of', name);
      setOption(fd, IPPROTO_IPV6, IPV6_TCLASS, TOS, 'set IPV6_TCLASS of', name);
    }
    setOption(fd, SOL_SOCKET, SO_PRIORITY, TC_PRIO_CONTROL, 'set SO_PRIORITY of', name);
    bindToPort(fd, family, source, name);
  } catch (cause) {
    close(fd);
    throw cause;
  }
  let isOpen = true;
  return {
    send(payload, to, port) {
      if (!isOpen) throw new SystemError('send on', name, 'EBADF');
      const address = sockaddr(family, to, port);
      check(sendto(fd, payload, payload.length, MSG_DONTWAIT, address, address.length), `send to ${to} on`, name);
    },
    close() {
      if (isOpen) close(fd);
      isOpen = false;
    },
  };
}

/** A port of the range, from anywhere in it; another one while it is taken. */
function bindToPort(fd: number, family: Family, source: IpAddress | null, name: string): void {
  const [first, last] = portRange();
  const count = last - first + 1;
  const start = Math.floor(Math.random() * count);
  for (let attempt = 0; ; attempt++) {
    const address = sockaddr(family, source, first + ((start + attempt) % count));
    if (bind(fd, address, address.length) === 0) return;
    const code = errnoName();
    if (code !== 'EADDRINUSE' || attempt === PORT_ATTEMPTS) throw new SystemError('bind', name, code);
  }
}

function portRange(): readonly [number, number] {
  const range = systemRange();
  if (range === null) return [FIRST_PORT, LAST_PORT];
  const [first, last] = [Math.max(range[0], FIRST_PORT), Math.min(range[1], LAST_PORT)];
  return last - first + 1 < PORTS_AT_LEAST ? [FIRST_PORT, LAST_PORT] : [first, last];
}

/** net.ipv4.ip_local_port_range, for both families; null where it cannot be read. */
function systemRange(): readonly [number, number] | null {
  let text: string;
  try {
    text = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1');
  } catch {
    return null; // No /proc/sys: the range of the RFC as it is.
  }
  const [first, last] = text.trim().split(/\s+/).map(Number);
  return first === undefined || last === undefined || !Number.isInteger(first) || !Number.isInteger(last) ? null : [first, last];
}

function open(family: Family, name: string): number {
  const fd = check(socket(family === 'inet' ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'open', name);
  // Each family has a socket of its own.
  if (family === 'inet6') setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, 'set IPV6_V6ONLY of', name);
  return fd;
}

/** sockaddr_in or sockaddr_in6; null: any address. */
function sockaddr(family: Family, address: IpAddress | null, port: number): Uint8Array {
  const bytes = new Uint8Array(family === 'inet' ? SOCKADDR_IN : SOCKADDR_IN6);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family === 'inet' ? AF_INET : AF_INET6, NATIVE_LITTLE_ENDIAN);
  view.setUint16(2, port);
  if (address !== null) bytes.set(ipToBytes(address), family === 'inet' ? 4 : 8);
  return bytes;
}

function int(data: Uint8Array): number {
  return new DataView(data.buffer, data.byteOffset).getInt32(0, NATIVE_LITTLE_ENDIAN);
}
