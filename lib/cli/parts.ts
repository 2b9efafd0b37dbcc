import type { Config } from '../config/model.ts';
import type { Settings } from './settings.ts';

/**
 * The configuration of the parts that -P and -C choose; what the others would do is as if it were not written. -s comes before
 * net_namespace.
 */
export function chosenParts(config: Config, { vrrp, checkers, namespace }: Pick<Settings, 'vrrp' | 'checkers' | 'namespace'>): Config {
  return {
    ...config,
    ...(namespace === null ? {} : { process: { ...config.process, namespace } }),
    ...(vrrp ? {} : { instances: [], syncGroups: [], scripts: [], trackProcesses: [], statics: { addresses: [], routes: [], rules: [] } }),
    ...(checkers ? {} : { ipvs: { ...config.ipvs, virtualServers: [] } }),
  };
}
