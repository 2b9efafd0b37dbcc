import { readFileSync, writeFileSync } from 'node:fs';
import type { CheckSockets, DatagramSocket, Route } from '../system/check-sockets.ts';
import { SystemError } from '../system/error.ts';
import { familyOf, ipToBytes } from '../util/ip.ts';
import {
  AF_INET, AF_INET6, bind, check, close, connect, errnoCode, errnoName, getIntOption, ifNameToIndex, MSG_DONTWAIT, MSG_NOSIGNAL,
  NATIVE_LITTLE_ENDIAN, pollReadable, pollWritable, recv, send, setOption, SO_BINDTODEVICE, SO_ERROR, SO_MARK, SO_REUSEADDR,
  SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM, socket, SOL_SOCKET,
} from './libc.ts';

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
/** Longest UDP payload, and a bound on what one turn of the loop takes from one socket. */
const DATAGRAM_MAX = 65_536;
const DATAGRAMS_PER_TURN = 16;
/** One buffer for all: what is received is looked at before the next call. */
const incoming = new Uint8Array(DATAGRAM_MAX);

/** Sockets made by hand: Node's own can neither be marked nor bound to an interface before they connect, and cost twice the time. */
export function linuxCheckSockets(): CheckSockets {
  return {
    connect: startConnection,
    close: (fd) => { close(fd); },
    datagram: openDatagram,
  };
}

function startConnection(route: Route, done: Parameters<CheckSockets['connect']>[1]): () => void {
  const fd = openSocket(SOCK_STREAM, 0, route);
  const address = socketAddress(route.to, route.port, route.link);
  if (connect(fd, address, address.length) < 0) {
    const code = errnoName();
    if (code !== 'EINPROGRESS') return later(fd, () => { done({ refused: new SystemError('connect', route.to, code) }); });
  }
  let open = true;
  const stop = pollWritable(fd, () => {
    stop();
    open = false;
    const error = getIntOption(fd, SOL_SOCKET, SO_ERROR) ?? 0;
    if (error === 0) return done({ fd });
    close(fd);
    done({ refused: new SystemError('connect', route.to, errnoCode(error)) });
  });
  return () => {
    if (!open) return;
    open = false;
    stop();
    close(fd);
  };
}

/** Refused in the call itself (ENETUNREACH): told in the next turn, as every other outcome is. */
function later(fd: number, tell: () => void): () => void {
  close(fd);
  const turn = setImmediate(tell);
  return () => { clearImmediate(turn); };
}

function openDatagram(kind: 'udp' | 'echo', route: Route, received: (payload: Uint8Array) => void, failed: (cause: SystemError) => void): DatagramSocket {
  const fd = kind === 'udp' ? openSocket(SOCK_DGRAM, 0, route) : openEcho(route);
  const address = socketAddress(route.to, route.port, route.link);
  if (connect(fd, address, address.length) < 0) {
    const code = errnoName();
    close(fd);
    throw new SystemError('connect', route.to, code);
  }
  let open = true;
  const stop = pollReadable(fd, () => {
    for (let i = 0; open && i < DATAGRAMS_PER_TURN; i++) {
      const length = recv(fd, incoming, incoming.length, MSG_DONTWAIT);
      if (length >= 0) received(incoming.slice(0, length));
      else {
        const code = errnoName();
        if (code !== 'EAGAIN' && code !== 'EINTR') failed(new SystemError('receive from', route.to, code));
        return;
      }
    }
  });
  return {
    send(payload) {
      check(send(fd, payload, payload.length, MSG_DONTWAIT | MSG_NOSIGNAL), 'send to', route.to);
    },
    close() {
      if (!open) return;
      open = false;
      stop();
      close(fd);
    },
  };
}

/** An ICMP socket is for the groups of net.ipv4.ping_group_range alone, which on many systems leaves root out. */
function openEcho(route: Route): number {
  const protocol = familyOf(route.to) === 'inet' ? IPPROTO_ICMP : IPPROTO_ICMPV6;
  try {
    return openSocket(SOCK_DGRAM, protocol, route);
  } catch (cause) {
    if (!(cause instanceof SystemError) || cause.code !== 'EACCES' || !widenPingGroups()) throw cause;
    return openSocket(SOCK_DGRAM, protocol, route);
  }
}

const PING_GROUPS = '/proc/sys/net/ipv4/ping_group_range';

/** Lets our own group in too, as keepalived does. The range stays wider: other programs may rely on it by then. False: that cannot be. */
function widenPingGroups(): boolean {
  const own = process.getegid?.() ?? 0;
  try {
    const [low = 1, high = 0] = readFileSync(PING_GROUPS, 'utf8').trim().split(/\s+/u).map(Number);
    const range = low > high ? [own, own] : [Math.min(low, own), Math.max(high, own)];
    writeFileSync(PING_GROUPS, range.join(' '));
    return true;
  } catch {
    return false;
  }
}

/** Made, marked, bound; throws SystemError with nothing left open. */
function openSocket(type: number, protocol: number, route: Route): number {
  const domain = familyOf(route.to) === 'inet' ? AF_INET : AF_INET6;
  const fd = check(socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol), 'open a socket for', route.to);
  try {
    if (route.mark !== 0) setOption(fd, SOL_SOCKET, SO_MARK, route.mark | 0, 'mark the socket for', route.to);
    if (route.link !== null) setOption(fd, SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(`${route.link}\0`), 'bind to interface', route.link);
    if (route.from !== null || route.fromPort !== 0) {
      setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1, 'allow a second use of the port for', route.to);
      const address = socketAddress(route.from, route.fromPort, route.link, domain);
      check(bind(fd, address, address.length), 'bind to', `${route.from ?? 'any address'} port ${route.fromPort}`);
    }
    return fd;
  } catch (cause) {
    close(fd);
    throw cause;
  }
}

/** sockaddr_in or sockaddr_in6; a link-local address gets the interface as its scope. */
function socketAddress(ip: Route['from'], port: number, link: string | null, domain: number = ip === null || familyOf(ip) === 'inet' ? AF_INET : AF_INET6): Uint8Array {
  const bytes = new Uint8Array(domain === AF_INET ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, domain, NATIVE_LITTLE_ENDIAN);
  view.setUint16(2, port);
  if (ip !== null) bytes.set(ipToBytes(ip), domain === AF_INET ? 4 : 8);
  if (domain === AF_INET6 && link !== null) view.setUint32(24, ifNameToIndex(link), NATIVE_LITTLE_ENDIAN);
  return bytes;
}
