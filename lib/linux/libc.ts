import koffi from 'koffi';
import { endianness } from 'node:os';
import { SystemError } from '../system/error.ts';
import { nativeCallback } from './native-callback.ts';

/**
 * Every C function this program calls, in one place, under the name of its manual page. They return what C returns; a
 * negative result is looked at with `check` (or `errnoName`) *at once*, since errno lives only until the next call.
 *
 * Buffers are passed as Uint8Array; koffi hands C their memory, not a copy, so out-parameters work. Only a Uint8Array made by
 * `pinned` may have its address stored inside another one (msghdr, iovec).
 */
const libc = koffi.load(null);

type Fd = number;
type Out = Uint8Array;
type Pointer = Uint8Array | null;

function declare<F extends (...args: never[]) => number>(definition: string): F {
  return libc.func(definition) as unknown as F;
}

/** socket(2) */
export const socket: (domain: number, type: number, protocol: number) => Fd = declare('int socket(int domain, int type, int protocol)');
/** close(2) */
export const close: (fd: Fd) => number = declare('int close(int fd)');
/** bind(2) */
export const bind: (fd: Fd, address: Uint8Array, length: number) => number = declare('int bind(int fd, const void *addr, uint32_t addrlen)');
/** connect(2) */
export const connect: (fd: Fd, address: Uint8Array, length: number) => number =
  declare('int connect(int fd, const void *addr, uint32_t addrlen)');
/** fcntl(2), with an integer argument */
export const fcntl: (fd: Fd, command: number, argument: number) => number = declare('int fcntl(int fd, int cmd, int arg)');
/** fcntl(2), with a struct flock */
export const fcntlLock: (fd: Fd, command: number, lock: Uint8Array) => number = declare('int fcntl(int fd, int cmd, void *lock)');
/** setsockopt(2) */
export const setsockopt: (fd: Fd, level: number, option: number, value: Uint8Array, length: number) => number =
  declare('int setsockopt(int fd, int level, int optname, const void *optval, uint32_t optlen)');
/** getsockopt(2); `length` holds a native socklen_t, read and written. */
export const getsockopt: (fd: Fd, level: number, option: number, value: Out, length: Out) => number =
  declare('int getsockopt(int fd, int level, int optname, void *optval, void *optlen)');
/** getsockname(2); `length` holds a native socklen_t, read and written. */
export const getsockname: (fd: Fd, address: Out, length: Out) => number = declare('int getsockname(int fd, void *addr, void *addrlen)');
/** send(2) */
export const send: (fd: Fd, buffer: Uint8Array, length: number, flags: number) => number =
  declare('long send(int fd, const void *buf, size_t len, int flags)');
/** sendto(2) */
export const sendto: (fd: Fd, buffer: Uint8Array, length: number, flags: number, address: Pointer, addressLength: number) => number =
  declare('long sendto(int fd, const void *buf, size_t len, int flags, const void *addr, uint32_t addrlen)');
/** sendmsg(2) */
export const sendmsg: (fd: Fd, message: Uint8Array, flags: number) => number = declare('long sendmsg(int fd, const void *msg, int flags)');
/** sendmmsg(2) */
export const sendmmsg: (fd: Fd, messages: Uint8Array, count: number, flags: number) => number =
  declare('int sendmmsg(int fd, void *msgvec, unsigned int vlen, int flags)');
/** recv(2) */
export const recv: (fd: Fd, buffer: Out, length: number, flags: number) => number =
  declare('long recv(int fd, void *buf, size_t len, int flags)');
/** recvmsg(2) */
export const recvmsg: (fd: Fd, message: Out, flags: number) => number = declare('long recvmsg(int fd, void *msg, int flags)');
/** read(2) */
export const read: (fd: Fd, buffer: Out, length: number) => number = declare('long read(int fd, void *buf, size_t count)');
/** if_nametoindex(3) */
export const ifNameToIndex: (name: string) => number = declare('unsigned int if_nametoindex(const char *ifname)');
/** mkfifo(3) */
export const mkfifo: (path: string, mode: number) => number = declare('int mkfifo(const char *path, uint32_t mode)');
/** inotify_init1(2) */
export const inotifyInit1: (flags: number) => Fd = declare('int inotify_init1(int flags)');
/** inotify_add_watch(2) */
export const inotifyAddWatch: (fd: Fd, path: string, mask: number) => number =
  declare('int inotify_add_watch(int fd, const char *path, uint32_t mask)');
/** inotify_rm_watch(2) */
export const inotifyRmWatch: (fd: Fd, watch: number) => number = declare('int inotify_rm_watch(int fd, int wd)');
/** timerfd_create(2) */
export const timerfdCreate: (clock: number, flags: number) => Fd = declare('int timerfd_create(int clockid, int flags)');
/** timerfd_settime(2) */
export const timerfdSettime: (fd: Fd, flags: number, value: Uint8Array, old: Pointer) => number =
  declare('int timerfd_settime(int fd, int flags, const void *new_value, void *old_value)');
