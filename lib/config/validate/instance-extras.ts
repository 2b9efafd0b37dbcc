/** What an instance has besides the first contract: see InstanceExtras. */
import type { InstanceExtras, TrackFile, TrackProcess, BfdSession, GroupExtras } from '../model-network.ts';
import type { GlobalValues, GroupBlock, InstanceBlock } from './config.ts';
import { route, rule, trackedThings } from './network.ts';

const SECOND = 1000;

/** Everything that can be tracked besides scripts and interfaces. */
export interface Trackables {
  readonly trackFiles: readonly TrackFile[];
  readonly trackProcesses: readonly TrackProcess[];
  readonly bfd: readonly BfdSession[];
}

export function instanceExtras(values: InstanceBlock['values'], given: GlobalValues, trackables: Trackables): InstanceExtras {
  const extra = values.garp_extra_if ?? given.vrrp_garp_extra_if;
  const hmac = values.auth_hmac?.at(-1)?.values;
  return {
    routes: (values.virtual_routes ?? []).map(route),
    rules: (values.virtual_rules ?? []).map(rule),
    ...groupExtras(values, trackables),
    vmac: values.use_vmac ?? null,
    vmacForAddresses: values.use_vmac_addr ?? false,
    transmitOnBase: values.vmac_xmit_base ?? false,
    ipvlan: values.use_ipvlan ?? null,
    vrf: values.vrf ?? null,
    noAccept: values.no_accept ?? false,
    faultWithoutPeer: values.unicast_fault_no_peer ?? false,
    oldUnicastChecksum: values.old_unicast_checksum === undefined ? false : (values.old_unicast_checksum ?? true),
    checksumAsV2: values.v3_checksum_as_v2 ?? given.v3_checksum_as_v2 ?? false,
    timerExpiredBackup: values.timer_expired_backup === undefined ? null : (values.timer_expired_backup ?? 254),
    extraGarp: extra === undefined || extra.seconds === 0 ? null : { all: extra.all, period: extra.seconds * SECOND },
    receiveBuffer: values.kernel_rx_buf_size ?? null,
    hmac: hmac?.active_key === undefined ? null : {
      keys: (hmac.key ?? []).map(({ id, secret }) => ({ id, secret })),
      activeKey: hmac.active_key,
      window: hmac.time_window === undefined ? null : hmac.time_window * SECOND,
      antiReplay: hmac.anti_replay ?? 'time',
      mode: hmac.mode ?? 'enforce',
    },
  };
}

export function groupExtras(values: Pick<GroupBlock['values'], 'track_file' | 'track_process' | 'track_bfd'>, { trackFiles, trackProcesses, bfd }: Trackables): GroupExtras {
  return {
    trackFiles: trackedThings(values.track_file ?? [], trackFiles),
    trackProcesses: trackedThings(values.track_process ?? [], trackProcesses),
    trackBfd: trackedThings(values.track_bfd ?? [], bfd),
  };
}
