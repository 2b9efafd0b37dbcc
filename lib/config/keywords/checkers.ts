/** The checkers of a real server (reference part 5). */
import { missingAccount, script, scriptUser, type RawScript } from '../accounts.ts';
import type { Context } from '../context.ts';
import { block, keyword, many, table, type Args, type BlockValue, type ValueType } from '../keyword.ts';
import type { Place } from '../source.ts';
import { BOOLEAN, choice, digitsOnly, FLAG, INT_MAX, integer, seconds, UINT_MAX, word, words } from '../values.ts';
import { parseIp, type IpAddress } from '../../util/ip.ts';
import { beginScript } from '../validate/scripts.ts';
import { weight } from './tracking.ts';

const LONGEST = 4294.967295;
export const noHeader: ValueType<true> = { syntax: '', schema: { type: 'object' }, bare: true, read: () => true };

export interface Endpoint {
  readonly address: IpAddress;
  /** null: the port of the real server. */
  readonly port: number | null;
}

/** `IP [PORT]`. */
export function endpoint(complaint: string): ValueType<Endpoint> {
  return {
    syntax: 'IP [PORT]',
    range: 'port 0..65535',
    schema: { type: 'string' },
    read: (args) => {
      const address = parseIp(args.words[args.first] ?? '');
      const port = args.words[args.first + 1];
      if (address !== null && (port === undefined || isPort(port))) return { address, port: port === undefined ? null : Number(port) };
      args.report({ code: 'invalid-address', message: complaint.replace('{word}', args.words[args.first] ?? '').replace('{port}', port ?? '(null)'), remedy: 'write an address, then a port 0..65535 if there is one' });
      return undefined;
    },
  };
}

export function isPort(text: string): boolean {
  const value = digitsOnly(text);
  return value >= 0 && value <= 65535 && text.length <= 5;
}

const port = integer({ min: 1, max: 65535 }, 'PORT');
const timeout = seconds({ min: 0.000001, max: LONGEST });
const wait = seconds({ min: 0, max: LONGEST });

/** Where and how a check connects. */
const connection = {
  connect_ip: keyword(endpoint('Invalid connect_ip address {word} - ignoring'), 'address to check', { default: "the real server's" }),
  connect_port: keyword(port, 'port to check', { default: "the real server's", invalid: "Invalid checker connect_port '{word}'" }),
  bindto: keyword(endpoint('Invalid bindto address {word} - ignoring'), 'own address of the check', { default: 'the kernel’s choice' }),
  bind_port: keyword(port, 'own port of the check', { default: 'the kernel’s choice', invalid: "Invalid checker bind_port '{word}'" }),
  bind_if: keyword(word('IF', 'interface'), 'interface to bind to'),
  connect_timeout: keyword(timeout, 'limit of the connection', { default: "the real server's, else 5", invalid: 'connect_timeout {word} invalid - ignoring' }),
  fwmark: keyword(integer({ min: 0, max: UINT_MAX }), 'mark of the packets', { default: '0', invalid: "Invalid fwmark connection value '{word}'" }),
};

/** When a check runs and what counts. */
const schedule = {
  retry: keyword(integer({ min: 0, max: UINT_MAX }), 'failed checks before the real server is down', { default: '1; DNS 3, MISC 0', invalid: "Invalid retry connection value '{word}'" }),
  delay_before_retry: keyword(wait, 'wait before a failed check is made again', { default: '1; HTTP 3, DNS delay_loop' }),
  warmup: keyword(wait, 'longest random wait before the first check', { default: "the real server's" }),
  delay_loop: keyword(timeout, 'time between two checks', { default: "the real server's", invalid: "Invalid delay_loop '{word}'" }),
  alpha: keyword(BOOLEAN, 'down until the first success', { default: "the real server's", invalid: 'Invalid alpha parameter {word}' }),
  log_all_failures: keyword(BOOLEAN, 'log every failed check', { default: 'checker_log_all_failures', invalid: 'Invalid log_all_failures parameter {word}' }),
};

const path = (name: string): string => `virtual_server.real_server.${name}`;

const httpSchedule = schedule;

export const tcpCheck = table(path('TCP_CHECK'), { ...connection, ...schedule });
export const pingCheck = table(path('PING_CHECK'), { ...connection, ...schedule });

