/** Lists of tracked things: `NAME [weight N [reverse]]`, one per line. */
import type { Context } from '../context.ts';
import type { Args, ValueType } from '../keyword.ts';
import { nearest } from '../nearest.ts';
import type { Place } from '../source.ts';
import { readInteger } from '../values.ts';
import { missingLink } from '../validate/instances.ts';

export interface TrackEntry {
  readonly name: string;
  /** null: the tracked thing's own. */
  readonly weight: number | null;
  readonly reverse: boolean | null;
  readonly place: Place;
}

export type Tracked = 'interface' | 'script' | 'file' | 'process' | 'bfd';

/** An entry of track_script and its kin: something declared further up in the file. */
export function trackEntry(what: Tracked, limit: number): ValueType<TrackEntry> {
  return {
    syntax: `${what === 'interface' ? 'IF' : 'NAME'} [weight N [reverse|noreverse]]`,
    range: `weight -${String(limit)}..${String(limit)}`,
    schema: { type: 'string' },
    ...(what === 'interface' ? { complete: 'interface' as const } : {}),
    read: (args) => readTrackEntry(args, what, limit),
  };
}

/** Declared by its block; keepalived looks only at what stands before. */
export function declareTracked(context: Context, what: Tracked, name: string, place: Place): void {
  context.declare(`track ${what}`, name, place);
}

function isKnown(args: Args, what: Tracked, name: string): boolean {
  const { context } = args;
  if (what === 'interface') {
    if (context.machine.links === null || context.machine.links.has(name) || context.switches.has('dynamic_interfaces')) return true;
    missingLink(context, args.place, `(${args.name}) tracked interface ${name} doesn't exist`, name);
    return false;
  }
  if (context.isDeclared(`track ${what}`, name)) return true;
  const near = nearest(name, [...(context.declared.get(`track ${what}`)?.keys() ?? [])].slice(0, 1000));
  args.report({
    code: 'unknown-tracked', message: `(${args.name}) track ${what} ${name} not found, ignoring...`,
    remedy: near === null ? `declare it further up: ${BLOCKS[what]} ${name} { … }` : `did you mean '${near}'?`,
  }, 0);
  return false;
}

const BLOCKS = { script: 'vrrp_script', file: 'track_file', process: 'vrrp_track_process', bfd: 'bfd_instance' } as const;

function readTrackEntry(args: Args, what: Tracked, limit: number): TrackEntry | undefined {
  const name = args.words[0] ?? '';
  if (!isKnown(args, what, name)) return undefined;
  let weight: number | null = null;
  let reverse: boolean | null = null;
  for (let i = 1; i < args.words.length; i++) {
    const option = args.words[i] ?? '';
    const kind = `track_${what}`;
    if (option === 'weight') {
      weight = readWeight(args, ++i, name, kind, limit) ?? weight;
      const direction = args.words[i + 1];
      if (direction === 'reverse' || direction === 'noreverse') {
        reverse = direction === 'reverse';
        i++;
      } else if (direction !== undefined) {
        args.report({ code: 'unknown-option', message: `(${args.name}) unknown ${what === 'interface' ? 'track_interace' : kind} ${name} weight option ${direction} - ignoring`, remedy: 'only reverse or noreverse may follow' }, i + 1);
        break;
      }
    } else {
      args.report({ code: 'unknown-option', message: `(${args.name}) unknown ${kind} ${name} option ${option} - ignoring`, remedy: 'write: NAME weight N reverse' }, i);
      break;
    }
  }
  const first = args.context.declare(`${args.name} track_${what}`, name, args.place);
  if (first !== null) {
    args.report({ code: 'duplicate', message: `(${args.name}) duplicate track_${what} ${name} - ignoring`, remedy: `first given in line ${String(first.line)}` }, 0);
    return undefined;
  }
  return { name, weight, reverse, place: args.place };
}

/** Scripts, interfaces and sessions reach ±253, one beyond is taken back; files and processes ±254. */
function readWeight(args: Args, index: number, name: string, kind: string, limit: number): number | undefined {
  if (args.words[index] === undefined) {
    args.report({ code: 'missing-argument', message: `(${args.name}) weight without value specified for ${kind} ${name} - ignoring`, remedy: 'write: weight N' }, index - 1);
    return undefined;
  }
  const value = readInteger(args, index, { min: -254, max: 254 });
  if (value === undefined) {
    args.report({ code: 'invalid-value', severity: 'note', message: `(${args.name}) weight ${args.words[index] ?? ''} for ${name} must be between [-${String(limit)}..${String(limit)}] inclusive. Ignoring...` }, index);
    return undefined;
  }
  if (Math.abs(value) <= limit) return value;
  args.report({ code: 'weight-clamped', severity: 'warning', message: `(${args.name}) weight for ${name} cannot be +/-254. Setting to +/-253`, remedy: 'a weight moves the priority, which is 1..254' }, index);
  return Math.sign(value) * limit;
}

/** `N [reverse|noreverse]`, the weight of a tracked thing itself. */
export function weight(limit: number, syntax = 'N [reverse|noreverse]'): ValueType<{ readonly weight: number; readonly reverse: boolean }> {
  return {
    syntax,
    range: `-${String(limit)}..${String(limit)}`,
    schema: { type: ['integer', 'string'] },
    read: (args) => {
      const text = args.words[args.first] ?? '';
      const fault = (message: string): undefined => {
        args.report({ code: 'invalid-number', recorded: 'invalid-number', message, remedy: `it must be -${String(limit)}..${String(limit)}` });
      };
      if (!/^[+-]?\d+$/u.test(text)) return fault(`invalid number '${text}'`);
      const value = Number(text);
      if (Math.abs(value) > limit) return fault(`number '${text}' outside range [-${String(limit)}, ${String(limit)}]`);
      const direction = args.words[args.first + 1];
      if (direction !== undefined && direction !== 'reverse' && direction !== 'noreverse') {
        args.report({ code: 'unknown-option', message: `${args.context.block} ${args.name} unknown weight option ${direction}`, remedy: 'only reverse or noreverse may follow' }, args.first + 1);
      }
      return { weight: value, reverse: direction === 'reverse' };
    },
  };
}
