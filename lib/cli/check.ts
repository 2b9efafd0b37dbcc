/** `check`: what is wrong with configuration files, for people and for machines. */
import { advise } from '../config/forms/advice.ts';
import { advisePair } from '../config/forms/advice-pair.ts';
import { yamlTokens } from '../config/forms/read-yaml.ts';
import { type Diagnostic, distinct, loadConfig, type Loaded, printDiagnostic } from '../config/load.ts';
import { UNKNOWN_MACHINE } from '../config/machine.ts';
import { defaultConfigId, fileReader, thisMachine } from './machine.ts';

export interface CheckOptions {
  readonly format: 'text' | 'json' | 'github';
  /** The files are for other machines: interfaces, accounts and scripts of this one do not matter. */
  readonly elsewhere?: boolean;
  readonly configId?: string;
}

/** Exit code 0: nothing but notes; 1: warnings; 2: errors, or a file that cannot be read. Two files are a pair. */
export function check(paths: readonly string[], { format, elsewhere = paths.length > 1, configId }: CheckOptions): number {
  const machine = elsewhere ? UNKNOWN_MACHINE : thisMachine();
  const loaded = paths.map((path) => ({ path, ...loadConfig(path, fileReader, { configId: configId ?? defaultConfigId(), machine, tree: true, yaml: yamlTokens }) }));
  const found = distinct([...loaded.flatMap((one) => [...one.diagnostics, ...advice(one)]), ...pairAdvice(loaded)]);
  process.stdout.write(print(found, paths, format));
  return found.some((d) => d.severity === 'error') ? 2 : found.some((d) => d.severity === 'warning') ? 1 : 0;
}

type Checked = Loaded & { readonly path: string };

function advice({ config, tree }: Checked): Diagnostic[] {
  return config === null || tree === null ? [] : advise({ config, tree });
}

function pairAdvice(loaded: readonly Checked[]): Diagnostic[] {
  const [a, b] = loaded.map(({ path, config, tree }) => (config === null || tree === null ? null : { name: path, config, tree }));
  return loaded.length === 2 && a != null && b != null ? advisePair(a, b) : [];
}

function print(found: readonly Diagnostic[], paths: readonly string[], format: CheckOptions['format']): string {
  switch (format) {
    case 'text': return found.map((d) => `${printDiagnostic(d)}\n`).join('') + `${summary(found, paths)}\n`;
    case 'json': return `${JSON.stringify(found.map(forMachines), null, 2)}\n`;
    case 'github': return found.map((d) => `${forGithub(d)}\n`).join('');
  }
}

function summary(found: readonly Diagnostic[], paths: readonly string[]): string {
  const counts = (['error', 'warning', 'note'] as const).map((severity) => [severity, found.filter((d) => d.severity === severity).length] as const).filter(([, count]) => count > 0);
  return `${paths.join(', ')}: ${counts.length === 0 ? 'no faults found' : counts.map(([severity, count]) => `${count} ${severity}${count === 1 ? '' : 's'}`).join(', ')}`;
}

function forMachines({ code, severity, message, remedy, range }: Diagnostic): object {
  return {
    code, severity, message, remedy, file: range?.file ?? null, line: range?.line ?? null, column: range?.column ?? null, endColumn: range?.endColumn ?? null,
    via: range?.chain.map(({ kind, label, file, line }) => ({ kind, label, file, line })) ?? [],
  };
}

/** A workflow command of GitHub Actions. */
function forGithub({ code, severity, message, remedy, range }: Diagnostic): string {
  const level = severity === 'note' ? 'notice' : severity;
  const place = range === null ? '' : `file=${property(range.file)},line=${range.line},col=${range.column},endColumn=${range.endColumn},`;
  return `::${level} ${place}title=${property(code)}::${data(remedy === null ? message : `${message}\n${remedy}`)}`;
}

function data(text: string): string {
  return text.replace(/%/gu, '%25').replace(/\r/gu, '%0D').replace(/\n/gu, '%0A');
}

function property(text: string): string {
  return data(text).replace(/:/gu, '%3A').replace(/,/gu, '%2C');
}
