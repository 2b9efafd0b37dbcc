/**
 * The tests' witness in a process of its own: captures on one link with the cap package and writes pcap to stdout.
 * (Of its own, since cap sets the link promiscuous and aborts the process when the link goes down.)
 *
 *     node witness-cap.js LINK FILTER
 */
import { createRequire } from 'node:module';
import { writeSync } from 'node:fs';
import { pcapHeader, pcapRecord } from './pcap.ts';
import { wallClock } from './wait.ts';

interface Capture {
  open(device: string, filter: string, bufferSize: number, buffer: Buffer): string;
  on(event: 'packet', heard: (length: number, truncated: boolean) => void): void;
}

const [link = '', filter = ''] = process.argv.slice(2);
// cap is CommonJS without types, and optional: where it is not built, this fails and the caller takes tcpdump.
const { Cap } = createRequire(import.meta.url)('cap') as { Cap: new () => Capture };
const capture = new Cap();
const buffer = Buffer.alloc(65536);
const type = capture.open(link, filter, 4 << 20, buffer);
if (type !== 'ETHERNET') throw new Error(`${link} is not Ethernet but ${type}`);
capture.on('packet', (length) => {
  writeSync(1, pcapRecord(wallClock(), buffer.subarray(0, length)));
});
writeSync(1, pcapHeader());
