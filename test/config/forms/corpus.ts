import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { yamlTokens } from '../../../lib/config/forms/read-yaml.ts';
import type { BlockValue } from '../../../lib/config/keyword.ts';
import { type Diagnostic, type FileReader, loadText } from '../../../lib/config/load.ts';
import { UNKNOWN_MACHINE, type Machine } from '../../../lib/config/machine.ts';
import type { Config } from '../../../lib/config/model.ts';
import { reference } from '../reference.ts';

/** The real files of the reference material; see withReference. */
export function corpusFiles(): readonly { readonly name: string; readonly text: string }[] {
  const folder = reference('corpus');
  return readdirSync(folder).filter((name) => name.endsWith('.conf')).sort().map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
}

const NO_FILES: FileReader = { read: () => ({ ok: false, error: 'ENOENT' }), facts: () => ({ kind: 'missing', mode: 0, uid: 0, gid: 0, target: null }), glob: () => [] };

export interface Parsed {
  readonly config: Config;
  readonly tree: BlockValue;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads text by the ending of its name, on a machine of which nothing is known unless another is given. */
export function read(name: string, text: string, machine: Machine = UNKNOWN_MACHINE): Parsed {
  const { config, tree, diagnostics } = loadText(name, text, NO_FILES, { configId: 'test', machine, tree: true, yaml: yamlTokens });
  if (config === null || tree === null) throw new Error(`${name} gave nothing`);
  return { config, tree, diagnostics };
}
