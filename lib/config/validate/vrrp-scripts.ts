/** vrrp_script blocks → VrrpScript: defaults, runnable or not, used or not. */
import type { RawScript } from '../accounts.ts';
import type { Context } from '../context.ts';
import type { AccountRef, VrrpScript } from '../model.ts';
import type { GroupBlock, ScriptBlock } from './config.ts';
import type { NamedInstance } from './instance.ts';
import { NOTIFY, type NotifyValues } from './notify.ts';
import { judgeScript, noteScript, reportSecurity, type ScriptState } from './scripts.ts';

const SECOND = 1000;

/** The scripts that can be run. Those that cannot are taken off their instances with a message. Nothing runs without an instance. */
export function buildScripts(blocks: readonly ScriptBlock[], instances: readonly NamedInstance[], groups: readonly GroupBlock[], context: Context): VrrpScript[] {
  const wanted = new Set<string>();
  for (const { block } of instances) for (const entry of block.values.track_script ?? []) wanted.add(entry.name);
  for (const group of groups) for (const entry of group.values.track_script ?? []) wanted.add(entry.name);
  const scripts: VrrpScript[] = [];
  if (instances.length === 0 && !context.switches.has('statics')) return [];
  const state: ScriptState = { running: false, insecure: false };
  for (const block of blocks) {
    const script = block.values.script as RawScript;
    const account: AccountRef | null = block.values.user ?? script.account;
    const verdict = judgeScript(context, script, account);
    noteScript(state, verdict);
    if (!verdict.ok) {
      const why = verdict.reason === 'missing' ? 'since not found/accessible' : 'due to insecure';
      context.report({ code: 'script-not-runnable', place: block.placeOf('script') ?? block.place, saidAt: null, message: `Disabling track script ${block.name} ${why}`, remedy: verdict.detail });
      continue;
    }
    if (!wanted.has(block.name)) {
      context.report({ code: 'unused-script', severity: 'note', recorded: 'none', wording: null, place: block.place, message: `script ${block.name} is not used`, remedy: 'name it in a track_script' });
      continue;
    }
    scripts.push({ ...describe(block), command: verdict.command });
  }
  for (const { block } of instances) noteAll(state, block.values, context);
  for (const block of groups) noteAll(state, block.values, context);
  reportSecurity(context, state, '');
  return scripts;
}

function noteAll(state: ScriptState, values: NotifyValues, context: Context): void {
  for (const name of NOTIFY) {
    const script = values[name];
    if (script !== undefined && script !== null) noteScript(state, judgeScript(context, script, script.account));
  }
}

function describe(block: ScriptBlock): Omit<VrrpScript, 'command'> {
  const { values } = block;
  const interval = values.interval === undefined || values.interval === 0 ? SECOND : values.interval;
  return {
    name: block.name,
    interval,
    timeout: values.timeout === undefined || values.timeout === 0 ? interval : values.timeout,
    weight: values.weight?.weight ?? 0,
    reverse: values.weight?.reverse ?? false,
    rise: values.rise ?? 1,
    fall: values.fall ?? 1,
    initFail: values.init_fail ?? false,
  };
}
