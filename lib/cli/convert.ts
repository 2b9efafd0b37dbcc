/** `fmt` and `convert`: the same configuration, written differently. */
import { Comments, confComments, type CommentScan } from '../config/forms/comments.ts';
import { formatConf } from '../config/forms/format-conf.ts';
import { writeConf } from '../config/forms/write-conf.ts';
import { writeYaml } from '../config/forms/write-yaml.ts';
import { yamlComments } from '../config/forms/yaml-comments.ts';
import { type Diagnostic, isYaml, printDiagnostic } from '../config/load.ts';
import { CommandFailure, readText, readTree, writeWhole } from './files.ts';

export interface ConvertOptions {
  readonly to: 'yaml' | 'conf';
  readonly output?: string;
  readonly configId?: string;
}

/** Exit code 0; 1 when something was left out, which is said on stderr. */
export function convert(path: string, { to, output, configId }: ConvertOptions): number {
  const { tree, diagnostics, files } = readTree(path, configId);
  const scan: CommentScan = isYaml(path) ? yamlComments : confComments;
  const comments = new Comments(scan);
  const { text, left } = to === 'yaml' ? writeYaml(tree, comments) : { text: writeConf(tree, comments), left: [] };
  if (output === undefined) process.stdout.write(text);
  else writeWhole(output, text);
  const lost = diagnostics.filter(isLoss);
  for (const d of lost) process.stderr.write(`${printDiagnostic(d)}\n`);
  for (const { source, line, words } of left) process.stderr.write(`${source.name}:${line}: '${words[0] ?? ''}' has quotes that are not closed\n`);
  const count = lost.length + left.length;
  if (count > 0) process.stderr.write(`tskeepalived: left out: ${count} statement${count === 1 ? '' : 's'} that the configuration language does not have\n`);
  if (files.length > 1) process.stderr.write(`tskeepalived: joined: ${files.join(', ')}\n`);
  return count > 0 ? 1 : 0;
}

/** What is reported about text that is in no tree: unknown keywords, faulty headers, YAML that is none. */
function isLoss(d: Diagnostic): boolean {
  return d.code === 'unknown-keyword' || d.code === 'missing-argument' || d.code === 'include-failed' || (d.code.startsWith('yaml-') && d.severity === 'error') || (d.code === 'duplicate' && d.message.endsWith('already defined'));
}

export interface FormatOptions {
  readonly write?: boolean;
  readonly check?: boolean;
}

/** To stdout; `write`: into the files; `check`: nothing is written, exit code 1 names what would change. */
export function format(paths: readonly string[], { write = false, check = false }: FormatOptions): number {
  let changed = 0;
  for (const path of paths) {
    if (isYaml(path)) throw new CommandFailure(`${path}: fmt is for conf files; YAML has formatters of its own`);
    const before = readText(path);
    const after = formatConf(before);
    if (!write && !check) process.stdout.write(after);
    else if (after !== before) {
      changed++;
      process.stdout.write(`${path}\n`);
      if (write) writeWhole(path, after);
    }
  }
  return check && changed > 0 ? 1 : 0;
}
