import { inPath } from '../../needs.ts';
import type { DaemonKind } from '../../netns/daemon.ts';

/** What is measured, alternating: ours, and keepalived beside it where it is installed. Ends the process where nothing can be. */
export function benchKinds(title: string): readonly DaemonKind[] {
  if (process.getuid?.() !== 0) {
    console.log(`${title}: skipped, needs root (network namespaces)`);
    process.exit(0);
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
  console.log(`\n${title}`);
  if (inPath('keepalived')) return ['ours', 'keepalived'];
  console.log('keepalived is not installed: nothing to compare with');
  return ['ours'];
}
