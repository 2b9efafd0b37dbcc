import type { Clock } from '../system/clock.ts';
import type { Millis } from '../util/time.ts';
import { AF_UNIX, close, connect, errnoName, MSG_DONTWAIT, MSG_NOSIGNAL, NATIVE_LITTLE_ENDIAN, send, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, socket } from './libc.ts';

/** Datagrams to a local service: /dev/log, or systemd's NOTIFY_SOCKET. */
export interface UnixDatagram {
  /** Sends at once or not at all, and never waits; false when it was lost. */
  send(text: string | Uint8Array): boolean;
  /** How many were lost, because the receiver was gone or its queue full. */
  readonly dropped: number;
  /** Why the last one was lost: an errno's name, null when none was. */
  readonly lastError: string | null;
  close(): void;
}

/** Between two attempts to reach a receiver that was not there. */
const RECONNECT_AFTER: Millis = 1_000;
/** struct sockaddr_un without its family. */
const PATH_MAX = 108;

/**
 * A unix(7) datagram sender to `path` (`@name` for an abstract address, as in NOTIFY_SOCKET). It connects at the first send,
 * and again, at most once a second, when the receiver was restarted.
 */
export function unixDatagram(path: string, clock: Clock): UnixDatagram {
  const address = socketAddress(path);
  let fd: number | null = null;
  let retryAt = -Infinity;
  let dropped = 0;
  let lastError: string | null = null;
  let open = true;

  return {
    send(text) {
      const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
      // A restarted receiver shows by the first send to the old socket, which then deserves a second one.
      const old = fd;
      return attempt(bytes) || (old !== null && fd === null && attempt(bytes)) || lost();
    },
    get dropped() {
      return dropped;
    },
    get lastError() {
      return lastError;
    },
    close() {
      open = false;
      disconnect();
    },
  };

  function attempt(bytes: Uint8Array): boolean {
    if (!connected() || fd === null) return false;
    if (send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
    lastError = errnoName();
    // A full queue passes; with anything else the receiver, or the datagram, is at fault, and a new connection tells which.
    if (lastError !== 'EAGAIN' && lastError !== 'ENOBUFS') disconnect();
    return false;
  }

  function connected(): boolean {
    if (fd !== null) return true;
    if (!open || address === null || clock.now() < retryAt) return false;
    retryAt = clock.now() + RECONNECT_AFTER;
    const made = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0 || connect(made, address, address.length) < 0) {
      lastError = errnoName();
      if (made >= 0) close(made);
      return false;
    }
    fd = made;
    return true;
  }

  function disconnect(): void {
    if (fd !== null) close(fd);
    fd = null;
  }

  function lost(): false {
    dropped++;
    if (address === null) lastError = 'ENAMETOOLONG';
    return false;
  }
}

/** sockaddr_un; null when the path does not fit. An abstract name starts with NUL and has no NUL at its end. */
function socketAddress(path: string): Uint8Array | null {
  const name = new TextEncoder().encode(path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > PATH_MAX) return null;
  return Uint8Array.of(...(NATIVE_LITTLE_ENDIAN ? [AF_UNIX, 0] : [0, AF_UNIX]), ...name);
}
