import { effectiveConf } from '../config/forms/effective.ts';
import { printDiagnostic } from '../config/load.ts';
import { readTree } from './files.ts';
import { thisMachine } from './machine.ts';

/** `dump FILE`: conf text of what this machine would run by. Exit code 2: the file has errors, which are said; it is printed all the same. */
export function dump(path: string, configId: string | undefined): number {
  const { tree, config, diagnostics } = readTree(path, configId, thisMachine());
  const faults = diagnostics.filter((d) => d.severity === 'error');
  for (const d of faults) process.stderr.write(`${printDiagnostic(d)}\n`);
  process.stdout.write(`${effectiveConf(tree, config).join('\n')}\n`);
  return faults.length > 0 ? 2 : 0;
}
