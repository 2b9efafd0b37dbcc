/** The thread that loadInWorker starts: one request, one answer. */
import { parentPort, workerData } from 'node:worker_threads';
import { load, type LoadRequest } from './load.ts';

parentPort?.postMessage(await load(workerData as LoadRequest));
