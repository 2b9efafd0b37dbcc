/** File → Config and diagnostics: the front door of this room. */
import { Context } from './context.ts';
import type { Diagnostic, Report } from './diagnostic.ts';
import { root } from './keywords/root.ts';
import { JoinedTokens } from './joined-tokens.ts';
import { BlockValue, type Table } from './keyword.ts';
import type { FileReader, Machine } from './machine.ts';
import type { Config } from './model.ts';
import { parse, type Tokens } from './parser.ts';
import { decode, Reader } from './reader.ts';
import { buildConfig } from './validate/config.ts';

export { configTestExit, keepalivedLine, keepalivedLines, printDiagnostic, startFatal, type Diagnostic } from './diagnostic.ts';
export type { Account, FileFacts, FileReader, LinkFacts, Machine, ReadResult } from './machine.ts';

export interface LoadOptions {
  /** Identity of `@ID` lines; the host name up to the first dot unless -i says otherwise. */
  readonly configId: string;
  /** Every include failure is an error (-e). */
  readonly allConfigErrors?: boolean;
  readonly machine: Machine;
  /** Keep every statement, for other forms of the same text (`Loaded.tree`). */
  readonly tree?: boolean;
  /** Reads files named .yaml or .yml: `yamlTokens` of forms/read-yaml.ts. Handed in, so that nobody loads that package for nothing. */
  readonly yaml?: YamlReader;
}

export type YamlReader = (name: string, text: string, table: Table, report: (report: Report) => void) => Tokens;

/** Whether a file of this name is read as YAML. */
export function isYaml(path: string): boolean {
  return /\.ya?ml$/u.test(path);
}

export interface Loaded {
  /** null: nothing usable, as with a missing file. Faulty items are left out or have their default. */
  readonly config: Config | null;
  readonly diagnostics: readonly Diagnostic[];
  /** All files read, in order, includes too; for watching and for the log. */
  readonly files: readonly string[];
  /** The blocks as read; null when `config` is, or `LoadOptions.tree` was not asked for. */
  readonly tree: BlockValue | null;
}

/** Reads `path`, which may be a glob as with `-f`, and everything that it includes. Never throws for what a file contains. */
export function loadConfig(path: string, files: FileReader, options: LoadOptions): Loaded {
  const context = newContext(options);
  const paths = /[*?[{]/u.test(path) ? files.glob(path, '') : [path];
  const texts: NamedText[] = [];
  if (paths.length > 1) {
    context.report({ code: 'several-files', severity: 'warning', recorded: 'multiple-files', message: `WARNING, more than one file matches configuration file ${path}, using ${paths[0] ?? ''}`, pass: 'parent', remedy: 'all of them are read, in this order' });
  }
  for (const file of paths) {
    const result = files.read(file);
    if (result.ok) texts.push({ name: file, text: decode(result.bytes) });
    else context.report(unreadable(file, result.error));
  }
  if (paths.length === 0) context.report(unreadable(path, 'ENOENT'));
  if (texts.length === 0) return { config: null, diagnostics: context.diagnostics, files: [], tree: null };
  return read(texts, context.diagnostics, files, options);
}

/** Reads text that is already at hand; `name` is what diagnostics call it. */
export function loadText(name: string, text: string, files: FileReader, options: LoadOptions): Loaded {
  return read([{ name, text }], [], files, options);
}

interface NamedText {
  readonly name: string;
  readonly text: string;
}

/** Reads at once; where braces are out of order, or a block stands above a setting that it needs, again as each of keepalived's processes does. */
function read(texts: readonly NamedText[], before: readonly Diagnostic[], files: FileReader, options: LoadOptions): Loaded {
  const context = newContext(options);
  context.diagnostics.push(...before);
  const reader = newReader(texts, files, options, context);
  const tree = parse(reader, root, context, null, options.tree === true || texts.some(({ name }) => isYaml(name)));
  if (context.tangled || context.late) return readInPasses(texts, before, files, options);
  const config = buildConfig(tree, context);
  return { config, diagnostics: context.diagnostics, files: reader.files, tree: options.tree === true ? tree : null };
}

function readInPasses(texts: readonly NamedText[], before: readonly Diagnostic[], files: FileReader, options: LoadOptions): Loaded {
  const context = newContext(options);
  context.diagnostics.push(...before);
  const trees: BlockValue[] = [];
  let read: readonly string[] = [];
  for (const pass of ['parent', 'checker', 'vrrp'] as const) {
    context.declared.clear();
    const reader = newReader(texts, files, options, context);
    trees.push(parse(reader, root, context, pass, options.tree === true || texts.some(({ name }) => isYaml(name))));
    read = reader.files;
  }
  const tree = trees.reduce(merge);
  const config = buildConfig(tree, context);
  return { config, diagnostics: context.diagnostics, files: read, tree: options.tree === true ? tree : null };
}

/** What two passes found, as one; what both read counts once. */
function merge(one: BlockValue, other: BlockValue): BlockValue {
  const both = new BlockValue<unknown>(one.table, one.name, one.header, one.place);
  Object.assign(both.values, one.values, other.values);
  const known = new Set(one.statements.map((s) => `${s.source.name} ${String(s.line)} ${String(s.start)} ${s.words.join(' ')}`));
  const all = [...one.statements, ...other.statements.filter((s) => !known.has(`${s.source.name} ${String(s.line)} ${String(s.start)} ${s.words.join(' ')}`))];
  for (const statement of all) {
    statement.next = null;
    both.add(statement);
  }
  return both;
}

/** Each finding once: in tangled files keepalived's processes say the same in turn. */
export function distinct(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Set<string>();
  return diagnostics.filter((d) => {
    const key = `${d.code} ${d.message} ${d.range?.file ?? ''} ${String(d.range?.line ?? 0)} ${String(d.range?.column ?? 0)}`;
    return !seen.has(key) && seen.add(key).size > 0;
  });
}

function newContext(options: LoadOptions): Context {
  const all = options.allConfigErrors === true;
  return new Context(options.machine, options.configId, { read: all, match: all, wildcard: all, brace: all });
}

function newReader(texts: readonly NamedText[], files: FileReader, options: LoadOptions, context: Context): Tokens & { readonly files: readonly string[] } {
  if (texts.some(({ name }) => isYaml(name))) return new JoinedTokens(texts.map((one) => () => (isYaml(one.name) ? yamlReader(one, options, context) : confReader([one], files, options, context))));
  return confReader(texts, files, options, context);
}

function yamlReader({ name, text }: NamedText, options: LoadOptions, context: Context): Tokens & { readonly files: readonly string[] } {
  if (options.yaml === undefined) throw new Error(`${name}: no reader of YAML was given`);
  return Object.assign(options.yaml(name, text, root, (report) => { context.report(report); }), { files: [name] });
}

function confReader(texts: readonly NamedText[], files: FileReader, options: LoadOptions, context: Context): Reader {
  const reader = new Reader(files, options.machine, options.configId, context.includeRules, (report: Report) => { context.report(report); });
  context.setRandomSeed = (seed) => { reader.expander.randomSeed = seed; };
  for (const { name, text } of texts.toReversed()) reader.pushFile(name, text, null);
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
