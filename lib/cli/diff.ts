import { reloadDiff } from '../config/forms/diff.ts';
import { printDiagnostic } from '../config/load.ts';
import { readTree } from './files.ts';

/** `diff OLD NEW`. Exit code 0: a reload changes nothing; 1: it does; 2: NEW has errors, so that what it would run by is in doubt. */
export function diff(oldPath: string, newPath: string, configId: string | undefined): number {
  const [before, after] = [oldPath, newPath].map((path) => readTree(path, configId)) as [ReturnType<typeof readTree>, ReturnType<typeof readTree>];
  const faults = after.diagnostics.filter((d) => d.severity === 'error');
  for (const d of faults) process.stderr.write(`${printDiagnostic(d)}\n`);
  const lines = reloadDiff(before.config, after.config);
  process.stdout.write(lines.length === 0 ? 'A reload would change nothing.\n' : lines.map((line) => `${line}\n`).join(''));
  return faults.length > 0 ? 2 : lines.length > 0 ? 1 : 0;
}
