/** Files and a machine for the configuration's tests: everything is made of values. */
import { keepalivedLines, loadConfig, loadText, type Loaded } from '../../lib/config/load.ts';
import { braces } from '../../lib/config/include.ts';
import type { FileFacts, FileReader, Machine } from '../../lib/config/machine.ts';
import type { VrrpInstance } from '../../lib/config/model.ts';
import { globMatcher } from '../../lib/util/glob.ts';
import { parseIp } from '../../lib/util/ip.ts';

export interface FakeFile {
  readonly text: string;
  readonly mode?: number;
  readonly uid?: number;
}

const MISSING: FileFacts = { kind: 'missing', mode: 0, uid: 0, gid: 0, target: null };
const DIRECTORY: FileFacts = { kind: 'directory', mode: 0o755, uid: 0, gid: 0, target: null };

/** A reader of these files; paths as keys, relative ones too. */
export function files(content: Readonly<Record<string, string | FakeFile>>): FileReader {
  const facts = (path: string): FileFacts => {
    const file = content[path];
    if (file === undefined) return Object.keys(content).some((name) => name.startsWith(`${path}/`)) ? DIRECTORY : MISSING;
    return typeof file === 'string' ? { kind: 'file', mode: 0o644, uid: 0, gid: 0, target: null } : { kind: 'file', mode: file.mode ?? 0o644, uid: file.uid ?? 0, gid: 0, target: null };
  };
  return {
    read: (path) => {
      const file = content[path];
      if (file === undefined) return { ok: false, error: facts(path).kind === 'directory' ? 'EISDIR' : 'ENOENT' };
      return { ok: true, bytes: new TextEncoder().encode(typeof file === 'string' ? file : file.text) };
    },
    facts,
    glob: (pattern, directory) => braces(pattern).flatMap((one) => {
      const whole = one.startsWith('/') || directory === '' ? one : `${directory}/${one}`;
      const components = whole.split('/').map(globMatcher);
      const matches = (path: string): boolean => path.split('/').length === components.length && path.split('/').every((part, i) => components[i]?.test(part));
      const paths = new Set(Object.keys(content).flatMap((path) => [path, path.slice(0, Math.max(0, path.lastIndexOf('/')))]));
      return [...paths].filter((path) => path !== '' && matches(path)).sort().map((path) => (whole === one ? path : path.slice(directory.length + 1)));
    }),
  };
}

/** Programs of the fake machine, besides directories that are root's. `/sbin` is a link, as on a merged /usr. */
const PROGRAMS: Readonly<Record<string, Partial<FileFacts>>> = {
  '/usr/bin/true': { mode: 0o755 },
  '/usr/bin/killall': { mode: 0o755 },
  '/usr/sbin/service': { mode: 0o755 },
  '/usr/bin/plain': { mode: 0o644 },
  '/opt/open.sh': { mode: 0o777 },
  '/opt/nginx_check.sh': { mode: 0o755 },
  '/sbin': { kind: 'link', mode: 0o777, target: 'usr/sbin' },
  '/bin': { kind: 'link', mode: 0o777, target: 'usr/bin' },
};
const DIRECTORIES = new Set(['/', '.', '/usr', '/usr/bin', '/usr/sbin', '/opt', '/etc', '/tmp']);

export function fakeMachine(parts: Partial<Machine> = {}): Machine {
  return {
    hostname: 'lvs1.example.org',
    links: new Map([['lo', { loopback: true }], ['eth0', { loopback: false }], ['eth1', { loopback: false }]]),
    self: { name: 'root', uid: 0, gid: 0 },
    accounts: {
      user: (name) => ({ root: { uid: 0, gid: 0 }, nobody: { uid: 65534, gid: 65534 } })[name] ?? null,
      group: (name) => ({ root: 0, nogroup: 65534 })[name] ?? null,
    },
    files: (path) => (DIRECTORIES.has(path) ? DIRECTORY : Object.hasOwn(PROGRAMS, path) ? { kind: 'file', mode: 0o755, uid: 0, gid: 0, target: null, ...PROGRAMS[path] } : MISSING),
    env: (name) => ({ PATH: '/usr/sbin:/usr/bin', HOME: '/root' })[name],
    random: (min) => min,
    resolve: (host) => (host === 'mail.example.org' ? parseIp('192.0.2.25') : null),
    cwd: '/etc/keepalived',
    ...parts,
  };
}

export interface Given {
  readonly files?: FileReader;
  readonly machine?: Machine;
  readonly configId?: string;
  readonly allConfigErrors?: boolean;
  readonly tree?: boolean;
}

export function load(text: string, given: Given = {}): Loaded {
  return loadText('test.conf', text, given.files ?? files({}), options(given));
}

export function loadFile(path: string, given: Given): Loaded {
  return loadConfig(path, given.files ?? files({}), options(given));
}

function options(given: Given): Parameters<typeof loadText>[3] {
  return {
    configId: given.configId ?? 'lvs1', machine: given.machine ?? fakeMachine(),
    ...(given.allConfigErrors === undefined ? {} : { allConfigErrors: given.allConfigErrors }),
    ...(given.tree === undefined ? {} : { tree: given.tree }),
  };
}

/** What keepalived would print in a config test. */
export function said(text: string, given: Given = {}): string[] {
  return keepalivedLines(load(text, given).diagnostics);
}

export const VI = 'vrrp_instance VI_1 {\n  interface eth0\n  virtual_router_id 51\n  virtual_ipaddress {\n    192.0.2.100\n  }\n';

/** A whole instance with these lines in it. */
export function withInstance(lines: string): string {
  return `${VI}${lines}\n}\n`;
}

/** The one instance of a configuration. */
export function instance(text: string, given: Given = {}): VrrpInstance {
  const { config, diagnostics } = load(text, given);
  const one = config?.instances[0];
  if (one === undefined) throw new Error(`no instance: ${diagnostics.map((d) => d.message).join('; ')}`);
  return one;
}
