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

/**
 * Of the virtual servers only that there are some: ten thousand real servers take a third of a second to come over from the
 * thread that has read them, and no advert goes out meanwhile.
 */
export function vrrpPart(config: Config): Config {
  const virtualServers = config.ipvs.virtualServers.slice(0, 1).map((service) => ({ ...service, realServers: [] }));
  return { ...config, ipvs: { ...config.ipvs, virtualServers, groups: [], localAddressGroups: [] } };
}
