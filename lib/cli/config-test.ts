import { appendFileSync } from 'node:fs';
import { configTestExit, type Diagnostic, distinct, keepalivedLines, printDiagnostic } from '../config/load.ts';
import { load } from './load.ts';
import { defaultConfigId } from './machine.ts';
import type { Settings } from './settings.ts';

/**
 * `--config-test`: keepalived's own lines, each diagnostic behind them with its place and remedy, indented; keepalived's
 * exit codes. To stderr, or appended to a file.
 */
export async function configTest(settings: Settings, log: string | null): Promise<number> {
  const { diagnostics } = await load({ path: settings.configFile, configId: settings.configId ?? defaultConfigId(), allConfigErrors: settings.allConfigErrors });
  const text = testLines(diagnostics).map((line) => `${line}\n`).join('');
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

/** What a configuration test says. */
export function testLines(diagnostics: readonly Diagnostic[]): string[] {
  const several = new Set(diagnostics.map((d) => d.range?.file)).size > 1;
  const details = distinct(diagnostics).flatMap((d) => printDiagnostic(d).split('\n').map((line) => `  ${line}`));
  return [...keepalivedLines(diagnostics, several), ...details];
}
