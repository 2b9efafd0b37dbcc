import { appendFileSync } from 'node:fs';
import { configTestExit, distinct, keepalivedLines, printDiagnostic } from '../config/load.ts';
import { load } from './load.ts';
import { defaultConfigId } from './machine.ts';
import type { Settings } from './settings.ts';

/**
 * `--config-test`: keepalived's own lines, each diagnostic behind them with its place and remedy, indented; keepalived's
 * exit codes. To stderr, or appended to a file.
 */
export async function configTest(settings: Settings, log: string | null): Promise<number> {
  const { diagnostics } = await load({ path: settings.configFile, configId: settings.configId ?? defaultConfigId(), allConfigErrors: settings.allConfigErrors });
  const several = new Set(diagnostics.map((d) => d.range?.file)).size > 1;
  const details = distinct(diagnostics).flatMap((d) => printDiagnostic(d).split('\n').map((line) => `  ${line}`));
  const text = [...keepalivedLines(diagnostics, several), ...details].map((line) => `${line}\n`).join('');
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
