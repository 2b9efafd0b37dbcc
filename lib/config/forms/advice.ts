/** What keepalived accepts and users regret, within one file. Warnings of no class: no exit code of keepalived's changes. */
import { diagnostic, type Diagnostic } from '../diagnostic.ts';
import type { BlockValue } from '../keyword.ts';
import type { Config, TrackRef, VrrpInstance } from '../model.ts';
import type { Place } from '../source.ts';

const OWNER = 255;
const HIGHEST = 254;

/** A file as read, for advice. */
export interface Advised {
  readonly config: Config;
  readonly tree: BlockValue;
}

export function advise({ config, tree }: Advised): Diagnostic[] {
  return config.instances.flatMap((instance) => [...weights(instance, tree), ...fewScripts(instance, config, tree), ...lateTimeouts(instance, config, tree)]);
}

/** A warning at a place; `pass` is whose business it is. */
export function warning(code: string, message: string, place: Place | null, remedy: string): Diagnostic {
  return diagnostic({ code, message, place, remedy, severity: 'warning', recorded: 'none', wording: null }, 'vrrp');
}

/** Where a keyword of an instance stands; its block if it is not given. */
export function placeOf(tree: BlockValue, name: string, keyword: string): Place | null {
  const block = tree.statements.find(({ words, block: inner }) => words[0] === 'vrrp_instance' && words[1] === name && inner !== null)?.block;
  return block == null ? null : (block.placeOf(keyword) ?? block.place);
}

/** Everything with a weight that an instance tracks. */
export function weighted(instance: VrrpInstance): readonly (TrackRef & { readonly keyword: string })[] {
  return [...instance.trackScripts.map((ref) => ({ ...ref, keyword: 'track_script' })), ...instance.trackInterfaces.map((ref) => ({ ...ref, keyword: 'track_interface' }))].filter((ref) => ref.weight !== 0);
}

/** The priority while these tracked things are down and all others up. */
export function priorityWith(instance: VrrpInstance, down: ReadonlySet<string>): number {
  if (instance.priority === OWNER) return OWNER;
  const sum = weighted(instance).reduce((total, { name, weight, reverse }) => {
    const counts = weight > 0 ? !down.has(name) : down.has(name);
    return total + (counts ? (reverse ? -weight : weight) : 0);
  }, instance.priority);
  return Math.min(HIGHEST, Math.max(1, sum));
}

/** A weight that moves the priority out of 1..254, whence it comes back. */
function weights(instance: VrrpInstance, tree: BlockValue): Diagnostic[] {
  const { name, priority } = instance;
  return weighted(instance).filter((ref) => priority !== OWNER && priorityWith(instance, new Set()) === priorityWith(instance, new Set([ref.name]))).map((ref) =>
    warning('weight-without-effect', `(${name}) the weight of ${ref.name} never changes the priority: ${String(priority)} and the weight leave the range 1..254`, placeOf(tree, name, ref.keyword), 'choose a priority with room for the weight, or a weight of the other sign'));
}

/** A check that takes longer than the backup waits for. */
function lateTimeouts(instance: VrrpInstance, config: Config, tree: BlockValue): Diagnostic[] {
  return scriptsOf(instance, config).filter((script) => script.timeout > 0 && script.timeout > script.interval).map((script) =>
    warning('timeout-above-interval', `(${instance.name}) script ${script.name} may run ${String(script.timeout / 1000)} s, but is to start every ${String(script.interval / 1000)} s`, placeOf(tree, instance.name, 'track_script'), 'give it a timeout of the interval or less'));
}

/** One failure of a flapping check moves the address at once, and back. */
function fewScripts(instance: VrrpInstance, config: Config, tree: BlockValue): Diagnostic[] {
  if (instance.nopreempt) return [];
  return scriptsOf(instance, config).filter((script) => script.fall === 1 && script.rise === 1 && script.interval < 1000).map((script) =>
    warning('flapping-script', `(${instance.name}) one result of ${script.name} decides, every ${String(script.interval)} ms: the addresses will move back and forth`, placeOf(tree, instance.name, 'track_script'), 'write fall 2 and rise 2 or more in its vrrp_script'));
}

function scriptsOf(instance: VrrpInstance, config: Config): Config['scripts'] {
  return config.scripts.filter((script) => instance.trackScripts.some((ref) => ref.name === script.name));
}
