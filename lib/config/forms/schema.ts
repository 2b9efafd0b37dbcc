/** JSON schema (2020-12) of the YAML form, from the tables; for editors. */
import type { JsonSchema, Keyword, Table, ValueType } from '../keyword.ts';
import { root } from '../keywords/root.ts';
import { missing } from './catalog.ts';
import { isHeadless, valueForm } from './yaml-rules.ts';

export function yamlSchema(): JsonSchema {
  const definitions: Record<string, JsonSchema> = {};
  const top = body(root, 'root', definitions);
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'tskeepalived configuration', ...top, $defs: definitions };
}

/** A mapping of keywords, or a sequence of such mappings. */
function body(table: Table, name: string, definitions: Record<string, JsonSchema>): JsonSchema {
  const reference: JsonSchema = { $ref: `#/$defs/${name}` };
  if (definitions[name] === undefined) {
    definitions[name] = {};
    const properties = Object.fromEntries([...table.byName].map(([key, row]) => [key, { description: description(row), ...keyword(row, `${name === 'root' ? '' : `${name}.`}${key}`, definitions) }]));
    definitions[name] = { type: 'object', additionalProperties: false, properties };
  }
  return { anyOf: [reference, { type: 'array', items: reference }] };
}

function keyword(row: Keyword, name: string, definitions: Record<string, JsonSchema>): JsonSchema {
  if (row.block !== undefined) {
    const inner: JsonSchema = { anyOf: [body(row.block, name, definitions), { type: 'null' }] };
    if (isHeadless(row)) return { anyOf: [inner, { type: 'array', items: inner }] };
    const named: JsonSchema = { type: 'object', additionalProperties: inner };
    return { anyOf: [named, { type: 'array', items: named }] };
  }
  if (row.list !== undefined) {
    const entries: JsonSchema = { type: 'array', items: { description: row.list.entry.syntax, ...SCALAR } };
    return row.list.named === true ? { type: 'object', additionalProperties: entries } : entries;
  }
  const one = value(row.value);
  return row.many === true ? { anyOf: [one, { type: 'array', items: one }] } : one;
}

/** YAML reads words that look like numbers or switches as such; both are taken as written. */
const SCALAR: JsonSchema = { type: ['string', 'number', 'boolean'] };

function value(type: ValueType<unknown>): JsonSchema {
  const one = valueOnly(type);
  return type.bare === true && one['type'] !== 'boolean' && valueForm(type) !== 'switch' ? { anyOf: [one, { const: true }, { type: 'null' }] } : one;
}

function valueOnly(type: ValueType<unknown>): JsonSchema {
  switch (valueForm(type)) {
    case 'flag': return { type: 'boolean' };
    case 'switch': return { anyOf: [{ type: 'boolean' }, { enum: ['on', 'off', 'yes', 'no'] }] };
    case 'command': return { anyOf: [{ type: 'string' }, { type: 'object', additionalProperties: false, required: ['command'], properties: { command: { type: 'string' }, user: SCALAR, group: SCALAR } }] };
    case 'raw': return { type: 'string' };
    case 'words': return { examples: [type.syntax], ...SCALAR };
    case 'word': return word(type.schema);
  }
}

function word(schema: JsonSchema): JsonSchema {
  const { enum: choices } = schema;
  if (Array.isArray(choices)) return { enum: choices.flatMap((one: unknown) => (typeof one === 'string' && /^\d+(\.\d+)?$/u.test(one) ? [one, Number(one)] : [String(one)])) };
  return schema['type'] === 'integer' || schema['type'] === 'number' ? schema : { ...schema, ...SCALAR };
}

function description(row: Keyword): string {
  const parts = [row.meaning, ...(row.default === undefined ? [] : [`default: ${row.default}`]), ...(missing(row) === null ? [] : [missing(row) ?? ''])];
  return parts.join('; ');
}
