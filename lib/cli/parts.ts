import type { Config } from '../config/model.ts';
import type { Settings } from './settings.ts';

/** The configuration of the parts that -P and -C choose; what the others would do is as if it were not written. */
export function chosenParts(config: Config, { vrrp, checkers }: Pick<Settings, 'vrrp' | 'checkers'>): Config {
  return {
    ...config,
    ...(vrrp ? {} : { instances: [], syncGroups: [], scripts: [], trackProcesses: [], statics: { addresses: [], routes: [], rules: [] } }),
    ...(checkers ? {} : { ipvs: { ...config.ipvs, virtualServers: [] } }),
  };
}
