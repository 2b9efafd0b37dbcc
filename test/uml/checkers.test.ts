import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requirePrograms } from '../needs.ts';
import { until } from '../netns/wait.ts';
import { datagrams, dns, echo, file, http, https, smtp, tcp, type Backend } from './director/backends.ts';
import { selfSigned } from './director/certificate.ts';
import { ask, REAL, Site } from './director/site.ts';
import { batch } from './director/world.ts';
import { requireUml } from './needs.ts';

const NUMBER = 241;
/** Where what the first real server is judged by listens; it is not the web server that clients meet. */
const JUDGED = '10.0.31.1';
const DIRECTOR = `10.200.${NUMBER}.2`;
const AT = `connect_ip ${JUDGED}\n      connect_port`;
const NAMES = ['TCP_CHECK', 'HTTP_GET', 'SSL_GET', 'SMTP_CHECK', 'DNS_CHECK', 'UDP_CHECK', 'PING_CHECK', 'MISC_CHECK', 'FILE_CHECK', 'BFD_CHECK'] as const;
type Name = (typeof NAMES)[number];
const address = (name: Name): string => `192.0.2.${101 + NAMES.indexOf(name)}`;

/** The block of each checker, and what it asks. */
function checkers(folder: string): Readonly<Record<Name, readonly [block: string, backend: Backend]>> {
  return {
    TCP_CHECK: [`${AT} 9001`, tcp(JUDGED, 9001)],
    HTTP_GET: [`${AT} 9002\n      url {\n        path /\n        status_code 200\n      }`, http(JUDGED, 9002, { '/': [200, 'OK\n'] })],
    SSL_GET: [`${AT} 9003\n      url {\n        path /\n        status_code 200\n      }`, https(JUDGED, 9003, 'OK\n', selfSigned(folder))],
    SMTP_CHECK: [`${AT} 9004`, smtp(JUDGED, 9004)],
    DNS_CHECK: [`${AT} 9005\n      type A\n      name www.example.com`, dns(JUDGED, 9005)],
    UDP_CHECK: [`${AT} 9006\n      payload 6162\n      require_reply`, datagrams(JUDGED, 9006, (datagram) => datagram)],
    PING_CHECK: ['connect_ip 10.0.31.2', echo('10.0.31.2')],
    MISC_CHECK: [`misc_path "/usr/bin/grep -q well ${folder}/misc"`, file(join(folder, 'misc'), 'well\n', 'ill\n')],
    FILE_CHECK: ['track_file state', file(join(folder, 'state'), '0\n', '1\n')],
    BFD_CHECK: ['name session', bird(folder)],
  };
}

function bird(folder: string): Backend {
  const path = join(folder, 'bird.conf');
  writeFileSync(path, `router id ${JUDGED};\nprotocol device { }\nprotocol bfd {\n  interface "w${NUMBER}" { min rx interval 200 ms; min tx interval 200 ms; multiplier 5; };\n  neighbor ${DIRECTOR} dev "w${NUMBER}" local 10.200.${NUMBER}.1;\n}\n`);
  let child: ChildProcess | null = null;
  return {
    up: () => {
      child = spawn('bird', ['-f', '-c', path, '-s', join(folder, 'bird.ctl'), '-P', join(folder, 'bird.pid')], { stdio: ['ignore', 'ignore', 'inherit'] });
      return Promise.resolve();
    },
    down: async () => {
      if (child === null) return;
      const ended = new Promise((resolve) => child?.once('close', resolve));
      child.kill('SIGKILL');
      await ended;
      child = null;
    },
  };
}

function configuration(folder: string, those: ReturnType<typeof checkers>): string {
  const services = NAMES.map((name) => `virtual_server ${address(name)} 80 {
  delay_loop 1
  warmup 0
  retry 0
  connect_timeout 5
  lvs_sched rr
  lvs_method NAT
  protocol TCP
  real_server ${REAL.r1.inet} 8080 {
    ${name} {
      ${those[name][0]}
    }
  }
  real_server ${REAL.r2.inet} 8080 {
  }
}
`);
  return `global_defs {
  lvs_notify_fifo @DIR@/fifo
  script_user root
}
track_file state {
  file ${folder}/state
  weight 0
}
bfd_instance session {
  neighbor_ip 10.200.${NUMBER}.1
  source_ip ${DIRECTOR}
  min_rx 200
  min_tx 200
  multiplier 5
}
${services.join('')}`;
}

describe('each checker decides whom clients meet', function () {
  this.timeout(180_000);
  let folder: string;
  let site: Site;
  let those: ReturnType<typeof checkers>;

  before(async function () {
    requireUml(this);
    requirePrograms(this, 'bird', 'openssl');
    folder = mkdtempSync(join(tmpdir(), 'tska-checkers-'));
    site = await Site.open(NUMBER, 'ours', folder, NAMES.map(address));
    await batch([], `address replace ${JUDGED}/32 dev lo`);
    those = checkers(folder);
    for (const name of NAMES) await those[name][1].up();
    site.start('r1');
    site.start('r2');
    site.director.start(configuration(folder, those));
  });
  after(async () => {
    for (const name of NAMES) await those?.[name][1].down();
    await site?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  /** Waits until the table of a virtual server names these, and asks it as a client does. */
  async function met(name: Name, ...wanted: readonly ('r1' | 'r2')[]): Promise<void> {
    const line = (server: 'r1' | 'r2'): string => `-a -t ${address(name)}:80 -r ${REAL[server].inet}:8080 -m -w 1`;
    let there: string[] = [];
    await until(`${wanted.join(' and ')} in the table`, 60_000, async () => {
      there = (await site.director.table()).filter((one) => one.startsWith(`-a -t ${address(name)}:80 `)).sort();
      return there.join('\n') === wanted.map(line).join('\n');
    }, () => `${there.join('\n')}\n${site.director.daemon?.tail() ?? ''}`, 300);
    const answers: string[] = [];
    for (let i = 0; i < 4; i++) answers.push(await ask(address(name)));
    expect([...new Set(answers)].sort(), site.director.daemon?.tail()).to.deep.equal(wanted);
  }

  describe('both servers are well', () => {
    for (const name of NAMES) it(`${name}: a client meets both`, () => met(name, 'r1', 'r2'));
  });

  describe('what the first is judged by dies', () => {
    before(async () => { for (const name of NAMES) await those[name][1].down(); });
    for (const name of NAMES) it(`${name}: a client meets the second alone`, () => met(name, 'r2'));
  });

  describe('it returns', () => {
    before(async () => { for (const name of NAMES) await those[name][1].up(); });
    for (const name of NAMES) it(`${name}: a client meets both again`, () => met(name, 'r1', 'r2'));
  });
});
