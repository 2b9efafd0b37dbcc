import { expect } from 'chai';
import { configTestExit, startFatal } from '../../lib/config/load.ts';
import { files, loadFile } from './helpers.ts';

const PART = 'global_defs {\n router_id part\n}\n';

function outcome(line: string, others: Parameters<typeof files>[0] = {}, allConfigErrors = false): { exit: number; start: number | null; router: string | undefined; codes: string[] } {
  const { config, diagnostics } = loadFile('/etc/k/main.conf', { files: files({ '/etc/k/main.conf': `${line}\n`, ...others }), allConfigErrors });
  return { exit: configTestExit(diagnostics), start: startFatal(diagnostics), router: config?.global.routerId, codes: diagnostics.map((d) => d.code) };
}

describe('include', () => {
  const rows: readonly (readonly [name: string, line: string, exit: number])[] = [
    ['include, nothing there: said, no error', 'include none.conf', 0],
    ['include, no match for a wildcard: not a word', 'include d/*.conf', 0],
    ['includer, nothing there', 'includer none.conf', 0],
    ['includem, nothing there', 'includem none.conf', 6],
    ['includem, no match for a wildcard', 'includem d/*.conf', 0],
    ['includew, no match for a wildcard', 'includew d/*.conf', 6],
    ['includeb, a brace alternative without a file', 'includeb {part,none}.conf', 6],
    ['includea, a brace alternative without a file', 'includea {part,none}.conf', 6],
    ['include, an executable file: skipped', 'include run.conf', 0],
    ['includer, an executable file', 'includer run.conf', 6],
    ['includer, a directory', 'includer sub', 6],
  ];
  for (const [name, line, exit] of rows) {
    it(name, () => {
      const got = outcome(line, { '/etc/k/part.conf': PART, '/etc/k/run.conf': { text: PART, mode: 0o755 }, '/etc/k/sub/x': 'x' });
      expect(got.exit).to.equal(exit);
      expect(got.start).to.equal(exit === 0 ? null : 6);
    });
  }

  it('a file of its own, found beside the including one', () => {
    expect(outcome('include part.conf', { '/etc/k/part.conf': PART }).router).to.equal('part');
  });

  it('all files of a wildcard, in order, also inside a block', () => {
    const got = outcome('global_defs {\n include d/*.conf\n}', { '/etc/k/d/1.conf': 'router_id one\n', '/etc/k/d/2.conf': 'router_id two\n' });
    expect(got.router).to.equal('two');
  });

  it('a nested include is relative to its own file', () => {
    expect(outcome('include d/a.conf', { '/etc/k/d/a.conf': 'include b.conf\n', '/etc/k/d/b.conf': PART }).router).to.equal('part');
  });

  for (const [name, line] of [['a condition', '@^other include d.conf'], ['a definition', '$D=d\ninclude ${D}.conf']] as const) {
    it(`an include behind ${name}`, () => {
      expect(outcome(line, { '/etc/k/d.conf': PART }).router).to.equal('part');
    });
  }

  it('-e makes every failure of a plain include an error', () => {
    expect(outcome('include none.conf', {}, true).exit).to.equal(6);
  });

  it('include_check does so from its line on', () => {
    expect(outcome('global_defs {\n include_check match\n}\ninclude none.conf').exit).to.equal(6);
    expect(outcome('global_defs {\n include_check wildcard_match\n}\ninclude none.conf').exit).to.equal(0);
  });

  it('a file that includes itself ends in a diagnostic', () => {
    const got = outcome('include main.conf');
    expect(got.codes).to.deep.equal(['include-cycle']);
  });

  it('a diagnostic inside an included file shows the chain', () => {
    const { diagnostics } = loadFile('/etc/k/main.conf', { files: files({ '/etc/k/main.conf': '\ninclude d.conf\n', '/etc/k/d.conf': 'global_defs {\n  vrrp_version 7\n}\n' }) });
    expect(diagnostics[0]?.range).to.include({ file: 'd.conf', line: 2, column: 16, endColumn: 17 });
    expect(diagnostics[0]?.range?.chain).to.deep.equal([{ kind: 'include', label: 'd.conf', file: '/etc/k/main.conf', line: 2 }]);
  });
});

describe('the file itself', () => {
  const rows: readonly (readonly [name: string, path: string, message: string])[] = [
    ['not there', '/none.conf', "cannot read the configuration file '/none.conf': there is no such file"],
    ['a directory', '/etc/k', "cannot read the configuration file '/etc/k': it is a directory"],
    ['a wildcard without a match', '/etc/k/*.x', "cannot read the configuration file '/etc/k/*.x': there is no such file"],
  ];
  for (const [name, path, message] of rows) {
    it(`${name}: a config test passes as keepalived's does, a start fails`, () => {
      const { config, diagnostics } = loadFile(path, { files: files({ '/etc/k/a.conf': '' }) });
      expect(config).to.equal(null);
      expect(diagnostics.map((d) => d.message)).to.deep.equal([message]);
      expect(configTestExit(diagnostics)).to.equal(0);
      expect(startFatal(diagnostics)).to.equal(6);
    });
  }

  it('binary junk ends in diagnostics', () => {
    const junk = String.fromCharCode(...Array.from({ length: 2000 }, (_, i) => (i * 7919) % 256));
    const { diagnostics } = loadFile('/j', { files: files({ '/j': junk }) });
    expect(diagnostics.length).to.be.greaterThan(0);
  });
});
