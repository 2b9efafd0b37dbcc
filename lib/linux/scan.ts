import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DecodeError } from '../codec/decode-error.ts';
import type { CaptureMessage } from './scan-capture.ts';
import { decodeFrame, printSeen, seenToJson } from './scan-frame.ts';

export interface ScanOptions {
  /** One JSON object a line instead of text. */
  readonly json: boolean;
  /** Stop after so many advertisements; null: go on until interrupted. */
  readonly count: number | null;
}

/**
 * `tskeepalived scan LINK`: prints every VRRP advertisement on a link, decoded, one a line on standard output; what else there
 * is to say goes to standard error. Resolves to the exit status: 0 when done or interrupted, 1 when it could not go on.
 */
export async function scan(link: string, { json, count }: ScanOptions): Promise<number> {
  if (link.includes('/') || !existsSync(`/sys/class/net/${link}`)) return complain(`there is no interface '${link}'`);
  const child = fork(fileURLToPath(new URL('scan-capture.js', import.meta.url)), [link], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const interrupt = (): void => {
    if (child.connected) child.disconnect();
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  let shown = 0;
  let reason = null as string | null;
  child.on('message', (message) => {
    const told = message as CaptureMessage;
    switch (told.type) {
      case 'ready':
        process.stderr.write(`listening on ${link} (promiscuous while it lasts)\n`);
        break;
      case 'failed':
        reason = told.reason;
        break;
      case 'frame': {
        if (count !== null && shown >= count) break;
        const seen = decodeFrame(told.linkType, told.bytes);
        // AH may carry something other than VRRP.
        if (seen instanceof DecodeError) break;
        process.stdout.write(`${json ? seenToJson(told.time, seen) : printSeen(told.time, seen)}\n`);
        if (++shown === count) interrupt();
        break;
      }
    }
  });
  const signal = await new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (_status, by) => resolve(by));
  });
  process.off('SIGINT', interrupt);
  process.off('SIGTERM', interrupt);
  if (reason !== null) return complain(`cannot capture on ${link}: ${reason}`);
  if (signal === 'SIGABRT') return complain(`capturing ended because ${link} went down or was deleted (libpcap cannot go on after that); start again when it is up`);
  if (signal !== null && signal !== 'SIGINT' && signal !== 'SIGTERM') return complain(`the capturing process was ended by ${signal}`);
  return 0;
}

function complain(problem: string): number {
  process.stderr.write(`tskeepalived scan: ${problem}\n`);
  return 1;
}
