import type { Context } from 'mocha';
import { execFileSync } from 'node:child_process';

/**
 * Skips the test (or suite, from a `before` hook) with a reason where the machine cannot run it. With REQUIRE_ALL=1, as CI
 * has it, a skip is a failure.
 */
export function skip(test: Context, reason: string): never {
  if (process.env['REQUIRE_ALL'] === '1') throw new Error(`cannot be skipped here (REQUIRE_ALL=1): ${reason}`);
  console.log(`      skipped: ${reason}`);
  return test.skip();
}

/** Namespaces, raw sockets and netlink changes need uid 0. */
export function requireRoot(test: Context): void {
  if (process.getuid?.() !== 0) skip(test, 'needs root');
}

/** The named programs must be in PATH. */
export function requirePrograms(test: Context, ...names: string[]): void {
  const missing = names.filter((name) => !inPath(name));
  if (missing.length > 0) skip(test, `needs ${missing.join(', ')}`);
}

export function inPath(name: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$1"', 'sh', name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
