// Bundles lib/ into dist/program. What runs as a daemon is one file for each process, since starting is mostly loading: loading the
// same from many modules takes three times as long. Subcommands and threads share chunks.
import { build } from 'esbuild';
import { rmSync } from 'node:fs';

const OUT = 'dist/program';
/** The processes of the daemon: lib/cli/NAME.ts → NAME.cjs. */
const PROCESSES = ['run', 'check-process'];

const common = {
  bundle: true, platform: 'node', target: 'node20', logLevel: 'warning', minifyWhitespace: true, minifySyntax: true, lineLimit: 160,
  external: ['koffi', 'raw-socket', 'netlink', 'cap', 'jiti', 'nodemailer', 'yaml'],
};

/** main.ts loads run.cjs rather than hold what is in it; by require, since import() would read it all for the names of its exports. */
const runApart = {
  name: 'run-apart',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\.\/run\.ts$/ }, ({ kind }) => (kind === 'dynamic-import' ? { path: 'run', namespace: 'process' } : undefined));
    onResolve({ filter: /\.cjs$/, namespace: 'process' }, ({ path }) => ({ path, external: true }));
    onLoad({ filter: /./, namespace: 'process' }, () => ({ contents: "export const { runDaemon } = require('./run.cjs');" }));
  },
};

rmSync(OUT, { recursive: true, force: true });
await Promise.all([
  build({
    ...common, entryPoints: ['lib/cli/main.ts', 'lib/cli/load-worker.ts', 'lib/daemon/hooks/host.ts', 'lib/linux/scan-capture.ts'],
    format: 'esm', splitting: true, outdir: OUT, entryNames: '[name]', plugins: [runApart],
    banner: { js: "import { createRequire as createRequire_ } from 'node:module'; const require = createRequire_(import.meta.url);" },
  }),
  ...PROCESSES.map((name) => build({
    ...common, entryPoints: [`lib/cli/${name}.ts`], format: 'cjs', outfile: `${OUT}/${name}.cjs`,
    define: { 'import.meta.url': 'importMetaUrl_' },
    banner: { js: "const importMetaUrl_ = require('node:url').pathToFileURL(__filename).href;" },
  })),
]);
