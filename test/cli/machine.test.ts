import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultConfigId, expandBraces, fileReader, thisMachine } from '../../lib/cli/machine.ts';

describe('expandBraces', () => {
  for (const [name, pattern, expected] of [
    ['nothing', '', ['']],
    ['no brace', 'a.conf', ['a.conf']],
    ['a brace that is never closed', 'a{b,c', ['a{b,c']],
    ['a closing brace alone', 'a}b', ['a}b']],
    ['one alternative', 'a{b}c', ['abc']],
    ['two', 'a{b,c}d', ['abd', 'acd']],
    ['an empty one', 'a{,b}', ['a', 'ab']],
    ['two pairs', '{a,b}{c,d}', ['ac', 'ad', 'bc', 'bd']],
    ['a nested pair', 'a{b,c{d,e}}f', ['abf', 'acdf', 'acef']],
  ] as const) {
    it(name, () => { expect(expandBraces(pattern)).to.deep.equal(expected); });
  }
});

describe('fileReader', () => {
  let directory = '';

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'tskeepalived-machine-'));
    for (const name of ['a.conf', 'b.conf', 'B.conf', 'c1.conf', 'c2.conf', 'c10.conf', 'x+y.conf', 'x^.conf', '.hidden.conf', 'notes.txt', '[z]']) {
      writeFileSync(join(directory, name), name);
    }
    mkdirSync(join(directory, 'sub', 'deep'), { recursive: true });
    writeFileSync(join(directory, 'sub', 'd.conf'), '');
    writeFileSync(join(directory, 'sub', 'deep', 'e.conf'), '');
    symlinkSync('a.conf', join(directory, 'link'));
    symlinkSync('nowhere', join(directory, 'dangling'));
  });

  after(() => { rmSync(directory, { recursive: true }); });

  for (const [name, pattern, expected] of [
    ['a file that is not there', 'missing.conf', []],
    ['a directory that is not there', 'missing/*.conf', []],
    ['a file used as a directory', 'a.conf/*', []],
    ['nothing', '', []],
    ['a plain name', 'a.conf', ['a.conf']],
    ['a star: sorted, hidden files left out', '*.conf', ['B.conf', 'a.conf', 'b.conf', 'c1.conf', 'c10.conf', 'c2.conf', 'x+y.conf', 'x^.conf']],
    ['a star behind a dot', '.*.conf', ['.hidden.conf']],
    ['a question mark is one character', 'c?.conf', ['c1.conf', 'c2.conf']],
    ['a set', '[ab].conf', ['a.conf', 'b.conf']],
    ['a range', 'c[0-9].conf', ['c1.conf', 'c2.conf']],
    ['a set turned round', '[!ab].conf', ['B.conf']],
    ['a bracket that is never closed', '[z*', ['[z]']],
    ['a plus means itself', 'x+*.conf', ['x+y.conf']],
    ['a caret means itself', 'x^.con?', ['x^.conf']],
    ['a star for a directory', '*/d.conf', ['sub/d.conf']],
    ['stars at two levels', '*/*/*.conf', ['sub/deep/e.conf']],
    ['braces: each by itself, in their order', '{b,a}.conf', ['b.conf', 'a.conf']],
    ['braces with stars', '{sub/*.conf,a*}', ['sub/d.conf', 'a.conf']],
    ['a link that leads nowhere is there', 'd*', ['dangling']],
  ] as const) {
    it(`glob: ${name}`, () => {
      expect(fileReader.glob(pattern, directory)).to.deep.equal(expected);
      if (pattern !== '' && !pattern.startsWith('{')) {
        expect(fileReader.glob(join(directory, pattern), '/elsewhere'), 'the same absolute').to.deep.equal(expected.map((path) => join(directory, path)));
      }
    });
  }

  it('reads bytes, or says by errno why not', () => {
    expect(fileReader.read(join(directory, 'missing'))).to.deep.equal({ ok: false, error: 'ENOENT' });
    expect(fileReader.read(directory)).to.deep.equal({ ok: false, error: 'EISDIR' });
    const found = fileReader.read(join(directory, 'a.conf'));
    expect(found.ok ? new TextDecoder().decode(found.bytes) : found.error).to.equal('a.conf');
  });

  it('facts follow links, those for scripts do not', () => {
    const path = join(directory, 'link');
    expect(fileReader.facts(join(directory, 'missing')).kind).to.equal('missing');
    expect(fileReader.facts(join(directory, 'a.conf', 'x')).kind).to.equal('missing');
    expect(fileReader.facts(path)).to.include({ kind: 'file', target: null });
    expect(thisMachine().files?.(path)).to.include({ kind: 'link', target: 'a.conf' });
    expect(thisMachine().files?.(directory)).to.include({ kind: 'directory' });
    expect(thisMachine().files?.('/dev/null')).to.include({ kind: 'other' });
  });
});

describe('thisMachine', () => {
  it('knows root, and nobody that is not there', () => {
    const { accounts } = thisMachine();
    expect(accounts?.user('root')).to.deep.equal({ uid: 0, gid: 0 });
    expect(accounts?.group('root')).to.equal(0);
    expect(accounts?.user('no such user')).to.equal(null);
    expect(accounts?.group('no such group')).to.equal(null);
  });

  it('knows the loopback interface', () => {
    expect(thisMachine().links?.get('lo')).to.deep.equal({ loopback: true });
  });

  it('draws numbers within their bounds, the same ones for the same seed', () => {
    const draw = (seed: number | null): number[] => {
      const { random } = thisMachine();
      return Array.from({ length: 50 }, () => random(3, 7, seed));
    };
    for (const numbers of [draw(null), draw(42)]) expect(numbers.every((n) => Number.isInteger(n) && n >= 3 && n <= 7)).to.equal(true);
    expect(draw(42)).to.deep.equal(draw(42));
    expect(new Set(draw(42)).size).to.equal(5);
    expect(draw(43)).not.to.deep.equal(draw(42));
  });

  it("the default config-id is the host's name up to the first dot", () => {
    expect(defaultConfigId()).to.equal(hostname().replace(/\..*/u, ''));
  });
});
