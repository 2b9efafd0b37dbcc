/** File → Config and diagnostics: the front door of this room. */
import { Context } from './context.ts';
import type { Diagnostic, Report } from './diagnostic.ts';
import { root } from './keywords/root.ts';
import type { BlockValue } from './keyword.ts';
import type { FileReader, Machine } from './machine.ts';
import type { Config } from './model.ts';
import { parse } from './parser.ts';
import { decode, Reader } from './reader.ts';
import { buildConfig, type RootBlock } from './validate/config.ts';

export { configTestExit, keepalivedLine, keepalivedLines, printDiagnostic, startFatal, type Diagnostic } from './diagnostic.ts';
export type { Account, FileFacts, FileReader, LinkFacts, Machine, ReadResult } from './machine.ts';

export interface LoadOptions {
  /** Identity of `@ID` lines; the host name up to the first dot unless -i says otherwise. */
  readonly configId: string;
  /** Every include failure is an error (-e). */
  readonly allConfigErrors?: boolean;
  readonly machine: Machine;
}

export interface Loaded {
  /** null: nothing usable, as with a missing file. Faulty items are left out or have their default. */
  readonly config: Config | null;
  readonly diagnostics: readonly Diagnostic[];
  /** All files read, in order, includes too; for watching and for the log. */
  readonly files: readonly string[];
  /** The blocks as read, for other forms of the same text; null when `config` is. */
  readonly tree: BlockValue | null;
}

/** Reads `path`, which may be a glob as with `-f`, and everything that it includes. Never throws for what a file contains. */
export function loadConfig(path: string, files: FileReader, options: LoadOptions): Loaded {
  const context = newContext(options);
  const reader = newReader(files, options, context);
  const paths = /[*?[{]/u.test(path) ? files.glob(path, '') : [path];
  let readable = 0;
  if (paths.length > 1) {
    context.report({ code: 'several-files', severity: 'warning', recorded: 'multiple-files', message: `WARNING, more than one file matches configuration file ${path}, using ${paths[0] ?? ''}`, pass: 'parent', remedy: 'all of them are read, in this order' });
  }
  for (const file of paths.toReversed()) {
    const result = files.read(file);
    if (result.ok) {
      readable++;
      reader.pushFile(file, decode(result.bytes), null);
    } else context.report(unreadable(file, result.error));
  }
  if (paths.length === 0) context.report(unreadable(path, 'ENOENT'));
  if (readable === 0) return { config: null, diagnostics: context.diagnostics, files: [], tree: null };
  return finish(reader, context);
}

/** Reads text that is already at hand; `name` is what diagnostics call it. */
export function loadText(name: string, text: string, files: FileReader, options: LoadOptions): Loaded {
  const context = newContext(options);
  const reader = newReader(files, options, context);
  reader.pushFile(name, text, null);
  return finish(reader, context);
}

function finish(reader: Reader, context: Context): Loaded {
  const tree = parse(reader, root, context);
  const config = buildConfig(tree as unknown as RootBlock, context);
  return { config, diagnostics: context.diagnostics, files: reader.files, tree };
}

function newContext(options: LoadOptions): Context {
  const all = options.allConfigErrors === true;
  return new Context(options.machine, options.configId, { read: all, match: all, wildcard: all, brace: all });
}

function newReader(files: FileReader, options: LoadOptions, context: Context): Reader {
  const reader = new Reader(files, options.machine, options.configId, context.includeRules, (report: Report) => { context.report(report); });
  context.setRandomSeed = (seed) => { reader.expander.randomSeed = seed; };
  return reader;
}

/** keepalived's config test calls this a success (reference 1.2); a daemon does not start. */
function unreadable(path: string, error: string): Report {
  return {
    code: 'no-configuration', recorded: 'none', pass: 'parent', startExit: 6,
    message: `cannot read the configuration file '${path}': ${ERRNO[error] ?? error}`,
    wording: `Config files missing '${path}'.`, saidAt: null,
    remedy: error === 'ENOENT' ? 'name another one with -f FILE' : error === 'EISDIR' ? 'name a file in it with -f' : null,
  };
}

const ERRNO: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};
