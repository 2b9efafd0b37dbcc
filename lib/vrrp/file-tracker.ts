/** What a tracked file says (keepalived.conf(5), track files). Pure. */

/** The numbers that keepalived takes. */
const INT_MIN = -2147483648;
const INT_MAX = 2147483647;

export type FileNumber =
  | { readonly ok: true; readonly value: number }
  /** A number that is out of range, as it stands there. */
  | { readonly ok: false; readonly text: string };

/**
 * The number at the beginning of the text as strtol(3) with base 0 reads it: blanks and a sign in front, `0x` for hexadecimal,
 * `0` for octal; what follows is not looked at. Nothing that could be a number is 0.
 */
export function fileNumber(text: string): FileNumber {
  const match = /^[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/u.exec(text);
  if (match === null) return { ok: true, value: 0 };
  const [whole, sign = '', digits = ''] = match;
  const size = /^0[0-7]+$/u.test(digits) ? parseInt(digits, 8) : Number(digits);
  const value = sign === '-' ? 0 - size : size;
  return value >= INT_MIN && value <= INT_MAX ? { ok: true, value } : { ok: false, text: whole.trim() };
}
