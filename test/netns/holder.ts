import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './wait.ts';

/**
 * Process 1 of a node, and with it the node's namespaces: network, mounts, processes, host name. They have no name on the
 * host and live as long as it does; it dies when the test process dies, even by SIGKILL, so that nothing can be left behind.
 */
export class Holder {
  readonly name: string;
  /** Its process id as the test sees it. */
  readonly init: number;
  private readonly child: ChildProcess;
  private readonly entered = new Set<ChildProcess>();

  /** `dir` is the node's directory; `name` becomes its host name. */
  static async start(name: string, dir: string): Promise<Holder> {
    for (const sub of ['bin', 'opt', 'tmp', 'nginx-log', 'nginx-lib']) mkdirSync(join(dir, sub), { recursive: true });
    const unshare = ['unshare', '--net', '--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const argv = ['--pdeathsig', 'SIGKILL', ...unshare, 'bash', '-c', INIT, 'init', name, dir];
    const child = spawn('setpriv', argv, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let said = '';
    let up = false;
    let failed: string | null = null;
    child.stdout.on('data', (piece: Buffer) => (up ||= piece.toString().includes('up')));
    child.stderr.on('data', (piece: Buffer) => (said += piece.toString()));
    child.on('error', (cause) => (failed = cause.message));
    child.on('exit', (status) => (failed = `ended with ${status ?? 'a signal'}`));
    await until(`node ${name} comes up`, 10_000, () => {
      if (failed !== null) throw new Error(`node ${name}: ${failed}\n${said}`);
      return up;
    }, () => said);
    const pid = child.pid ?? 0;
    const [init] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return new Holder(name, Number(init), child);
  }

  private constructor(name: string, init: number, child: ChildProcess) {
    this.name = name;
    this.init = init;
    this.child = child;
  }

  /** Starts a program inside, with its standard output and error as pipes; it ends with the node at the latest. */
  spawn(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): ChildProcess {
    return this.start(['-n', '-m', '-u', '-i', '-p', '--wd=/'], argv, env);
  }

  /** The same in the network namespace alone: process ids mean what they mean to the test. */
  spawnInNetwork(argv: readonly string[]): ChildProcess {
    return this.start(['-n'], argv, process.env);
  }

  /** Ends every process inside; the namespaces go with them. */
  kill(): void {
    this.child.kill('SIGKILL');
    // What entered waits outside for a program that is dead by now.
    for (const child of this.entered) child.kill('SIGKILL');
  }

  private start(namespaces: readonly string[], argv: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
    const child = spawn('nsenter', ['-t', String(this.init), ...namespaces, '--', ...argv], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.entered.add(child);
    child.on('exit', () => this.entered.delete(child));
    return child;
  }
}

/**
 * Private directories (the host's /opt and /etc stay readable), then wait and reap. PATH puts the node's bin/ first, so that
 * a stand-in for a missing program can be put there.
 */
const INIT = `
set -e
name=$1 dir=$2
mount --make-rprivate /
hostname "$name"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/keepalived /run/lock
if [ -d /opt ]; then
  for entry in /opt/*; do
    if [ -d "$entry" ]; then mkdir -p "$dir/opt/\${entry##*/}"; mount --bind "$entry" "$dir/opt/\${entry##*/}"; fi
  done
  mount --rbind "$dir/opt" /opt
fi
if [ -d /var/log/nginx ]; then mount --bind "$dir/nginx-log" /var/log/nginx; fi
if [ -d /var/lib/nginx ]; then mount --bind "$dir/nginx-lib" /var/lib/nginx; fi
cd /
echo up
trap : TERM HUP
while :; do sleep 1000 & wait $! || :; done
`;
