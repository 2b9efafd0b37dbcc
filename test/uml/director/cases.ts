import { writeFileSync } from 'node:fs';
import { tcp, type Backend } from './backends.ts';
import type { Pem } from './certificate.ts';

/** A configuration, and what its checkers ask. Addresses 10.0.N.x and fd00:0:N::x are a case's own. */
export interface DirectorCase {
  /** Also the transcript's name. */
  readonly name: string;
  /**
   * keepalived.conf. A line that begins with #0, #1, #2 (or several: #12) stands only in that version: 0 at the start, 1 and 2
   * after the first and the second reload. @DIR@ is the world's directory, @SHARED@ the case's, alike for both daemons.
   */
  readonly config: string;
  /** What dies first and second. */
  readonly backends: (means: { readonly pem: Pem; readonly shared: string }) => readonly [Backend, Backend, ...Backend[]];
}

/** Checks every second, and one more a second after a failure. */
export const PACE = 'delay_loop 1\n  warmup 0\n  retry 1\n  delay_before_retry 1\n  connect_timeout 10';

export const HEAD = `global_defs {
  script_user root
  enable_script_security
  lvs_notify_fifo @DIR@/fifo
}
`;

/** notify_up and notify_down of a real server. */
export function notes(name: string): string {
  return `notify_up "@DIR@/note.sh ${name} up"\n    notify_down "@DIR@/note.sh ${name} down"`;
}

/** A server that listens at 10.0.N.1, one at 10.0.N.2, … */
export function tcps(n: number, port: number, count = 2): [Backend, Backend, ...Backend[]] {
  const [first, second, ...more] = Array.from({ length: count }, (_, i) => tcp(`10.0.${n}.${i + 1}`, port));
  if (first === undefined || second === undefined) throw new Error('two at least');
  return [first, second, ...more];
}

/** A script that says what is in the file named by its argument: an exit status, 99 when there is none. */
export function script(shared: string): Backend {
  return {
    up: () => Promise.resolve(writeFileSync(`${shared}/check.sh`, `#!/bin/sh\nread status <${shared}/$1 || exit 99\nexit $status\n`, { mode: 0o755 })),
    down: () => Promise.reject(new Error('the script itself stays')),
  };
}

/** The configuration of one version. */
export function version(config: string, number: 0 | 1 | 2, shared: string): string {
  const lines = config.split('\n').flatMap((line) => {
    const [, marks, text = ''] = /^#([012]+)(.*)$/u.exec(line) ?? [];
    return marks === undefined ? [line] : marks.includes(String(number)) ? [text] : [];
  });
  return lines.join('\n').replaceAll('@SHARED@', shared);
}

/** Addresses of this machine that a configuration's checkers may ask for. */
export function addressesOf(config: string): string[] {
  return [...new Set(config.match(/\b10\.0\.\d+\.\d+\b|\bfd00:0:\d+::\d+\b/gu) ?? [])];
}
