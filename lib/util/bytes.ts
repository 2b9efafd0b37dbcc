/**
 * Reading and writing binary formats without ever leaving the bytes at hand. A reader does not throw and does not return
 * half a value: past the end it answers 0 (or an empty slice) and remembers it in `overrun`, which the decoder looks at once,
 * at its end. A writer grows by itself.
 */

export type Endian = 'big' | 'little';

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly endian: Endian;
  /** Where the next read starts. */
  offset = 0;
  /** True once something was read that is not there. */
  overrun = false;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, endian: Endian = 'big') {
    this.bytes = bytes;
    this.endian = endian;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  u8(): number {
    return this.#take(1) ? this.#view.getUint8(this.offset - 1) : 0;
  }

  u16(): number {
    return this.#take(2) ? this.#view.getUint16(this.offset - 2, this.endian === 'little') : 0;
  }

  u32(): number {
    return this.#take(4) ? this.#view.getUint32(this.offset - 4, this.endian === 'little') : 0;
  }

  i32(): number {
    return this.#take(4) ? this.#view.getInt32(this.offset - 4, this.endian === 'little') : 0;
  }

  u64(): bigint {
    return this.#take(8) ? this.#view.getBigUint64(this.offset - 8, this.endian === 'little') : 0n;
  }

  /** The next `length` bytes, not copied. */
  slice(length: number): Uint8Array {
    return this.#take(length) ? this.bytes.subarray(this.offset - length, this.offset) : new Uint8Array(0);
  }

  skip(length: number): void {
    this.#take(length);
  }

  #take(length: number): boolean {
    if (length < 0 || length > this.remaining) {
      this.overrun = true;
      this.offset = this.bytes.length;
      return false;
    }
    this.offset += length;
    return true;
  }
}

export class ByteWriter {
  readonly endian: Endian;
  #buffer: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(endian: Endian = 'big', capacity = 128) {
    this.endian = endian;
    this.#buffer = new Uint8Array(capacity);
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    // Growing makes a new view.
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, this.endian === 'little');
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, this.endian === 'little');
    return this;
  }

  u64(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value, this.endian === 'little');
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#buffer.set(value, at);
    return this;
  }

  zeros(count: number): this {
    this.#grow(count);
    return this;
  }

  /** Zeros up to the next multiple of `unit`. */
  align(unit: number): this {
    return this.zeros((unit - (this.#length % unit)) % unit);
  }

  /** Overwrites what was written at `offset`, for lengths and checksums known only later. */
  patchU16(offset: number, value: number): this {
    this.#written(offset, 2);
    this.#view.setUint16(offset, value, this.endian === 'little');
    return this;
  }

  patchU32(offset: number, value: number): this {
    this.#written(offset, 4);
    this.#view.setUint32(offset, value, this.endian === 'little');
    return this;
  }

  /** Everything written, as a copy of its own. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #written(offset: number, size: number): void {
    if (offset < 0 || offset + size > this.#length) throw new RangeError(`nothing written yet at ${String(offset)}`);
  }

  /** Makes room for `count` more zero bytes; returns where they start. */
  #grow(count: number): number {
    const start = this.#length;
    this.#length += count;
    if (this.#length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#buffer.length));
      larger.set(this.#buffer);
      this.#buffer = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }
}

/** A copy of all parts, one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** The bytes of `0a:1b…`, `0a 1b …` or `0a1b…`; throws a RangeError on anything else. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/[\s:]/g, '');
  if (!/^([0-9a-fA-F]{2})*$/.test(digits)) throw new RangeError(`not hexadecimal bytes: '${text}'`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Lower-case hexadecimal with `separator` between the bytes (':' makes a MAC address). */
export function toHex(bytes: Uint8Array, separator = ''): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(separator);
}
