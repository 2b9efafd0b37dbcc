import { expect } from 'chai';
import { configTestExit, keepalivedLines, printDiagnostic } from '../../lib/config/load.ts';
import { diagnostic, RECORDED, type Recorded } from '../../lib/config/diagnostic.ts';
import { maskSecrets } from '../../lib/config/source.ts';
import { files, load, loadFile, withInstance } from './helpers.ts';

/** All that a person reads about this text. */
function read(text: string): string {
  return load(text).diagnostics.map(printDiagnostic).join('\n');
}

describe('diagnostics as a person reads them', () => {
  it('an unknown keyword names the nearest known one', () => {
    expect(read(withInstance('  priorty 100'))).to.equal([
      "test.conf:7:3: warning: Unknown keyword 'priorty' in vrrp_instance [unknown-keyword]",
      '  7 |   priorty 100',
      '    |   ^^^^^^^',
      "  help: did you mean 'priority'?",
    ].join('\n'));
  });

  it('a number out of range: the range, then what becomes of it', () => {
    expect(read(withInstance('  priority 300'))).to.equal([
      "test.conf:7:12: error: number '300' outside range [1, 255] [invalid-number]",
      '  7 |   priority 300',
      '    |            ^^^',
      '  help: it must be 1..255',
      'test.conf:7:12: warning: (VI_1) Priority not valid! must be between 1 & 255. Using default 100 [invalid-value]',
      '  7 |   priority 300',
      '    |            ^^^',
    ].join('\n'));
  });

  it('a duplicate shows where the first is', () => {
    expect(read(`${withInstance('')}vrrp_instance VI_1 {\n}\n`)).to.equal([
      'test.conf:9:15: error: vrrp instance VI_1 already defined [duplicate]',
      '  9 | vrrp_instance VI_1 {',
      '    |               ^^^^',
      '  help: first defined at test.conf:1; this block is skipped',
    ].join('\n'));
  });

  it('inside a macro: the line that used it', () => {
    const text = load('$X=vrrp_version 9\nglobal_defs {\n  ${X}\n}\n').diagnostics.map(printDiagnostic)[0];
    expect(text).to.equal([
      "test.conf:3:16: error: number '9' outside range [2, 3] [invalid-number]",
      '  3 |   vrrp_version 9',
      '    |                ^',
      '  expanded from ${X} at test.conf:3',
      '  help: it must be 2..3',
    ].join('\n'));
  });

  it('tabs before the caret stay tabs', () => {
    expect(read('global_defs {\n\tvrrp_version 9\n}\n').split('\n')[2]).to.equal('    | \t             ^');
  });
});

describe('secrets', () => {
  const rows: readonly (readonly [line: string, masked: string])[] = [
    ['    auth_pass geheim', '    auth_pass ******'],
    ['    auth_pass "two words"', '    auth_pass ***********'],
    ['    auth_pas geheim', '    auth_pas ******'],
    ['authentication { auth_type PASS auth_pass geheim }', 'authentication { auth_type PASS auth_pass ****** }'],
    ['    key 1 0123456789abcdef', '    key 1 ****************'],
    ['  password geheim', '  password ******'],
    ['$VRRP_PASS=geheim', '$VRRP_PASS=******'],
    ['    interface eth0', '    interface eth0'],
  ];
  for (const [line, masked] of rows) it(line, () => { expect(maskSecrets(line)).to.equal(masked); });

  it('are in no printed form of a diagnostic', () => {
    const { diagnostics } = load(withInstance('  authentication {\n    auth_type PASS\n    auth_pass geheim123456\n    auth_pasw geheim123456\n  }'));
    expect(diagnostics).to.have.length(2);
    expect(JSON.stringify(diagnostics)).to.not.contain('geheim');
    expect(diagnostics.map(printDiagnostic).join()).to.not.contain('geheim');
  });
});

describe('exit code of a config test', () => {
  const rows: readonly (readonly [recorded: readonly Recorded[], exit: number])[] = [
    [[], 0],
    [['none'], 0],
    [['bad-interface'], 4],
    [['fatal', 'file-not-found'], 4],
    [['bad-interface', 'general'], 5],
    [['unknown-keyword'], 5],
    [['deprecated', 'fatal'], 5],
    [['general', 'security'], 6],
  ];
  for (const [recorded, exit] of rows) {
    it(`${recorded.join(', ') || 'nothing'}: ${String(exit)}`, () => {
      expect(configTestExit(recorded.map((one) => diagnostic({ code: 'x', message: 'x', recorded: one }, 'vrrp')))).to.equal(exit);
    });
  }

  it('ranks its classes as the reference does', () => {
    expect(RECORDED.indexOf('security')).to.equal(RECORDED.length - 1);
    expect(RECORDED.indexOf('fatal')).to.be.lessThan(RECORDED.indexOf('unknown-keyword'));
  });

  it('two files are named in every line', () => {
    const { diagnostics, files: read_ } = loadFile('/a/*.conf', { files: files({ '/a/1.conf': 'global_defs {\n x\n}\n', '/a/2.conf': '' }) });
    expect(keepalivedLines(diagnostics, read_.length > 1)).to.include("(/a/1.conf: Line 2) Unknown keyword 'x'");
  });
});