/** getpwnam_r(3); returns an errno, 0 also when there is no such user: then `result` stays a null pointer. */
export const getpwnamR: (name: string, passwd: Out, buffer: Out, length: number, result: Out) => number =
  declare('int getpwnam_r(const char *name, void *pwd, void *buf, size_t buflen, void *result)');
/** getpwuid_r(3), likewise */
export const getpwuidR: (uid: number, passwd: Out, buffer: Out, length: number, result: Out) => number =
  declare('int getpwuid_r(uint32_t uid, void *pwd, void *buf, size_t buflen, void *result)');
/** getgrnam_r(3), likewise */
export const getgrnamR: (name: string, group: Out, buffer: Out, length: number, result: Out) => number =
  declare('int getgrnam_r(const char *name, void *grp, void *buf, size_t buflen, void *result)');

/** sched_setscheduler(2); `parameters` is a struct sched_param: one C int. Of the thread `tid`; 0 is the calling one. */
export const schedSetscheduler: (tid: number, policy: number, parameters: Uint8Array) => number =
  declare('int sched_setscheduler(int pid, int policy, const void *param)');
/** sched_getaffinity(2), of a thread; the C library's returns 0. */
export const schedGetaffinity: (tid: number, length: number, mask: Out) => number = declare('int sched_getaffinity(int pid, size_t cpusetsize, void *mask)');
/** sched_setaffinity(2), of a thread */
export const schedSetaffinity: (tid: number, length: number, mask: Uint8Array) => number =
  declare('int sched_setaffinity(int pid, size_t cpusetsize, const void *mask)');
/** prlimit(2), with 64-bit limits; either of the last two may be null. */
export const prlimit: (pid: number, resource: number, limit: Pointer, old: Pointer) => number =
  declare('int prlimit64(int pid, int resource, const void *new_limit, void *old_limit)');
/** mlock2(2), by address */
export const mlock2: (address: bigint, length: bigint, flags: number) => number = declare('int mlock2(uint64_t addr, size_t len, unsigned int flags)');
/** munlock(2), by address */
export const munlock: (address: bigint, length: bigint) => number = declare('int munlock(uint64_t addr, size_t len)');

/** setns(2): of the calling thread alone */
export const setns: (fd: Fd, type: number) => number = declare('int setns(int fd, int nstype)');
/** unshare(2): of the calling thread alone */
export const unshare: (flags: number) => number = declare('int unshare(int flags)');
/** mount(2) */
export const mount: (source: string, target: string, type: string | null, flags: number, data: null) => number =
  declare('int mount(const char *source, const char *target, const char *filesystemtype, unsigned long mountflags, const void *data)');
/** umount2(2) */
export const umount2: (target: string, flags: number) => number = declare('int umount2(const char *target, int flags)');
/** execve(2): both lists end with null. Returns only when it fails. */
export const execve: (path: string, argv: readonly (string | null)[], environment: readonly (string | null)[]) => number =
  declare('int execve(const char *pathname, const char **argv, const char **envp)');

const ioctlFunction = libc.func('int ioctl(int fd, unsigned long request, void *argument)') as unknown as {
  async(fd: Fd, request: number, argument: Out, done: (cause: Error | null, result: number) => void): void;
};

/**
 * ioctl(2) in a thread of the pool: what takes its time in a driver does not take it here. `argument` is made by `pinned`; a
 * negative result is all that is known of a failure, errno being another thread's.
 */
export function ioctlAside(fd: Fd, request: number, argument: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    ioctlFunction.async(fd, request, argument, (cause, result) => {
      if (cause === null) resolve(result);
      else reject(cause);
    });
  });
}

/** socket(7), ip(7), ipv6(7), raw(7), packet(7), netlink(7), fcntl(2), inotify(7): the numbers of Linux' generic ABI. */
export const F_OFD_SETLK = 37;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const TFD_NONBLOCK = SOCK_NONBLOCK;
export const TFD_CLOEXEC = SOCK_CLOEXEC;
export const F_SETFD = 2;
export const FD_CLOEXEC = 1;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_TRUNC = 0x20;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_PRIORITY = 12;
export const SO_BINDTODEVICE = 25;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_MARK = 36;
export const SO_PROTOCOL = 38;
export const SO_DOMAIN = 39;
export const SO_MEMINFO = 55;
const MEMINFO_WORDS = 9;

export const NATIVE_LITTLE_ENDIAN = endianness() === 'LE';
/** sizeof(void *), and with it of size_t and long. */
export const WORD = koffi.sizeof('void *');

