import type { LinkType } from './scan-frame.ts';

/** What the capturing process tells the one that started it. */
export type CaptureMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'frame'; readonly time: number; readonly linkType: LinkType; readonly bytes: Uint8Array }
  | { readonly type: 'failed'; readonly reason: string };

/** 112 VRRP, 51 AH. */
const FILTER = 'ip proto 112 or ip proto 51 or ip6 proto 112';
const KERNEL_BUFFER = 1024 * 1024;
const LONGEST_FRAME = 65_535;
const LINK_TYPES: readonly string[] = ['ETHERNET', 'LINKTYPE_LINUX_SLL', 'RAW'] satisfies LinkType[];

/**
 * The program of a process of its own, started by scan.ts with an IPC channel and the link's name: libpcap's binding ends the
 * process by an assertion when the link goes down. Promiscuous mode belongs to its socket, so the kernel ends it with the
 * process, however that ends.
 */
async function capture(link: string): Promise<void> {
  const { default: cap } = await import('cap');
  const buffer = Buffer.alloc(LONGEST_FRAME);
  const capturing = new cap.Cap();
  const linkType = capturing.open(link, FILTER, KERNEL_BUFFER, buffer);
  if (!isKnown(linkType)) throw new Error(`captures of link type ${linkType} are not understood`);
  capturing.on('packet', (size: number) => {
    tell({ type: 'frame', time: Date.now(), linkType, bytes: Uint8Array.from(buffer.subarray(0, size)) });
  });
  // The parent is gone, or has seen enough.
  process.once('disconnect', () => {
    capturing.close();
    process.exit(0);
  });
  tell({ type: 'ready' });
}

function isKnown(linkType: string): linkType is LinkType {
  return LINK_TYPES.includes(linkType);
}

function tell(message: CaptureMessage): void {
  process.send?.(message);
}

try {
  await capture(process.argv[2] ?? '');
} catch (cause) {
  const missing = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((cause as NodeJS.ErrnoException).code ?? '');
  tell({ type: 'failed', reason: missing ? 'the optional package cap is not installed (npm install cap; it needs libpcap and its headers)' : (cause as Error).message });
  process.disconnect();
}
