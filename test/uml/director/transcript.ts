import type { Scene } from './timeline.ts';

/** Scenes as text: `== step`, the table, `script: …` and `fifo: …` lines. */
export function written(scenes: readonly Scene[]): string {
  return scenes.map(({ step, table, notes, fifo }) => [`== ${step}`, ...table, ...notes.map((line) => `script: ${line}`), ...fifo.map((line) => `fifo: ${line}`), ''].join('\n')).join('\n');
}

export function read(text: string): Scene[] {
  return text.split(/^== /mu).slice(1).map((part) => {
    const [step = '', ...lines] = part.split('\n').filter((line) => line !== '');
    const after = (head: string): string[] => lines.filter((line) => line.startsWith(head)).map((line) => line.slice(head.length));
    return { step, table: lines.filter((line) => line.startsWith('-')), notes: after('script: '), fifo: after('fifo: ') };
  });
}
