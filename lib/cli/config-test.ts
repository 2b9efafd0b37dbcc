import { appendFileSync } from 'node:fs';
import { configTestExit, type Diagnostic, distinct, keepalivedLines, printDiagnostic } from '../config/load.ts';
import { enterNetworkNamespace, namespacePath } from '../linux/namespace.ts';
import { SystemError } from '../system/error.ts';
import { load, type LoadOutcome, type LoadRequest } from './load.ts';
import { defaultConfigId } from './machine.ts';
import type { Settings } from './settings.ts';

/**
 * `--config-test`: keepalived's own lines, each diagnostic behind them with its place and remedy, indented; keepalived's
 * exit codes. To stderr, or appended to a file.
 */
export async function configTest(settings: Settings, log: string | null): Promise<number> {
  const { diagnostics, trouble } = await loadThere({ path: settings.configFile, configId: settings.configId ?? defaultConfigId(), allConfigErrors: settings.allConfigErrors }, settings.namespace);
  const text = [...trouble, ...testLines(diagnostics)].map((line) => `${line}\n`).join('');
  if (log === null) {
    process.stderr.write(text);
    return configTestExit(diagnostics);
  }
  try {
    appendFileSync(log, text);
  } catch (cause) {
    process.stderr.write(`tskeepalived: cannot write ${log}: ${cause instanceof Error ? cause.message : String(cause)}\n`);
    return 1;
  }
  return configTestExit(diagnostics);
}

/** In the network namespace that the configuration, or -s, names: its interfaces count. Where that cannot be, the file is checked all the same. */
export async function loadThere(request: LoadRequest, option: string | null): Promise<LoadOutcome & { readonly trouble: readonly string[] }> {
  const here = option === null ? await load(request) : null;
  const name = option ?? here?.config?.process.namespace ?? null;
  const trouble: string[] = [];
  try {
    if (name !== null) enterNetworkNamespace(namespacePath(name));
  } catch (cause) {
    if (!(cause instanceof SystemError)) throw cause;
    trouble.push(`Failed to open ${namespacePath(name ?? '')}: ${cause.code}`);
  }
  return { ...(here === null || (name !== null && trouble.length === 0) ? await load(request) : here), trouble };
}

/** What a configuration test says. */
export function testLines(diagnostics: readonly Diagnostic[]): string[] {
  const several = new Set(diagnostics.map((d) => d.range?.file)).size > 1;
  const details = distinct(diagnostics).flatMap((d) => printDiagnostic(d).split('\n').map((line) => `  ${line}`));
  return [...keepalivedLines(diagnostics, several), ...details];
}
