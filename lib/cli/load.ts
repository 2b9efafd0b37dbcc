/** Reading the configuration: on this thread at the start, in a thread of its own at a reload, so that a large file costs no advertisement. */
import { Worker } from 'node:worker_threads';
import { type Diagnostic, isYaml, loadConfig, type LoadOptions } from '../config/load.ts';
import type { Config } from '../config/model.ts';
import { fileReader, thisMachine } from './machine.ts';

export interface LoadRequest {
  readonly path: string;
  readonly configId: string;
  readonly allConfigErrors: boolean;
}

export interface LoadOutcome {
  readonly config: Config | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly files: readonly string[];
}

export async function load({ path, configId, allConfigErrors }: LoadRequest): Promise<LoadOutcome> {
  const { config, diagnostics, files } = loadConfig(path, fileReader, { configId, allConfigErrors, machine: thisMachine(), ...(await yamlFor(path)) });
  return { config, diagnostics, files };
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
