import type { SystemError } from '../system/error.ts';
import type { CheckSockets } from '../system/check-sockets.ts';
import type { System } from '../system/system.ts';
import { linuxCheckSockets } from './check-sockets.ts';
import { linuxClock } from './clock.ts';
import { closing } from './closing.ts';
import { linuxFiles } from './files.ts';
import { linuxIptables } from './iptables.ts';
import { linuxNetlinkRoutes, type NetlinkBuffers } from './netlink-routes.ts';
import { linuxScheduling } from './scheduling.ts';
import { linuxPacketFilter } from './packet-filter.ts';
import { linuxScriptRunner } from './script-runner.ts';
import { linuxSysctls } from './sysctls.ts';

/** For notify_down and quorum_down at the stop (omega). */
const SCRIPT_GRACE = 2000;

export interface LinuxCheckSystem extends Pick<System, 'clock' | 'scripts' | 'files' | 'routes' | 'scheduling' | 'filter' | 'iptables' | 'sysctls'> {
  readonly sockets: CheckSockets;
  /** Closes what this opened. Scripts that tell of the stop have two seconds; those that were told to stop are gone then as well. */
  close(): Promise<void>;
}

/** What health checks need of the machine: no raw sockets. `failed` as in linuxSystem; `ipvsNamespace`: where IPVS, and so its packet filter, is. Throws SystemError. */
export function linuxCheckSystem(failed: (cause: SystemError) => void, buffers: NetlinkBuffers = {}, ipvsNamespace: string | null = null): LinuxCheckSystem {
  const routes = linuxNetlinkRoutes(failed, buffers);
  const scheduling = closing(routes, linuxScheduling);
  const scripts = closing(routes, () => linuxScriptRunner((start) => scheduling.asFound(start)));
  const files = linuxFiles();
  const filter = linuxPacketFilter(ipvsNamespace);
  return {
    clock: linuxClock(),
    scripts,
    scheduling,
    files,
    filter,
    iptables: linuxIptables((start) => scheduling.asFound(start)),
    sysctls: linuxSysctls(),
    routes,
    sockets: linuxCheckSockets(),
    async close() {
      routes.close();
      filter.close();
      files.close();
      await scripts.ended(SCRIPT_GRACE);
      await scripts.stopped();
      scripts.close();
    },
  };
}
