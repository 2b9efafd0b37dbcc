/**
 * The reference material of keepalived's behaviour, where it is at hand (REFERENCE, or ../shared/reference beside the project).
 * It is no part of the project; tests that read it are left out without it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';

const FOLDER = process.env['REFERENCE'] ?? join(process.cwd(), '..', 'shared', 'reference');

export function reference(test: Context, name: string): string {
  const path = join(FOLDER, name);
  if (!existsSync(path)) {
    console.log(`      skipped: ${name} of the reference material is not at hand`);
    return test.skip();
  }
  return path;
}

/** Rows of a tab-separated table, its head left out. */
export function rows(path: string): string[][] {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(1).map((line) => line.split('\t'));
}
