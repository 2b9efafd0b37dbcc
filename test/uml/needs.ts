import type { Context } from 'mocha';
import { requirePrograms, skip } from '../needs.ts';

/** The suite runs in the user-mode kernel, which has IPVS; `node test/run.mjs` starts it there (test/uml/uml-run says how). */
export function requireUml(test: Context, ...programs: string[]): void {
  if (process.env['UML_RUN'] !== '1') skip(test, 'needs the user-mode kernel: apt-get install user-mode-linux');
  requirePrograms(test, 'ip', ...programs);
}
