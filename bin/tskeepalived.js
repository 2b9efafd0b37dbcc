#!/usr/bin/env node
// The program: everything is in lib/, bundled to dist/program by `npm run build`.
import { existsSync } from 'node:fs';

const built = new URL('../dist/program/main.js', import.meta.url);
if (!existsSync(built)) {
  process.stderr.write('tskeepalived: not built yet; run: npm ci && npm run build\n');
  process.exit(1);
}
const { main } = await import(built.href);
process.exit(await main(process.argv.slice(2)));
