/**
 * Sends the frames of a file in turn, so many a second and so many in all, by a packet socket:
 *
 *     node storm.js INTERFACE RATE COUNT FILE      (FILE: JSON, an array of frames in hexadecimal)
 *
 * What could not be sent in time is not made up for beyond a moment: a machine that stood still has no burst after it.
 */
import { readFileSync } from 'node:fs';
import { AF_PACKET, bind, check, ifNameToIndex, NATIVE_LITTLE_ENDIAN, send, SOCK_CLOEXEC, SOCK_RAW, socket } from '../../../lib/linux/libc.ts';
import { sleep } from '../wait.ts';

const [link = '', rate = '', count = '', file = ''] = process.argv.slice(2);
const frames = (JSON.parse(readFileSync(file, 'utf8')) as readonly string[]).map((hex) => Buffer.from(hex, 'hex'));
/** Milliseconds of a step, and how many of them may be made up for. */
const STEP = 4;
const BEHIND = 3;

const fd = check(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), 'open', 'a packet socket');
check(bind(fd, sockaddrLl(ifNameToIndex(link)), 20), 'bind to', link);
const perStep = (Number(rate) * STEP) / 1000;
let due = 0;
let sent = 0;
for (let next = performance.now(); sent < Number(count); await sleep(Math.max(next - performance.now(), 0))) {
  const behind = Math.floor((performance.now() - next) / STEP);
  due = Math.min(due + perStep * (1 + Math.min(Math.max(behind, 0), BEHIND)), Number(count));
  next = Math.max(next, performance.now() - STEP) + STEP * (1 + Math.max(behind, 0));
  for (; sent < Math.floor(due); sent++) {
    const frame = frames[sent % frames.length] ?? Buffer.alloc(0);
    check(send(fd, frame, frame.length, 0), 'send on', link);
  }
}
process.stdout.write(`${sent}\n`);

/** packet(7) */
function sockaddrLl(index: number): Uint8Array {
  const address = Buffer.alloc(20);
  if (NATIVE_LITTLE_ENDIAN) address.writeUInt16LE(AF_PACKET, 0); else address.writeUInt16BE(AF_PACKET, 0);
  if (NATIVE_LITTLE_ENDIAN) address.writeInt32LE(index, 4); else address.writeInt32BE(index, 4);
  return address;
}
