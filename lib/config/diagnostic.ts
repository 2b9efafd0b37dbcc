/** Diagnostics: what is wrong with a configuration, where, and what to do about it. */
import { inFile, rangeOf, type Place, type Range } from './source.ts';

export type Severity = 'error' | 'warning' | 'note';

/**
 * The classes that keepalived ranks for the exit code of a config test, lowest first (reference 1.2). `none` is ours: said to
 * people, without a say in the exit code.
 */
export const RECORDED = [
  'none', 'file-not-found', 'bad-interface', 'fatal', 'multiple-files', 'unknown-keyword', 'unexpected-open', 'missing-open',
  'unexpected-close', 'missing-close', 'unmatched-quote', 'missing-parameter', 'invalid-number', 'general', 'warning',
  'deprecated', 'security',
] as const;
export type Recorded = (typeof RECORDED)[number];

/** The process of keepalived that would say it; `children`: the checker and the VRRP process; `all`: each of the three in turn. */
export type Pass = 'parent' | 'checker' | 'vrrp' | 'children' | 'all';

export interface Diagnostic {
  /** Stable, for `tskeepalived explain` and for machines. */
  readonly code: string;
  readonly severity: Severity;
  readonly recorded: Recorded;
  readonly range: Range | null;
  readonly message: string;
  readonly remedy: string | null;
  /** keepalived's own words, without the prefix; null when it would not say it. */
  readonly wording: string | null;
  /** Line of keepalived's prefix; null: it gives none. */
  readonly wordingLine: { readonly file: string; readonly line: number } | null;
  readonly pass: Pass;
  /** Exit code of a daemon that may not start because of this; null when it may. */
  readonly startExit: 1 | 2 | 6 | null;
  /** Exit code of a config test that stops here, whatever else there is; null: `recorded` decides. */
  readonly testExit: 2 | 6 | null;
}

/** Everything but the code has a default: an error of class `general`, said while parsing. */
export interface Report {
  readonly code: string;
  readonly message: string;
  readonly place?: Place | null;
  readonly severity?: Severity;
  readonly recorded?: Recorded;
  readonly remedy?: string | null;
  /** Default: the message; null: keepalived is silent. */
  readonly wording?: string | null;
  /** Where keepalived was when it said it; null: no prefix. Default: `place`. */
  readonly saidAt?: Place | null;
  readonly pass?: Pass;
  readonly startExit?: 1 | 2 | 6 | null;
  readonly testExit?: 2 | 6 | null;
}

export function diagnostic(report: Report, pass: Pass): Diagnostic {
  const place = report.place ?? null;
  const said = report.saidAt === undefined ? place : report.saidAt;
  const file = said === null ? null : inFile(said);
  return {
    code: report.code,
    severity: report.severity ?? 'error',
    recorded: report.recorded ?? 'general',
    range: place === null ? null : rangeOf(place),
    message: report.message,
    remedy: report.remedy ?? null,
    wording: report.wording === undefined ? report.message : report.wording,
    wordingLine: file === null ? null : { file: file.source.name, line: file.line },
    pass: report.pass ?? pass,
    startExit: report.startExit ?? null,
    testExit: report.testExit ?? null,
  };
}

/** For people: `file:line:column: severity: message [code]`, the line, a caret, the way it was reached, the remedy. */
export function printDiagnostic(d: Diagnostic): string {
  const lines: string[] = [];
  const where = d.range === null ? '' : `${d.range.file}:${String(d.range.line)}:${String(d.range.column)}: `;
  lines.push(`${where}${d.severity}: ${d.message} [${d.code}]`);
  if (d.range !== null) {
    if (d.range.sourceLine.trim() !== '') lines.push(...excerpt(d.range));
    for (const link of d.range.chain) lines.push(`  ${CHAIN_WORDS[link.kind]} ${link.label} at ${link.file}:${String(link.line)}`);
  }
  if (d.remedy !== null) lines.push(`  help: ${d.remedy}`);
  return lines.join('\n');
}

const CHAIN_WORDS = { include: 'included by', macro: 'expanded from', sequence: 'repeated by', yaml: 'written as' } as const;

function excerpt(range: Range): string[] {
  const number = String(range.line);
  const before = range.sourceLine.slice(0, range.column - 1).replace(/[^\t]/gu, ' ');
  const carets = '^'.repeat(Math.max(1, range.endColumn - range.column));
  return [`  ${number} | ${range.sourceLine}`, `  ${' '.repeat(number.length)} | ${before}${carets}`];
}

/**
 * The line as keepalived says it, with its prefix: `(Line N) ` in the parent of a single file, `(FILE: Line N) ` otherwise;
 * null when keepalived would say nothing.
 */
export function keepalivedLine(d: Diagnostic, severalFiles = false, pass: Pass = d.pass): string | null {
  if (d.wording === null) return null;
  if (d.wordingLine === null) return d.wording;
  const line = `Line ${String(d.wordingLine.line)}`;
  return pass === 'parent' && !severalFiles ? `(${line}) ${d.wording}` : `(${d.wordingLine.file}: ${line}) ${d.wording}`;
}

/** All that keepalived says in a config test, in its order: the parent's pass, the checker's, the VRRP process'. */
export function keepalivedLines(
  diagnostics: readonly Diagnostic[], severalFiles = false, passes: readonly Pass[] = ['parent', 'checker', 'vrrp'],
): string[] {
  const lines: string[] = [];
  for (const pass of passes) {
    for (const d of diagnostics) {
      if (!saysIt(d.pass, pass)) continue;
      const line = keepalivedLine(d, severalFiles, pass);
      if (line !== null) lines.push(line);
      if (d.testExit === 2) return lines;
    }
  }
  return lines;
}

/** Exit code of `--config-test` (reference 1.2): 0, 2, 4, 5 or 6. */
export function configTestExit(diagnostics: readonly Diagnostic[]): 0 | 2 | 4 | 5 | 6 {
  const stop = diagnostics.find((d) => d.testExit !== null);
  if (stop !== undefined && stop.testExit !== null) return stop.testExit;
  let highest = 0;
  for (const d of diagnostics) highest = Math.max(highest, RECORDED.indexOf(d.recorded));
  if (highest === 0) return 0;
  if (highest <= RECORDED.indexOf('fatal')) return 4;
  return highest === RECORDED.indexOf('security') ? 6 : 5;
}

/** Whether a daemon may start with this: null, or the code that it exits with (reference 2.8, 2.9). */
export function startFatal(diagnostics: readonly Diagnostic[]): 1 | 2 | 6 | null {
  return diagnostics.find((d) => d.startExit !== null)?.startExit ?? null;
}

function saysIt(pass: Pass, now: Pass): boolean {
  return pass === now || pass === 'all' || (pass === 'children' && now !== 'parent');
}
