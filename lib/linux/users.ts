import { SystemError } from '../system/error.ts';
import { errnoCode, getgrnamR, getpwnamR, getpwuidR, NATIVE_LITTLE_ENDIAN, pinned, readWord, WORD } from './libc.ts';

export interface Ids {
  readonly uid: number;
  readonly gid: number;
}

/** What getpwnam_r(3) suggests at most, and some. */
const BUFFER_SIZE = 64 * 1024;
/** struct passwd and struct group both begin with two pointers (name, password), then the ids. */
const STRUCT_SIZE = 128;
const FIRST_ID = 2 * WORD;

/**
 * The ids of a user and group given by name or number; without a group, the user's primary group. Asks the name service (with
 * its LDAP and the like) like any program: by the C library.
 *
 * Throws SystemError: ENOENT where there is no such user or group.
 */
export function resolveIds(user: string, group: string | null): Ids {
  const found = findUser(user);
  const uid = found?.uid ?? numberOf(user);
  if (uid === null) throw new SystemError('find user', user, 'ENOENT');
  if (group !== null) return { uid, gid: resolveGroup(group) };
  if (found === null) throw new SystemError('find the primary group of user', user, 'ENOENT');
  return { uid, gid: found.gid };
}

/** The id of a group given by name or number. Throws SystemError (ENOENT). */
export function resolveGroup(group: string): number {
  const number = numberOf(group);
  if (number !== null) return number;
  const entry = lookUp('find group', group, (struct, buffer, result) => getgrnamR(group, struct, buffer, buffer.length, result));
  if (entry === null) throw new SystemError('find group', group, 'ENOENT');
  return entry.first;
}

function findUser(user: string): Ids | null {
  const number = numberOf(user);
  const entry = lookUp('find user', user, (struct, buffer, result) =>
    number === null ? getpwnamR(user, struct, buffer, buffer.length, result) : getpwuidR(number, struct, buffer, buffer.length, result));
  return entry === null ? null : { uid: entry.first, gid: entry.second };
}

function lookUp(
  operation: string,
  name: string,
  ask: (struct: Buffer, buffer: Buffer, result: Buffer) => number,
): { readonly first: number; readonly second: number } | null {
  const struct = pinned(STRUCT_SIZE);
  const result = pinned(WORD);
  const errno = ask(struct, pinned(BUFFER_SIZE), result);
  if (readWord(result, 0) === 0) {
    // Some name services say ENOENT where others say 0: both mean that there is none.
    const code = errnoCode(errno);
    if (errno !== 0 && code !== 'ENOENT' && code !== 'ESRCH') throw new SystemError(operation, name, code);
    return null;
  }
  const view = new DataView(struct.buffer, struct.byteOffset);
  return { first: view.getUint32(FIRST_ID, NATIVE_LITTLE_ENDIAN), second: view.getUint32(FIRST_ID + 4, NATIVE_LITTLE_ENDIAN) };
}

function numberOf(text: string): number | null {
  return /^\d{1,10}$/.test(text) && Number(text) < 0xffff_ffff ? Number(text) : null;
}
