import { DecodeError } from '../codec/decode-error.ts';
import { decodeMessages } from '../codec/netlink.ts';
import { CN_IDX_PROC, decodeProcEvent, encodeListen } from '../codec/proc-events.ts';
import { SystemError } from '../system/error.ts';
import type { ProcessEvent, ProcessWatchOptions } from '../system/processes.ts';
import type { Cancel } from '../util/time.ts';
import {
  AF_NETLINK, bind, check, close, errnoCode, errnoName, MSG_DONTWAIT, NATIVE_LITTLE_ENDIAN, nativeInt, pollReadable, recvmsg, sendto, setBufferSize, setOption,
  SO_RCVBUF, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, socket, SOL_SOCKET,
} from './libc.ts';
import { Message } from './message.ts';

/** netlink(7) */
const NETLINK_CONNECTOR = 11;
const ADDRESS_LENGTH = 12;
/** An event takes 76 bytes; the kernel sends one a message. */
const DATA_LENGTH = 4096;
/** So many are taken in one go, so that a storm of them leaves the loop its turns. */
const AT_ONCE = 200;
const NAME = 'process events';

/**
 * The kernel's process events through the netlink connector. What another program sends to the socket is not listened to; an
 * overrun of the receive buffer is told as 'lost'. Throws SystemError: ECONNREFUSED in a network namespace other than the
 * first, EPERM without CAP_NET_ADMIN, EPROTONOSUPPORT without CONFIG_CONNECTOR.
 */
export function watchProcessEvents({ buffer }: ProcessWatchOptions, heard: (event: ProcessEvent) => void, failed: (cause: SystemError) => void): Cancel {
  const fd = check(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR), 'open the socket of', NAME);
  const message = new Message({ name: ADDRESS_LENGTH, data: DATA_LENGTH, control: 0 });
  let open = true;
  let stopPolling: Cancel = () => undefined;
  const shut = (): void => {
    if (!open) return;
    open = false;
    stopPolling();
    close(fd);
  };
  try {
    if (buffer?.force === true) setBufferSize(fd, 'receive', buffer.bytes, NAME);
    else if (buffer !== null) setOption(fd, SOL_SOCKET, SO_RCVBUF, buffer.bytes, 'set the receive buffer of', NAME);
    const address = socketAddress(1 << (CN_IDX_PROC - 1));
    check(bind(fd, address, address.length), 'bind the socket of', NAME);
    ask(fd, true);
  } catch (cause) {
    shut();
    throw cause;
  }
  stopPolling = pollReadable(fd, () => {
    for (let i = 0; open && i < AT_ONCE; i++) {
      const bytes = receive(fd, message);
      if (bytes === null) return;
      if (bytes instanceof SystemError) {
        shut();
        return failed(bytes);
      }
      if (bytes === 'lost') heard({ type: 'lost' });
      else deliver(bytes, heard, (cause) => { shut(); failed(cause); });
    }
  });
  return () => {
    // The kernel counts its listeners; a refusal changes nothing for us, who are leaving.
    if (open) sendListen(fd, false);
    shut();
  };
}

function deliver(bytes: Uint8Array, heard: (event: ProcessEvent) => void, failed: (cause: SystemError) => void): void {
  const messages = decodeMessages(bytes);
  if (messages instanceof DecodeError) return failed(new SystemError('decode', NAME, 'EBADMSG', messages));
  for (const { payload } of messages) {
    const event = decodeProcEvent(payload);
    if (event instanceof DecodeError) return failed(new SystemError('decode', NAME, 'EBADMSG', event));
    if (event.type === 'acknowledged') {
      if (event.errno !== 0) return failed(new SystemError('listen to', NAME, errnoCode(event.errno)));
      heard({ type: 'listening' });
    } else if (event.type !== 'other') heard(event);
  }
}

/** The next datagram of the kernel's, 'lost' after an overrun, null when there is none. */
function receive(fd: number, message: Message): Uint8Array | 'lost' | SystemError | null {
  for (;;) {
    message.setLengths(ADDRESS_LENGTH, DATA_LENGTH, 0);
    const size = recvmsg(fd, message.header, MSG_DONTWAIT);
    if (size < 0) {
      const code = errnoName();
      if (code === 'EAGAIN' || code === 'EINTR') return null;
      return code === 'ENOBUFS' ? 'lost' : new SystemError('receive', NAME, code);
    }
    const port = new DataView(message.name.buffer, message.name.byteOffset).getUint32(4, NATIVE_LITTLE_ENDIAN);
    if (port === 0) return message.data.subarray(0, Math.min(size, DATA_LENGTH));
  }
}

function ask(fd: number, listen: boolean): void {
  check(sendListen(fd, listen), 'ask for', NAME);
}

function sendListen(fd: number, listen: boolean): number {
  const bytes = encodeListen(listen);
  return sendto(fd, bytes, bytes.length, MSG_DONTWAIT, socketAddress(0), ADDRESS_LENGTH);
}

/** sockaddr_nl: family, pad, port (0: the kernel's, or its to choose), groups. */
function socketAddress(groups: number): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_LENGTH);
  new DataView(bytes.buffer).setUint16(0, AF_NETLINK, NATIVE_LITTLE_ENDIAN);
  bytes.set(nativeInt(groups), 8);
  return bytes;
}
