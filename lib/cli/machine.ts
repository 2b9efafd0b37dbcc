/**
 * What the configuration front end asks of this machine, answered by synchronous lookups. Used before the daemon runs, and
 * at a reload in a worker (load-worker.ts), never on the path of an advertisement.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync, type Stats } from 'node:fs';
import { cpus, hostname, networkInterfaces, userInfo } from 'node:os';
import { join } from 'node:path';
import { globMatcher } from '../util/glob.ts';
import { parseIp, type IpAddress } from '../util/ip.ts';
import { iprouteNames } from './iproute-names.ts';
import type { Account, FileFacts, FileReader, LinkFacts, Machine, ReadResult } from '../config/machine.ts';

export const fileReader: FileReader = {
  read(path): ReadResult {
    try {
      return { ok: true, bytes: readFileSync(path) };
    } catch (cause) {
      return { ok: false, error: errno(cause) };
    }
  },
  facts: (path) => factsOf(path, statSync),
  glob: (pattern, directory) => expandBraces(pattern).flatMap((one) => globOne(one, directory)),
};

/** This machine as it is now. */
export function thisMachine(): Machine {
  const self = userInfo();
  return {
    hostname: hostname(),
    cwd: process.cwd(),
    links: links(),
    self: { name: self.username, uid: self.uid, gid: self.gid },
    accounts: accounts(),
    files: (path) => factsOf(path, lstatSync),
    names: iprouteNames,
    keyFile,
    processors: processors(),
    addresses: addresses(),
    env: (name) => process.env[name],
    random: seededRandom(),
    resolve: null,
  };
}

/** The host's name up to the first dot: keepalived's default config-id. */
export function defaultConfigId(): string {
  return hostname().split('.')[0] ?? '';
}

function factsOf(path: string, stat: (path: string) => Stats): FileFacts {
  try {
    const s = stat(path);
    const kind = s.isFile() ? 'file' : s.isDirectory() ? 'directory' : s.isSymbolicLink() ? 'link' : 'other';
    return { kind, mode: s.mode & 0o7777, uid: s.uid, gid: s.gid, target: kind === 'link' ? readlinkSync(path) : null };
  } catch (cause) {
    return { kind: errno(cause) === 'ENOENT' || errno(cause) === 'ENOTDIR' ? 'missing' : 'unreadable', mode: 0, uid: 0, gid: 0, target: null };
  }
}

/** /sys knows links without an address, which os.networkInterfaces() leaves out; /sys may be another namespace's, so both count. */
function links(): ReadonlyMap<string, LinkFacts> {
  const found = new Map<string, LinkFacts>();
  for (const line of readLines('/proc/net/dev').slice(2)) {
    const name = line.slice(0, Math.max(0, line.lastIndexOf(':'))).trim();
    if (name !== '') found.set(name, { loopback: name === 'lo' });
  }
  for (const [name, addresses] of Object.entries(networkInterfaces())) found.set(name, { loopback: addresses?.[0]?.internal ?? false });
  return found;
}

function addresses(): ReadonlySet<IpAddress> {
  return new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).flatMap(({ address }) => parseIp(address) ?? [])));
}

/** Those that this machine may have, also while some are off. */
function processors(): number {
  const [range = ''] = readLines('/sys/devices/system/cpu/present');
  const last = Number(/(\d+)$/u.exec(range)?.[1]);
  return Number.isInteger(last) ? last + 1 : cpus().length;
}

function accounts(): { user(name: string): Account | null; group(name: string): number | null } {
  const users = new Map<string, Account>();
  const groups = new Map<string, number>();
  for (const line of readLines('/etc/passwd')) {
    const [name, , uid, gid] = line.split(':');
    if (name !== undefined && uid !== undefined && gid !== undefined) users.set(name, { uid: Number(uid), gid: Number(gid) });
  }
  for (const line of readLines('/etc/group')) {
    const [name, , gid] = line.split(':');
    if (name !== undefined && gid !== undefined) groups.set(name, Number(gid));
  }
  return { user: (name) => users.get(name) ?? null, group: (name) => groups.get(name) ?? null };
}

/** A key file: its bytes without the line end behind them. */
function keyFile(path: string): { bytes: Uint8Array; open: boolean } | null {
  const result = fileReader.read(path);
  if (!result.ok) return null;
  const end = result.bytes.findLastIndex((byte) => byte !== 0x0a && byte !== 0x0d) + 1;
  return { bytes: result.bytes.subarray(0, end), open: (factsOf(path, statSync).mode & 0o077) !== 0 };
}

function readLines(path: string): string[] {
  const result = fileReader.read(path);
  return result.ok ? new TextDecoder().decode(result.bytes).split('\n') : [];
}

/** Numbers from min to max; the same ones for the same seed (a linear congruential generator, Knuth's MMIX constants). */
function seededRandom(): Machine['random'] {
  let state: bigint | null = null;
  let last: number | null = null;
  return (min, max, seed) => {
    if (seed === null) return min + Math.floor(Math.random() * (max - min + 1));
    if (state === null || seed !== last) state = BigInt(seed);
    last = seed;
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return min + Number((state >> 33n) % BigInt(max - min + 1));
  };
}

/** `a{b,c}d` → `abd`, `acd`; nested ones too. */
export function expandBraces(pattern: string): string[] {
  const open = pattern.indexOf('{');
  if (open < 0) return [pattern];
  let depth = 0;
  const parts: string[] = [];
  let from = open + 1;
  for (let i = open; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === '{') depth++;
    if ((c === ',' && depth === 1) || (c === '}' && depth === 1)) {
      parts.push(pattern.slice(from, i));
      from = i + 1;
    }
    if (c === '}' && --depth === 0) {
      return parts.flatMap((part) => expandBraces(pattern.slice(0, open) + part + pattern.slice(i + 1)));
    }
  }
  return [pattern];
}

/** glob(7) of one pattern without braces: sorted, hidden files only when the pattern's component begins with a dot. */
function globOne(pattern: string, directory: string): string[] {
  const absolute = pattern.startsWith('/');
  const components = pattern.split('/').filter((c) => c !== '');
  let found: string[] = [absolute ? '/' : ''];
  for (const component of components) {
    found = /[*?[]/u.test(component)
      ? found.flatMap((base) => matches(base, component, directory))
      : found.map((base) => join(base, component));
  }
  return found.filter((path) => path !== '' && factsOf(absolute ? path : join(directory, path), lstatSync).kind !== 'missing').sort();
}

function matches(base: string, component: string, directory: string): string[] {
  const test = globMatcher(component);
  try {
    return readdirSync(base.startsWith('/') ? base : join(directory === '' ? '.' : directory, base))
      .filter((name) => test.test(name) && (component.startsWith('.') || !name.startsWith('.')))
      .map((name) => join(base, name));
  } catch {
    // A directory that is not there or not readable matches nothing, as glob(3) has it.
    return [];
  }
}

function errno(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : String(cause);
}
