/** What people say to `tskeepalived toa`, and what it says to them. */
import { familyOf, networkOf, parsePrefix, printPrefix, type Prefix } from '../../util/ip.ts';

export interface ToaStatus {
  readonly installed: boolean;
  readonly directors: readonly {
    /** ADDRESS/LENGTH */
    readonly director: string;
    /** First packets of connections that came from there. */
    readonly connections: number;
    /** Those that brought the client's address. */
    readonly withAddress: number;
  }[];
}

/** `ADDR[,ADDR|PREFIX]…`, each network once; what is wrong, as text. */
export function readDirectors(words: readonly string[]): Prefix[] | string {
  const directors = new Map<string, Prefix>();
  for (const word of words.flatMap((some) => some.split(',')).map((one) => one.trim()).filter((one) => one !== '')) {
    const prefix = parsePrefix(word);
    if (prefix === null) return `'${word}' is no address and no network; write for example --directors 10.0.0.21,10.0.0.32/28`;
    if (familyOf(prefix.address) !== 'inet') return `${word}: the option carries IPv4 addresses alone, and comes from IPv4 directors alone; leave it out`;
    if (prefix.length === 0) return `${word} would believe everybody, also clients that lie; write the local addresses of the directors (local_address_group)`;
    const network = networkOf(prefix);
    directors.set(printPrefix(network), network);
  }
  return directors.size === 0 ? 'no director is named; write for example --directors 10.0.0.21,10.0.0.32/28' : [...directors.values()];
}

/** Of the option that carries the client's address. */
export const TOA_LIMITS = [
  'IPv4 and TCP alone',
  'a client whose first packet has no TCP timestamps (Windows by default) shows as a local address',
  'its connections go without TCP timestamps (and so without PAWS)',
  'a real server needs connection tracking and a route to its clients; two virtual addresses of one client port to one server may collide',
  'a real server believes its --directors: name local addresses of directors, and nothing else',
] as const;

export function statusText({ installed, directors }: ToaStatus): string {
  if (!installed) return 'not installed: programs see the local addresses of the directors; tskeepalived toa install --directors ADDRESS,…\n';
  const rows = [['director', 'connections', "with the client's address"], ...directors.map((one) => [one.director, String(one.connections), String(one.withAddress)])];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)) + 2);
  const table = rows.map(([director = '', connections = '', clients = '']) => `${director.padEnd(widths[0] ?? 0)}${connections.padEnd(widths[1] ?? 0)}${clients}\n`);
  const silent = directors.filter((one) => one.connections > 0 && one.withAddress === 0).map(({ director }) => `${director} has sent no client's address: is 'toa on' in the director's virtual_server?\n`);
  return ['installed (nftables table ip tsk_toa)\n', ...table, ...silent, '\nLimits:\n', ...TOA_LIMITS.map((text) => `  - ${text}\n`)].join('');
}
