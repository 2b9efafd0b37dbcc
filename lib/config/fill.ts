/** Complaints with blanks in them. */
import type { Args } from './keyword.ts';

/** `{word}`: the first argument; `{name}`: the block's name; `{words}`: all arguments. */
export function fill(template: string, args: Args): string {
  return template.replace(/\{(\w+)\}/gu, (_, what: string) => {
    if (what === 'name') return args.name;
    if (what === 'keyword') return args.words[0] ?? '';
    if (what === 'words') return args.words.slice(args.first).join(' ');
    return args.words[args.first] ?? '';
  });
}
