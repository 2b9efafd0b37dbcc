/** Files and processes whose state moves priorities; sets of instances; ARP limits; link delays. */
import type { Context } from '../context.ts';
import { keyword, list, table, type Args, type BlockValue, type ValueType } from '../keyword.ts';
import { textAt, type Place } from '../source.ts';
import { FLAG, integer, readDecimal, seconds, word } from '../values.ts';
import { scriptWords } from '../script-words.ts';
import { missingLink } from '../validate/instances.ts';
import { declareTracked, weight } from './tracking.ts';

export const trackFile = table('track_file', {
  file: keyword(watchedFile(), 'file to watch', { once: 'File already set for track file {name} - ignoring {word}', bare: 'track file file name missing' }),
  weight: keyword(weight(254), 'the number in the file counts that many times; 0: a number other than 0 is a fault', { default: '1', bare: 'No weight specified for track file {name} - ignoring', invalid: 'Weight ({word}) for track_file {name} must be between [-254..254] inclusive. Ignoring...' }),
  init_file: keyword(initFile(), 'make the file at the start, with 0 or this number', { default: 'not made' }),
}, { pass: 'children', end: endTrackFile });

/** The deprecated name; the same rows. */
export const vrrpTrackFile = table('vrrp_track_file', { ...trackFile.rows }, { pass: 'children', end: endTrackFile });

function endTrackFile(context: Context, block: BlockValue, close: Place): boolean {
  if (block.values['file'] !== undefined) {
    declareTracked(context, 'file', block.name, block.place);
    return true;
  }
  if (context.switches.delete('file_failed')) return false;
  context.report({ code: 'missing-file', place: block.place, saidAt: close, message: `No file set for track_file ${block.name} - ignoring`, remedy: 'write: file PATH' });
  return false;
}

/** A path whose directory exists. */
function watchedFile(): ValueType<string> {
  return {
    ...word('PATH', 'file'),
    read: (args) => {
      const path = args.words[args.first] ?? '';
      const directory = path.replace(/[^/]*$/u, '') || '.';
      const facts = args.context.machine.files?.(directory === '/' ? '/' : directory.replace(/\/+$/u, '')) ?? null;
      if (facts === null || facts.kind !== 'missing') return path;
      args.context.switches.set('file_failed', true);
      args.report({ code: 'missing-directory', message: `realpath() error 2 (No such file or directory) for ${args.name}`, remedy: `the directory ${directory} does not exist` });
      return undefined;
    },
  };
}

export interface InitFile {
  readonly value: number;
  readonly overwrite: boolean;
}

function initFile(): ValueType<InitFile> {
  return {
    syntax: '[VALUE] [overwrite]',
    schema: { type: ['boolean', 'string', 'integer'] },
    bare: true,
    read: (args) => {
      let value = 0;
      let overwrite = false;
      for (const [i, text] of args.words.slice(args.first).entries()) {
        if (text === 'overwrite') overwrite = true;
        else if (/^[+-]?\d+$/u.test(text)) value = Number(text);
        else args.report({ code: 'unknown-option', message: `Unknown track file init option ${text}`, remedy: 'only a number and overwrite may follow' }, args.first + i);
      }
      return { value, overwrite };
    },
  };
}

const delay = seconds({ min: 0.000001, max: 3600 });
const badDelay = { invalid: '{keyword} ({word}) for vrrp_track_process {name} must be between [0.000001..3600] inclusive. Ignoring...' } as const;

export const vrrpTrackProcess = table('vrrp_track_process', {
  process: keyword(processSpec(), 'program to look for, with arguments', { once: 'Process already set for track process {name} - ignoring {word}' }),
  param_match: keyword(paramMatch(), 'how the arguments must match', { default: 'not looked at without arguments, else all' }),
  weight: keyword(weight(254, 'N [reverse]'), 'added to the priority where the user gives none', { default: '0', bare: 'No weight specified for track process {name} - ignoring', invalid: 'Weight ({word}) for vrrp_track_process {name} must be between [-254..254] inclusive. Ignoring...' }),
  quorum: keyword(integer({ min: 1, max: 65535 }), 'fewest processes', { default: '1', invalid: 'Quorum ({word}) for vrrp_track_process {name} must be between [1..65535] inclusive. Ignoring...' }),
  quorum_max: keyword(integer({ min: 0, max: 65535 }), 'most processes', { default: 'unlimited', invalid: 'quorum_max ({word}) for vrrp_track_process {name} must be between [0..65535] inclusive. Ignoring...' }),
  delay: keyword(delay, 'fork_delay and terminate_delay at once', { default: '0', ...badDelay }),
  terminate_delay: keyword(delay, 'wait before a lost process counts', { default: '0', ...badDelay }),
  fork_delay: keyword(delay, 'wait before a new process counts', { default: '0', ...badDelay }),
  full_command: keyword(FLAG, 'compare the whole command rather than its 15-character name', { default: 'off' }),
}, {
  pass: 'vrrp',
  end: (context, block, close) => {
    if (block.values.process !== undefined) {
      declareTracked(context, 'process', block.name, block.place);
      return true;
    }
    context.report({ code: 'missing-process', place: block.place, saidAt: close, message: `No process set for vrrp_track_process ${block.name} - removing`, remedy: 'write: process PATH' });
    return false;
  },
});

function processSpec(): ValueType<readonly string[]> {
  return {
    syntax: 'PATH|NAME [PARAMETERS]',
    schema: { type: 'string' },
    raw: true,
    read: (args) => {
      const split = scriptWords(textAt(args.place));
      return split.ok ? split.words.slice(args.first) : undefined;
    },
  };
}

