/** Where a config test of ours ends otherwise than keepalived 2.4.3's, and why. Few, and each on purpose. */

export interface Difference {
  /** Exit codes: keepalived's (of the reference) and ours. */
  readonly theirs: number;
  readonly ours: number;
  readonly why: string;
}

/** Files of the corpus. */
export const CORPUS: Readonly<Record<string, Difference>> = {
  '085.conf': { theirs: 2, ours: 5, why: 'a comment line inside a definition: keepalived’s children take the definition for finished there and stumble over its rest; we read it whole and warn' },
  '086.conf': { theirs: 124, ours: 5, why: 'keepalived did not end within the time limit' },
  '092.conf': { theirs: 0, ours: 5, why: 'keepalived gives up with 0 before the check when its net_namespace does not exist; we check the file' },
};

/** Keywords of the probe, `block keyword`, bare or with the argument 1. None at present. */
export const PROBE: Readonly<Record<string, Difference>> = {};
