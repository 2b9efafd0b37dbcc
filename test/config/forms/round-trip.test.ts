import { expect } from 'chai';
import fc from 'fast-check';
import { Comments, confComments } from '../../../lib/config/forms/comments.ts';
import { effectiveConf } from '../../../lib/config/forms/effective.ts';
import { formatConf } from '../../../lib/config/forms/format-conf.ts';
import { writeConf } from '../../../lib/config/forms/write-conf.ts';
import { writeYaml } from '../../../lib/config/forms/write-yaml.ts';
import type { BlockValue, Keyword, Table } from '../../../lib/config/keyword.ts';
import { root } from '../../../lib/config/keywords/root.ts';
import { withReference } from '../reference.ts';
import { corpusFiles, read } from './corpus.ts';

/** A tree without places: what must come out again. */
function shape(block: BlockValue): unknown {
  return block.statements.map(({ words, block: inner, entries }) => [words, inner === null ? null : shape(inner), entries?.map((entry) => entry.words)]);
}

function checkAll(name: string, text: string): void {
  const first = read(`${name}.conf`, text);
  const conf = writeConf(first.tree);
  const again = read(`${name}.conf`, conf);
  expect(again.config, 'conf → tree → conf → Config').to.deep.equal(first.config);
  expect(writeConf(again.tree), 'written twice').to.equal(conf);
  const yaml = writeYaml(first.tree, new Comments(confComments));
  expect(yaml.left, 'statements without a YAML form').to.deep.equal([]);
  const fromYaml = read(`${name}.yaml`, yaml.text);
  expect(fromYaml.config, `conf → YAML → Config\n${yaml.text}`).to.deep.equal(first.config);
  expect(read(`${name}.conf`, writeConf(fromYaml.tree)).config, 'YAML → conf → Config').to.deep.equal(first.config);
  const dumped = effectiveConf(first.tree, first.config).join('\n');
  expect({ ...read(`${name}.conf`, `${dumped}\n`).config, settings: null }, `dump\n${dumped}`).to.deep.equal({ ...first.config, settings: null });
  const formatted = formatConf(text);
  expect(formatConf(formatted), 'fmt twice').to.equal(formatted);
  const afterwards = read(`${name}.conf`, formatted);
  expect(shape(afterwards.tree), `fmt\n${formatted}`).to.deep.equal(shape(first.tree));
  expect(afterwards.diagnostics.map((d) => d.message), 'diagnostics after fmt').to.deep.equal(first.diagnostics.map((d) => d.message));
}

describe('conf → conf, conf → YAML and fmt', function () {
  this.timeout(60_000);

  withReference('real files: the same Config each way', function () {
    const files = corpusFiles();
    for (const { name, text } of files) checkAll(name, text);
    console.log(`      ${files.length} of ${files.length} files agree`);
  });

  it('every keyword, with any words: the same Config each way', () => {
    fc.assert(fc.property(fc.array(statement(root, 3), { maxLength: 8 }), (blocks) => { checkAll('any', blocks.join('')); }), { numRuns: 300 });
  });

  it('any text at all: fmt changes no word, and nothing throws', () => {
    const piece = fc.constantFrom('{', '}', '\n', '\n', ' ', '\t', '"', "'", '\\', '# c', '! d', '$A=1', '$A', '${A}', '@x ', '~SEQ(i, 1, 2) ', 'include f', 'global_defs', 'vrrp_instance', 'VI_1', 'priority', '1', 'group', 'é');
    fc.assert(fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = pieces.join('');
      const formatted = formatConf(text);
      expect(formatConf(formatted)).to.equal(formatted);
      expect(shape(read('a.conf', formatted).tree)).to.deep.equal(shape(read('a.conf', text).tree));
    }), { numRuns: 2000 });
  });
});

const plain = fc.constantFrom('1', '100', '0', '-5', '1.5', 'true', 'off', 'null', 'VI_1', 'eth0', '10.0.0.1', '10.0.0.1/24', 'fe80::1', '80', 'a=b', 'a:b', 'dev', '~', '-x', '0177', 'weight', 'MASTER', '*');
const quoted = fc.constantFrom('""', '"a b"', '"{"', '"#x"', '"a: b"', '"@x"', '"include"', '"x: # y"', '"- a"', '"\'"', '"é"');

function statement(table: Table, depth: number): fc.Arbitrary<string> {
  const rows = [...table.byName].filter(([, row]) => depth > 0 || row.block === undefined);
  return fc.constantFrom(...rows).chain(([name, row]) => (row.block !== undefined ? blockOf(name, row, row.block, depth) : row.list !== undefined ? listOf(name, row) : valueOf(name, row)));
}

function wordsOf(min: number, max: number): fc.Arbitrary<string> {
  return fc.array(fc.oneof({ weight: 3, arbitrary: plain }, { weight: 1, arbitrary: quoted }), { minLength: min, maxLength: max }).map((words) => words.join(' '));
}

function valueOf(name: string, row: Keyword): fc.Arbitrary<string> {
  if (row.value.raw === true) return fc.constantFrom('/bin/true', '"/bin/true a b"', '"/bin/sh -c \'x y\'" root', '/bin/true root root', '"a\\\\b \\x22c d\\x22"').map((text) => `${name} ${text}\n`);
  return wordsOf(row.value.bare === true ? 0 : 1, row.value.syntax === '' ? 0 : 3).map((text) => `${name} ${text}\n`);
}

function listOf(name: string, row: Keyword): fc.Arbitrary<string> {
  const entries = fc.array(wordsOf(1, 4), { maxLength: 4 });
  return fc.tuple(row.list?.named === true ? plain : fc.constant(''), entries).map(([header, lines]) => `${name} ${header} {\n${lines.map((line) => `${line}\n`).join('')}}\n`);
}

function blockOf(name: string, row: Keyword, inner: Table, depth: number): fc.Arbitrary<string> {
  const header = row.value.syntax === '' ? fc.constant('') : row.value.syntax.startsWith('IP') ? fc.constantFrom('10.0.0.1 80', '10.0.0.2 80', 'fe80::1 80') : plain;
  return fc.tuple(header, fc.array(statement(inner, depth - 1), { maxLength: 6 })).map(([words, body]) => `${name} ${words} {\n${body.join('')}}\n`);
}
