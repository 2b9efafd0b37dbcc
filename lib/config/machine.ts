/** What the configuration front end asks of the machine. Lookups only: the room is pure, the caller does the work. */
import type { IpAddress } from '../util/ip.ts';

/** What is at a path, the last component not followed if it is a link. */
export interface FileFacts {
  readonly kind: 'file' | 'directory' | 'link' | 'other' | 'missing' | 'unreadable';
  /** Permission bits with set-id and sticky, 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of a link: where it leads, as stored. */
  readonly target: string | null;
}

export type ReadResult = { readonly ok: true; readonly bytes: Uint8Array } | { readonly ok: false; readonly error: string };

/** The files of a configuration. Relative paths start at the daemon's working directory. */
export interface FileReader {
  /** The whole file; `error` is an errno name (ENOENT, EACCES, EISDIR, …). */
  read(path: string): ReadResult;
  /** Follows links. */
  facts(path: string): FileFacts;
  /** Matching paths, sorted; `*`, `?`, `[]` and `{a,b}` as glob(3) with GLOB_BRACE. Relative patterns start at `directory`, and so do the paths that match them. */
  glob(pattern: string, directory: string): readonly string[];
}

export interface LinkFacts {
  readonly loopback: boolean;
}

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Files of iproute2 that name numbers. */
export type NameTable = 'rt_tables' | 'rt_protos' | 'rt_dsfield' | 'rt_realms' | 'group';

/** A null member means "not known here": checks that need it are not made. */
export interface Machine {
  /** As gethostname(2) gives it. */
  readonly hostname: string;
  readonly links: ReadonlyMap<string, LinkFacts> | null;
  /** The account that the daemon itself runs as. */
  readonly self: Account & { readonly name: string };
  readonly accounts: { user(name: string): Account | null; group(name: string): number | null } | null;
  /** Facts of a path, the last component not followed; for scripts. */
  readonly files: ((path: string) => FileFacts) | null;
  readonly env: (name: string) => string | undefined;
  /** A whole number, both ends included; seeded when the configuration asks for it. */
  readonly random: (min: number, max: number, seed: number | null) => number;
  /** The working directory, for ${_PWD}; absent: `.` is said. */
  readonly cwd?: string;
  /** Names in a table of iproute2; absent: not known here. Directories: those distributed with it and those of this machine; null: the usual one. */
  readonly names?: (table: NameTable, directories: { readonly usr: string | null; readonly etc: string | null }) => ReadonlyMap<string, number>;
  /** The bytes of a key file, and whether group or others have access to it; null: it cannot be read. Absent: not known here. */
  readonly keyFile?: (path: string) => { readonly bytes: Uint8Array; readonly open: boolean } | null;
  /** Addresses on its interfaces; absent: not known here. */
  readonly addresses?: ReadonlySet<IpAddress>;
  /** How many processors it has; absent: not known here. */
  readonly processors?: number;
  /** Resolves a mail server's name; null when it has no address. */
  readonly resolve: ((host: string) => IpAddress | null) | null;
}

/** A machine of which nothing is known: for checking a file that belongs elsewhere. */
export const UNKNOWN_MACHINE: Machine = {
  hostname: 'localhost',
  links: null,
  self: { name: 'root', uid: 0, gid: 0 },
  accounts: null,
  files: null,
  env: () => undefined,
  random: (min) => min,
  resolve: null,
};
