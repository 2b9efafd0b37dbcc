/** vrrp_script blocks → VrrpScript: defaults, runnable or not, used or not. */
import type { RawScript } from '../accounts.ts';
import type { Context } from '../context.ts';
import type { AccountRef, VrrpScript } from '../model.ts';
import type { GroupBlock, ScriptBlock } from './config.ts';
import type { NamedInstance } from './instance.ts';
import { judgeScript } from './scripts.ts';

const SECOND = 1000;

/** `used`: some instance or group tracks it. */
export interface TrackableScript extends VrrpScript {
  readonly used: boolean;
}

/** The scripts that can be run. Those that cannot are taken off their instances with a message. */
export function buildScripts(blocks: readonly ScriptBlock[], instances: readonly NamedInstance[], groups: readonly GroupBlock[], context: Context): TrackableScript[] {
  const wanted = new Set<string>();
  for (const { block } of instances) for (const entry of block.values.track_script ?? []) wanted.add(entry.name);
  for (const group of groups) for (const entry of group.values.track_script ?? []) wanted.add(entry.name);
  const scripts: TrackableScript[] = [];
  let remaining = false;
  let insecure = false;
  for (const block of blocks) {
    const script = block.values.script as RawScript;
    const account: AccountRef | null = block.values.user ?? script.account;
    if (!wanted.has(block.name)) {
      context.report({ code: 'unused-script', severity: 'note', recorded: 'none', place: block.place, saidAt: null, message: `Warning - script ${block.name} is not used`, remedy: 'name it in a track_script' });
      continue;
    }
    const verdict = judgeScript(context, script, account);
    if (!verdict.ok) {
      const why = verdict.reason === 'missing' ? 'since not found/accessible' : 'due to insecure';
      context.report({ code: 'script-not-runnable', place: block.places.script ?? block.place, saidAt: null, message: `Disabling track script ${block.name} ${why}`, remedy: verdict.detail });
      continue;
    }
    remaining = true;
    insecure ||= verdict.unsafe;
    scripts.push({ ...describe(block), command: verdict.command, used: true });
  }
  if (remaining || instances.some(({ hasNotify }) => hasNotify)) reportSecurity(context, insecure);
  return scripts;
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

/** Scripts run, and nobody asked for the security checks. */
function reportSecurity(context: Context, insecure: boolean): void {
  if (context.scriptSecurity) return;
  context.report({
    code: 'script-security', severity: 'warning', recorded: 'security', saidAt: null,
    message: `SECURITY VIOLATION - scripts are being executed but script_security not enabled.${insecure ? ' There are insecure scripts.' : ''}`,
    remedy: 'add enable_script_security to global_defs, and script_user for an account that may do little',
  });
}
