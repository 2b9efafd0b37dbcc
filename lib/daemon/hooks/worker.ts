import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { describeProblem } from './problem.ts';
import type { HookAnswer, HookCall } from './protocol.ts';

/** One life of the operator's code. */
export interface HookWorker {
  call(call: HookCall): void;
  /** Ends it, even in an endless loop; `ended` follows. */
  terminate(): void;
}

export interface HookWorkerEvents {
  answered(answer: HookAnswer): void;
  /** It is gone; why, in words. Nothing comes after it. */
  ended(reason: string): void;
  /** It printed something. */
  printed(chunk: string): void;
}

export type StartHookWorker = (file: string, events: HookWorkerEvents) => HookWorker;

/** The hooks must not take the memory that the daemon needs; in MB. */
const LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 };

/** Starts the thread that runs host.ts. What it prints becomes log lines, since stdout is not ours to give away. */
export const startHookWorker: StartHookWorker = (file, events) => {
  const worker = new Worker(new URL('./host.js', import.meta.url), { name: 'hooks', workerData: { file }, execArgv: [], stdout: true, stderr: true, resourceLimits: LIMITS });
  let cause: string | null = null;
  worker.on('message', (answer: HookAnswer) => events.answered(answer));
  worker.on('messageerror', (error) => (cause = error.message));
  worker.on('error', (error) => (cause = describeProblem(error, file)));
  worker.on('exit', (code) => events.ended(cause ?? `exit code ${String(code)}`));
  for (const stream of [worker.stdout, worker.stderr] as Readable[]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => events.printed(chunk));
  }
  return {
    call: (call) => worker.postMessage(call),
    terminate: () => void worker.terminate(),
  };
};
