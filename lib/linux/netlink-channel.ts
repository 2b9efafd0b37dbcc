import { createRequire } from 'node:module';
import type { RawNetlinkSocket as RawSocket } from 'netlink';
import { DecodeError } from '../codec/decode-error.ts';
import { decodeMessages, type NetlinkMessage } from '../codec/netlink.ts';
import { SystemError } from '../system/error.ts';
import { closing } from './closing.ts';
import { createWithDescriptor } from './descriptor.ts';
import {
  AF_NETLINK, check, getIntOption, getsockname, getsockopt, MSG_DONTWAIT, NATIVE_LITTLE_ENDIAN, nativeInt, sendto, setBufferSize, setOption, SO_MEMINFO, SO_RCVBUF,
  SOL_SOCKET,
} from './libc.ts';
import { nativeCallback } from './native-callback.ts';

/** The raw layer alone: the package's front door loads nl80211 and all else that it can, some 90 ms of a start. */
const { RawNetlinkSocket } = createRequire(import.meta.url)('netlink/dist/raw.js') as { readonly RawNetlinkSocket: typeof RawSocket };

/** NETLINK_ROUTE, NETLINK_NETFILTER and NETLINK_GENERIC of netlink(7). */
export type NetlinkProtocol = 0 | 12 | 16;

/** Bytes of a receive buffer, without `force` within the system's limit (net.core.rmem_max). */
export type BufferSize = number | { readonly bytes: number; readonly force: boolean };

const SOL_NETLINK = 270;
const NETLINK_NO_ENOBUFS = 5;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
/** Limits, not allocations. Room for the errors of some 20,000 refused requests. */
const RECEIVE_BUFFER = 32 * 1024 * 1024;
const SEND_BUFFER = 1024 * 1024;
/** Where struct sk_meminfo has the bytes received and not read, and counts dropped messages. */
const SK_MEMINFO_RMEM_ALLOC = 0;
const SK_MEMINFO_DROPS = 8;

/**
 * One netlink socket. The netlink package opens and polls it; sending goes by sendto(2) on its descriptor, since the
 * package keeps back a message while the completion of an earlier one is still to be called, and ours must be with the kernel
 * before the caller goes on.
 *
 * A receive overrun would abort the process inside the package; NETLINK_NO_ENOBUFS turns it into a count, `drops`.
 */
export class NetlinkChannel {
  readonly #name: string;
  readonly #socket: RawSocket;
  readonly #fd: number;
  readonly #meminfo = new Uint8Array(36);
  #open = true;

  /** `receive` hears of each message, `failed` of the end of the socket. Throws SystemError. */
  constructor(
    protocol: NetlinkProtocol,
    name: string,
    receive: (message: NetlinkMessage) => void,
    failed: (cause: SystemError) => void,
  ) {
    this.#name = name;
    const { made, fd } = createWithDescriptor({ domain: AF_NETLINK, protocol }, name, () => new RawNetlinkSocket(protocol));
    this.#socket = made;
    this.#fd = fd;
    closing(made, () => this.#configure());
    made.on('message', (bytes, { port }) => {
      // Only the kernel is port 0: another process may send to us.
      if (port === 0) nativeCallback(() => this.#deliver(bytes, receive));
    });
    made.on('error', (cause) => nativeCallback(() => {
      this.close();
      failed(new SystemError('receive on', name, cause.code, cause));
    }));
  }

  /** Messages the kernel could not put into the receive buffer so far. */
  get drops(): number {
    return this.#memory(SK_MEMINFO_DROPS);
  }

  /** What waits in the receive buffer to be read, as the kernel counts it, in bytes. */
  get unread(): number {
    return this.#memory(SK_MEMINFO_RMEM_ALLOC);
  }

  /** The kernel's name for this socket, which stands in what it causes. */
  get port(): number {
    const address = new Uint8Array(KERNEL.length);
    check(getsockname(this.#fd, address, nativeInt(address.length)), 'read the address of', this.#name);
    return new DataView(address.buffer).getUint32(4, NATIVE_LITTLE_ENDIAN);
  }

  join(group: number): void {
    this.#socket.addMembership(group);
  }

  /** Smaller or larger than the default. */
  setReceiveBuffer(size: BufferSize): void {
    if (typeof size === 'number' || size.force) setBufferSize(this.#fd, 'receive', typeof size === 'number' ? size : size.bytes, this.#name);
    else this.#set('SO_RCVBUF', SOL_SOCKET, SO_RCVBUF, size.bytes);
  }

  /** So that a send of this many bytes fits, beyond the default. */
  makeRoomToSend(bytes: number): void {
    if (bytes > SEND_BUFFER) setBufferSize(this.#fd, 'send', bytes, this.#name);
  }

  /** Dumps bring what their request asks for alone. A kernel that cannot do that brings more, for the asker to leave out. */
  filterDumps(): void {
    this.#setWhereKnown('NETLINK_GET_STRICT_CHK', NETLINK_GET_STRICT_CHK);
  }

  /** The size of the receive buffer as the kernel counts it, in bytes. */
  get receiveBuffer(): number {
    return getIntOption(this.#fd, SOL_SOCKET, SO_RCVBUF) ?? 0;
  }

  /** To the kernel, which has dealt with it when this returns. Throws SystemError. */
  send(bytes: Uint8Array): void {
    if (!this.#open) throw new SystemError('send on', this.#name, 'EBADF');
    check(sendto(this.#fd, bytes, bytes.length, MSG_DONTWAIT, KERNEL, KERNEL.length), 'send on', this.#name);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.close();
  }

  /** Before anything can arrive. */
  #configure(): void {
    this.#set('NETLINK_NO_ENOBUFS', SOL_NETLINK, NETLINK_NO_ENOBUFS, 1);
    // Since 4.3 and 4.12; kernels with FULLNAT are older.
    this.#setWhereKnown('NETLINK_CAP_ACK', NETLINK_CAP_ACK);
    this.#setWhereKnown('NETLINK_EXT_ACK', NETLINK_EXT_ACK);
    setBufferSize(this.#fd, 'receive', RECEIVE_BUFFER, this.#name);
    setBufferSize(this.#fd, 'send', SEND_BUFFER, this.#name);
  }

  #memory(field: number): number {
    if (!this.#open) throw new SystemError('read SO_MEMINFO of', this.#name, 'EBADF');
    check(getsockopt(this.#fd, SOL_SOCKET, SO_MEMINFO, this.#meminfo, nativeInt(this.#meminfo.length)), 'read SO_MEMINFO of', this.#name);
    return new DataView(this.#meminfo.buffer).getUint32(4 * field, NATIVE_LITTLE_ENDIAN);
  }

  #deliver(bytes: Uint8Array, receive: (message: NetlinkMessage) => void): void {
    const messages = decodeMessages(bytes);
    if (messages instanceof DecodeError) throw new SystemError('decode what came on', this.#name, 'EBADMSG', messages);
    for (const message of messages) if (this.#open) receive(message);
  }

  #setWhereKnown(what: string, option: number): void {
    try {
      this.#set(what, SOL_NETLINK, option, 1);
    } catch (cause) {
      if (!(cause instanceof SystemError && cause.code === 'ENOPROTOOPT')) throw cause;
    }
  }

  #set(what: string, level: number, option: number, value: number): void {
    setOption(this.#fd, level, option, value, `set ${what} of`, this.#name);
  }
}

/** sockaddr_nl of the kernel: family, pad, port 0, groups 0. */
const KERNEL = NATIVE_LITTLE_ENDIAN ? Uint8Array.of(AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) : Uint8Array.of(0, AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
