/** Files of the subcommands: read with their tree, written as a whole. */
import { chmodSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { yamlTokens } from '../config/forms/read-yaml.ts';
import { loadConfig, type Loaded, printDiagnostic } from '../config/load.ts';
import { type Machine, UNKNOWN_MACHINE } from '../config/machine.ts';
import { defaultConfigId, fileReader } from './machine.ts';

/** A subcommand that cannot do its work; the text is for the operator. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}

export type Tree = Loaded & { readonly config: NonNullable<Loaded['config']>; readonly tree: NonNullable<Loaded['tree']> };

/** Reads a configuration in either form; throws CommandFailure when there is none. */
export function readTree(path: string, configId: string | undefined, machine: Machine = UNKNOWN_MACHINE): Tree {
  const loaded = loadConfig(path, fileReader, { configId: configId ?? defaultConfigId(), machine, tree: true, yaml: yamlTokens });
  const { config, tree } = loaded;
  if (config === null || tree === null) throw new CommandFailure(loaded.diagnostics.map(printDiagnostic).join('\n'));
  return { ...loaded, config, tree };
}

/** Replaces the file in one step, its mode kept; throws CommandFailure. */
export function writeWhole(path: string, text: string): void {
  const draft = `${path}.${process.pid}.new`;
  try {
    writeFileSync(draft, text, { flag: 'wx', mode: 0o600 });
    const before = statSync(path, { throwIfNoEntry: false });
    chmodSync(draft, before === undefined ? 0o666 & ~process.umask() : before.mode & 0o7777);
    renameSync(draft, path);
  } catch (cause) {
    rmSync(draft, { force: true });
    throw new CommandFailure(`cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/** The text of a file; throws CommandFailure. */
export function readText(path: string): string {
  const result = fileReader.read(path);
  if (!result.ok) throw new CommandFailure(`cannot read ${path}: ${result.error}`);
  return new TextDecoder('utf-8').decode(result.bytes);
}
