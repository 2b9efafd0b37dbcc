import { expect } from 'chai';
import { parseOptions } from '../../lib/cli/options.ts';
import { defaultPidFile, identOf, placedPidFiles } from '../../lib/cli/pid-files.ts';
import { settingsOf } from '../../lib/cli/settings.ts';
import { parseFacility } from '../../lib/daemon/log/format.ts';

describe('pid files', () => {
  // Seen with keepalived 2.2.7, and in the reference (1.4) for 2.4.3.
  const rows: readonly [string, { instance: string | null; usePidDir: boolean }, string | null, string, string][] = [
    ['nothing said', { instance: null, usePidDir: false }, null, '/run/keepalived.pid', '/run/vrrp.pid'],
    ['use_pid_dir', { instance: null, usePidDir: true }, null, '/run/keepalived/keepalived.pid', '/run/keepalived/vrrp.pid'],
    ['instance implies it', { instance: 'foo', usePidDir: false }, null, '/run/keepalived/keepalived_foo.pid', '/run/keepalived/vrrp_foo.pid'],
    ['in a namespace', { instance: null, usePidDir: false }, 'blue', '/run/keepalived/keepalived.pid', '/run/keepalived/vrrp.pid'],
    ['all of it', { instance: 'foo', usePidDir: true }, 'blue', '/run/keepalived/keepalived_foo.pid', '/run/keepalived/vrrp_foo.pid'],
  ];
  for (const [name, process, namespace, parent, vrrp] of rows) {
    it(name, () => {
      expect([defaultPidFile('pidFile', process, namespace), defaultPidFile('vrrpPidFile', process, namespace)]).to.deep.equal([parent, vrrp]);
    });
  }

  it('those that options name stay, also where they name the default', () => {
    const given = settingsOf(parseOptions(['-r', '/run/vrrp.pid']), parseFacility);
    const placed = placedPidFiles(given, { instance: 'foo', usePidDir: false }, null);
    expect([placed.pidFile, placed.vrrpPidFile, placed.checkersPidFile, placed.bfdPidFile])
      .to.deep.equal(['/run/keepalived/keepalived_foo.pid', '/run/vrrp.pid', '/run/keepalived/checkers_foo.pid', '/run/keepalived/bfd_foo.pid']);
  });

  it('the name in syslog', () => {
    expect([identOf('Keepalived', null, null), identOf('Keepalived', 'i', null), identOf('Keepalived', null, 'n'), identOf('Keepalived', 'i', 'n')])
      .to.deep.equal(['Keepalived', 'Keepalived_i', 'Keepalived_n', 'Keepalived_n_i']);
  });
});
