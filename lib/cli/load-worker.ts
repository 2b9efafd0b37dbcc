/** A reload's parsing, in a thread of its own: a large file costs no advertisement. */
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { type Diagnostic, loadConfig } from '../config/load.ts';
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

/** On this thread; for the start and the config test. */
export function load({ path, configId, allConfigErrors }: LoadRequest): LoadOutcome {
  const { config, diagnostics, files } = loadConfig(path, fileReader, { configId, allConfigErrors, machine: thisMachine() });
  return { config, diagnostics, files };
}

/** In a worker; rejects when the worker dies. */
export function loadInWorker(request: LoadRequest): Promise<LoadOutcome> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: request });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => { reject(new Error(`the configuration reader ended with ${code}`)); });
  });
}

if (!isMainThread) parentPort?.postMessage(load(workerData as LoadRequest));