/** Second names of EAGAIN, EDEADLK and EOPNOTSUPP. */
const ALIASES = ['EWOULDBLOCK', 'EDEADLOCK', 'ENOTSUP'];
const ERRNO_NAMES = new Map<number, string>(
  Object.entries(koffi.os.errno).filter(([name]) => !ALIASES.includes(name)).map(([name, number]) => [number, name]),
);

/** The name of an errno, e.g. 'ENODEV'. */
export function errnoCode(errno: number): string {
  return ERRNO_NAMES.get(errno) ?? `errno ${errno}`;
}

/** The errno of the C call just made, by name. */
export function errnoName(): string {
  return errnoCode(koffi.errno());
}

/** Passes a result through, or throws the SystemError for the call just made. */
export function check(result: number, operation: string, object: string): number {
  if (result < 0) throw new SystemError(operation, object, errnoName());
  return result;
}

/** Sets a socket option of any kind; a number becomes a C int. Throws SystemError. */
export function setOption(fd: Fd, level: number, option: number, value: number | Uint8Array, what: string, object: string): void {
  const bytes = typeof value === 'number' ? nativeInt(value) : value;
  check(setsockopt(fd, level, option, bytes, bytes.length), what, object);
}

/**
 * The size of a socket's buffer beyond the system's limit. That takes CAP_NET_ADMIN of the whole machine; in a container with a
 * user namespace the limit (net.core.rmem_max, wmem_max) stays, and the kernel cuts the size down to it. Throws SystemError.
 */
export function setBufferSize(fd: Fd, which: 'receive' | 'send', bytes: number, object: string): void {
  const [forced, limited] = which === 'receive' ? [SO_RCVBUFFORCE, SO_RCVBUF] : [SO_SNDBUFFORCE, SO_SNDBUF];
  if (setsockopt(fd, SOL_SOCKET, forced, nativeInt(bytes), 4) < 0) {
    setOption(fd, SOL_SOCKET, limited, bytes, `set the ${which} buffer of`, object);
  }
}

/** A socket option that is a C int; null when the descriptor is no socket or does not know the option. */
export function getIntOption(fd: Fd, level: number, option: number): number | null {
  const value = new Uint8Array(4);
  return getsockopt(fd, level, option, value, nativeInt(4)) < 0 ? null : new DataView(value.buffer).getInt32(0, NATIVE_LITTLE_ENDIAN);
}

/** Packets that the kernel dropped because the socket's receive buffer was full: the last word of SO_MEMINFO. Throws SystemError. */
export function socketDrops(fd: Fd, object: string): number {
  const words = new Uint8Array(4 * MEMINFO_WORDS);
  check(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, words, nativeInt(words.length)), 'read SO_MEMINFO of', object);
  return new DataView(words.buffer).getUint32(4 * (MEMINFO_WORDS - 1), NATIVE_LITTLE_ENDIAN);
}

/** A C int. */
export function nativeInt(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, NATIVE_LITTLE_ENDIAN);
  return bytes;
}

/** Memory that stays where it is as long as it is referenced, so that its address can be stored. */
export function pinned(size: number): Buffer {
  return Buffer.allocUnsafeSlow(size).fill(0);
}

/** Stores a number of the machine's word size (size_t, or a pointer). */
export function writeWord(bytes: Buffer, offset: number, value: number | bigint): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (WORD === 8) view.setBigUint64(offset, BigInt(value), NATIVE_LITTLE_ENDIAN);
  else view.setUint32(offset, Number(value), NATIVE_LITTLE_ENDIAN);
}

export function readWord(bytes: Buffer, offset: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return WORD === 8 ? Number(view.getBigUint64(offset, NATIVE_LITTLE_ENDIAN)) : view.getUint32(offset, NATIVE_LITTLE_ENDIAN);
}

/** Where pinned memory is. */
export function addressOf(bytes: Buffer): bigint {
  return koffi.address(bytes);
}

/** What ends a poll; the descriptor stays open. An unreferenced one does not keep the process alive. */
export interface Polling {
  (): void;
  ref(): void;
  unref(): void;
}

/** Calls `ready` whenever the descriptor can be read (poll(2), by the event loop). */
export function pollReadable(fd: Fd, ready: () => void): Polling {
  return poll(fd, { readable: true }, ready);
}

/** The same for writing: a connection under way has come to its end. */
export function pollWritable(fd: Fd, ready: () => void): Polling {
  return poll(fd, { writable: true }, ready);
}

function poll(fd: Fd, what: { readonly readable?: boolean; readonly writable?: boolean }, ready: () => void): Polling {
  const handle = koffi.node.poll(fd, what, () => nativeCallback(ready));
  let open = true;
  const end = (): void => {
    if (!open) return;
    open = false;
    handle.stop();
    handle.close();
  };
  return Object.assign(end, { ref: () => { handle.ref(); }, unref: () => { handle.unref(); } });
}
