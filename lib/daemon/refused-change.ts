import type { Config } from '../config/model.ts';
import { filterSettings } from '../vrrp/filter.ts';

/** Why a reload from one configuration to the other is refused as a whole, in keepalived's words; null: it is not. */
export function refusedChange(from: Config, to: Config): string | null {
  const changed = ([
    ['network namespace', (config) => config.process.namespace],
    ['ipvs network namespace', (config) => (config.process.ipvsNamespace === undefined ? false : config.process.ipvsNamespace)],
    ['instance', (config) => config.process.instance],
    ['nftables table name', (config) => filterSettings(config.settings).table],
    ['nftables ipvs table name', (config) => config.settings.nftables_ipvs ?? null],
    ['config_directory', (config) => config.settings.tmp_config_directory ?? null],
    ['disable_local_igmp', (config) => config.settings.disable_local_igmp ?? false],
  ] satisfies [string, (config: Config) => unknown][]).find(([, value]) => value(from) !== value(to));
  return changed === undefined ? null : `Cannot change ${changed[0]} at a reload - please restart keepalived`;
}
