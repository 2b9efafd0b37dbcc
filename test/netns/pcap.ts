/** One captured frame. */
export interface Frame {
  /** Milliseconds since the epoch, with a fraction. */
  readonly at: number;
  readonly bytes: Buffer;
}

/** Reads a pcap stream (tcpdump -w -, or our own witness) as it comes: little-endian, micro- or nanoseconds. */
export class PcapReader {
  private rest: Buffer = Buffer.alloc(0);
  private fraction = 0;

  /** Feeds the next piece; brings the frames that are now complete. Throws when the stream is not pcap. */
  feed(piece: Buffer): Frame[] {
    this.rest = Buffer.concat([this.rest, piece]);
    if (this.fraction === 0) {
      if (this.rest.length < 24) return [];
      const magic = this.rest.readUInt32LE(0);
      if (magic !== MICROSECONDS && magic !== NANOSECONDS) throw new Error(`not a pcap stream: magic 0x${magic.toString(16)}`);
      this.fraction = magic === NANOSECONDS ? 1e-6 : 1e-3;
      this.rest = this.rest.subarray(24);
    }
    const frames: Frame[] = [];
    while (this.rest.length >= 16) {
      const length = this.rest.readUInt32LE(8);
      if (this.rest.length < 16 + length) break;
      const at = this.rest.readUInt32LE(0) * 1000 + this.rest.readUInt32LE(4) * this.fraction;
      frames.push({ at, bytes: Buffer.from(this.rest.subarray(16, 16 + length)) });
      this.rest = this.rest.subarray(16 + length);
    }
    return frames;
  }
}

/** The stream's head: version 2.4, snap length 65535, Ethernet. */
export function pcapHeader(): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(NANOSECONDS, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(65535, 16);
  head.writeUInt32LE(1, 20);
  return head;
}

export function pcapRecord(at: number, bytes: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(Math.floor(at / 1000), 0);
  head.writeUInt32LE(Math.floor((at % 1000) * 1e6), 4);
  head.writeUInt32LE(bytes.length, 8);
  head.writeUInt32LE(bytes.length, 12);
  return Buffer.concat([head, bytes]);
}

const MICROSECONDS = 0xa1b2c3d4;
const NANOSECONDS = 0xa1b23c4d;
