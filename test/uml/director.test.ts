import { expect } from 'chai';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../linux/namespaces.ts';
import { requireUml } from './needs.ts';

const PROGRAM = join(dirname(createRequire(import.meta.url).resolve('../../../package.json')), 'bin/tskeepalived.js');
const PEER = fileURLToPath(new URL('./director-peer.js', import.meta.url));
const PATIENCE = 60_000;

/** A director between a client and two web servers, each in its namespace; the address is a virtual router's. */
const CLIENT = 'dir-client';
const DIRECTOR = 'dir-director';
const SERVERS = ['dir-one', 'dir-two'] as const;
const VIP = '10.1.0.100';

function conf({ weight = 3, more = '' } = {}): string {
  return `global_defs {
  router_id lvs1
  lvs_sync_daemon c0 VI_1
}
vrrp_instance VI_1 {
  state MASTER
  interface c0
  virtual_router_id 51
  priority 150
  virtual_ipaddress {
    ${VIP}/24
  }
}
virtual_server ${VIP} 80 {
  delay_loop 1
  warmup 0
  lvs_sched rr
  lvs_method NAT
  protocol TCP
  real_server 10.2.1.2 80 {
    weight ${weight}
    HTTP_GET {
      url {
        path /
        status_code 200
      }
      retry 1
      delay_before_retry 1
    }
  }
  real_server 10.2.2.2 80 {
    inhibit_on_failure
    TCP_CHECK {
      retry 1
      delay_before_retry 1
    }
  }
}
${more}`;
}

const SERVICE = `-A -t ${VIP}:80 -s rr`;
const ONE = `-a -t ${VIP}:80 -r 10.2.1.2:80 -m -w`;
const TWO = `-a -t ${VIP}:80 -r 10.2.2.2:80 -m -w`;

