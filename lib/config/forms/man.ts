/** keepalived.conf(5) of tskeepalived as roff, from the tables. */
import { catalog, missing, since, usage, type Entry } from './catalog.ts';

/** `version`: of the program, for the foot of the page. */
export function manPage(version: string): string {
  const entries = catalog();
  const blocks = [...new Set(entries.map((entry) => entry.block))];
  return [
    `.TH KEEPALIVED.CONF 5 "" "tskeepalived ${version}" "File formats"`,
    '.SH NAME',
    'keepalived.conf \\- configuration of tskeepalived and keepalived',
    ...INTRODUCTION,
    ...blocks.flatMap((block) => section(block, entries.filter((entry) => entry.block === block))),
    '.SH FILES', '.TP', '.I /etc/keepalived/keepalived.conf', 'read unless \\fB\\-f\\fR names another one',
    '.SH SEE ALSO', '.BR tskeepalived (8)', '',
  ].join('\n');
}

const INTRODUCTION = [
  '.SH DESCRIPTION',
  'The configuration is what keepalived 2.4.3 reads. A line is a statement: a keyword and its arguments. A block has its statements between braces. Everything behind \\(lq#\\(rq or \\(lq!\\(rq outside double quotes is a comment. Words with blanks stand in double quotes.',
  '.PP',
  'A file whose name ends in .yaml or .yml has the same keywords as YAML: a keyword is a key, a block a mapping (of its names or addresses, where it has them), a list a sequence.',
  '.SH LINES OF THEIR OWN',
  ...term('include PATTERN', 'reads every matching file here; includer, includem, includew, includeb and includea choose which failures end the start'),
  ...term('$NAME=VALUE', 'a definition; a backslash at the end goes on in the next line. $NAME or ${NAME} stands for its value'),
  ...term('${_PWD} ${_INSTANCE} ${_ENV NAME} ${_RANDOM MIN MAX} ${_HASH} ${_BANG}', 'built-in values'),
  ...term('~SEQ(VAR, START, STEP, END) TEXT', 'repeats TEXT for each number; ~SEQx in hexadecimal'),
  ...term('~LST(VAR, VALUE, …) TEXT', 'repeats TEXT for each value'),
  ...term('@ID TEXT', 'counts where the config-id (\\-i) is ID; @^ID where it is not'),
];

function section(block: string, entries: readonly Entry[]): string[] {
  return [`.SH ${block === '' ? 'TOP LEVEL' : quoted(block)}`, ...entries.flatMap((entry) => term(usage(entry), details(entry)))];
}

function term(head: string, text: string): string[] {
  return ['.TP', `\\fB${escaped(head)}\\fR`, escaped(text)];
}

function details({ row }: Entry): string {
  const type = row.list?.entry ?? row.value;
  const parts = [
    row.meaning, ...(row.alias === undefined ? [] : [`spelling of ${row.alias}`]), ...(type.range === undefined ? [] : [`values: ${type.range}`]),
    ...(row.default === undefined ? [] : [`default: ${row.default}`]), ...(since(row) === null ? [] : [`since: ${since(row) ?? ''}`]), ...(missing(row) === null ? [] : [missing(row) ?? '']),
  ];
  return `${parts.join('; ')}.`;
}

function quoted(text: string): string {
  return escaped(text).replace(/"/gu, '\\(dq');
}

/** Roff takes `\` for an escape, `-` for a hyphen, and a line that begins with `.` or `'` for a request. */
function escaped(text: string): string {
  return text.replace(/\\(?![-(])/gu, '\\e').replace(/(?<!\\)-/gu, '\\-').replace(/’/gu, "\\(cq").replace(/…/gu, '...').replace(/×/gu, '\\(mu').replace(/^(?=[.'])/gmu, '\\&');
}
