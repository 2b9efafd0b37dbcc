import { expect } from 'chai';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { daemonCommand } from './daemon.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';

const GOOD = `vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  priority 100
  virtual_ipaddress {
    192.0.2.100/24
  }
}
`;

interface Row {
  readonly name: string;
  /** keepalived.conf; null: there is none; 'directory': one of that name. */
  readonly text: string | Buffer | null;
  readonly directory?: boolean;
  /** Exit status of the config test, as keepalived 2.4.3 has it. */
  readonly test: number;
  /** Exit status of the daemon; 'runs': keepalived warns and goes on, and so do we. */
  readonly start: number | 'runs';
  /** What must be said, by both unless `startSays` tells otherwise. FILE stands for the file's path. */
  readonly says: readonly RegExp[];
  readonly startSays?: readonly RegExp[];
}

const ROWS: readonly Row[] = [
  { name: 'no file', text: null, test: 0, start: 6, says: [/FILE/] },
  { name: 'a directory', text: null, directory: true, test: 0, start: 6, says: [/FILE.*is a directory/], startSays: [/Config files missing 'FILE'/, /FILE.*is a directory/, /--config-test --use-file FILE/] },
  { name: 'binary junk', text: junk(), test: 5, start: 'runs', says: [/Line 1\)/] },
  { name: 'an unclosed block', text: GOOD.replace(/\}\n$/, ''), test: 5, start: 'runs', says: [/There are 1 missing '\}'s/] },
  { name: 'an interface that does not exist', text: GOOD.replace('eth0', 'nosuch0'), test: 5, start: 2, says: [/\(FILE: Line 2\).*interface nosuch0/] },
  { name: 'an instance without a VRID', text: GOOD.replace(/.*virtual_router_id.*\n/, ''), test: 5, start: 2, says: [/VI_1/] },
  { name: 'a keyword without its argument', text: GOOD.replace('priority 100', 'priority'), test: 2, start: 2, says: [/Line 4\).*priority/] },
];

describe('netns: bad input', function () {
  this.timeout(60_000);
  let lab: Lab<'a'>;
  let node: LabNode;
  before(async function () {
    requireLab(this, { witness: false });
    lab = await Lab.open({ nodes: { a: '192.0.2.1/24' }, witness: null });
    node = lab.nodes.a;
  });
  after(() => lab?.close());

  for (const row of ROWS) {
    it(`${row.name}: the config test says it with status ${row.test}, the daemon ${row.start === 'runs' ? 'warns and stops cleanly' : `ends with ${row.start}`}`, async () => {
      const path = await prepare(node, row);
      const before = await machine(node);
      const withPath = (pattern: RegExp): RegExp => new RegExp(pattern.source.replaceAll('FILE', path.replaceAll('.', '\\.')), pattern.flags);
      const startSaid = (row.startSays ?? row.says).map(withPath);

      const tested = await node.run([...daemonCommand('ours'), '-t', '-f', path]);
      for (const pattern of row.says.map(withPath)) expect(tested.stdout + tested.stderr).to.match(pattern);
      expect(tested.status, 'status of the config test').to.equal(row.test);

      const daemon = startIn(node, path);
      if (row.start === 'runs') {
        const result = await endLater(daemon, node, path);
        expect(result.status, `status after SIGTERM\n${result.stderr}`).to.equal(0);
        for (const pattern of startSaid) expect(result.stdout + result.stderr).to.match(pattern);
      } else {
        const result = await daemon;
        expect(result.status, `exit status\n${result.stderr}`).to.equal(row.start);
        for (const pattern of startSaid) expect(result.stdout + result.stderr).to.match(pattern);
      }
      expect(await machine(node), 'addresses, links, groups and files').to.deep.equal(before);
    });
  }

  it('ours also shows where: file, line, column, the line and a caret', async () => {
    const path = node.write('conf/keepalived.conf', GOOD.replace('eth0', 'nosuch0'));
    const { stdout, stderr } = await node.run([...daemonCommand('ours'), '-t', '-f', path]);
    expect(stdout + stderr).to.include(`${path}:2:3: `);
    expect(stdout + stderr).to.match(/2 \| {3}interface nosuch0\n.*\| {3}\^{17}/);
  });

  for (const [name, setpriv] of Object.entries({
    'another user': ['--reuid', '65534', '--regid', '65534', '--clear-groups'],
    'root without the capabilities': ['--bounding-set', '-net_admin,-net_raw'],
  })) {
    it(`${name}: permission missing, status 4`, async () => {
      const path = node.write('conf/keepalived.conf', GOOD);
      await node.sh(`chmod 755 '${node.dir}' '${join(node.dir, '..')}' '${join(node.dir, 'conf')}'`);
      const before = await machine(node);
      const result = await node.run(['setpriv', ...setpriv, ...daemonCommand('ours'), '-n', '-l', '-G', '-f', path]);
      expect(result.stdout + result.stderr).to.match(/permission/i);
      expect(result.status, result.stderr).to.equal(4);
      expect(await machine(node), 'addresses, links, groups and files').to.deep.equal(before);
    });
  }

  for (const [name, argv] of Object.entries({ 'an unknown option': ['--no-such-option'], 'an argument too many': ['surplus'] })) {
    it(`${name}: usage and status 1`, async () => {
      const before = await machine(node);
      const result = await node.run([...daemonCommand('ours'), ...argv]);
      expect(result.status, result.stderr).to.equal(1);
      expect(result.stdout + result.stderr).to.match(/usage/i);
      expect(await machine(node), 'addresses, links, groups and files').to.deep.equal(before);
    });
  }
});

