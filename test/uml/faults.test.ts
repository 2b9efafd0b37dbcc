import { expect } from 'chai';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep, until } from '../netns/wait.ts';
import { residentKilobytes } from '../bench/support/usage.ts';
import { https, smtp, stream, tcp, type Answer, type Backend } from './director/backends.ts';
import { selfSigned, type Pem } from './director/certificate.ts';
import { batch, World } from './director/world.ts';
import { requireUml } from './needs.ts';

const HEADER = 'HTTP/1.0 200 OK\r\n\r\n';

/** What a server can do to whoever asks it. */
const FAULTS: Readonly<Record<string, Answer>> = {
  'never answers': () => undefined,
  'answers a byte a second': (socket) => {
    let sent = 0;
    const timer = setInterval(() => socket.write(HEADER[sent++ % HEADER.length] ?? ''), 1000);
    socket.on('close', () => { clearInterval(timer); });
  },
  'closes at once': (socket) => socket.destroy(),
  'resets at once': (socket) => socket.resetAndDestroy(),
};

type Kind = 'TCP_CHECK' | 'HTTP_GET' | 'SSL_GET' | 'SMTP_CHECK';

interface Subject {
  readonly address: string;
  readonly kind: Kind;
  readonly fault: string;
}

const SUBJECTS: readonly Subject[] = (['TCP_CHECK', 'HTTP_GET', 'SSL_GET', 'SMTP_CHECK'] as const)
  .flatMap((kind) => Object.keys(FAULTS).map((fault) => ({ kind, fault })))
  .map((one, i) => ({ ...one, address: `10.0.99.${i + 1}` }));
const PORT = 80;

function realServer(address: string, checker: string): string {
  return `  real_server ${address} ${PORT} {\n    ${checker}\n  }\n`;
}

function virtualServer(servers: string): string {
  return `virtual_server 192.0.2.1 ${PORT} {\n  delay_loop 1\n  warmup 0\n  connect_timeout 2\n  retry 1\n  delay_before_retry 1\n  lvs_sched rr\n  lvs_method NAT\n  protocol TCP\n${servers}}\n`;
}

function checker(kind: Kind): string {
  return kind === 'HTTP_GET' || kind === 'SSL_GET' ? `${kind} {\n      url {\n        path /\n      }\n    }` : `${kind} {\n    }`;
}

const page: Answer = (socket) => socket.once('data', () => socket.end(`${HEADER}hello\n`));

function healthy({ kind, address }: Subject, pem: Pem): Backend {
  switch (kind) {
    case 'TCP_CHECK': return tcp(address, PORT);
    case 'HTTP_GET': return stream(address, PORT, page);
    // A certificate for another name, signed by nobody: what a checker does not look at.
    case 'SSL_GET': return https(address, PORT, 'hello\n', pem);
    case 'SMTP_CHECK': return smtp(address, PORT);
  }
}

/** What a process holds; null when it is gone. */
function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Processes on this machine whose command line has this in it. */
function processesNaming(text: string): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/u.test(name)).flatMap((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
      return line.includes(text) ? [`${pid} ${line}`] : [];
    } catch {
      return []; // It ended between the listing and now.
    }
  });
}

