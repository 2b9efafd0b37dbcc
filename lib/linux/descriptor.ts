import { readdirSync } from 'node:fs';
import { SystemError } from '../system/error.ts';
import { check, close, errnoName, F_SETFD, fcntl, FD_CLOEXEC, getIntOption, SO_DOMAIN, SO_PROTOCOL, SOCK_CLOEXEC, SOCK_RAW, socket, SOL_SOCKET } from './libc.ts';

export interface SocketKind {
  /** AF_INET, … */
  readonly domain: number;
  readonly protocol: number;
}

const ATTEMPTS = 8;

/**
 * Creates a socket inside a package that does not tell its descriptor, finds the descriptor, and sets close-on-exec on it:
 * raw-socket forgets to, and every script would inherit the socket.
 *
 * The kernel gives out the lowest free number, so a socket of the same kind, opened and closed just before, foretells it (and,
 * should it fail, tells the errno, which the packages do not). Only a thread of the pool can take that number in between,
 * and never for such a socket: then what was made is closed and made again.
 *
 * Throws SystemError (EPERM, EMFILE, …) when the socket cannot be made.
 */
export function createWithDescriptor<T extends { close(): unknown }>(
  kind: SocketKind,
  object: string,
  create: () => T,
): { readonly made: T; readonly fd: number } {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const fd = check(socket(kind.domain, SOCK_RAW | SOCK_CLOEXEC, kind.protocol), 'open a raw socket for', object);
    close(fd);
    const made = create();
    if (getIntOption(fd, SOL_SOCKET, SO_DOMAIN) === kind.domain && getIntOption(fd, SOL_SOCKET, SO_PROTOCOL) === kind.protocol) {
      check(fcntl(fd, F_SETFD, FD_CLOEXEC), 'set close-on-exec for', object);
      return { made, fd };
    }
    made.close();
  }
  throw new SystemError('find the descriptor of the raw socket for', object, 'EBADF');
}

/** Sets close-on-exec on whatever this process inherited above 2: Node hands on to its children what it did not open itself. */
export function keepFromChildren(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name);
    // The directory's own descriptor is among them and closed by now: EBADF means that there is nothing to keep.
    if (fd > 2 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 && errnoName() !== 'EBADF') {
      throw new SystemError('set close-on-exec for', `descriptor ${fd}`, errnoName());
    }
  }
}
