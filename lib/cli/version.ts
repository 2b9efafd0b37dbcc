import { readFileSync } from 'node:fs';

/** Of package.json, which stands two folders above dist/lib/cli. */
export const VERSION: string = (JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }).version;

/** The keepalived whose behaviour this one has. */
export const COMPATIBLE = '2.4.3';