describe('what servers, scripts and a killed checker process do to the director', function () {
  this.timeout(400_000);
  let folder: string;
  let pem: Pem;
  let world: World;

  before(async function () {
    requireUml(this, 'openssl', 'ipvsadm');
    folder = mkdtempSync(join(tmpdir(), 'tska-faults-'));
    pem = selfSigned(folder);
    await batch([], ...SUBJECTS.map(({ address }) => `address replace ${address}/32 dev lo`));
  });
  beforeEach(async () => { world = await World.open(230, 'ours', folder); });
  afterEach(async () => { await world?.close(); });
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  function checkerProcess(): number {
    return Number(readFileSync(join(world.dir, 'checkers.pid'), 'utf8'));
  }

  async function inTable(what: string, addresses: readonly string[], bound = 120_000): Promise<void> {
    const wanted = [...addresses].sort();
    let there: string[] = [];
    await until(what, bound, async () => {
      there = [...(await world.table()).join('\n').matchAll(/ -r (\S+):\d+ /gu)].map(([, address]) => address ?? '').sort();
      return there.join() === wanted.join();
    }, () => `there: ${there.join(' ')}\nwanted: ${wanted.join(' ')}\n${world.daemon?.tail() ?? ''}`, 200);
  }

  it('servers that do wrong are taken out in time, come back, and leave no descriptor, process or memory behind', async () => {
    const good = SUBJECTS.map((subject) => healthy(subject, pem));
    const bad = SUBJECTS.map(({ address, fault }) => stream(address, PORT, FAULTS[fault] ?? page));
    try {
      for (const backend of good) await backend.up();
      world.start(virtualServer(SUBJECTS.map(({ address, kind }) => realServer(address, checker(kind))).join('')));
      await inTable('all in the table', SUBJECTS.map(({ address }) => address));
      await sleep(3000);
      const [pid, pids] = [checkerProcess(), world.daemon?.pids() ?? []];
      let before = 0;
      for (let i = 0; i < 20; i++) {
        before = Math.max(before, descriptors(pid));
        await sleep(50);
      }
      const resident = residentKilobytes(pid);

      for (const [i, backend] of good.entries()) {
        await backend.down();
        await bad[i]?.up();
      }
      // Who only wants a connection has got it.
      await inTable('those that do wrong out of the table', SUBJECTS.filter(({ kind }) => kind === 'TCP_CHECK').map(({ address }) => address));
      await sleep(5000);
      expect(descriptors(pid), 'descriptors: one for each check under way').to.be.at.most(before + SUBJECTS.length);
      expect(residentKilobytes(pid) - resident, 'KiB more').to.be.below(64 * 1024);

      for (const [i, backend] of bad.entries()) {
        await backend.down();
        await good[i]?.up();
      }
      await inTable('all back in the table', SUBJECTS.map(({ address }) => address));
      await until('as many descriptors as before', 20_000, () => descriptors(pid) <= before, () => `${descriptors(pid)}, before ${before}`);
      expect(world.daemon?.pids()).to.deep.equal(pids);
    } finally {
      for (const backend of [...good, ...bad]) await backend.down();
    }
  });

  for (const [kind, secure] of [['HTTP_GET', false], ['SSL_GET', true]] as const) {
    it(`${kind}: a server that sends without end is taken out in time, in bounded memory`, async () => {
      let sent = 0;
      const block = Buffer.alloc(64 * 1024, 'x');
      const flood: Answer = (socket: Socket) => {
        const more = (): void => {
          // A bounded turn, so that this process stays responsive.
          for (let i = 0; i < 16 && !socket.destroyed; i++) {
            sent += block.length;
            if (!socket.write(block)) return;
          }
          if (!socket.destroyed) setImmediate(more);
        };
        socket.write(HEADER);
        socket.on('drain', more);
        more();
      };
      const server = stream('10.0.99.1', PORT, flood, secure ? pem : undefined);
      await server.up();
      try {
        world.start(virtualServer(realServer('10.0.99.1', checker(kind)) + realServer('10.0.99.2', '')));
        await inTable('both in the table', ['10.0.99.1', '10.0.99.2']);
        let most = 0;
        const watch = setInterval(() => (most = Math.max(most, residentKilobytes(checkerProcess()))), 100);
        try {
          await inTable('one left', ['10.0.99.2']);
          await sleep(3000);
        } finally {
          clearInterval(watch);
        }
        expect(sent, 'bytes sent').to.be.above(16 * 1024 * 1024);
        expect(most, 'KiB resident').to.be.below(256 * 1024);
      } finally {
        await server.down();
      }
    });
  }

  it('a script that hangs, deaf to SIGTERM, is ended, and its server taken out; the stop leaves no process', async () => {
    const script = join(world.dir, 'hang.sh');
    // What it starts hangs as well.
    writeFileSync(script, `#!/bin/sh\ntrap '' TERM\n/bin/sh -c "trap '' TERM; while :; do sleep 1; done" ${world.dir}/child &\nwhile :; do sleep 1; done\n`, { mode: 0o755 });
    world.start(`global_defs {\n  script_user root\n  enable_script_security\n}\n${virtualServer(realServer('10.0.99.1', `MISC_CHECK {\n      misc_path ${script}\n      misc_timeout 2\n    }`) + realServer('10.0.99.2', ''))}`);
    await inTable('both in the table', ['10.0.99.1', '10.0.99.2']);
    await inTable('one left', ['10.0.99.2']);
    let most = 0;
    for (let i = 0; i < 40; i++) {
      most = Math.max(most, processesNaming(script).length);
      await sleep(200);
    }
    // One that runs, and one that has two seconds left to live.
    expect(most, 'at a time').to.be.within(1, 2);
    world.daemon?.terminate();
    await world.daemon?.ended(20_000);
    await until('no process left', 20_000, () => processesNaming(world.dir).length === 0, () => processesNaming(world.dir).join('\n'), 100);
  });

  it('SIGKILL to the checker process: the table stays, it is started again, and goes on', async () => {
    const servers = ['10.0.99.1', '10.0.99.2'].map((address) => tcp(address, PORT));
    for (const server of servers) await server.up();
    try {
      world.start(virtualServer(['10.0.99.1', '10.0.99.2'].map((address) => realServer(address, checker('TCP_CHECK'))).join('')));
      await inTable('both in the table', ['10.0.99.1', '10.0.99.2']);
      await sleep(3000);
      const first = world.daemon?.pids()[0] ?? 0;
      const [held, there] = [descriptors(first), world.glance()];
      const processes = world.daemon?.pids().length;
      for (let round = 0; round < 2; round++) {
        const pid = checkerProcess();
        expect(pid).to.not.equal(first);
        process.kill(pid, 'SIGKILL');
        const end = performance.now() + 20_000;
        for (;;) {
          expect(world.glance(), 'the table').to.equal(there);
          const now = readPid(join(world.dir, 'checkers.pid'));
          if (now !== null && now !== pid && world.daemon?.pids().includes(now) === true) break;
          if (performance.now() > end) throw new Error(`no checker process again\n${world.daemon?.tail() ?? ''}`);
          await sleep(50);
        }
        // The new one reads the table, and finds it as it should be.
        await sleep(2000);
        expect(world.glance(), 'the table').to.equal(there);
      }
      await servers[0]?.down();
      await inTable('one left', ['10.0.99.2']);
      await servers[0]?.up();
      await inTable('both again', ['10.0.99.1', '10.0.99.2']);
      await until('as many descriptors as before', 10_000, () => descriptors(first) <= held, () => `${descriptors(first)}, before ${held}`);
      expect(world.daemon?.pids().length).to.equal(processes);
      world.daemon?.terminate();
      await world.daemon?.ended(20_000);
      expect(await world.table()).to.deep.equal([]);
      expect(processesNaming(world.dir)).to.deep.equal([]);
    } finally {
      for (const server of servers) await server.down();
    }
  });
});

/** null while it is being written anew. */
function readPid(path: string): number | null {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    return pid > 0 ? pid : null;
  } catch {
    return null;
  }
}