function paramMatch(): ValueType<'exact' | 'initial' | 'partial'> {
  return {
    syntax: '[initial|partial]',
    schema: { type: ['string', 'boolean'] },
    bare: true,
    complete: ['initial', 'partial'],
    read: (args) => {
      const text = args.words[args.first];
      if (text === undefined) return 'exact';
      if (text === 'initial' || text === 'partial') return text;
      args.report({ code: 'invalid-value', message: `Invalid param_match type ${text} - ignoring`, remedy: 'write initial or partial, or nothing for all' });
      return undefined;
    },
  };
}

export const trackGroup = table('track_group', {
  group: list(word('INSTANCE'), 'instances; every word is one', { words: true, empty: 'Warning - track group {name} has empty group block' }),
}, {
  pass: 'vrrp',
  end: (context, block, close) => {
    if (block.values.group !== undefined) return true;
    context.report({ code: 'empty-group', place: block.place, saidAt: close, message: `track group ${block.name} has no members - removing`, remedy: 'name its members in group { … }' });
    return false;
  },
});

const spacing = seconds({ min: 0, max: 4294.967295 });

export const garpGroup = table('garp_group', {
  garp_interval: keyword(spacing, 'pause between two ARPs of an interface', { default: '0', invalid: "garp_group garp_interval '{word}' invalid" }),
  gna_interval: keyword(spacing, 'pause between two unsolicited NAs of an interface', { default: '0', invalid: "garp_group gna_interval '{word}' invalid" }),
  interface: keyword(garpLink(), 'interface to limit'),
  interfaces: list(garpLink(), 'interfaces that share the limit', { words: true, empty: 'Warning - empty garp_group interfaces block' }),
}, { pass: 'vrrp', end: endGarpGroup });

function garpLink(): ValueType<string> {
  return {
    ...word('IF', 'interface'),
    read: (args) => {
      const name = args.words[args.first] ?? '';
      const { links } = args.context.machine;
      const first = args.context.declare('garp_group interface', name, args.place);
      if (first !== null) {
        args.report({ code: 'duplicate', message: `garp_group already specified for ${name} - ignoring`, remedy: `first given in line ${String(first.line)}` });
        return undefined;
      }
      if (links === null || links.has(name) || args.context.switches.has('dynamic_interfaces')) return name;
      missingLink(args.context, args.place, `WARNING - interface ${name} specified for garp_group doesn't exist`, name);
      return undefined;
    },
  };
}

function endGarpGroup(context: Context, block: BlockValue, close: Place): boolean {
  const index = Number(context.switches.get('garp_groups') ?? 0);
  context.switches.set('garp_groups', index + 1);
  const { values } = block;
  if (values['interface'] === undefined && values['interfaces'] === undefined) {
    context.report({ code: 'empty-garp-group', severity: 'warning', recorded: 'none', wording: null, place: block.place, message: `garp group ${String(index)} has no interface`, remedy: 'name one: interface IF' });
  }
  if (values['garp_interval'] !== undefined || values['gna_interval'] !== undefined) return true;
  context.report({ code: 'empty-garp-group', place: block.place, saidAt: close, message: `garp group ${String(index)} does not have any delay set - removing`, remedy: 'give garp_interval or gna_interval' });
  return false;
}

export interface LinkDelay {
  readonly link: string;
  /** Milliseconds. */
  readonly down: number;
  readonly up: number;
}

export function linkDelay(): ValueType<LinkDelay> {
  return { syntax: 'IF DOWN [UP]', range: '0..255 seconds', schema: { type: 'string' }, read: readDelay };
}

function readDelay(args: Args): LinkDelay | undefined {
  const [link = '', down = ''] = args.words;
  const { links } = args.context.machine;
  if (links !== null && !links.has(link) && !args.context.switches.has('dynamic_interfaces')) {
    args.report({ code: 'unknown-interface', recorded: 'bad-interface', message: `unknown interface ${link} specified for up/down delay`, remedy: 'with dynamic_interfaces it may appear later' }, 0);
    return undefined;
  }
  if (down === '') return undefined;
  const limits = { min: 0, max: 255 };
  const first = readDecimal(args, 1, limits, 6);
  const second = args.words.length > 2 ? readDecimal(args, 2, limits, 6) : first;
  return first === undefined || second === undefined ? undefined : { link, down: first * 1000, up: second * 1000 };
}

export interface Linkbeat {
  readonly link: string;
  readonly method: 'MII' | 'ETHTOOL' | 'IOCTL' | null;
}

export function linkbeat(): ValueType<Linkbeat> {
  return {
    syntax: 'IF [MII|ETHTOOL|IOCTL]',
    schema: { type: 'string' },
    complete: 'interface',
    read: (args) => {
      const [link = '', method] = args.words;
      const { links } = args.context.machine;
      if (links !== null && !links.has(link) && !args.context.switches.has('dynamic_interfaces')) {
        args.report({ code: 'unknown-interface', message: `unknown interface ${link} specified for linkbeat interface`, remedy: null }, 0);
        return undefined;
      }
      if (method === undefined) return { link, method: null };
      if (method === 'MII' || method === 'ETHTOOL' || method === 'IOCTL') return { link, method };
      args.report({ code: 'invalid-value', message: `extra characters ${method} in linkbeat interface`, remedy: 'write MII, ETHTOOL or IOCTL' }, 1);
      return { link, method: null };
    },
  };
}

