import { readFileSync } from 'node:fs';

/** capabilities(7), by bit. */
const NEEDED: readonly (readonly [number, string])[] = [[12, 'CAP_NET_ADMIN'], [13, 'CAP_NET_RAW']];

/** Capabilities without which nothing works, that this process lacks. */
export function missingCapabilities(): string[] {
  const line = /^CapEff:\s*([0-9a-f]+)$/mu.exec(readFileSync('/proc/self/status', 'utf8'));
  const effective = BigInt(`0x${line?.[1] ?? '0'}`);
  return NEEDED.filter(([bit]) => (effective & (1n << BigInt(bit))) === 0n).map(([, name]) => name);
}
