import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { configTestExit, keepalivedLines } from '../../lib/config/load.ts';
import type { FileFacts, Machine } from '../../lib/config/machine.ts';
import { ip } from '../../lib/util/ip.ts';
import { CORPUS } from './differences.ts';
import { fakeMachine, files, loadFile } from './helpers.ts';
import { reference, rows, withReference } from './reference.ts';

/** The machine on which the index was made: a Debian with a merged /usr and few programs. */
const FOUND: Readonly<Record<string, Partial<FileFacts>>> = {
  '/usr/bin/killall': {}, '/usr/bin/curl': {}, '/usr/bin/ip': {}, '/usr/bin/bash': {}, '/usr/sbin/killall5': {}, '/usr/sbin/service': {}, '/etc/init.d/postgresql': {},
  '/usr/bin/pidof': { kind: 'link', target: '/sbin/killall5' }, '/usr/sbin/ip': { kind: 'link', target: '/bin/ip' },
  '/sbin': { kind: 'link', target: 'usr/sbin' }, '/bin': { kind: 'link', target: 'usr/bin' },
};
const DIRECTORIES = new Set(['/', '/usr', '/usr/bin', '/usr/sbin', '/usr/lib', '/usr/local', '/etc', '/etc/keepalived', '/etc/init.d', '/opt', '/tmp', '.']);

function machine(links: readonly string[]): Machine {
  return fakeMachine({
    links: new Map(['lo', 'eth0', ...links].map((name) => [name, { loopback: name === 'lo' }])),
    accounts: { user: (name) => (name === 'root' ? { uid: 0, gid: 0 } : name === 'nobody' ? { uid: 65534, gid: 65534 } : null), group: (name) => (name === 'root' ? 0 : null) },
    files: (path) => ({ kind: DIRECTORIES.has(path) ? 'directory' : Object.hasOwn(FOUND, path) ? 'file' : 'missing', mode: 0o755, uid: 0, gid: 0, target: null, ...(Object.hasOwn(FOUND, path) ? FOUND[path] : {}) }),
    resolve: (host) => (host === 'localhost' ? ip('127.0.0.1') : null),
  });
}

describe('real configurations', function () {
  this.timeout(60_000);

  withReference('end a config test with the exit code of keepalived 2.4.3, as far as not listed', function () {
    const index = reference(join('corpus', 'index.tsv'));
    const wrong: string[] = [];
    let agree = 0;
    const all = rows(index);
    for (const [file = '', , bare, , , withLinks, , links = ''] of all) {
      const text = readFileSync(join(dirname(index), file), 'utf8');
      const created = links === '' ? [] : links.split(',');
      for (const [expected, present] of [[bare, []], [withLinks, created]] as const) {
        const { diagnostics } = loadFile(file, { files: files({ [file]: text }), machine: machine(present), configId: 'host' });
        const exit = configTestExit(diagnostics);
        const listed = CORPUS[file];
        if (String(exit) === expected) agree++;
        else if (listed?.ours !== exit) wrong.push(`${file}: ${String(expected)}, ours ${String(exit)}`);
      }
    }
    console.log(`      ${String(agree)} of ${String(2 * all.length)} agree, ${String(Object.keys(CORPUS).length)} files differ on purpose`);
    expect(wrong).to.deep.equal([]);
    expect(agree).to.be.greaterThan(0);
  });

  withReference('get the messages of keepalived 2.4.3, word for word in most files', function () {
    const path = reference(join('corpus', 'expected-diagnostics.txt'));
    const created = new Map(rows(reference(join('corpus', 'index.tsv'))).map((row) => [row[0] ?? '', row[7] ?? '']));
    let same = 0;
    let total = 0;
    for (const part of readFileSync(path, 'utf8').split(/^== /mu).slice(1)) {
      const [head = '', ...lines] = part.trimEnd().split('\n');
      const file = head.split(' ')[0] ?? '';
      const links = created.get(file) ?? '';
      const { diagnostics } = loadFile(file, { files: files({ [file]: readFileSync(join(dirname(path), file), 'utf8') }), machine: machine(links === '' ? [] : links.split(',')), configId: 'host' });
      total++;
      if (keepalivedLines(diagnostics).join('\n') === lines.join('\n')) same++;
    }
    console.log(`      ${String(same)} of ${String(total)} files get the same lines in the same order`);
    expect(same / total).to.be.greaterThan(0.8);
  });
});