export const smtpHost = table(path('SMTP_CHECK.host'), { ...connection, ...schedule });
export const smtpCheck = table(path('SMTP_CHECK'), {
  ...connection, ...schedule,
  helo_name: keyword(word('STRING'), 'name sent in HELO', { default: 'smtpchecker.keepalived.org', bare: 'SMTP_CHECK helo name missing' }),
  host: block(noHeader, smtpHost, 'deprecated: a further address, as a checker of its own'),
});

/** Bytes in hex; `x` digits match anything where allowed. A word's last digit may stand alone: `Ab12f 3` is ab 12 0f 03. */
function hex(what: string, wild: boolean): ValueType<string> {
  return {
    syntax: wild ? '[HEX]' : 'HEX',
    range: 'pairs of hexadecimal digits',
    schema: { type: ['string', 'boolean'] },
    ...(wild ? { bare: true } : {}),
    read: (args) => {
      const text = args.words.slice(args.first).map((part) => (part.length % 2 === 0 ? part : `${part.slice(0, -1)}0${part.slice(-1)}`)).join('');
      if ((wild ? /^[0-9a-fx]*$/iu : /^[0-9a-f]+$/iu).test(text)) return text;
      args.report({ code: 'invalid-value', message: `Invalid hex string for UDP_CHECK ${what}`, remedy: 'write bytes as pairs of hexadecimal digits' });
      return undefined;
    },
  };
}

export const udpCheck = table(path('UDP_CHECK'), {
  ...connection, ...schedule,
  payload: keyword(hex('payload', false), 'bytes to send', { default: '32 bytes of text', bare: 'UDP_CHECK payload requires a payload' }),
  require_reply: keyword(hex('reply', true), 'an answer must come, and match', { default: 'silence is a success' }),
  min_reply_length: keyword(integer({ min: 0, max: 65535 }), 'shortest answer', { default: '0', invalid: 'UDP_CHECK min length {word} not valid - must be between 0 & 65535' }),
  max_reply_length: keyword(integer({ min: 0, max: 65535 }), 'longest answer', { default: '255', invalid: 'UDP_CHECK max length {word} not valid - must be between 0 & 65535' }),
});

const DNS_TYPES = ['A', 'NS', 'CNAME', 'SOA', 'MX', 'TXT', 'AAAA', 'RRSIG', 'DNSKEY'] as const;

export const dnsCheck = table(path('DNS_CHECK'), {
  ...connection, ...schedule,
  type: keyword(choice(DNS_TYPES, true), 'record type to ask for', { default: 'SOA', invalid: 'Unknown DNS check type {word} - ignoring' }),
  name: keyword(word('NAME'), 'name to ask for', { default: '. (the root)' }),
});

export const miscCheck = table(path('MISC_CHECK'), {
  ...schedule,
  misc_path: keyword(script('"CMD ARGS"'), 'program to run', { bare: 'No path set for misc_path' }),
  misc_timeout: keyword(seconds({ min: 0, max: LONGEST }, 0), 'limit of its run time', { default: 'delay_loop', invalid: "Invalid misc_timeout value '{word}'" }),
  misc_dynamic: keyword(FLAG, 'exit codes 2..255 set the weight to the code less 2', { default: 'off' }),
  user: keyword(scriptUser((path_) => `Failed to set uid/gid for misc checker script ${path_ === '' ? '' : `'${path_}'`} - removing`), 'account that runs it', { default: 'script_user, else keepalived_script, else that of the daemon', bare: 'No user specified for misc checker script ' }),
}, { begin: beginScript, end: endMisc });

function endMisc(context: Context, block_: BlockValue, close: Place): boolean {
  const path_ = block_.values['misc_path'] as RawScript | undefined;
  if (context.switches.has('user_failed')) return false;
  if (path_?.accountMissing === true && block_.values['user'] === undefined) {
    missingAccount(context, block_, close, `Unable to set default user for misc script ${path_.argv.map((text) => `'${text}'`).join(' ')} - removing`);
    return false;
  }
  if (path_ !== undefined) return true;
  context.report({ code: 'missing-script', place: block_.place, saidAt: close, message: 'No script path has been specified for MISC_CHECKER - skipping', remedy: 'write: misc_path "COMMAND"' });
  return false;
}

