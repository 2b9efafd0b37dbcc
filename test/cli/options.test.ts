import { expect } from 'chai';
import { OPTIONS, parseOptions, UsageError } from '../../lib/cli/options.ts';

/** The options as `long=value` words. */
const parsed = (...argv: string[]): string[] => parseOptions(argv).map(({ row, value }) => (value === null ? row.long : `${row.long}=${value}`));

describe('parseOptions', () => {
  for (const [name, argv, message] of [
    ['an unknown long option', ['--colour'], "unknown option '--colour'"],
    ['an unknown long option with a value', ['--colour=red'], "unknown option '--colour'"],
    ['an unknown short option', ['-z'], "unknown option '-z'"],
    ['an unknown short option in a bundle', ['-nz'], "unknown option '-z'"],
    ['an abbreviation of several', ['--dont'], "option '--dont' is ambiguous: --dont-release-vrrp, --dont-release-ipvs, --dont-respawn, --dont-fork"],
    ['an abbreviation of several with a value', ['--log-f=x'], "option '--log-f' is ambiguous: --log-facility, --log-file, --log-format"],
    ['a value where none is taken', ['--dont-fork=yes'], "option '--dont-fork' takes no value"],
    ['an empty value where none is taken', ['--vrrp='], "option '--vrrp' takes no value"],
    ['a long option without its value', ['--use-file'], "option '--use-file' needs FILE"],
    ['a short option without its value', ['-f'], "option '-f' needs FILE"],
    ['a bundle that ends without its value', ['-nf'], "option '-f' needs FILE"],
    ['a stray argument', ['start'], "unexpected argument 'start'"],
    ['a stray argument behind an option', ['-n', 'start'], "unexpected argument 'start'"],
    ['a separate optional value is a stray argument', ['--config-test', 'log'], "unexpected argument 'log'"],
    ['a separate optional value of a short option, too', ['-t', 'log'], "unexpected argument 'log'"],
    ['a dash alone', ['-'], "unexpected argument '-'"],
    ['an empty word', [''], "unexpected argument ''"],
    ['something behind --', ['--', 'x'], "unexpected argument 'x'"],
  ] as const) {
    it(`refuses ${name}`, () => {
      expect(() => parseOptions(argv)).to.throw(UsageError, message);
    });
  }

  for (const [name, argv, options] of [
    ['nothing', [], []],
    ['a long option', ['--dont-fork'], ['dont-fork']],
    ['an unambiguous abbreviation', ['--dont-f'], ['dont-fork']],
    ['an abbreviation with a value', ['--use=/a'], ['use-file=/a']],
    ['an exact name that is also the beginning of another', ['--all'], ['all']],
    ['log-file, also the end of flush-log-file', ['--log-file'], ['log-file']],
    ['pid, also within others', ['--pid', '/p'], ['pid=/p']],
    ['a value as the next word', ['--use-file', '/a'], ['use-file=/a']],
    ['a value that looks like an option', ['--use-file', '-n'], ['use-file=-n']],
    ['a value with an equals sign', ['--use-file=a=b'], ['use-file=a=b']],
    ['an empty value', ['--use-file='], ['use-file=']],
    ['a short option with its value as the next word', ['-f', '/a'], ['use-file=/a']],
    ['a short option with its value attached', ['-f/a'], ['use-file=/a']],
    ['bundled short options', ['-nlD'], ['dont-fork', 'log-console', 'log-detail']],
    ['a bundle that ends with a value', ['-nlf', '/a'], ['dont-fork', 'log-console', 'use-file=/a']],
    ['a bundle whose value is attached', ['-nf/a', '-l'], ['dont-fork', 'use-file=/a', 'log-console']],
    ['an optional value left out', ['--config-test'], ['config-test']],
    ['an optional value attached to the long name', ['--config-test=/log'], ['config-test=/log']],
    ['an optional value attached to the letter', ['-t/log'], ['config-test=/log']],
    ['an optional value in a bundle', ['-nt/log'], ['dont-fork', 'config-test=/log']],
    ['the same option again', ['-D', '-D', '-f', 'a', '-f', 'b'], ['log-detail', 'log-detail', 'use-file=a', 'use-file=b']],
    ['-- at the end', ['-n', '--'], ['dont-fork']],
    ['what is not built, for the settings to refuse', ['--snmp'], ['snmp']],
  ] as const) {
    it(`understands ${name}`, () => { expect(parsed(...argv)).to.deep.equal(options); });
  }
});

describe('the table of options', () => {
  it('names nothing twice', () => {
    const shorts = OPTIONS.flatMap((o) => (o.short === null ? [] : [o.short]));
    expect(new Set(shorts).size).to.equal(shorts.length);
    expect(new Set(OPTIONS.map((o) => o.long)).size).to.equal(OPTIONS.length);
  });

  it('names the value of every option that has one, and of no other', () => {
    for (const { long, value, name } of OPTIONS) expect(name === null, long).to.equal(value === 'none');
  });

  for (const { long, short, value } of OPTIONS) {
    it(`--${long}${short === null ? '' : ` and -${short}`}`, () => {
      const attached = value === 'none' ? '' : 'x';
      const expected = value === 'none' ? long : `${long}=x`;
      expect(parsed(`--${long}${attached === '' ? '' : `=${attached}`}`)).to.deep.equal([expected]);
      if (short !== null) expect(parsed(`-${short}${attached}`)).to.deep.equal([expected]);
    });
  }
});
