/** Reading the configuration: on this thread at the start, in a thread of its own at a reload, so that a large file costs no advertisement. */
import { Worker } from 'node:worker_threads';
import { type Diagnostic, isYaml, loadConfig, type LoadOptions } from '../config/load.ts';
import type { Config } from '../config/model.ts';
import { fileReader, thisMachine } from './machine.ts';
import { vrrpPart } from './parts.ts';

export interface LoadRequest {
  readonly path: string;
  readonly configId: string;
  readonly allConfigErrors: boolean;
  /** Say the effective configuration too (-d). */
  readonly dump?: boolean;
  /** For the process that runs VRRP: without the virtual servers' contents, which other threads and processes look at. */
  readonly vrrp?: boolean;
}

export interface LoadOutcome {
  readonly config: Config | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly files: readonly string[];
  /** Lines of conf text with every effective value, passwords hidden; empty unless asked for. */
  readonly dump: readonly string[];
}

export async function load({ path, configId, allConfigErrors, dump = false, vrrp = false }: LoadRequest): Promise<LoadOutcome> {
  const { config, diagnostics, files, tree } = loadConfig(path, fileReader, { configId, allConfigErrors, machine: thisMachine(), tree: dump, ...(await yamlFor(path)) });
  const lines = config === null || tree === null || !dump ? [] : (await import('../config/forms/effective.ts')).effectiveConf(tree, config, true);
  return { config: vrrp && config !== null ? vrrpPart(config) : config, diagnostics, files, dump: lines };
}

/** The reader of YAML, for a path that needs it: conf files shall not wait for that package. */
export async function yamlFor(path: string): Promise<Pick<LoadOptions, 'yaml'>> {
  return isYaml(path) || /[*?[{]/u.test(path) ? { yaml: (await import('../config/forms/read-yaml.ts')).yamlTokens } : {};
}

/** In a worker; rejects when the worker dies. */
export function loadInWorker(request: LoadRequest): Promise<LoadOutcome> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./load-worker.js', import.meta.url), { workerData: request });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => { reject(new Error(`the configuration reader ended with ${code}`)); });
  });
}
