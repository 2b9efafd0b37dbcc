import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { inPath } from '../needs.ts';
import { PcapReader } from './pcap.ts';
import type { Frame } from './pcap.ts';
import { until } from './wait.ts';

/** A VRRP advertisement as it went over the switch; only what the tests ask about, decoded here, not by the code under test. */
export interface Advert {
  readonly at: number;
  /** Sender's MAC, 'aa:bb:…'. */
  readonly mac: string;
  readonly from: string;
  readonly to: string;
  /** Or hop limit. */
  readonly ttl: number;
  readonly version: number;
  readonly vrid: number;
  readonly priority: number;
}

/** A gratuitous ARP: sender and target address are the same. */
export interface GratuitousArp {
  readonly at: number;
  readonly mac: string;
  readonly address: string;
}

/** Who captures: the cap package in a process of its own, or tcpdump (the kernel's time stamps, so the bench takes it). */
export type WitnessKind = 'cap' | 'tcpdump';

type Spawn = (argv: readonly string[]) => ChildProcess;

/** Hears all VRRP and ARP that crosses the switch of a lab. */
export class Witness {
  readonly adverts: Advert[] = [];
  readonly garps: GratuitousArp[] = [];
  readonly kind: WitnessKind;
  private readonly child: ChildProcess;
  private readonly reader = new PcapReader();
  private said = '';
  private heard = false;
  private ended: string | null = null;

  /** Starts capturing on `link`; resolves when it captures. `spawn` starts a program in the switch's namespace. */
  static async start(spawn: Spawn, link: string, prefer: WitnessKind = 'cap'): Promise<Witness> {
    const order: WitnessKind[] = prefer === 'cap' ? ['cap', 'tcpdump'] : ['tcpdump', 'cap'];
    const failures: string[] = [];
    for (const kind of order) {
      if (kind === 'tcpdump' && !inPath('tcpdump')) {
        failures.push('tcpdump: not installed');
        continue;
      }
      const witness = new Witness(spawn(COMMANDS[kind](link)), kind);
      try {
        await until(`${kind} captures on ${link}`, 10_000, () => witness.ready(), () => witness.said);
        return witness;
      } catch (cause) {
        witness.stop();
        failures.push(`${kind}: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
    }
    throw new Error(`nothing here can capture (cap needs libpcap-dev at npm ci, or install tcpdump):\n${failures.join('\n')}`);
  }

  private constructor(child: ChildProcess, kind: WitnessKind) {
    this.child = child;
    this.kind = kind;
    child.stdout?.on('data', (piece: Buffer) => {
      this.heard = true;
      for (const frame of this.reader.feed(piece)) this.take(frame);
    });
    child.stderr?.on('data', (text: Buffer) => (this.said += text.toString()));
    child.on('error', (cause) => (this.ended = cause.message));
    child.on('exit', (status, signal) => (this.ended = `ended with ${status ?? signal ?? 'nothing'}`));
  }

  stop(): void {
    this.child.kill('SIGTERM');
  }

  /** The adverts sent at or after `since`. */
  advertsSince(since: number): Advert[] {
    return this.adverts.filter((advert) => advert.at >= since);
  }

  private ready(): boolean {
    if (this.ended !== null) throw new Error(`the witness ${this.ended}\n${this.said}`);
    // tcpdump says it is listening before the head of the file reaches us; the head alone comes before its first turn.
    return this.kind === 'tcpdump' ? this.said.includes('listening on') : this.heard;
  }

  private take({ at, bytes }: Frame): void {
    const mac = macText(bytes.subarray(6, 12));
    const type = bytes.length >= 14 ? bytes.readUInt16BE(12) : 0;
    if (type === 0x0806 && bytes.length >= 42) {
      const sender = ipText(bytes.subarray(28, 32));
      if (sender === ipText(bytes.subarray(38, 42))) this.garps.push({ at, mac, address: sender });
      return;
    }
    const packet = bytes.subarray(14);
    if (type === 0x0800 && packet.length >= 20 && (packet[9] === 112 || packet[9] === AH)) {
      const payload = packet.subarray(((packet[0] ?? 0) & 15) * 4);
      this.advert(at, mac, packet[9] === AH ? payload.subarray(((payload[1] ?? 0) + 2) * 4) : payload, { from: ipText(packet.subarray(12, 16)), to: ipText(packet.subarray(16, 20)), ttl: packet[8] ?? 0 });
    } else if (type === 0x86dd && packet.length >= 40 && packet[6] === 112) {
      this.advert(at, mac, packet.subarray(40), { from: ip6Text(packet.subarray(8, 24)), to: ip6Text(packet.subarray(24, 40)), ttl: packet[7] ?? 0 });
    }
  }

  private advert(at: number, mac: string, vrrp: Buffer, ip: Pick<Advert, 'from' | 'to' | 'ttl'>): void {
    const [head = 0, vrid = 0, priority = 0] = vrrp;
    this.adverts.push({ at, mac, ...ip, version: head >> 4, vrid, priority });
  }
}

/** Authentication header (RFC 4302 §2): its second byte is its length in words, less two. */
const AH = 51;
const FILTER = 'arp or ip proto 112 or ip proto 51 or ip6 proto 112';

const COMMANDS: Readonly<Record<WitnessKind, (link: string) => string[]>> = {
  cap: (link) => [process.execPath, join(import.meta.dirname, 'witness-cap.js'), link, FILTER],
  tcpdump: (link) => ['tcpdump', '-i', link, '-U', '--immediate-mode', '--time-stamp-precision=nano', '-s', '256', '-w', '-', FILTER],
};

function macText(bytes: Buffer): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function ipText(bytes: Buffer): string {
  return [...bytes].join('.');
}

/** Eight groups in full, without '::'. */
function ip6Text(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':');
}