export const fileCheck = table(path('FILE_CHECK'), {
  track_file: keyword({ ...word('NAME'), read: (args) => (args.context.isDeclared('track file', args.words[args.first] ?? '') ? args.words[args.first] : undefined) }, 'track_file declared further up', { invalid: 'track_file {word} not found' }),
  weight: keyword(weight(INT_MAX), 'the number in the file counts that many times', { default: "the track_file's", invalid: 'Weight ({word}) for FILE_CHECK must be between [-2147483647..2147483647] inclusive. Ignoring...', bare: 'No weight specified for FILE_CHECK - ignoring' }),
}, {
  end: (context, block_, close) => {
    const name = block_.values.track_file;
    const message = name === undefined ? 'FILE_CHECK has no track_file specified - ignoring' : context.isDeclared('track file', name) ? null : 'FILE_CHECK has no track_file specified - ignoring';
    if (message === null) return true;
    context.report({ code: 'missing-file', place: block_.place, saidAt: close, message, remedy: 'name a track_file that is declared further up' });
    return false;
  },
});

export const bfdCheck = table(path('BFD_CHECK'), {
  name: keyword(word('NAME'), 'bfd_instance declared further up'),
  alpha: keyword(FLAG, 'down until the session is up', { default: 'off' }),
}, {
  end: (context, block_, close) => {
    if (block_.values.name !== undefined) return true;
    context.report({ code: 'missing-name', place: block_.place, saidAt: close, message: 'No name has been specified for BFD_CHECKER - skipping', remedy: 'write: name NAME' });
    return false;
  },
});

const REGEX_OPTIONS = ['allow_empty_class', 'alt_bsux', 'auto_callout', 'caseless', 'dollar_endonly', 'dotall', 'dupnames', 'extended', 'firstline', 'match_unset_backref', 'multiline', 'never_ucp', 'never_utf', 'no_auto_capture', 'no_auto_possess', 'no_dotstar_anchor', 'no_start_optimize', 'ucp', 'ungreedy', 'utf', 'never_backslash_c', 'alt_circumflex', 'alt_verbnames', 'use_offset_limit'] as const;

export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** `N` or `N-M`, any number of them. */
function statusCodes(): ValueType<readonly StatusRange[]> {
  return {
    syntax: 'N[-M]…',
    range: '100..999',
    schema: { type: ['string', 'integer'] },
    read: (args) => {
      const codes: StatusRange[] = [];
      for (const [i, text] of args.words.slice(args.first).entries()) {
        const match = /^([1-9]\d\d)(?:-([1-9]\d\d))?$/u.exec(text);
        const from = Number(match?.[1]);
        const to = Number(match?.[2] ?? match?.[1]);
        if (match !== null && from <= to) codes.push({ from, to });
        else args.report({ code: 'invalid-value', message: `Invalid HTTP_GET status code '${text}'`, remedy: 'write three digits, or two numbers with a - between them' }, args.first + i);
      }
      return codes;
    },
  };
}

const DIGEST_LENGTH = 32;

function digest(): ValueType<string> {
  return {
    syntax: 'MD5',
    range: '32 hexadecimal digits',
    schema: { type: 'string', pattern: '^[0-9a-fA-F]{32}$' },
    read: (args) => {
      const text = args.words[args.first] ?? '';
      if (text.length !== DIGEST_LENGTH) args.report({ code: 'invalid-value', message: `digest '${text}' character length should be 32 rather than ${String(text.length)}` });
      else if (!/^[0-9a-f]+$/iu.test(text)) args.report({ code: 'invalid-value', message: `Unable to interpret hex digit in '${notHex(text)}' at offset ${String(text.indexOf(notHex(text)))}/1` });
      else if (args.context.declare(`digest of ${String(args.context.switches.get('url'))}`, text.toLowerCase(), args.place) !== null) args.report({ code: 'duplicate', severity: 'warning', message: `Digest '${text}' is a duplicate` });
      else return text.toLowerCase();
      return undefined;
    },
  };
}

/** The first pair that is no byte. */
function notHex(text: string): string {
  return text.match(/../gu)?.find((pair) => !/^[0-9a-f]{2}$/iu.test(pair)) ?? '';
}

function regexOptions(): ValueType<readonly string[]> {
  return {
    ...words('OPTION…'),
    complete: REGEX_OPTIONS,
    read: (args) => args.words.slice(args.first).filter((text, i) => {
      if ((REGEX_OPTIONS as readonly string[]).includes(text)) return true;
      args.report({ code: 'invalid-value', message: `Unknown regex option '${text}' - ignoring`, remedy: `known: ${REGEX_OPTIONS.join(', ')}` }, args.first + i);
      return false;
    }),
  };
}

