/**
 * The reference material of keepalived's behaviour, where it is at hand (REFERENCE, or ../shared/reference beside the project).
 * It is no part of the project; tests that read it are left out without it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Func } from 'mocha';

const FOLDER = process.env['REFERENCE'] ?? join(process.cwd(), '..', 'shared', 'reference');

/** A test that reads the material; where that is not at hand there is no such test, which is said. */
export function withReference(title: string, body: Func): void {
  if (existsSync(FOLDER)) it(title, body);
  else console.log(`      left out, the reference material is not at hand: ${title}`);
}

export function reference(name: string): string {
  return join(FOLDER, name);
}

/** Rows of a tab-separated table, its head left out. */
export function rows(path: string): string[][] {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(1).map((line) => line.split('\t'));
}
