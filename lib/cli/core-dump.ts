/** -m and -M: a core dump after a crash, and where the system puts it. */
import type { Log } from '../daemon/log/log.ts';
import { allowCoreDumps } from '../linux/limits.ts';
import { SystemError } from '../system/error.ts';
import type { Sysctls } from '../system/sysctls.ts';
import type { Settings } from './settings.ts';

const PATTERN = 'kernel/core_pattern';

/**
 * Brings what puts the pattern back, if it is still ours. What the machine refuses is said, and the daemon starts all the same.
 * A run that is killed leaves the pattern as it set it, as keepalived does.
 */
export async function dumpCore(wanted: Settings['coreDump'], sysctls: Sysctls, log: Log, allow: () => void = allowCoreDumps): Promise<() => Promise<void>> {
  if (wanted === null) return () => Promise.resolve();
  await said(log, () => { allow(); return Promise.resolve(); });
  const { pattern } = wanted;
  let found: string | null = null;
  if (pattern !== null) {
    await said(log, async () => {
      const before = await sysctls.read(PATTERN);
      await sysctls.write(PATTERN, pattern);
      found = before;
    });
  }
  return async () => {
    const before = found;
    if (before !== null) await said(log, async () => { if (await sysctls.read(PATTERN) === pattern) await sysctls.write(PATTERN, before); });
  };
}

async function said(log: Log, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (cause) {
    if (!(cause instanceof SystemError)) throw cause;
    log.warn(`core dumps: ${cause.message}`);
  }
}