type Running = ReturnType<LabNode['run']>;

function startIn(node: LabNode, path: string): Running {
  return node.run([...daemonCommand('ours'), '-n', '-l', '-D', '-G', '-f', path, '-p', '/run/keepalived.pid', '-r', '/run/keepalived_vrrp.pid']);
}

/** Ends a daemon that goes on, by its pid file, once that is there. */
async function endLater(daemon: Running, node: LabNode, path: string): Running {
  await node.sh(`for i in $(seq 100); do test -s /run/keepalived.pid && break; sleep 0.05; done; sleep 0.3; kill -TERM $(cat /run/keepalived.pid)`).catch((cause: unknown) => {
    throw new Error(`no pid file from the daemon that should run on with ${path}`, { cause });
  });
  return daemon;
}

async function prepare(node: LabNode, row: Row): Promise<string> {
  await node.sh(`rm -rf '${node.dir}/conf'`);
  const path = join(node.dir, 'conf', 'keepalived.conf');
  if (row.directory === true) node.write('conf/keepalived.conf/other', '');
  else if (row.text !== null) node.write('conf/keepalived.conf', row.text);
  return path;
}

/** Everything a start could have left behind. */
async function machine(node: LabNode): Promise<Record<string, unknown>> {
  return {
    addresses: await node.sh('ip -o -4 address; ip -o -6 address | sed "s/ tentative//; s/valid_lft.*//"'),
    links: await node.sh('ip -d -o link | sed -n "s/.*\\(eth0.*promiscuity [0-9]*\\).*/\\1/p"'),
    groups: await node.sh('ip -o maddress'),
    processes: (await node.sh('ls /proc')).split('\n').filter((entry) => /^\d+$/.test(entry)).length,
    run: listing(node.outside('/run')),
    own: listing(node.dir),
  };
}

/** Path, size and content's hash of every file below. */
function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const stat = statSync(join(folder, name));
      return stat.isFile() ? `${name} ${stat.size} ${createHash('sha256').update(readFileSync(join(folder, name))).digest('hex')}` : name;
    })
    .sort();
}

/** Many short lines, none of which means anything: braces and quotes left out, so that what is said does not depend on chance. */
function junk(): Buffer {
  return Buffer.concat(Array.from({ length: 40 }, () => Buffer.concat([Buffer.from([0x81, 0x7f, 1]), Buffer.from(randomBytes(40).map((byte) => (byte < 0x80 ? byte | 0x80 : byte))), Buffer.from('\n')])));
}
