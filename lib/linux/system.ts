import type { System } from '../system/system.ts';
import type { SystemError } from '../system/error.ts';
import { linuxBfdSockets } from './bfd-sockets.ts';
import { closing } from './closing.ts';
import { linuxClock } from './clock.ts';
import { linuxFiles } from './files.ts';
import { linuxIptables } from './iptables.ts';
import { linuxLinkLayer } from './link-layer.ts';
import { linuxLinkMedia } from './link-media.ts';
import { linuxNetlinkRoutes, type NetlinkBuffers } from './netlink-routes.ts';
import { linuxPacketFilter } from './packet-filter.ts';
import { linuxProcesses } from './processes.ts';
import { linuxScheduling, type LinuxScheduling } from './scheduling.ts';
import { linuxScriptRunner } from './script-runner.ts';
import { linuxSysctls } from './sysctls.ts';
import { linuxVrrpSockets } from './vrrp-sockets.ts';

export interface LinuxSystem extends System {
  readonly scheduling: LinuxScheduling;
  /** Closes what this opened: netlink and packet sockets, watches; kills scripts that still run. VRRP sockets are their openers'. */
  close(): void;
}

/**
 * The machine itself. `failed` hears when the kernel's notifications have ended for good, after which links and addresses can
 * no longer be followed. Throws SystemError (EPERM without CAP_NET_ADMIN and CAP_NET_RAW).
 */
export function linuxSystem(failed: (cause: SystemError) => void, buffers: NetlinkBuffers = {}): LinuxSystem {
  const link = linuxLinkLayer();
  const routes = closing(link, () => linuxNetlinkRoutes(failed, buffers));
  const filter = linuxPacketFilter();
  const scheduling = linuxScheduling();
  const scripts = linuxScriptRunner((start) => scheduling.asFound(start));
  const files = linuxFiles();
  const media = linuxLinkMedia();
  const vrrp = linuxVrrpSockets((gone) => routes.watch((event) => {
    if (event.type === 'link-gone') gone(event.index);
    if (event.type === 'lost') gone(null);
  }));
  return {
    clock: linuxClock(),
    vrrp,
    bfd: linuxBfdSockets(),
    link,
    media,
    routes,
    filter,
    iptables: linuxIptables((start) => scheduling.asFound(start)),
    scripts,
    scheduling,
    processes: linuxProcesses(),
    files,
    sysctls: linuxSysctls(),
    close() {
      routes.close();
      filter.close();
      link.close();
      media.close();
      scripts.close();
      files.close();
    },
  };
}
