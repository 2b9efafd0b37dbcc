import { addressOf, NATIVE_LITTLE_ENDIAN, pinned, readWord, WORD, writeWord } from './libc.ts';

/**
 * The msghdr of sendmsg(2) and recvmsg(2) with the memory it points to, made once and used for every packet.
 *
 *     msghdr: name, name length, iovec, iovec count, control, control length, flags: one machine word each (the last an int)
 */
export class Message {
  readonly header = pinned(HEADER_SIZE);
  readonly name: Buffer;
  readonly data: Buffer;
  readonly control: Buffer;
  readonly #iovec = pinned(2 * WORD);

  constructor(sizes: { readonly name: number; readonly data: number; readonly control: number }) {
    this.name = pinned(sizes.name);
    this.data = pinned(sizes.data);
    this.control = pinned(Math.max(sizes.control, WORD));
    writeWord(this.#iovec, 0, addressOf(this.data));
    writeWord(this.header, NAME, addressOf(this.name));
    writeWord(this.header, IOVEC, addressOf(this.#iovec));
    writeWord(this.header, IOVEC_COUNT, 1);
    writeWord(this.header, CONTROL, addressOf(this.control));
  }

  /** Before each call: how much of name, data and control is there to be sent, or may be filled in. */
  setLengths(name: number, data: number, control: number): void {
    writeWord(this.header, NAME_LENGTH, name);
    writeWord(this.#iovec, WORD, data);
    writeWord(this.header, CONTROL_LENGTH, control);
  }

  /** MSG_TRUNC and the like, after recvmsg. */
  get flags(): number {
    return new DataView(this.header.buffer, this.header.byteOffset).getInt32(FLAGS, NATIVE_LITTLE_ENDIAN);
  }

  /** Calls `each` for every control message received (cmsg(3)), with its own data. */
  eachControl(each: (level: number, type: number, data: Uint8Array) => void): void {
    const view = new DataView(this.control.buffer, this.control.byteOffset, this.control.length);
    const end = Math.min(readWord(this.header, CONTROL_LENGTH), this.control.length);
    let offset = 0;
    while (offset + CMSG_HEADER <= end) {
      const length = readWord(this.control, offset);
      if (length < CMSG_HEADER || offset + length > end) return;
      each(
        view.getInt32(offset + WORD, NATIVE_LITTLE_ENDIAN),
        view.getInt32(offset + WORD + 4, NATIVE_LITTLE_ENDIAN),
        this.control.subarray(offset + CMSG_HEADER, offset + length),
      );
      offset += align(length);
    }
  }
}

/** Writes one control message at `offset` of `control`; returns where the next one goes. */
export function putControl(control: Buffer, offset: number, level: number, type: number, data: Uint8Array): number {
  const view = new DataView(control.buffer, control.byteOffset, control.length);
  writeWord(control, offset, CMSG_HEADER + data.length);
  view.setInt32(offset + WORD, level, NATIVE_LITTLE_ENDIAN);
  view.setInt32(offset + WORD + 4, type, NATIVE_LITTLE_ENDIAN);
  control.set(data, offset + CMSG_HEADER);
  return offset + align(CMSG_HEADER + data.length);
}

const NAME = 0;
const NAME_LENGTH = WORD;
const IOVEC = 2 * WORD;
const IOVEC_COUNT = 3 * WORD;
const CONTROL = 4 * WORD;
const CONTROL_LENGTH = 5 * WORD;
const FLAGS = 6 * WORD;
const HEADER_SIZE = 7 * WORD;
const CMSG_HEADER = WORD + 8;

function align(length: number): number {
  return (length + WORD - 1) & ~(WORD - 1);
}
