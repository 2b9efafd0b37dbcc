import type { IpvsConfig } from '../../config/model-ipvs.ts';
import { isFullnat } from './plan.ts';

/** What of the patched kernels' FULLNAT a stock kernel cannot do, a line each. */
export function stockRemarks({ virtualServers }: Pick<IpvsConfig, 'virtualServers'>): string[] {
  return virtualServers.filter(isFullnat).flatMap(({ id, fullnat, flags, family }) => [
    ...(fullnat.synProxy ? [`Virtual server ${id}: syn_proxy needs a patched kernel - ignored; see docs/fullnat.md`] : []),
    ...((fullnat.establishTimeout ?? 0) > 0 ? [`Virtual server ${id}: establish_timeout needs a patched kernel (alibaba's third version) - ignored; lvs_timeouts is for all services`] : []),
    ...(flags.includes('ops') ? [`Virtual server ${id}: ops is ignored: with FNAT on this kernel replies would be lost; see docs/fullnat.md`] : []),
    ...(fullnat.toa && family === 'inet6' ? [`Virtual server ${id}: toa is for IPv4 alone - ignored`] : []),
  ]);
}
