import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { inPath } from '../../needs.ts';

const NLM_F_REQUEST = 1;
/** linux/genetlink.h and linux/ip_vs.h: the commands that change something (IPVS_CMD_NEW_SERVICE to IPVS_CMD_DEL_DEST). */
const FIRST_FAMILY = 16;
const CHANGES = new Set([1, 2, 3, 5, 6, 7]);
const PCAP_HEADER = 24;
const RECORD_HEADER = 16;
/** Before the netlink messages of a captured packet: the hatype, family and so on of the device. */
const COOKED_HEADER = 16;

/**
 * Netlink messages of this network namespace, seen by a device of kind nlmon: how many changes of services and destinations
 * anybody asked the kernel for. null where there is no such device or no tcpdump.
 */
export class NetlinkCapture {
  private readonly child: ChildProcess;
  private readonly path: string;

  static start(path: string): NetlinkCapture | null {
    spawnSync('modprobe', ['nlmon'], { stdio: 'ignore' });
    spawnSync('ip', ['link', 'add', 'nlmon0', 'type', 'nlmon'], { stdio: 'ignore' });
    if (!inPath('tcpdump') || spawnSync('ip', ['link', 'set', 'nlmon0', 'up'], { stdio: 'ignore' }).status !== 0) return null;
    return new NetlinkCapture(path);
  }

  private constructor(path: string) {
    this.path = path;
    rmSync(path, { force: true });
    this.child = spawn('tcpdump', ['-i', 'nlmon0', '-U', '-s', '0', '-Z', 'root', '--immediate-mode', '-w', path], { stdio: 'ignore' });
  }

  /** Resolves when it sees what comes. */
  async ready(): Promise<void> {
    for (let i = 0; i < 200 && !(existsSync(this.path) && readFileSync(this.path).length >= PCAP_HEADER); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** Ends the capture; how many changes it saw. */
  async changes(): Promise<number> {
    const ended = new Promise((resolve) => this.child.once('close', resolve));
    await new Promise((resolve) => setTimeout(resolve, 500));
    this.child.kill('SIGTERM');
    await ended;
    const file = readFileSync(this.path);
    rmSync(this.path, { force: true });
    // A message may be seen on its way out and in.
    const seen = new Set<string>();
    for (let at = PCAP_HEADER; at + RECORD_HEADER <= file.length; ) {
      const length = file.readUInt32LE(at + 8);
      for (const one of changesIn(file.subarray(at + RECORD_HEADER + COOKED_HEADER, at + RECORD_HEADER + length))) seen.add(one);
      at += RECORD_HEADER + length;
    }
    return seen.size;
  }
}

/** Sequence number and sender of each. */
function changesIn(messages: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at + 20 <= messages.length; ) {
    const length = messages.readUInt32LE(at);
    if (length < 16) break;
    const request = (messages.readUInt16LE(at + 6) & NLM_F_REQUEST) !== 0;
    if (request && messages.readUInt16LE(at + 4) > FIRST_FAMILY && CHANGES.has(messages.readUInt8(at + 16))) found.push(`${messages.readUInt32LE(at + 8)} ${messages.readUInt32LE(at + 12)}`);
    at += (length + 3) & ~3;
  }
  return found;
}
