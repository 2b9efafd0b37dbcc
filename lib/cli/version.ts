import { existsSync, readFileSync } from 'node:fs';

/** Of our package.json, the nearest one above this file. */
export const VERSION: string = (JSON.parse(readFileSync(packageFile(), 'utf8')) as { version: string }).version;

/** The keepalived whose behaviour this one has. */
export const COMPATIBLE = '2.4.3';

function packageFile(): URL {
  for (let i = 1; i <= 4; i++) {
    const file = new URL(`${'../'.repeat(i)}package.json`, import.meta.url);
    if (existsSync(file)) return file;
  }
  throw new Error('package.json is missing from this installation');
}
