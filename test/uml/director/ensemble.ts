import { HEAD, version, type DirectorCase } from './cases.ts';
import type { Scene } from './timeline.ts';

/** What a world shows after a step, of all cases together. */
export type Seen = Omit<Scene, 'step'>;

/**
 * Several cases in the configuration of one daemon, since daemons are what costs in a user-mode kernel. Each case has virtual
 * addresses of its own: 192.0.2.x of the second stands as 192.0.3.x, 2001:db8::x as 2001:db8:1::x. Real servers' addresses,
 * marks and groups are a case's own anyway, and a script is told whose note it is.
 */
export class Ensemble {
  readonly cases: readonly DirectorCase[];

  constructor(cases: readonly DirectorCase[]) {
    this.cases = cases;
  }

  /** The configuration; `shared`: each case's directory. */
  config(number: 0 | 1 | 2, shared: readonly string[]): string {
    return HEAD + this.cases.map((one, i) => {
      if (!one.config.startsWith(HEAD)) throw new Error(`${one.name}: begins with something else than the others`);
      return placed(version(one.config.slice(HEAD.length), number, shared[i] ?? '').replaceAll('note.sh ', `note.sh ${one.name} `), i);
    }).join('');
  }

  /** Case by case, with the addresses of its own text; what no case can have made stands with the first, where it is one line too many. */
  apart({ table, notes, fifo }: Seen): Seen[] {
    const owners = this.cases.map((one, i) => marks(one, i));
    const owner = (line: string): number => Math.max(0, owners.findIndex((mark) => mark.test(line)));
    const those = (lines: readonly string[], i: number): string[] => lines.filter((line) => owner(line) === i).map((line) => returned(line, i));
    return this.cases.map(({ name }, i) => ({
      table: those(table, i),
      notes: notes.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1)),
      fifo: those(fifo, i),
    }));
  }
}

function placed(text: string, i: number): string {
  return i === 0 ? text : text.replaceAll('192.0.2.', `192.0.${i + 2}.`).replaceAll('2001:db8::', `2001:db8:${i}::`);
}

function returned(text: string, i: number): string {
  return i === 0 ? text : text.replaceAll(`192.0.${i + 2}.`, '192.0.2.').replaceAll(`2001:db8:${i}::`, '2001:db8::');
}

/** By what a line of the table or the FIFO is known to be of this case. */
function marks({ config }: DirectorCase, i: number): RegExp {
  const all = (pattern: RegExp): string[] => [...config.matchAll(pattern)].map(([, what = '']) => what);
  const virtual = [`192.0.${i + 2}.`, i === 0 ? '2001:db8::' : `2001:db8:${i}::`, ...all(/^\S*virtual_server (10\.200\.\S+)/gmu)];
  const real = all(/\b(10\.0\.\d+\.|fd00:0:\d+::)/gu);
  const words = [...all(/fwmark (\d+)/gu).flatMap((mark) => [` -f ${mark} `, `FWM ${mark} `]), ...all(/virtual_server group (\S+)/gu).map((name) => `[${name}]:`)];
  return new RegExp([...new Set([...virtual, ...real, ...words])].map((text) => text.replaceAll(/[.[\]]/gu, '\\$&')).join('|'), 'u');
}