/** The raw line from the first argument on, quotes undone. */
function pattern(): ValueType<string> {
  const inner = script('PATTERN');
  return { ...inner, read: (args: Args) => inner.read(args)?.argv.join(' ') };
}

const urlRows = {
  path: keyword(word('PATH'), 'request target, sent as it stands'),
  digest: many(keyword(digest(), 'MD5 of the body; several may be given')),
  status_code: keyword(statusCodes(), 'codes that are good', { default: '200-299', bare: 'No HTTP_GET status code specified' }),
  virtualhost: keyword(word('NAME'), 'Host header of this URL', { default: "the checker's", bare: 'Missing HTTP_GET virtualhost name' }),
  regex: keyword(pattern(), 'the body must match', { build: 'regex' }),
  regex_no_match: keyword(FLAG, 'the body must not match', { default: 'off', build: 'regex' }),
  regex_options: keyword(regexOptions(), 'PCRE2 options', { build: 'regex' }),
  regex_min_offset: keyword(integer({ min: 0, max: UINT_MAX }), 'first offset of the body that is looked at', { default: '0', build: 'regex' }),
  regex_max_offset: keyword(integer({ min: 0, max: UINT_MAX }), 'last offset of the body; needs use_offset_limit', { default: '0, no limit', build: 'regex' }),
  regex_stack: keyword(words('START MAX'), 'stack sizes, bytes', { build: 'regex' }),
};

export const httpUrl = table(path('HTTP_GET.url'), urlRows, { begin: beginUrl, end: endUrl });
export const sslUrl = table(path('SSL_GET.url'), {
  ...urlRows,
  tls_compliant: keyword(BOOLEAN, 'end TLS with close_notify', { default: 'off', since: '2.3.0', invalid: 'Invalid tls_compliant parameter {word}' }),
}, { begin: beginUrl, end: endUrl });

/** Digests are compared within a URL. */
function beginUrl(context: Context): void {
  context.switches.set('url', Number(context.switches.get('url') ?? 0) + 1);
}

function endUrl(context: Context, block_: BlockValue, close: Place): boolean {
  if (block_.values['path'] !== undefined) return true;
  context.report({ code: 'missing-path', place: block_.place, saidAt: close, message: 'HTTP/SSL_GET checker url has no path - ignoring', remedy: 'write: path /' });
  return false;
}

const httpRows = {
  ...connection, ...httpSchedule,
  nb_get_retry: keyword(integer({ min: 0, max: UINT_MAX }), 'deprecated spelling of retry', { alias: 'retry', deprecated: "nb_get_retry is deprecated - please use 'retry'", invalid: "Invalid nb_get_retry value '{word}'" }),
  virtualhost: keyword(word('NAME'), 'Host header (and SNI) of this checker', { default: "the real server's", bare: 'HTTP_GET virtualhost name missing' }),
  http_protocol: keyword(choice(['1.0', '1.0C', '1.0c', '1.1']), 'version of the request; C adds Connection: close', { default: '1.0', bare: 'Missing http_protocol version', invalid: 'Invalid http_protocol version {word}' }),
  enable_sni: keyword(BOOLEAN, 'send SNI', { default: 'off', invalid: 'Invalid enable_sni parameter {word}' }),
  sni_name: keyword({ ...word('NAME'), bare: true }, 'SNI; implies enable_sni', { default: 'virtualhost', since: '2.4.4' }),
  fast_recovery: keyword(BOOLEAN, 'check the next URL at once while nothing is known to fail', { default: 'off', invalid: 'Invalid fast_recovery parameter {word}' }),
};

export const httpGet = table(path('HTTP_GET'), { ...httpRows, url: block(noHeader, httpUrl, 'a URL to check; several may be given') }, { end: endHttp });
export const sslGet = table(path('SSL_GET'), {
  ...httpRows,
  tls_compliant: keyword(BOOLEAN, 'end TLS with close_notify', { default: 'off', since: '2.3.0', invalid: 'Invalid tls_compliant parameter {word}' }),
  url: block(noHeader, sslUrl, 'a URL to check; several may be given'),
}, { end: endHttp });

function endHttp(context: Context, block_: BlockValue, close: Place): boolean {
  if (block_.values['url'] !== undefined) return true;
  context.report({ code: 'missing-url', place: block_.place, saidAt: close, message: 'HTTP/SSL_GET checker has no urls specified - ignoring', remedy: 'write: url { path / }' });
  return false;
}

