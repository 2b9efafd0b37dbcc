import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { catalog } from '../../../lib/config/forms/catalog.ts';
import { CODES } from '../../../lib/config/forms/codes.ts';
import { explain, features, featuresText } from '../../../lib/config/forms/explain.ts';
import { manPage } from '../../../lib/config/forms/man.ts';
import { yamlSchema } from '../../../lib/config/forms/schema.ts';
import { writeYaml } from '../../../lib/config/forms/write-yaml.ts';
import type { BlockValue, JsonSchema } from '../../../lib/config/keyword.ts';
import { withReference } from '../reference.ts';
import { corpusFiles, read } from './corpus.ts';

const SOURCE = join(dirname(createRequire(import.meta.url).resolve('../../../../package.json')), 'lib/config');

describe('explain', () => {
  for (const [name, term, found, said] of [
    ['nothing like it', 'xyzzy', false, /^'xyzzy' is neither a keyword nor a code\n$/u],
    ['nearly a keyword', 'advertint', false, /did you mean 'advert_int'\?\n$/u],
    ['a property of every object', 'constructor', false, /neither a keyword nor a code/u],
    ['a code', 'pair-auth', true, /^pair-auth \(code of a diagnostic\)\n {2}The two routers .*\n.*\n {2}What to do: Write/u],
    ['a keyword', 'advert_int', true, /^advert_int SECONDS.*\n {2}time between adverts.*\n {2}in: +vrrp_instance\n {2}values: +0\.01\.\.255 seconds\n {2}default: +1\n/u],
    ['a keyword of one block', 'vrrp_sync_group.smtp_alert', true, /^smtp_alert \[BOOL\]\n {2}mail about changes\n {2}in: +vrrp_sync_group\n/u],
    ['a list, with the words of its entries', 'virtual_ipaddress', true, /options of an entry:\n {4}dev IF +interface that holds the address\n/u],
  ] as const) {
    it(name, () => { expect(explain(term)).to.satisfy((one: ReturnType<typeof explain>) => one.found === found && said.test(one.text), explain(term).text); });
  }

  it('every code of the front end has an entry, and every entry is in use', () => {
    const used = new Set<string>();
    for (const name of readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts') && !path.endsWith('codes.ts'))) {
      const text = readFileSync(join(SOURCE, name), 'utf8');
      for (const [, code] of text.matchAll(/\b(?:code: |(?:complain|warn|error|say|fault|warning|syntax)\(\s*(?:twice \? )?)'([a-z0-9]+(?:-[a-z0-9]+)*)'/gu)) used.add(code ?? '');
      for (const [, code] of text.matchAll(/ : '(yaml-[a-z-]+)'/gu)) used.add(code ?? '');
    }
    expect([...used].filter((code) => !Object.hasOwn(CODES, code)), 'codes without an entry').to.deep.equal([]);
    expect(Object.keys(CODES).filter((code) => !used.has(code)), 'entries of no code').to.deep.equal([]);
  });
});

describe('features', () => {
  it('tells every keyword once for each block, in effect or not', () => {
    const all = features();
    expect(all.length).to.be.greaterThan(500);
    expect(new Set(all.map((one) => `${one.block} ${one.keyword}`)).size).to.equal(all.length);
    expect(all.find((one) => one.block === 'vrrp_instance' && one.keyword === 'priority')?.inEffect).to.equal(true);
    expect(all.every((one) => (one.missing === null) === one.inEffect)).to.equal(true);
    expect(featuresText()).to.match(/^In effect \(\d+ of \d+ keywords\):\n {2}top level:\n {4}\w+ /u);
  });
});

describe('the manual page', () => {
  it('has every keyword, and no line that roff would take for a request', () => {
    const page = manPage('1.2.3');
    for (const { name } of catalog()) expect(page).to.include(`\\fB${name.replaceAll('-', '\\-')}`);
    const requests = new Set(page.split('\n').filter((line) => /^[.']/u.test(line)).map((line) => line.split(' ')[0]));
    expect([...requests].sort()).to.deep.equal(['.BR', '.I', '.PP', '.SH', '.TH', '.TP']);
    expect(page).to.match(/^\.TH KEEPALIVED\.CONF 5 "" "tskeepalived 1\.2\.3"/u);
  });
});

describe('the schema of the YAML form', () => {
  const schema = yamlSchema();

  for (const [name, text, fits] of [
    ['an unknown keyword', 'vrrp_instance: {A: {priorty: 1}}', false],
    ['a number out of range', 'vrrp_instance: {A: {priority: 300}}', false],
    ['a list for a value', 'vrrp_instance: {A: {priority: [1, 2]}}', false],
    ['a word for a switch', 'vrrp_instance: {A: {nopreempt: maybe}}', false],
    ['a strange member of a script', 'vrrp_script: {A: {script: {command: a, usr: b}}}', false],
    ['an instance', 'vrrp_instance: {A: {priority: 100, nopreempt: true, virtual_ipaddress: [10.0.0.1/24 dev eth0], notify: {command: a, user: b}}}', true],
    ['a sequence of mappings', '[{global_defs: {vrrp_version: 3}}, {vrrp_instance: {A: null}}]', true],
  ] as const) {
    it(`${name}: ${fits ? 'fits' : 'does not'}`, () => { expect(matches(schema, parse(text), schema)).to.equal(fits); });
  }

  withReference('real files that have no faults fit', function () {
    this.timeout(30_000);
    const faulty = ['unknown-keyword', 'auth-pass-too-long'];
    const good = corpusFiles().map(({ name, text }) => ({ name, ...read(name, text) })).filter(({ tree, diagnostics }) => diagnostics.every((d) => d.severity !== 'error' && !faulty.includes(d.code)) && !repeats(tree));
    expect(good.filter(({ tree }) => !matches(schema, parse(writeYaml(tree).text), schema)).map(({ name }) => name)).to.deep.equal([]);
  });
});

/** Whether a value is given twice somewhere: the schema finds fault with that, although the last one counts. */
function repeats(block: BlockValue): boolean {
  const plain = block.statements.filter((one) => one.block === null && one.entries === null && one.row.many !== true).map((one) => one.words[0]);
  return new Set(plain).size < plain.length || block.statements.some((one) => one.block !== null && repeats(one.block));
}

/** The words of JSON schema that the schema uses. */
function matches(schema: JsonSchema, value: unknown, root: JsonSchema): boolean {
  const { $ref, anyOf, type, properties, additionalProperties, items, required, minimum, maximum, pattern, maxLength } = schema;
  if (typeof $ref === 'string') return matches((root['$defs'] as Record<string, JsonSchema>)[$ref.slice('#/$defs/'.length)] ?? {}, value, root);
  if (Array.isArray(anyOf)) return (anyOf as JsonSchema[]).some((one) => matches(one, value, root));
  if ('const' in schema && schema['const'] !== value) return false;
  if (Array.isArray(schema['enum']) && !schema['enum'].some((one) => one === value)) return false;
  if (type !== undefined && !(Array.isArray(type) ? (type as string[]) : [type as string]).some((one) => isType(one, value))) return false;
  if (typeof value === 'number') return !(typeof minimum === 'number' && value < minimum) && !(typeof maximum === 'number' && value > maximum);
  if (typeof value === 'string') return !(typeof pattern === 'string' && !new RegExp(pattern, 'u').test(value)) && !(typeof maxLength === 'number' && value.length > maxLength);
  if (Array.isArray(value)) return items === undefined || value.every((one) => matches(items as JsonSchema, one, root));
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(required) && (required as string[]).some((name) => !Object.hasOwn(value, name))) return false;
  return Object.entries(value).every(([key, member]) => {
    const own = (properties as Record<string, JsonSchema> | undefined)?.[key];
    return own !== undefined ? matches(own, member, root) : additionalProperties === undefined ? true : additionalProperties !== false && matches(additionalProperties as JsonSchema, member, root);
  });
}

function isType(type: string, value: unknown): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return type === 'integer' ? Number.isInteger(value) : typeof value === type;
}
