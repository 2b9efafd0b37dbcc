import { parseIp } from '../util/ip.ts';
import type { Millis } from '../util/time.ts';

export interface GenhashOptions {
  readonly server: string;
  readonly port: number;
  readonly url: string;
  readonly tls: boolean;
  readonly sni: boolean;
  readonly virtualHost: string | null;
  readonly protocol: '1.0' | '1.0C' | '1.1';
  readonly mark: number;
  readonly timeout: Millis;
  readonly verbose: boolean;
}

export const USAGE = `Usage: tskeepalived genhash COMMAND [OPTIONS]
Commands:
   -s server-address -p port -u url
   -S -s server-address -p port -u url
   -h

Options:
Either long or short options are allowed.
   --use-ssl         -S       Use SSL connection to remote server.
   --use-sni         -I       Use SNI during SSL handshake (uses virtualhost setting; see -V).
   --server          -s       Use the specified remote server address.
   --port            -p       Use the specified remote server port.
   --url             -u       Use the specified remote server url.
   --use-virtualhost -V       Use the specified virtualhost in GET query.
   --verbose         -v       Use verbose mode output.
   --help            -h       Display this short inlined help screen.
   --fwmark          -m       Use the specified FW mark.
   --protocol        -P       Use the specified HTTP protocol - '1.0', 1.0c', '1.1'.
                                1.0c means 1.0 with 'Connection: close'
   --timeout         -t       Timeout in seconds
`;

const LONG: Readonly<Record<string, string>> = {
  'use-ssl': 'S', 'use-sni': 'I', server: 's', port: 'p', url: 'u', 'use-virtualhost': 'V', verbose: 'v', help: 'h', fwmark: 'm', protocol: 'P', timeout: 't',
};
const WITH_VALUE = 'spuVmPt';
const PROTOCOLS: Readonly<Record<string, GenhashOptions['protocol']>> = { '1.0': '1.0', '1.0c': '1.0C', '1.0C': '1.0C', '1.1': '1.1' };
const DEFAULT_TIMEOUT = 5;
const UINT_MAX = 0xffffffff;

/** The words of the command line, genhash's own excepted. `problem` '': something is missing, and the usage says what. */
export function parseWords(argv: readonly string[]): GenhashOptions | 'help' | { readonly problem: string } {
  const given = new Map<string, string>();
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (!word.startsWith('-') || word === '-') return { problem: `Unexpected argument(s): ${word}` };
    const problem = word.startsWith('--') ? longWord(word.slice(2), rest, given) : shortWord(word.slice(1), rest, given);
    if (problem !== null) return { problem };
  }
  return given.has('h') ? 'help' : optionsOf(given);
}

function longWord(word: string, rest: string[], given: Map<string, string>): string | null {
  const [name = '', attached] = word.split(/=(.*)/su, 2);
  const known = Object.keys(LONG).filter((one) => one === name || one.startsWith(name));
  const letter = LONG[known.includes(name) ? name : known.length === 1 ? (known[0] ?? '') : ''];
  if (letter === undefined) return `Unknown option --${name}`;
  return take(letter, attached, rest, given);
}

function shortWord(letters: string, rest: string[], given: Map<string, string>): string | null {
  for (let i = 0; i < letters.length; i++) {
    const letter = letters.charAt(i);
    if (!Object.values(LONG).includes(letter)) return `Unknown option -${letter}`;
    const attached = letters.slice(i + 1);
    const problem = take(letter, attached === '' || !WITH_VALUE.includes(letter) ? undefined : attached, rest, given);
    if (problem !== null) return problem;
    if (WITH_VALUE.includes(letter)) break;
  }
  return null;
}

function take(letter: string, attached: string | undefined, rest: string[], given: Map<string, string>): string | null {
  const value = WITH_VALUE.includes(letter) ? (attached ?? rest.shift()) : '';
  if (value === undefined) return `Missing parameter for option -${letter}`;
  given.set(letter, value);
  return null;
}

function optionsOf(given: ReadonlyMap<string, string>): GenhashOptions | { readonly problem: string } {
  const server = given.get('s');
  const port = number(given.get('p'), 1, 65535);
  const mark = number(given.get('m') ?? '0', 0, UINT_MAX);
  const timeout = number(given.get('t') ?? String(DEFAULT_TIMEOUT), 1, UINT_MAX / 1000);
  const protocol = PROTOCOLS[given.get('P') ?? '1.0'];
  const url = given.get('u');
  if (server !== undefined && parseIp(server) === null) return { problem: `server should be an IP, not ${server}` };
  if (given.has('p') && port === null) return { problem: `invalid port number '${given.get('p') ?? ''}'` };
  if (mark === null) return { problem: `invalid fwmark '${given.get('m') ?? ''}'` };
  if (timeout === null) return { problem: `invalid timeout '${given.get('t') ?? ''}'` };
  if (protocol === undefined) return { problem: `invalid HTTP protocol version '${given.get('P') ?? ''}'` };
  if (server === undefined || port === null || url === undefined) return { problem: '' };
  return { server, port, url, mark, protocol, timeout: timeout * 1000, tls: given.has('S'), sni: given.has('I'), virtualHost: given.get('V') ?? null, verbose: given.has('v') };
}

function number(text: string | undefined, least: number, most: number): number | null {
  const value = text !== undefined && /^\d{1,10}$/u.test(text) ? Number(text) : NaN;
  return value >= least && value <= most ? value : null;
}
