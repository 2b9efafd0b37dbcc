/** Blocks → Config: defaults and everything that needs the whole file, in keepalived's order of messages. */
import type { Context } from '../context.ts';
import type { BlockOf, BlockValue } from '../keyword.ts';
import type { globalDefs, GlobalValues } from '../keywords/global-defs.ts';
import type { root } from '../keywords/root.ts';
import type { Config } from '../model.ts';
import { buildIpvs } from './ipvs.ts';
import { buildNetwork } from './network.ts';
import { buildGlobal } from './global.ts';
import { buildInstances, nameInstances } from './instance.ts';
import { buildScripts } from './vrrp-scripts.ts';
import { buildSyncGroups } from './sync-groups.ts';

export type RootBlock = BlockValue<unknown, typeof root.rows>;
export type InstanceBlock = BlockOf<typeof root.rows.vrrp_instance>;
export type GroupBlock = BlockOf<typeof root.rows.vrrp_sync_group>;
export type ScriptBlock = BlockOf<typeof root.rows.vrrp_script>;
export type { GlobalValues } from '../keywords/global-defs.ts';

/** The whole configuration; what is wrong is reported to the context and left out. */
export function buildConfig(tree: RootBlock, context: Context): Config {
  const blocks = (tree.values.global_defs ?? []) as readonly BlockValue<unknown, typeof globalDefs.rows>[];
  const given: GlobalValues = Object.assign({}, ...blocks.map((block) => block.values)) as GlobalValues;
  const global = buildGlobal(given, context);
  const ipvs = buildIpvs(tree, given, context);
  context.pass = 'vrrp';
  if (context.switches.has('missing_interface')) {
    context.report({ code: 'missing-interface', recorded: 'bad-interface', message: 'Non-existent interface specified in configuration', saidAt: null, startExit: 2, remedy: 'see the interfaces named above' });
    context.silent = true;
  }
  const network = buildNetwork(tree, given.default_interface ?? 'eth0');
  const named = nameInstances(tree.values.vrrp_instance ?? []);
  const scripts = buildScripts(tree.values.vrrp_script ?? [], named, tree.values.vrrp_sync_group ?? [], context);
  const groups = buildSyncGroups(tree.values.vrrp_sync_group ?? [], named, scripts, network, global, given, context);
  const instances = buildInstances(named, given, global, scripts, network, groups, context);
  return { global, scripts, instances, syncGroups: groups, ipvs, ...network, settings: given };
}
