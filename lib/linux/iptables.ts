import { spawn } from 'node:child_process';
import { SystemError } from '../system/error.ts';
import type { Iptables } from '../system/iptables.ts';
import type { Family } from '../util/ip.ts';
import type { Forking } from './script-runner.ts';

/** Of the lock that all iptables share. */
const LOCK_WAIT_SECONDS = '5';
/** Rules are read and sent in milliseconds; a hundred thousand of them in seconds. */
const TIMEOUT = 30_000;
/** Rules of everybody, as text. */
const MOST_OUTPUT = 256 * 1024 * 1024;
const RESOURCE_PROBLEM = 4;
/** Where a service manager's PATH may not lead. */
const SBIN = '/usr/sbin:/sbin';

/** Names under which distributions have the variant that does not use nf_tables. */
const NAMES: Readonly<Record<Family, readonly [string, string]>> = { inet: ['iptables-legacy', 'iptables'], inet6: ['ip6tables-legacy', 'ip6tables'] };

/** iptables(8) of this network namespace, one program after the other. `asFound` as in linuxScriptRunner. */
export function linuxIptables(asFound: Forking = (start) => start()): Iptables {
  const found = new Map<Family, { readonly name: string; readonly version: string }>();
  const find = async (family: Family): Promise<{ readonly name: string; readonly version: string }> => {
    const known = found.get(family);
    if (known !== undefined) return known;
    for (const name of NAMES[family]) {
      const version = await run(asFound, [name, '-V']).catch((cause: unknown) => {
        if (cause instanceof SystemError && cause.code === 'ENOENT') return null;
        throw cause;
      });
      if (version === null || version.includes('nf_tables')) continue;
      const answer = { name, version: version.trim() };
      found.set(family, answer);
      return answer;
    }
    throw new SystemError('find', `${NAMES[family][0]} or an ${NAMES[family][1]} without nf_tables`, 'ENOENT');
  };
  return {
    version: async (family) => (await find(family)).version,
    save: async (family) => run(asFound, [`${(await find(family)).name}-save`]),
    restore: async (family, text) => { await run(asFound, [`${(await find(family)).name}-restore`, '--noflush', '-w', LOCK_WAIT_SECONDS], text); },
  };
}

/** What it wrote. */
function run(asFound: Forking, argv: readonly string[], input = ''): Promise<string> {
  const [program = '', ...words] = argv;
  return new Promise((resolve, reject) => {
    const child = asFound(() => spawn(program, words, { stdio: 'pipe', cwd: '/', timeout: TIMEOUT, killSignal: 'SIGKILL', env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:${SBIN}`, LC_ALL: 'C' } }));
    const output: Buffer[] = [];
    let size = 0;
    let said = '';
    child.stdout.on('data', (piece: Buffer) => {
      size += piece.length;
      if (size > MOST_OUTPUT) child.kill('SIGKILL');
      else output.push(piece);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => { if (said.length < 4096) said += text; });
    // It ends without having read everything when a line is wrong; its status tells.
    child.stdin.on('error', () => undefined).end(input);
    child.once('error', (cause: NodeJS.ErrnoException) => { reject(new SystemError('run', program, cause.code ?? 'EIO', cause)); });
    child.once('close', (status, signal) => {
      if (status === 0) resolve(Buffer.concat(output).toString('utf8'));
      else reject(new SystemError('run', `${argv.join(' ')} (${reason(said, status, signal)})`, codeOf(status, signal)));
    });
  });
}

function reason(said: string, status: number | null, signal: string | null): string {
  const text = said.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('Try `')).join('; ');
  return `${signal === null ? `status ${String(status)}` : `ended by ${signal}`}${text === '' ? '' : `: ${text}`}`;
}

function codeOf(status: number | null, signal: string | null): string {
  if (signal !== null) return 'ETIMEDOUT';
  return status === RESOURCE_PROBLEM ? 'EAGAIN' : 'EINVAL';
}
