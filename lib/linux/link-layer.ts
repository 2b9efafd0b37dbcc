import type { LinkLayer } from '../system/link-layer.ts';
import { SystemError } from '../system/error.ts';
import { closing } from './closing.ts';
import {
  addressOf, AF_PACKET, check, close, errnoName, NATIVE_LITTLE_ENDIAN, pinned, sendmmsg, setBufferSize, setOption, SO_PRIORITY, SOCK_CLOEXEC,
  SOCK_NONBLOCK, SOCK_RAW, socket, SOL_SOCKET, WORD, writeWord,
} from './libc.ts';

/**
 * Frames out, by a packet(7) socket of protocol 0: it receives nothing, so there is nothing to poll, and it never makes an
 * interface promiscuous. A burst goes to the kernel by sendmmsg(2), BATCH frames a call.
 */
export function linuxLinkLayer(): LinkLayer {
  const fd = check(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), 'open', 'packet socket');
  closing({ close: () => close(fd) }, () => {
    setBufferSize(fd, 'send', SEND_BUFFER, 'packet socket');
    setOption(fd, SOL_SOCKET, SO_PRIORITY, TC_PRIO_CONTROL, 'set SO_PRIORITY of', 'packet socket');
  });
  const batch = new Batch();
  let open = true;
  return {
    send(linkIndex, frames) {
      if (!open) throw new SystemError('send', 'packet socket', 'EBADF');
      for (let sent = 0; sent < frames.length; ) sent += batch.send(fd, linkIndex, frames.slice(sent, sent + BATCH));
    },
    close() {
      if (open) close(fd);
      open = false;
    },
  };
}

const BATCH = 64;
const LARGEST_FRAME = 256;
const SEND_BUFFER = 4 * 1024 * 1024;
const TC_PRIO_CONTROL = 7;
/** How often in a row the kernel may refuse a frame for want of buffers before the burst is given up. */
const REFUSALS = 8;

const MSGHDR = 7 * WORD;
/** struct mmsghdr: a msghdr and an unsigned int, padded to a word. */
const MMSGHDR = (MSGHDR + 4 + WORD - 1) & ~(WORD - 1);
const SOCKADDR_LL = 20;

/** Pinned memory for BATCH messages: mmsghdr[], iovec[], one sockaddr_ll for all of them, and the frames. */
class Batch {
  readonly #headers = pinned(BATCH * MMSGHDR);
  readonly #iovecs = pinned(BATCH * 2 * WORD);
  readonly #address = pinned(SOCKADDR_LL);
  readonly #frames = pinned(BATCH * LARGEST_FRAME);

  constructor() {
    const address = addressOf(this.#address);
    const iovecs = addressOf(this.#iovecs);
    const frames = addressOf(this.#frames);
    for (let i = 0; i < BATCH; i++) {
      const header = i * MMSGHDR;
      writeWord(this.#headers, header, address);
      writeWord(this.#headers, header + WORD, SOCKADDR_LL);
      writeWord(this.#headers, header + 2 * WORD, iovecs + BigInt(i * 2 * WORD));
      writeWord(this.#headers, header + 3 * WORD, 1);
      writeWord(this.#iovecs, i * 2 * WORD, frames + BigInt(i * LARGEST_FRAME));
    }
  }

  /** Sends all of up to BATCH frames; returns how many those are. */
  send(fd: number, linkIndex: number, frames: readonly Uint8Array[]): number {
    const address = new DataView(this.#address.buffer, this.#address.byteOffset);
    address.setUint16(0, AF_PACKET, NATIVE_LITTLE_ENDIAN);
    address.setInt32(4, linkIndex, NATIVE_LITTLE_ENDIAN);
    for (let refusals = 0, done = 0; ; ) {
      const rest = frames.slice(done);
      this.#load(rest);
      const sent = sendmmsg(fd, this.#headers, rest.length, 0);
      if (sent > 0) {
        done += sent;
        refusals = 0;
        if (done === frames.length) return done;
        continue;
      }
      const code = errnoName();
      const passing = code === 'EAGAIN' || code === 'ENOBUFS' || code === 'EINTR';
      if (!passing || ++refusals === REFUSALS) throw new SystemError('send frames on', `interface index ${linkIndex}`, code);
    }
  }

  #load(frames: readonly Uint8Array[]): void {
    for (const [i, frame] of frames.entries()) {
      if (frame.length > LARGEST_FRAME) throw new SystemError('send frames', `frame of ${frame.length} bytes`, 'EMSGSIZE');
      this.#frames.set(frame, i * LARGEST_FRAME);
      // The protocol of the first frame's Ethernet header, for filters that look at the socket address.
      if (i === 0) this.#address.set(frame.subarray(12, 14), 2);
      writeWord(this.#iovecs, i * 2 * WORD + WORD, frame.length);
    }
  }
}
