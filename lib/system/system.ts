import type { BfdSockets } from './bfd-sockets.ts';
import type { Clock } from './clock.ts';
import type { Files } from './files.ts';
import type { Iptables } from './iptables.ts';
import type { LinkLayer } from './link-layer.ts';
import type { LinkMedia } from './link-media.ts';
import type { NetlinkRoutes } from './netlink-routes.ts';
import type { PacketFilter } from './packet-filter.ts';
import type { Processes } from './processes.ts';
import type { Scheduling } from './scheduling.ts';
import type { ScriptRunner } from './script-runner.ts';
import type { Sysctls } from './sysctls.ts';
import type { VrrpSockets } from './vrrp-sockets.ts';

/** Everything the daemon asks of the machine: once on Linux (lib/linux), once simulated (test/sim). */
export interface System {
  readonly clock: Clock;
  readonly vrrp: VrrpSockets;
  readonly bfd: BfdSockets;
  readonly link: LinkLayer;
  readonly media: LinkMedia;
  readonly routes: NetlinkRoutes;
  readonly filter: PacketFilter;
  readonly iptables: Iptables;
  readonly scripts: ScriptRunner;
  readonly processes: Processes;
  readonly files: Files;
  readonly sysctls: Sysctls;
  readonly scheduling: Scheduling;
}
