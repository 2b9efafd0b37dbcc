import type { ScriptCommand, VirtualAddress } from '../../config/model.ts';
import { allRouting, objectsOf, type Routing } from '../../vrrp/routing.ts';
import type { InstanceState, InstanceStatus, ProcessStatus, Status } from '../status.ts';
import { routingText } from './routing-text.ts';
import { addressText, linkBelow } from './text.ts';

/**
 * keepalived.json with keepalived's member names. `version` is its json_version: 1 is an array of instances, 2 an object
 * with the processes tracked besides. Times are seconds.
 */
export function renderJson(status: Pick<Status, 'instances' | 'processes' | 'interfaces'>, version: 1 | 2): string {
  const { instances, processes } = status;
  const vrrp = instances.map((instance) => ({ data: data(instance, status), stats: stats(instance) }));
  return `${JSON.stringify(version === 1 ? vrrp : { vrrp, track_process: processes.map(process) })}\n`;
}

const STATE: Readonly<Record<InstanceState, number>> = { INIT: 0, BACKUP: 1, MASTER: 2, FAULT: 3 };

function data(status: InstanceStatus, whole: Pick<Status, 'interfaces'>): object {
  const { config } = status;
  const { routes, rules } = allRouting(config);
  const address = (virtual: VirtualAddress): string => addressText(virtual, status.addressesSet, linkBelow(config, virtual.link, whole));
  const texts = (routing: Routing): string[] => objectsOf(routing).map((object) => routingText(object));
  return {
    iname: config.name,
    dont_track_primary: Number(config.dontTrackPrimary),
    skip_check_adv_addr: Number(config.skipCheckAdvAddr),
    strict_mode: Number(config.strict),
    vmac_ifname: config.extras?.vmacLink ?? '',
    ifp_ifname: config.link,
    master_priority: status.state === 'MASTER' ? status.priority : (status.master?.priority ?? 0),
    last_transition: status.lastTransitionAt / 1000,
    garp_delay: config.garp.masterDelay / 1000,
    garp_refresh: config.garp.refresh / 1000,
    garp_rep: config.garp.masterRepeat,
    garp_refresh_rep: config.garp.refreshRepeat,
    garp_lower_prio_delay: config.garp.lowerPrioDelay / 1000,
    garp_lower_prio_rep: config.garp.lowerPrioRepeat,
    lower_prio_no_advert: Number(config.lowerPrioNoAdvert),
    higher_prio_send_advert: Number(config.higherPrioSendAdvert),
    vrid: config.vrid,
    base_priority: config.priority,
    effective_priority: status.priority,
    vipset: status.addressesSet,
    promote_secondaries: config.promoteSecondaries,
    adver_int: config.advertInterval / 1000,
    master_adver_int: status.masterAdvertInterval / 1000,
    accept: Number(config.accept),
    nopreempt: config.nopreempt,
    preempt_delay: config.preemptDelay / 1000,
    state: STATE[status.state],
    wantstate: STATE[status.wanted ?? status.state],
    version: config.version,
    smtp_alert: config.smtpAlert,
    notify_deleted: config.notifyDeleted,
    ...script('script_backup', config.notify.backup),
    ...script('script_master', config.notify.master),
    ...script('script_fault', config.notify.fault),
    ...script('script_stop', config.notify.stop),
    ...script('script_deleted', config.notify.deleted),
    ...script('script', config.notify.any),
    ...script('script_master_rx_lower_pri', config.notify.masterRxLowerPri),
    vips: config.virtualAddresses.map(address),
    evips: config.excludedAddresses.map(address),
    vroutes: texts({ routes, rules: [] }),
    vrules: texts({ routes: [], rules }),
    track_ifp: config.trackInterfaces.map(({ name }) => name),
    track_script: config.trackScripts.map(({ name }) => name),
    track_process: (config.extras?.trackProcesses ?? []).map(({ name }) => name),
    ...(config.version === 2 ? { auth_type: config.auth === null ? 0 : config.auth.type === 'PASS' ? 1 : 2 } : {}),
    ...(config.version === 2 && config.auth?.type === 'PASS' ? { auth_data: '********' } : {}),
  };
}

function process({ config, count, up, forkDelayed, terminateDelayed }: ProcessStatus): object {
  const [program = '', ...parameters] = config.argv;
  return {
    process: program,
    ...(parameters.length === 0 ? {} : { parameters: parameters.join(' ') }),
    param_match: config.match ?? 'none',
    min_processes: config.quorum,
    max_processes: config.quorumMax ?? UNLIMITED,
    current_processes: count,
    have_quorum: up,
    weight: config.weight,
    terminate_delay: config.terminateDelay / 1000,
    fork_delay: config.forkDelay / 1000,
    fork_delay_timer_running: forkDelayed,
    terminate_delay_timer_running: terminateDelayed,
    full_command: config.fullCommand || config.match !== null,
  };
}

/** The largest unsigned number of C. */
const UNLIMITED = 4294967295;

function script(name: string, command: ScriptCommand | null): Record<string, string> {
  return command === null ? {} : { [name]: command.argv.join(' ') };
}

function stats({ counters }: InstanceStatus): object {
  return {
    advert_rcvd: counters.received,
    advert_sent: counters.sent,
    become_master: counters.becameMaster,
    release_master: counters.releasedMaster,
    packet_len_err: counters.packetLenErr,
    advert_interval_err: counters.advertIntervalErr,
    ip_ttl_err: counters.ttlErr,
    invalid_type_rcvd: counters.invalidTypeRcvd,
    addr_list_err: counters.addrListErr,
    invalid_authtype: counters.invalidAuthType,
    authtype_mismatch: counters.authTypeMismatch,
    auth_failure: counters.authFailure,
    auth_ext_missing: counters.authExtMissing,
    auth_ext_malformed: counters.authExtMalformed,
    auth_ext_unknown_key: counters.authExtUnknownKey,
    auth_ext_invalid_hmac: counters.authExtInvalidHmac,
    auth_ext_stale: counters.authExtStale,
    auth_ext_replay: counters.authExtReplay,
    pri_zero_rcvd: counters.priZeroRcvd,
    pri_zero_sent: counters.priZeroSent,
    // Ours: RFC 9568 counts these as well, and keepalived tells them by SNMP alone.
    checksum_err: counters.checksumErr,
    version_err: counters.versionErr,
    vrid_err: counters.vridErr,
    cast_err: counters.castErr,
    peer_err: counters.peerErr,
  };
}
