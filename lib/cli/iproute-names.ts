/** The name tables of iproute2 on this machine: `/usr/share/iproute2/T`, then `/etc/iproute2/T`, and what is in their `T.d`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../config/machine.ts';

/** Where distributions have put what comes with iproute2. */
const USR = ['/usr/lib/iproute2', '/usr/share/iproute2'];
const ETC = '/etc/iproute2';

/** Names with their numbers; the machine's own files count for more than those that came with iproute2. A file that is not there names nothing. */
export const iprouteNames: NonNullable<Machine['names']> = (table, { usr, etc }) => {
  const names = new Map<string, number>();
  for (const directory of [...(usr === null ? USR : [usr]), etc ?? ETC]) {
    for (const file of [join(directory, table), ...extra(join(directory, `${table}.d`))]) readNames(file, names);
  }
  return names;
};

function extra(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.conf')).sort().map((name) => join(directory, name));
  } catch {
    return []; // Most machines have no such directory.
  }
}

/** `NUMBER NAME` a line, the number in decimal or hexadecimal; `#` begins a comment. */
function readNames(path: string, names: Map<string, number>): void {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return; // A table that cannot be read knows no names, and a name that is used is then complained about.
  }
  for (const line of text.split('\n')) {
    const match = /^\s*(0[xX][0-9a-fA-F]+|\d+)\s+([^\s#]+)/u.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) names.set(match[2], Number(match[1]));
  }
}