describe('a director', function () {
  this.timeout(240_000);
  let folder = '';
  let daemon: ChildProcess | null = null;
  let servers: (ChildProcess | null)[] = [];
  let log = '';
  let talk: ChildProcess | null = null;

  before(async function () {
    requireUml(this, 'ipvsadm');
    folder = mkdtempSync(join(tmpdir(), 'director-'));
    makeSite();
    servers = SERVERS.map((_, i) => serve(i));
    await until('the servers', () => SERVERS.every((name) => fetches(DIRECTOR, name === 'dir-one' ? '10.2.1.2' : '10.2.2.2') === name), PATIENCE);
    configure(conf());
    daemon = inside(DIRECTOR, [PROGRAM, '-n', '-l', '-G', '-D', '-f', join(folder, 'k.conf'), '-p', join(folder, 'pid'), '-r', join(folder, 'vrrp.pid'), '-c', join(folder, 'checkers.pid')]);
    daemon.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
    daemon.stdout?.resume();
  });

  after(async () => {
    if (daemon?.exitCode === null) {
      daemon.kill('SIGKILL');
      await ended(daemon);
    }
    for (const other of [...servers, talk]) other?.kill('SIGKILL');
    for (const name of [CLIENT, DIRECTOR, ...SERVERS]) run('ip', 'netns', 'delete', name);
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.error(log);
  });

  it('the start: IPVS is as configured, and a client is answered by both servers', async () => {
    await until('the table', () => table().length === 3, PATIENCE);
    expect(table()).to.deep.equal([SERVICE, `${ONE} 3`, `${TWO} 1`]);
    await until('the address', () => run('ip', '-n', DIRECTOR, 'address').includes(VIP), PATIENCE);
    expect(new Set([1, 2, 3, 4].map(() => fetches(CLIENT, VIP)))).to.deep.equal(new Set(SERVERS));
    await until('both checks', () => log.includes('TCP connection to [10.2.2.2]:tcp:80 success.') && log.includes('Remote Web server [10.2.1.2]:tcp:80 succeed on service.'), PATIENCE);
    expect(readFileSync(join(folder, 'checkers.pid'), 'utf8')).to.match(/^\d+\n$/u).and.not.equal(readFileSync(join(folder, 'pid'), 'utf8'));
  });

  it('the connection sync daemon follows the virtual router', async () => {
    await until('the master', () => ipvsadm('-Ln', '--daemon').startsWith('master sync daemon (mcast=c0, syncid=51'), PATIENCE);
  });

  it('servers die: one is taken out, the other gets weight 0', async () => {
    stopServer(0);
    await until('the first is out', () => table().length === 2, PATIENCE);
    expect(table()).to.deep.equal([SERVICE, `${TWO} 1`]);
    expect(fetches(CLIENT, VIP)).to.equal('dir-two');
    stopServer(1);
    await until('the second is out', () => table().includes(`${TWO} 0`), PATIENCE);
    expect(table()).to.deep.equal([SERVICE, `${TWO} 0`]);
    await saying([
      'HTTP_CHECK on service [10.2.1.2]:tcp:80 failed after 1 retries.', `Removing service [10.2.1.2]:tcp:80 from VS [${VIP}]:tcp:80`,
      'TCP_CHECK on service [10.2.2.2]:tcp:80 failed after 1 retries.', `Disabling service [10.2.2.2]:tcp:80 of VS [${VIP}]:tcp:80`, `Lost quorum 1-0=1 > 0 for VS [${VIP}]:tcp:80`,
    ]);
  });

  it('the second comes back', async () => {
    servers[1] = serve(1);
    await until('it is in again', () => table().includes(`${TWO} 1`), PATIENCE);
    expect(table()).to.deep.equal([SERVICE, `${TWO} 1`]);
    await saying([`Gained quorum 1+0=1 <= 1 for VS [${VIP}]:tcp:80`]);
  });

  it('the checking process is killed: the table stays, connections live, the dead server stays out, and the next one goes on', async () => {
    talk = spawn('ip', ['netns', 'exec', CLIENT, process.execPath, PEER, 'talk', VIP], { stdio: ['ignore', 'pipe', 'ignore'] });
    let said = '';
    talk.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
    await until('a conversation', () => said.length > 3, PATIENCE);
    const pid = checkers();
    process.kill(pid, 'SIGKILL');
    await until('another checking process', () => checkers() > 0 && checkers() !== pid && log.split('Initializing ipvs').length === 3, PATIENCE);
    expect(table()).to.deep.equal([SERVICE, `${TWO} 1`]);
    const heard = said.length;
    await until('more of the conversation', () => said.length > heard + 3, PATIENCE);
    talk.kill('SIGKILL');
    await ended(talk);
    await saying([`pid ${pid} exited due to signal 9 (SIGKILL)`, `Healthcheck child process(${pid}) died: Respawning`, 'Restart of Healthcheck process delayed 0 seconds to limit respawn rate']);
    servers[0] = serve(0);
    await until('the first is in again', () => table().length === 3, PATIENCE);
    expect(table()).to.deep.equal([SERVICE, `${ONE} 3`, `${TWO} 1`]);
  });

  it('a reload that changes one server and adds a service touches nothing else', async () => {
    const before = counters();
    configure(conf({ weight: 5, more: `virtual_server ${VIP} 81 {\n  lvs_sched wlc\n  lvs_method NAT\n  protocol TCP\n  real_server 10.2.2.2 80 {\n  }\n}\n` }));
    daemon?.kill('SIGHUP');
    await until('the new weight', () => table().includes(`${ONE} 5`), PATIENCE);
    expect(table()).to.deep.equal([SERVICE, `${ONE} 5`, `${TWO} 1`, `-A -t ${VIP}:81 -s wlc`, `-a -t ${VIP}:81 -r 10.2.2.2:80 -m -w 1`]);
    expect(before[0]).to.be.greaterThan(0);
    expect(counters().slice(0, before.length)).to.deep.equal(before);
    configure(conf({ weight: 5 }));
    daemon?.kill('SIGHUP');
    await until('the service is gone', () => table().length === 3, PATIENCE);
  });

  it('the dump has services and checkers', async () => {
    const path = join(folder, 'keepalived_check.data');
    daemon?.kill('SIGUSR1');
    await until('the dump', () => readdirSync(folder).includes('keepalived_check.data'), PATIENCE);
    expect(readFileSync(path, 'utf8')).to.include('RIP = 10.2.1.2, RPORT = 80, WEIGHT = 5 EFF WEIGHT = 5').and.include(` [${VIP}]:tcp:80 -> [10.2.2.2]:tcp:80\n   Enabled = yes\n   Up = yes`);
  });

  it('the stop leaves nothing: no service, sync daemon, process, pid file or journal', async () => {
    const pid = checkers();
    daemon?.kill('SIGTERM');
    if (daemon !== null) await ended(daemon);
    expect(daemon?.exitCode).to.equal(0);
    expect(table()).to.deep.equal([]);
    expect(ipvsadm('-Ln', '--daemon')).to.equal('');
    expect(() => process.kill(pid, 0)).to.throw('ESRCH');
    expect(readdirSync(folder).filter((name) => /pid|json|standings/u.test(name))).to.deep.equal([]);
    await saying([`Shutting down service [10.2.1.2]:tcp:80 from VS [${VIP}]:tcp:80`]);
  });

  function configure(text: string): void {
    writeFileSync(join(folder, 'k.conf'), text);
  }

  function inside(namespace: string, argv: readonly string[]): ChildProcess {
    return spawn('ip', ['netns', 'exec', namespace, process.execPath, ...argv], { env: { ...process.env, STATE_DIRECTORY: folder, TMPDIR: folder }, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  function serve(i: number): ChildProcess {
    const name = SERVERS[i] ?? '';
    const server = inside(name, [PEER, 'serve', name]);
    server.stderr?.pipe(process.stderr);
    return server;
  }

  function stopServer(i: number): void {
    servers[i]?.kill('SIGKILL');
    servers[i] = null;
  }

  /** NaN: none runs at the moment. */
  function checkers(): number {
    try {
      return Number(readFileSync(join(folder, 'checkers.pid'), 'utf8'));
    } catch {
      return NaN;
    }
  }

  /** Waits for these lines, which come by a pipe of their own. */
  async function saying(texts: readonly string[]): Promise<void> {
    for (const text of texts) await until(`the line '${text}'`, () => log.split('\n').some((line) => line.endsWith(`: ${text}`)), PATIENCE);
  }
});

function makeSite(): void {
  for (const name of [CLIENT, DIRECTOR, ...SERVERS]) {
    run('ip', 'netns', 'add', name);
    run('ip', '-n', name, 'link', 'set', 'lo', 'up');
  }
  join2(CLIENT, 'e0', '10.1.0.2/24', 'c0', '10.1.0.1/24');
  SERVERS.forEach((name, i) => {
    join2(name, 'e0', `10.2.${i + 1}.2/24`, `s${i}`, `10.2.${i + 1}.1/24`);
    run('ip', '-n', name, 'route', 'add', 'default', 'via', `10.2.${i + 1}.1`);
  });
  run('ip', 'netns', 'exec', DIRECTOR, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
}

/** A namespace's interface, and the director's end of its cable. */
function join2(name: string, link: string, address: string, far: string, farAddress: string): void {
  run('ip', 'link', 'add', link, 'netns', name, 'type', 'veth', 'peer', 'name', far, 'netns', DIRECTOR);
  for (const [ns, dev, own] of [[name, link, address], [DIRECTOR, far, farAddress]] as const) {
    run('ip', '-n', ns, 'address', 'add', own, 'dev', dev);
    run('ip', '-n', ns, 'link', 'set', dev, 'up');
  }
}

function run(program: string, ...words: string[]): string {
  return execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function ipvsadm(...options: string[]): string {
  return run('ip', 'netns', 'exec', DIRECTOR, 'ipvsadm', ...options);
}

/** As the kernel has it, in its order of destinations. */
function table(): string[] {
  return ipvsadm('-Sn').split('\n').filter((line) => line !== '');
}

/** Connections of the service and of its destinations, since they were made. */
function counters(): number[] {
  return ipvsadm('-Ln', '--stats', '--exact').split('\n').filter((line) => /:80 /u.test(line)).map((line) => Number(line.trim().split(/\s+/u).at(-5)));
}

/** The name of the server that answers; null: none does. */
function fetches(from: string, address: string): string | null {
  try {
    return run('ip', 'netns', 'exec', from, process.execPath, PEER, 'fetch', address).trim();
  } catch {
    return null;
  }
}

function ended(child: ChildProcess): Promise<void> {
  return child.exitCode === null && child.signalCode === null ? new Promise((resolve) => child.once('exit', () => { resolve(); })) : Promise.resolve();
}
