import { expect } from 'chai';
import { configTestExit } from '../../lib/config/load.ts';
import { scriptWords } from '../../lib/config/script-words.ts';
import { fakeMachine, load, said } from './helpers.ts';

/** A configuration that tracks a script with these lines, and global_defs with those. */
function tracking(lines: string, globals = ''): string {
  return `global_defs {\n${globals}\n}\nvrrp_script chk {\n${lines}\n}\nvrrp_instance V {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n  192.0.2.1\n }\n track_script {\n  chk\n }\n}\n`;
}
const UNSAFE = 'SECURITY VIOLATION - scripts are being executed but script_security not enabled.';

describe('scripts', () => {
  const rows: readonly (readonly [name: string, lines: string, globals: string, lines: readonly string[]])[] = [
    ['no script', 'interval 2', '', ['(test.conf: Line 6) No script set for vrrp_script chk - removing', '(test.conf: Line 14) (V) track script chk not found, ignoring...']],
    ['a file that is not there', 'script /none', '', ['Disabling track script chk since not found/accessible']],
    ['a program that is not in PATH', 'script none', '', ['Disabling track script chk since not found/accessible']],
    ['a file without execute bits', 'script /usr/bin/plain', '', ['Disabling track script chk since not found/accessible']],
    ['a directory', 'script /usr/bin', '', ['Disabling track script chk since not found/accessible']],
    ['a link to a directory on the way, run by root', 'script /sbin/service', '', ['Disabling track script chk due to insecure', UNSAFE]],
    ['a file that everybody may change, run by root', 'script /opt/open.sh', '', [`${UNSAFE} There are insecure scripts.`]],
    ['the same with enable_script_security', 'script /opt/open.sh', 'enable_script_security\nscript_user root', ['Disabling track script chk due to insecure']],
    ['a user that does not exist', 'script /usr/bin/true\nuser ghost', '', ["(test.conf: Line 6) Unable to set uid/gid for script '/usr/bin/true'", '(test.conf: Line 15) (V) track script chk not found, ignoring...']],
    ['enable_script_security without an account', 'script /usr/bin/true', 'enable_script_security', ['(test.conf: Line 6) Unable to set default user keepalived_script for script', '(test.conf: Line 6) Unable to set default user for vrrp script chk - removing', '(test.conf: Line 14) (V) track script chk not found, ignoring...']],
    ['a missing quote', 'script "/usr/bin/true a', '', ["(test.conf: Line 5) Unterminated quote 'script \"/usr/bin/true a'", "(test.conf: Line 5) Unmatched quote: 'script \"/usr/bin/true a'", "(test.conf: Line 5) String 'script \"/usr/bin/true a': missing terminating \"", '(test.conf: Line 6) No script set for vrrp_script chk - removing', '(test.conf: Line 14) (V) track script chk not found, ignoring...']],
    ['run by root without enable_script_security', 'script /usr/bin/true', '', [UNSAFE]],
    ['run by somebody else without enable_script_security', 'script /usr/bin/true\nuser nobody', '', [UNSAFE]],
    ['all well', 'script /usr/bin/true', 'enable_script_security\nscript_user root', []],
    ['by somebody else, a file that everybody may change does not matter', 'script /opt/open.sh', 'enable_script_security\nscript_user nobody', []],
  ];
  for (const [name, lines, globals, expected] of rows) {
    it(name, () => { expect(said(tracking(lines, globals)).filter((line) => !line.includes('Unterminated') || name === 'a missing quote')).to.include.members([...expected]).and.to.have.length(name === 'a missing quote' ? 9 : expected.length); });
  }

  it('unquoted path, arguments and account', () => {
    const { config, diagnostics } = load(tracking('script "/usr/bin/killall -0 \'my daemon\'" nobody nogroup', 'enable_script_security'));
    expect(diagnostics).to.deep.equal([]);
    expect(config?.scripts).to.deep.equal([{
      name: 'chk', command: { argv: ['/usr/bin/killall', '-0', 'my daemon'], account: { user: 'nobody', group: 'nogroup' } },
      interval: 1000, timeout: 1000, weight: 0, reverse: false, rise: 1, fall: 1, initFail: false,
    }]);
  });

  it('a bare name is found in PATH, a link resolved', () => {
    const { config } = load(tracking('script "killall -0 nginx"'));
    expect(config?.scripts[0]?.command.argv).to.deep.equal(['/usr/bin/killall', '-0', 'nginx']);
  });

  it('use_symlink_paths: as it is written, or found, wherever it stands', () => {
    const argv = (line: string, globals: string): unknown => load(tracking(`${line}\nuser nobody`, globals)).config?.scripts[0]?.command.argv[0];
    expect(argv('script /sbin/service', 'use_symlink_paths no')).to.equal('/usr/sbin/service');
    expect(argv('script /sbin/service', '')).to.equal('/usr/sbin/service');
    expect(argv('script /sbin/service', 'use_symlink_paths')).to.equal('/sbin/service');
    expect(argv('script killall', 'use_symlink_paths')).to.equal('/usr/bin/killall');
    const below = `${tracking('script /sbin/service\nuser nobody').replace('global_defs {\n\n}\n', '')}global_defs {\n use_symlink_paths\n}\n`;
    expect(load(below).config?.scripts[0]?.command.argv[0], 'below the script').to.equal('/sbin/service');
  });

  it('the account: of the script, of its block, of script_user, of keepalived_script, of the daemon', () => {
    const account = (lines: string, globals = '', machine = fakeMachine()): unknown => load(tracking(lines, globals), { machine }).config?.scripts[0]?.command.account;
    const accounts = { user: (name: string) => (name === 'ghost' ? null : { uid: 1, gid: 1 }), group: () => 1 };
    expect(account('script /usr/bin/true')).to.equal(null);
    expect(account('script /usr/bin/true', '', fakeMachine({ accounts }))).to.deep.equal({ user: 'keepalived_script', group: null });
    expect(account('script /usr/bin/true', 'script_user nobody')).to.deep.equal({ user: 'nobody', group: null });
    expect(account('script /usr/bin/true\nuser root nogroup', 'script_user nobody')).to.deep.equal({ user: 'root', group: 'nogroup' });
  });

  it('enable_script_security below the script counts too, since keepalived reads global_defs first', () => {
    const text = tracking('script /opt/open.sh\nuser root').replace('global_defs {\n\n}\n', '');
    expect(said(`${text}global_defs {\n enable_script_security\n}\n`)).to.deep.equal(['Disabling track script chk due to insecure']);
  });

  it('without facts about files every script is taken for good', () => {
    const { config, diagnostics } = load(tracking('script /none', 'enable_script_security\nscript_user root'), { machine: fakeMachine({ files: null }) });
    expect(config?.scripts).to.have.length(1);
    expect(configTestExit(diagnostics)).to.equal(0);
  });

  it('a weight that can never cause a failover is told, to people only', () => {
    const { diagnostics } = load(tracking('script /usr/bin/true\nweight -20', 'enable_script_security\nscript_user root').replace(' virtual_router_id 1\n', ' virtual_router_id 1\n priority 1\n'));
    expect(diagnostics.map((d) => d.code)).to.deep.equal(['weight-without-effect']);
    expect(configTestExit(diagnostics)).to.equal(0);
    expect(load(tracking('script /usr/bin/true\nweight -20', 'enable_script_security\nscript_user root')).diagnostics).to.deep.equal([]);
  });

  it('a notify script that is not there costs a line for people only', () => {
    const { config, diagnostics } = load('vrrp_instance V {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.1\n }\n notify_master /none\n}\n');
    expect(config?.instances[0]?.notify.master).to.equal(null);
    expect(diagnostics.map((d) => d.code)).to.deep.equal(['script-not-runnable']);
    expect(configTestExit(diagnostics)).to.equal(0);
  });
});

describe('the second splitter', () => {
  const rows: readonly (readonly [text: string, words: readonly string[] | string])[] = [
    ['"a', '"'],
    ["a 'b", "'"],
    ['a b', ['a', 'b']],
    [`'a'"b"c`, ['abc']],
    ['a\\ b', ['a b']],
    ['"a\\tb\\x41\\101\\cA"', ['a\tbAA\x01']],
    ['"a\\"b" \'c"d\'', ['a"b', 'c"d']],
    ['', []],
  ];
  for (const [text, words] of rows) {
    it(JSON.stringify(text), () => {
      const split = scriptWords(text);
      expect(split.ok ? split.words : split.quote).to.deep.equal(words);
    });
  }
});
