/** authentication and auth_hmac of a vrrp_instance. Secrets are read and never printed. */
import type { Context } from '../context.ts';
import { keyword, many, table, type Args, type BlockValue, type ValueType } from '../keyword.ts';
import type { Place } from '../source.ts';
import { fromHex, toHex } from '../../util/bytes.ts';
import { choice, integer, word } from '../values.ts';

const SECRET_LENGTH = 8;

export const authentication = table('vrrp_instance.authentication', {
  auth_type: keyword(authType(), 'method; dropped for version 3, IPv6 and strict', { default: 'none' }),
  auth_pass: keyword(password(), 'password; at most 8 characters count'),
});

function authType(): ValueType<'PASS' | 'AH'> {
  return {
    ...choice(['PASS', 'AH']),
    read: (args) => {
      const text = args.words[args.first];
      if (text === 'PASS' || text === 'AH') return text;
      args.report({ code: 'invalid-value', message: `(${String(args.context.switches.get('instance'))}) unknown authentication type '${text ?? ''}'`, remedy: 'write PASS or AH' });
      return undefined;
    },
  };
}

function password(): ValueType<string> {
  return {
    syntax: 'STRING',
    range: '1..8 characters',
    schema: { type: 'string', maxLength: SECRET_LENGTH },
    read: (args) => {
      const text = args.words[args.first] ?? '';
      if (text.length > SECRET_LENGTH) args.report({ code: 'auth-pass-too-long', severity: 'warning', message: 'Truncating auth_pass to 8 characters', remedy: 'the wire carries 8; both routers must agree on them' });
      return text.slice(0, SECRET_LENGTH);
    },
  };
}

export interface HmacKey {
  readonly id: number;
  /** Text, `hex:…` or `file:…`. Never printed. */
  readonly value: string;
  /** The key itself, in hexadecimal. Never printed. */
  readonly secret: string;
}

export const authHmac = table('vrrp_instance.auth_hmac', {
  key: many(keyword(hmacKey(), 'adds a key: text, hex:HEX or file:PATH', { bare: 'auth_hmac key requires an id and a value' })),
  active_key: keyword(integer({ min: 1, max: 255 }, 'ID'), 'key used for sending'),
  time_window: keyword(integer({ min: 1, max: 300 }, 'SECONDS'), 'how old an advert may be', { default: '3 × advert_int, at least 5' }),
  anti_replay: keyword(choice(['time', 'monotonic']), 'protection against replay', { default: 'time', invalid: "unknown anti_replay '{word}'" }),
  mode: keyword(choice(['enforce', 'permissive', 'receive-only']), 'what becomes of adverts with a bad trailer, or none', { default: 'enforce', invalid: "unknown auth_hmac mode '{word}'" }),
}, { end: endHmac });

/** The key used for sending must be there, or the trailer is not sent. */
function endHmac(context: Context, block: BlockValue, close: Place): boolean {
  const keys = (block.values['key'] as readonly HmacKey[] | undefined) ?? [];
  const active = block.values['active_key'] as number | undefined;
  if (active !== undefined && keys.some((key) => key.id === active)) return true;
  const name = String(context.switches.get('instance'));
  context.report({
    code: 'missing-key', place: block.place, saidAt: close, recorded: 'general',
    message: keys.length === 0 ? `(${name}) auth_hmac has no keys - ignoring` : active === undefined ? `(${name}) auth_hmac has no active_key - ignoring` : `(${name}) auth_hmac active_key ${String(active)} is not defined - ignoring`,
    remedy: 'write: key ID VALUE and active_key ID',
  });
  return false;
}

function hmacKey(): ValueType<HmacKey> {
  return { ...word('ID VALUE|hex:HEX|file:PATH'), range: 'ID 1..255, 32..64 bytes', read: readKey };
}

function readKey(args: Args): HmacKey | undefined {
  const [, id = '', value = ''] = args.words;
  const report = (message: string, remedy = 'write: key ID VALUE'): undefined => { args.report({ code: 'invalid-value', message, remedy }, 1); };
  if (!/^\d+$/u.test(id) || Number(id) < 1 || Number(id) > 255) return report(`auth_hmac key id '${id}' invalid - must be 1..255`);
  if (value.startsWith('hex:') && !/^hex:([0-9a-f]{2})+$/iu.test(value)) return report('auth_hmac key is not hexadecimal');
  const bytes = keyBytes(args, value);
  if (bytes === null) return report(`auth_hmac key file of key ${id} cannot be read`, 'it must be a file that the daemon can read');
  // A file that is not looked at here (a check elsewhere) has no length.
  const known = !value.startsWith('file:') || args.context.machine.keyFile !== undefined;
  if (known && (bytes.length < 32 || bytes.length > 64)) return report(`auth_hmac key ${id} must have 32 to 64 bytes`);
  return { id: Number(id), value, secret: toHex(bytes) };
}

/** null: there is such a file to be read, and it cannot be. */
function keyBytes(args: Args, value: string): Uint8Array | null {
  if (value.startsWith('hex:')) return fromHex(value.slice(4));
  if (!value.startsWith('file:')) return new TextEncoder().encode(value);
  const { keyFile } = args.context.machine;
  if (keyFile === undefined) return new Uint8Array(0);
  const file = keyFile(value.slice(5));
  if (file === null) return null;
  if (file.open) args.report({ code: 'key-file-open', severity: 'warning', recorded: 'security', message: `auth_hmac key file ${value.slice(5)} is accessible by group or others`, remedy: 'chmod 600 it' }, 2);
  return file.bytes;
}
