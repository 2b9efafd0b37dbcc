/** global_defs: settings of the whole daemon. */
import { account, readAccount, script, type RawScript } from '../accounts.ts';
import { keyword, list, table, type Args, type Values, type ValueType } from '../keyword.ts';
import type { AccountRef } from '../model.ts';
import { atLeastOne, BOOLEAN, choice, FLAG, integer, INT_MAX, multicast, optional, readInteger, seconds, UINT_MAX, word, words } from '../values.ts';
import { fork } from './elsewhere.ts';
import { ipFromBytes, parseIp, type IpAddress } from '../../util/ip.ts';

const later = { notYet: '' } as const;
const size = integer({ min: 0, max: UINT_MAX }, 'BYTES');
const badSize = { invalid: '{keyword} size ({word}) invalid' } as const;
const delay = seconds({ min: 0, max: 4294 }, 0);
const micro = seconds({ min: 0.000001, max: 4294.967295 });
const count = integer({ min: 0, max: UINT_MAX });
const cpus = processors();
const realtime = realTimePriority();
const nice = integer({ min: -20, max: 19 });
const rttime = integer({ min: 1, max: UINT_MAX }, 'MICROSECONDS');
const processName = shortName();
const path = word('PATH', 'file');

/** Remembers that it failed, so that later scripts do not complain about the default account too. */
const defaultUser: ValueType<AccountRef> = {
  ...account,
  read: (args) => {
    const value = account.read(args);
    if (value === undefined) args.context.switches.set('default_user_failed', true);
    return value;
  },
};

/** `invalid` line of most switches here. */
const badSwitch = { invalid: "Invalid value '{word}' for global {keyword} specified" } as const;
const badValue = { invalid: 'Invalid value for {keyword} specified' } as const;
const deprecatedFor = (now: string): { readonly deprecated: string } => ({ deprecated: `Keyword "{keyword}" is deprecated - please use "${now}"` });

export const globalDefs = table('global_defs', {
  process_names: keyword(FLAG, 'rename the processes to keepalived_vrrp and keepalived_lvs', { default: 'off' }),
  process_name: keyword(processName, 'name of all processes that have none of their own, at most 15 characters'),
  vrrp_process_name: keyword(processName, 'process name of the VRRP process, at most 15 characters'),
  checker_process_name: keyword(processName, 'process name of the checker process, at most 15 characters'),
  lvs_process_name: keyword(processName, 'deprecated spelling of checker_process_name', { alias: 'checker_process_name' }),
  bfd_process_name: keyword(processName, 'process name of the BFD process, at most 15 characters', { notYet: 'without effect: BFD runs in the VRRP process' }),
  use_symlink_paths: keyword(BOOLEAN, 'keep symbolic links in script paths instead of running the resolved file', { default: 'false', since: '2.3.2', ...badSwitch, then: (context, value) => { context.switches.set('use_symlink_paths', value); context.global(); } }),
  set_supplementary_groups: keyword(BOOLEAN, "give scripts the user's supplementary groups", { default: 'false', since: '2.4.4', ...badSwitch }),
  router_id: keyword(word('STRING'), 'name used in mail subjects, dumps and SNMP', { default: 'the host name', bare: 'routerid name missing - ignoring' }),
  notification_email_from: keyword(word('ADDRESS'), 'envelope and header sender of alerts', { default: 'user@host of the daemon', bare: 'emailfrom missing - ignoring' }),
  smtp_server: keyword(mailServer(), 'relay used for alerts; a host name is resolved while the file is read'),
  smtp_helo_name: keyword(optional(word('STRING')), 'name sent in HELO', { default: 'localhost' }),
  smtp_connect_timeout: keyword(seconds({ min: 0, max: 4294 }, 0), 'connect and per-command limit of the mail client; 0 counts as 1', { default: '30', invalid: "smtp_connect_timeout '{word}' must be in [0, 4294] - ignoring" }),
  notification_email: list(word('ADDRESS'), 'recipients of alerts; every word is one', { words: true, empty: 'Warning - empty notification_email block' }),
  smtp_alert: keyword(BOOLEAN, 'default of every smtp_alert', badSwitch),
  startup_script: keyword(runnable('startup'), 'run by the parent before anything else starts', { bare: 'startup script missing' }),
  startup_script_timeout: keyword(integer({ min: 1, max: 1000 }, 'SECONDS'), 'time limit of startup_script', { default: '10', bare: 'startup_script_timeout requires value', invalid: "startup_script_timeout '{word}' must be in [1, 1000] - ignoring" }),
  shutdown_script: keyword(runnable('shutdown'), 'run by the parent after everything has stopped', { bare: 'shutdown script missing' }),
  shutdown_script_timeout: keyword(integer({ min: 1, max: 1000 }, 'SECONDS'), 'time limit of shutdown_script', { default: '10', bare: 'shutdown_script_timeout requires value', invalid: "shutdown_script_timeout '{word}' must be in [1, 1000] - ignoring" }),
  max_auto_priority: keyword(optional(integer({ min: -1, max: 99 })), 'highest real-time priority that the daemon may raise itself to when it is scheduled late', { default: '0, off', invalid: "max_auto_priority '{word}' must be in [0, 99] (or -1 to disable) - ignoring" }),
  min_auto_priority_delay: keyword(integer({ min: 1, max: 10_000_000 }, 'MICROSECONDS'), 'scheduling delay that raises the priority', { default: '1000000', invalid: "min_auto_priority_delay '{word}' must be in [1, 10000000] - ignoring", bare: 'min_auto_priority_delay requires delay time' }),
  smtp_alert_vrrp: keyword(BOOLEAN, 'default of smtp_alert of VRRP instances and groups', badSwitch),
  smtp_alert_checker: keyword(BOOLEAN, 'default of smtp_alert of virtual and real servers', badSwitch),
  checker_log_all_failures: keyword(BOOLEAN, 'log every failed check rather than changes only', { default: 'false', ...badValue }),
  dynamic_interfaces: keyword(optional(choice(['allow_if_changes'])), 'permit interfaces that do not exist yet, or come and go', {
    default: 'off', invalid: "Unknown dynamic_interfaces option '{word}'",
    then: (context) => { context.switches.set('dynamic_interfaces', true); context.global(); },
  }),
  no_email_faults: keyword(FLAG, 'no mail about FAULT', { default: 'off' }),
  default_interface: keyword(word('IF', 'interface'), 'interface of static addresses without dev', {
    default: 'eth0', bare: 'default_interface requires interface name',
    then: (context, value) => { context.switches.set('default_interface', value); },
  }),
  disable_local_igmp: keyword(FLAG, 'turn off IGMP for link-local groups by sysctl; not changeable by a reload', { default: 'off' }),
  v3_checksum_as_v2: keyword(FLAG, 'leave the pseudo header out of IPv4 VRRPv3 checksums, and stop verifying them', { default: 'off', since: '2.3.0' }),
  lvs_timeouts: keyword(timeouts(), 'IPVS protocol timeouts', { bare: 'lvs_timeouts requires at least one option' }),
  lvs_flush: keyword(FLAG, 'empty the IPVS table at the start', { default: 'off' }),
  lvs_flush_on_stop: keyword(optional(choice(['VS'])), 'at the stop empty the IPVS table, or with VS remove our services only', { default: 'off', invalid: 'Unknown lvs_flush_on_stop type {word}' }),
  lvs_flush_onstop: keyword(optional(choice(['VS'])), 'deprecated spelling of lvs_flush_on_stop', { invalid: 'Unknown lvs_flush_on_stop type {word}', alias: 'lvs_flush_on_stop' }),
  lvs_sync_daemon: keyword(words('IF [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group IP]'), 'run the IPVS connection sync daemon in the role of the named instance', { bare: 'lvs_sync_daemon requires interface', then: (context, [link]) => { context.switches.set('lvs_sync_daemon', link); context.global(); } }),
  vrrp_mcast_group4: keyword(multicast((_, text) => `vrrp_mcast_group4 [${text}] is not multicast. Skipping`, 'inet'), 'IPv4 multicast group of adverts', { default: '224.0.0.18', invalid: "Can't parse vrrp_mcast_group4 [{word}]. Skipping" }),
  vrrp_mcast_group6: keyword(multicast((_, text) => `vrrp_mcast_group6 [${text}] is not multicast. Skipping`, 'inet6'), 'IPv6 multicast group of adverts', { default: 'ff02::12', invalid: "Can't parse vrrp_mcast_group6 [{word}]. Skipping" }),
  vrrp_garp_master_delay: keyword(delay, 'delay of the second block of gratuitous ARP or NA', { default: '5', invalid: "vrrp_garp_master_delay '{word}' invalid - ignoring" }),
  vrrp_garp_master_repeat: keyword(atLeastOne(UINT_MAX, 'vrrp_garp_master_repeat must be greater than 0, setting to 1'), 'messages per address in a block', { default: '5', invalid: "vrrp_garp_master_repeat '{word}' is invalid" }),
  vrrp_garp_master_refresh: keyword(seconds({ min: 0, max: UINT_MAX }, 0), 'period of refreshing ARP or NA while master', { default: '0, off', invalid: "Invalid vrrp_garp_master_refresh '{word}' - ignoring" }),
  vrrp_garp_master_refresh_repeat: keyword(atLeastOne(UINT_MAX, 'vrrp_garp_master_refresh_repeat must be greater than 0, setting to 1'), 'messages per refresh', { default: '1', invalid: "vrrp_garp_master_refresh_repeat '{word}' is invalid" }),
  vrrp_garp_lower_prio_delay: keyword(delay, 'delay of the second block after a lower-priority master was heard', { default: 'vrrp_garp_master_delay', invalid: "vrrp_garp_lower_prio_delay '{word}' invalid - ignoring" }),
  vrrp_garp_lower_prio_repeat: keyword(integer({ min: 0, max: INT_MAX }), 'messages per block after a lower-priority master was heard; 0: none', { default: 'vrrp_garp_master_repeat', invalid: "Invalid vrrp_garp_lower_prio_repeat '{word}'" }),
  vrrp_down_timer_adverts: keyword(integer({ min: 1, max: 100 }), 'adverts missed before the master is down', { default: '3', invalid: "Invalid vrrp_down_timer_adverts [1:100] '{word}'" }),
  vrrp_garp_interval: keyword(micro, 'pause between two gratuitous ARPs of an interface', { default: '0', invalid: "vrrp_garp_interval '{word}' is invalid" }),
  vrrp_gna_interval: keyword(micro, 'pause between two unsolicited NAs of an interface', { default: '0', invalid: "vrrp_gna_interval '{word}' is invalid" }),
  vrrp_min_garp: keyword(BOOLEAN, 'one ARP, no second block, no repeats of a refresh: for what is at its default so far', {
    default: 'off', ...badValue,
    then: (context, value) => { context.switches.set('vrrp_min_garp', value); },
  }),
  vrrp_garp_extra_if: keyword(extraIf(), 'send extra gratuitous ARP on VMAC (or all) interfaces from time to time', { bare: 'vrrp_garp_extra_if specified without time - ignoring' }),
  vrrp_vmac_garp_intvl: keyword(extraIf(), 'deprecated spelling of vrrp_garp_extra_if', { bare: 'vrrp_vmac_garp_intvl specified without time - ignoring', alias: 'vrrp_garp_extra_if', ...deprecatedFor('vrrp_garp_extra_if') }),
  vrrp_lower_prio_no_advert: keyword(BOOLEAN, 'do not answer a lower-priority advert with one of ours', { default: 'false; true when strict', ...badValue }),
  vrrp_higher_prio_send_advert: keyword(BOOLEAN, 'send one more advert before yielding to a higher priority', { default: 'false', ...badValue }),
  vrrp_version: keyword(integer({ min: 2, max: 3 }), 'default protocol version; IPv6 is always 3', { default: '2', invalid: 'VRRP Error: Version must be either 2 or 3' }),
  vrrp_iptables: keyword(words('[IN_CHAIN [OUT_CHAIN]]', true), 'use iptables for no_accept; the chains must exist', { default: 'INPUT OUTPUT when bare' }),
  vrrp_ipsets: keyword(words('[SET4 [SET6 [SET_IF6 [IGMP [MLD [ND]]]]]]', true), 'ipset names used with iptables; none turns ipsets off', { notYet: 'without effect: one rule per address does the same' }),
  nftables: keyword(optional(word('TABLE')), 'use nftables for no_accept', { default: 'keepalived' }),
  nftables_priority: keyword(integer({ min: -2147483648, max: INT_MAX }), 'priority of the nftables base chains', { default: '-1', invalid: "invalid nftables chain priority '{word}'" }),
  nftables_ifindex: keyword(FLAG, 'interface index rather than name in link-local rules', { default: 'off' }),
  vrrp_check_unicast_src: keyword(FLAG, 'drop unicast adverts whose source is no configured peer', { default: 'off' }),
  vrrp_skip_check_adv_addr: keyword(BOOLEAN, 'do not compare the address list of the same master again', { default: 'false', ...badValue }),
  vrrp_strict: keyword(BOOLEAN, 'hold every instance to the RFC', { default: 'false', ...badValue }),
  vrrp_priority: keyword(nice, 'nice value of the VRRP process', { default: '0', bare: 'No vrrp process priority specified', invalid: 'Invalid vrrp process priority specified' }),
  vrrp_no_swap: keyword(FLAG, 'lock the memory of the VRRP process; program and libraries, as JavaScript’s own cannot be', { default: 'off' }),
  vrrp_rt_priority: keyword(realtime, 'SCHED_RR priority of the VRRP process', { default: '0, off', bare: 'No vrrp process real-time priority specified', invalid: "vrrp process real-time priority '{word}' invalid" }),
  vrrp_cpu_affinity: keyword(cpus, 'processors of the VRRP process', { bare: 'No vrrp cpu_id set specified' }),
  vrrp_rlimit_rttime: keyword(rttime, 'RLIMIT_RTTIME of the VRRP process: what takes longer at real-time priority is said', { default: 'none', invalid: 'Invalid vrrp real-time limit - {word}' }),
  vrrp_rlimit_rtime: keyword(rttime, 'deprecated spelling of vrrp_rlimit_rttime', { alias: 'vrrp_rlimit_rttime' }),
  nftables_ipvs: keyword(optional(word('TABLE')), 'let nftables set fwmarks, so that a virtual server group needs one service per protocol and family', { default: 'keepalived_ipvs', since: '2.2.8' }),
  nftables_ipvs_priority: keyword(integer({ min: -2147483648, max: INT_MAX }), 'priority of the IPVS nftables chains', { default: '-1', invalid: "invalid ipvs nftables chain priority '{word}'" }),
  nftables_ipvs_start_fwmark: keyword(integer({ min: 1, max: UINT_MAX }), 'first fwmark given out by itself', { default: '1000' }),
  nftables_counters: keyword(FLAG, 'counters on generated nftables rules', { default: 'off' }),
  notify_fifo: keyword(fifo(), 'FIFO that gets VRRP and LVS events', { bare: 'No notify_fifo name specified' }),
  notify_fifo_script: keyword(script(), 'reader started with the FIFO as last argument', { bare: 'No notify_fifo_script specified' }),
  vrrp_notify_fifo: keyword(fifo(), 'FIFO that gets VRRP events only', { bare: 'No vrrp_notify_fifo name specified' }),
  vrrp_notify_fifo_script: keyword(script(), 'reader of vrrp_notify_fifo', { bare: 'No vrrp_notify_fifo_script specified' }),
  vrrp_notify_priority_changes: keyword(BOOLEAN, 'MASTER_PRIORITY and BACKUP_PRIORITY lines too', { default: 'false', ...badSwitch }),
  fifo_write_vrrp_states_on_reload: keyword(FLAG, 'write every state to the FIFOs after a reload', { default: 'off' }),
  lvs_notify_fifo: keyword(fifo(), 'FIFO that gets LVS events only', { bare: 'No lvs_notify_fifo name specified' }),
  lvs_notify_fifo_script: keyword(script(), 'reader of lvs_notify_fifo', { bare: 'No lvs_notify_fifo_script specified' }),
  checker_priority: keyword(nice, 'nice value of the checker process', { default: '0', bare: 'No checker process priority specified', invalid: 'Invalid checker process priority specified' }),
  checker_no_swap: keyword(FLAG, 'lock the memory of the checker process; program and libraries, as JavaScript’s own cannot be', { default: 'off' }),
  checker_rt_priority: keyword(realtime, 'SCHED_RR priority of the checker process', { default: '0, off', bare: 'No checker process real-time priority specified', invalid: "checker process real-time priority '{word}' invalid" }),
  checker_cpu_affinity: keyword(cpus, 'processors of the checker process', { bare: 'No checker cpu_id set specified' }),
  checker_rlimit_rttime: keyword(rttime, 'RLIMIT_RTTIME of the checker process: what takes longer at real-time priority is said', { default: 'none', invalid: 'Invalid checker real-time limit - {word}' }),
  checker_rlimit_rtime: keyword(rttime, 'deprecated spelling of checker_rlimit_rttime', { alias: 'checker_rlimit_rttime' }),
  bfd_priority: keyword(nice, 'nice value for BFD, which runs in the VRRP process: the lower of both counts', { default: '0', bare: 'No bfd process priority specified' }),
  bfd_no_swap: keyword(FLAG, 'lock the memory for BFD, which runs in the VRRP process', { default: 'off' }),
  bfd_rt_priority: keyword(realtime, 'SCHED_RR priority for BFD, which runs in the VRRP process: the higher of both counts', { default: '0, off', bare: 'No bfd process real-time priority specified' }),
  bfd_cpu_affinity: keyword(cpus, 'processors for BFD, which runs in the VRRP process; vrrp_cpu_affinity comes first', { bare: 'No bfd cpu_id set specified' }),
  bfd_rlimit_rttime: keyword(rttime, 'RLIMIT_RTTIME for BFD, which runs in the VRRP process: the higher of both counts', { default: 'none' }),
  bfd_rlimit_rtime: keyword(rttime, 'deprecated spelling of bfd_rlimit_rttime', { alias: 'bfd_rlimit_rttime' }),
  snmp_socket: keyword(word('ADDRESS'), 'AgentX socket', { default: 'unix:/var/agentx/master', build: 'snmp', ...later }),
  enable_traps: keyword(FLAG, 'send SNMP notifications', { default: 'off', build: 'snmp', ...later }),
  enable_snmp_vrrp: keyword(FLAG, 'register the VRRP part of KEEPALIVED-MIB', { default: 'off', build: 'snmp', ...later }),
  enable_snmp_keepalived: keyword(FLAG, 'deprecated spelling of enable_snmp_vrrp', { alias: 'enable_snmp_vrrp', build: 'snmp', ...later }),
  enable_snmp_rfc: keyword(FLAG, 'register both RFC MIBs', { default: 'off', build: 'snmp', ...later }),
  enable_snmp_rfcv2: keyword(FLAG, 'register VRRP-MIB (RFC 2787)', { default: 'off', build: 'snmp', ...later }),
  enable_snmp_rfcv3: keyword(FLAG, 'register VRRPV3-MIB (RFC 6527)', { default: 'off', build: 'snmp', ...later }),
  enable_snmp_checker: keyword(FLAG, 'register the checker part of KEEPALIVED-MIB', { default: 'off', build: 'snmp', ...later }),
  snmp_vs_stats_update_interval: keyword(seconds({ min: 0.001, max: 30 }), 'how long statistics of virtual servers are kept', { default: '5', build: 'snmp', ...later }),
  snmp_rs_stats_update_interval: keyword(seconds({ min: 0.001, max: 30 }), 'how long statistics of real servers are kept', { default: 'snmp_vs_stats_update_interval', build: 'snmp', ...later }),
  enable_dbus: keyword(FLAG, 'start the D-Bus service', { default: 'off', build: 'dbus', ...later }),
  dbus_service_name: keyword(word('NAME'), 'bus name to own', { default: 'org.keepalived.Vrrp1', build: 'dbus', ...later }),
  dbus_no_interface_name: keyword(word('NAME'), 'path element of instances without an interface', { build: 'dbus', ...later }),
  script_user: keyword(defaultUser, 'account of scripts that name none; counts for scripts further down', {
    default: 'keepalived_script if it exists, else that of the daemon', bare: 'No script username specified', invalid: 'Error setting global script uid/gid',
    then: (context, value) => { context.scriptUser = value as AccountRef; },
  }),
  enable_script_security: keyword(FLAG, 'refuse scripts run by root whose file, or a directory on its path, others may change', {
    default: 'off', then: (context, _, args) => { context.scriptSecurity = true; context.scriptSecurityPlace = args.place; context.global(); },
  }),
  vrrp_netlink_cmd_rcv_bufs: keyword(size, 'receive buffer of the VRRP netlink command socket', { default: '0, the kernel’s', bare: 'vrrp_netlink_cmd_rcv_bufs size missing', ...badSize }),
  vrrp_netlink_cmd_rcv_bufs_force: keyword(BOOLEAN, 'use SO_RCVBUFFORCE for it', { default: 'false', ...badSwitch }),
  vrrp_netlink_monitor_rcv_bufs: keyword(size, 'receive buffer of the VRRP netlink monitor socket', { default: '0, the kernel’s', bare: 'vrrp_netlink_monitor_rcv_bufs size missing', ...badSize }),
  vrrp_netlink_monitor_rcv_bufs_force: keyword(BOOLEAN, 'use SO_RCVBUFFORCE for it', { default: 'false', ...badSwitch }),
  process_monitor_rcv_bufs: keyword(size, 'receive buffer of the process events socket', { default: '0, the kernel’s', bare: 'process_monitor_rcv_bufs size missing', ...badSize }),
  process_monitor_rcv_bufs_force: keyword(BOOLEAN, 'use SO_RCVBUFFORCE for it', { default: 'false', ...badSwitch }),
  lvs_netlink_cmd_rcv_bufs: keyword(size, 'receive buffer of the checker netlink command socket', { default: '0, the kernel’s', bare: 'lvs_netlink_cmd_rcv_bufs size missing', ...badSize }),
  lvs_netlink_cmd_rcv_bufs_force: keyword(BOOLEAN, 'use SO_RCVBUFFORCE for it', { default: 'false', ...badSwitch }),
  lvs_netlink_monitor_rcv_bufs: keyword(size, 'receive buffer of the checker netlink monitor socket', { default: '0, the kernel’s', bare: 'lvs_netlink_monitor_rcv_bufs size missing', ...badSize }),
  lvs_netlink_monitor_rcv_bufs_force: keyword(BOOLEAN, 'use SO_RCVBUFFORCE for it', { default: 'false', ...badSwitch }),
  rs_init_notifies: keyword(BOOLEAN, 'run notify_up and notify_down for the first state of a real server', { default: 'false', ...badSwitch }),
  no_checker_emails: keyword(BOOLEAN, 'mail only when a real server changes state, not for each checker', { default: 'false', ...badSwitch }),
  vrrp_rx_bufs_policy: keyword(bufferPolicy(), 'how receive buffers of VRRP sockets are sized', { bare: 'vrrp_rx_bufs_policy missing' }),
  vrrp_rx_bufs_multiplier: keyword(integer({ min: 1, max: UINT_MAX }), 'multiplier of the two automatic policies', { default: '3', bare: 'Invalid vrrp_rx_bufs_multiplier', invalid: 'Invalid vrrp_rx_bufs_multiplier {word}' }),
  vrrp_startup_delay: keyword(seconds({ min: 0.001, max: 4294.967295 }), 'stay in backup that long after the start', { default: '0', invalid: "vrrp_startup_delay '{word}' is invalid" }),
  vrrp_delay_after_boot: keyword(seconds({ min: 0.001, max: 4294.967295 }), 'as vrrp_startup_delay, but from the boot of the system; the later end counts', { default: '0', since: '2.3.0', invalid: "vrrp_delay_after_boot '{word}' is invalid" }),
  log_unknown_vrids: keyword(FLAG, 'log adverts of VRIDs that we do not run', { default: 'off' }),
  vrrp_owner_ignore_adverts: keyword(BOOLEAN, 'an address owner ignores adverts', { default: 'false', since: '2.2.8', ...badSwitch }),
  vmac_prefix: keyword(word('STRING'), 'first part of VMAC interface names', { default: 'vrrp' }),
  vmac_addr_prefix: keyword(word('STRING'), 'first part of VMAC names made for use_vmac addresses', { default: 'vrrp' }),
  umask: keyword(umask(), 'umask of files that the daemon makes', { default: '0177' }),
  random_seed: keyword(count, 'seed of ${_RANDOM}', { default: 'the time', invalid: 'random_seed {word} invalid', then: (context, value) => { context.setRandomSeed(value as number); } }),
  reload_check_config: keyword(optional(path), 'check a new configuration in a process of its own before a reload', { default: 'off' }),
  reload_time_file: keyword(path, 'file that holds a time to reload at', { bare: 'reload_time_file invalid' }),
  reload_repeat: keyword(FLAG, 'reload daily at a time without a date, and keep the file', { default: 'off' }),
  reload_file: keyword(optional(path), 'touched while a reload is running', { default: '/run/keepalived.reload' }),
  include_check: keyword(words('[[+|-]read|match|wildcard_match|brace_match …]', true), 'which failures of include end the start; bare: all', { default: 'none', then: includeCheck }),
  config_save_dir: keyword(word('DIR', 'file'), 'keep a copy of every configuration that was loaded'),
  tmp_config_directory: keyword(word('DIR', 'file'), 'accepted for compatibility: no temporary copy is made', { bare: 'tmp_config_directory missing directory name' }),
  data_use_instance: keyword(BOOLEAN, 'namespace and instance in the names of dump files', { default: 'false', invalid: "Invalid value '{word}' for global date_use_instance specified" }),
  json_version: keyword(integer({ min: 1, max: 2 }), 'layout of the JSON dump', { default: '1', invalid: "Invalid json_version '{word}'", build: 'json' }),
  iproute_usr_dir: keyword(word('DIR', 'file'), 'directory of distributed iproute2 name tables', { default: '/usr/lib/iproute2 and /usr/share/iproute2', bare: 'iproute_usr_dir missing directory name', since: '2.3.0', then: (context, value) => { context.switches.set('iproute_usr_dir', value); context.global(); } }),
  iproute_etc_dir: keyword(word('DIR', 'file'), 'directory of local iproute2 name tables', { default: '/etc/iproute2', bare: 'iproute_etc_dir missing directory name', since: '2.3.0', then: (context, value) => { context.switches.set('iproute_etc_dir', value); context.global(); } }),
  state_dump_file: keyword(path, 'path of USR1 dumps', { bare: 'state_dump_file missing file name', since: '2.3.0' }),
  stats_dump_file: keyword(path, 'read and never used, as in keepalived', { bare: 'stats_dump_file missing file name', since: '2.3.0' }),
  json_dump_file: keyword(path, 'read and never used, as in keepalived', { bare: 'json_dump_file missing file name', since: '2.3.0' }),
  plugin_dir: keyword(word('DIR', 'file'), 'FULLNAT forks: directory of checker plugins; read and ignored', fork('leave it out: they ignore it too')),
  fullnat_seed: keyword(integer({ min: 0, max: UINT_MAX }), 'FULLNAT on a stock kernel: seed of the hash that gives clients their local address; the same on directors that take over from each other', { default: '1953721185', since: 'tskeepalived', invalid: 'Invalid fullnat_seed {word}' }),
  drain_time: keyword(seconds({ min: 0, max: 86_400 }, 0), 'at the stop IPVS serves on for so long after quorum_down (omega) and vip_bind_dev have sent clients elsewhere; a second SIGTERM ends it', { default: '0', since: 'tskeepalived', invalid: "drain_time '{word}' must be in [0, 86400] - ignoring" }),
  hooks: keyword(word('FILE.ts', 'file'), 'TypeScript that hears of every change; see the manual of hooks', { since: 'tskeepalived' }),
}, { pass: 'parent' });

/** A script of the parent, which needs its account when the line is read. */
function runnable(what: string): ValueType<RawScript> {
  const inner = script();
  return {
    ...inner,
    read: (args) => {
      const value = inner.read(args);
      if (value === undefined) return undefined;
      if (!value.accountMissing) return value;
      args.report({ code: 'script-not-runnable', message: `Invalid ${what} script`, remedy: 'enable_script_security asks for an account: write script_user USER before it' });
      return undefined;
    },
  };
}

export type GlobalValues = Values<typeof globalDefs.rows>;

export interface MailServer {
  readonly host: string;
  readonly port: number;
  /** null: a name that was not looked up. */
  readonly address: IpAddress | null;
}

function mailServer(): ValueType<MailServer> {
  return {
    syntax: 'HOST|IP [PORT]',
    schema: { type: 'string' },
    read: (args) => {
      const { words: given, first, context } = args;
      const host = given[first] ?? '';
      const port = given[first + 1] ?? '25';
      const known = parseIp(host) ?? wholeNumber(host);
      // No name is made of figures and dots alone.
      const impossible = known === null && /^[\d.]+$/u.test(host);
      const resolved = known ?? context.machine.resolve?.(host) ?? null;
      if (impossible || (given[first + 1] !== undefined && readInteger(args, first + 1, { min: 1, max: 65535 }) === undefined) || (resolved === null && context.machine.resolve !== null)) {
        args.report({ code: 'invalid-mail-server', message: `Invalid smtp server ${host} ${port}`, remedy: 'write an address, or a name that resolves, and a port 1..65535' });
        return undefined;
      }
      return { host, port: Number(port), address: resolved };
    },
  };
}

/** inet_aton(3) takes one number for an address. */
function wholeNumber(text: string): IpAddress | null {
  const value = /^\d{1,10}$/u.test(text) ? Number(text) : UINT_MAX + 1;
  return value > UINT_MAX ? null : ipFromBytes(Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff));
}

export interface FifoValue {
  readonly path: string;
  readonly account: AccountRef | null;
}

function fifo(): ValueType<FifoValue> {
  return {
    syntax: 'PATH [USER [[:]GROUP]]',
    schema: { type: 'string' },
    complete: 'file',
    read: (args) => {
      const name = args.words[args.first] ?? '';
      if (args.words.length <= args.first + 1) return { path: name, account: null };
      const owner = readAccount(args, args.words, args.first + 1);
      return owner === undefined ? undefined : { path: name, account: owner };
    },
  };
}

export interface LvsTimeouts {
  readonly tcp: number | null;
  readonly tcpfin: number | null;
  readonly udp: number | null;
}

/** `tcp N tcpfin N udp N`, in any order; seconds. */
function timeouts(): ValueType<LvsTimeouts> {
  return {
    syntax: '[tcp N] [tcpfin N] [udp N]',
    range: '0..2678400 seconds each',
    schema: { type: 'string' },
    read: (args) => {
      const found: Record<string, number> = {};
      for (let i = args.first; i < args.words.length; i += 2) {
        const kind = args.words[i] ?? '';
        const value = args.words[i + 1] ?? '';
        const fault = kind !== 'tcp' && kind !== 'tcpfin' && kind !== 'udp' ? `Unknown option ${kind} specified for lvs_timeouts`
          : !/^\d+$/u.test(value) || Number(value) > 2678400 ? `Invalid lvs_timeout ${kind} (${value}) - ignoring` : null;
        if (fault !== null) args.report({ code: 'invalid-value', message: fault }, i);
        else found[kind] = Number(value);
      }
      if (args.words.length <= args.first + 1) args.report({ code: 'invalid-value', message: 'lvs_timeouts requires at least one option', remedy: 'write: lvs_timeouts tcp N tcpfin N udp N' });
      return { tcp: found['tcp'] ?? null, tcpfin: found['tcpfin'] ?? null, udp: found['udp'] ?? null };
    },
  };
}

export interface ExtraGarp {
  readonly all: boolean;
  readonly seconds: number;
}

/** `[all] SECONDS`. */
export function extraIf(min = 1): ValueType<ExtraGarp> {
  return {
    syntax: '[all] SECONDS',
    range: `${String(min)}..86400 seconds`,
    schema: { type: 'string' },
    read: (args) => {
      const all = args.words[args.first] === 'all';
      const value = args.words[args.first + (all ? 1 : 0)] ?? '';
      const period = value === '' ? undefined : readInteger(args, args.first + (all ? 1 : 0), { min, max: 86400 });
      if (period !== undefined) return { all, seconds: period };
      const keywordName = args.words[0] ?? '';
      const prefix = args.name === '' ? '' : `(${args.name}): `;
      args.report({ code: 'invalid-value', message: value === '' ? `${prefix}${keywordName} specified without time - ignoring` : `${prefix}${keywordName} '${value}' invalid - ignoring`, remedy: `it must be ${String(min)}..86400 seconds` });
      return undefined;
    },
  };
}

function bufferPolicy(): ValueType<'MTU' | 'ADVERT' | number> {
  return {
    syntax: 'MTU|ADVERT|BYTES',
    schema: { type: ['string', 'integer'] },
    complete: ['MTU', 'ADVERT'],
    read: (args) => {
      const value = args.words[args.first] ?? '';
      if (value === 'MTU' || value === 'ADVERT') return value;
      const size_ = readInteger(args, args.first, { min: 0, max: UINT_MAX });
      if (size_ !== undefined) return size_;
      args.report({ code: 'invalid-value', message: `Invalid vrrp_rx_bufs_policy ${value}`, remedy: 'write MTU, ADVERT or a number of bytes' });
      return undefined;
    },
  };
}

const UMASK_WORDS: Readonly<Record<string, number>> = {
  IRUSR: 0o400, IWUSR: 0o200, IXUSR: 0o100, IRGRP: 0o040, IWGRP: 0o020, IXGRP: 0o010, IROTH: 0o004, IWOTH: 0o002, IXOTH: 0o001,
};

/** 1..99; more is 99, with a complaint. */
function realTimePriority(): ValueType<number> {
  return {
    ...integer({ min: 1, max: 99 }),
    read: (args) => {
      const value = readInteger(args, args.first, { min: 1, max: INT_MAX });
      if (value === undefined || value <= 99) return value;
      const [process_ = ''] = (args.words[0] ?? '').split('_');
      args.report({ code: 'clamped', severity: 'warning', message: `${process_} process real-time priority ${String(value)} greater than maximum 99 - setting to maximum`, remedy: 'it must be 1..99' });
      return 99;
    },
  };
}

/** Numbers of processors, up to the first word that is none, or not there. */
function processors(): ValueType<readonly number[]> {
  return {
    syntax: 'CPU…',
    schema: { type: 'array', items: { type: 'integer' } },
    read: (args) => {
      const max = (args.context.machine.processors ?? 1024) - 1;
      const [part = ''] = (args.words[0] ?? '').split('_');
      const found: number[] = [];
      for (let i = args.first; i < args.words.length; i++) {
        const number = readInteger(args, i, { min: 0, max });
        if (number === undefined) {
          const said = parseInt(args.words[i] ?? '', 10);
          args.report({ code: 'invalid-value', message: `Invalid cpu_id:${String(Number.isNaN(said) ? 0 : said)} specified for ${part} process`, remedy: `this machine has processors 0..${String(max)}` }, i);
          break;
        }
        found.push(number);
      }
      return found.length === 0 ? undefined : found;
    },
  };
}

/** A process name: at most 15 characters count. */
function shortName(): ValueType<string> {
  return {
    ...word('NAME'),
    read: (args) => {
      const text = args.words[args.first] ?? '';
      if (text.length > 15) args.report({ code: 'clamped', severity: 'warning', message: `Process name ${text} more than 15 characters, truncating`, remedy: null });
      return text.slice(0, 15);
    },
  };
}

/** A C number, or flag words joined with `|`. */
function umask(): ValueType<number> {
  return {
    syntax: 'OCTAL|FLAG[|FLAG…]',
    range: '0..0777, or IRUSR, IWUSR, … joined with |',
    schema: { type: ['string', 'integer'] },
    read: (args) => {
      const text = args.words.slice(args.first).join('');
      const number = /^(0x[0-9a-f]+|\d+)$/iu.test(text);
      if (number) {
        const value = /^0x/iu.test(text) ? parseInt(text, 16) : parseInt(text, text.startsWith('0') ? 8 : 10);
        if (value >= 0 && value <= 0o777) return value;
      } else if (text.split('|').every((flag) => UMASK_WORDS[flag] !== undefined)) {
        return text.split('|').reduce((sum, flag) => sum | (UMASK_WORDS[flag] ?? 0), 0);
      }
      args.report({ code: 'invalid-value', message: number ? `invalid umask value ${text}` : `Unknown umask bit ${text}`, remedy: 'write it as 0177' });
      return undefined;
    },
  };
}

const CHECKS = { read: 'read', match: 'match', wildcard_match: 'wildcard', brace_match: 'brace' } as const;

/** Changes what a plain include takes for a failure, from here on. */
function includeCheck(context: Args['context'], _: unknown, args: Args): void {
  const { includeRules: rules } = context;
  const given = args.words.slice(args.first);
  if (given.length === 0 || !/^[+-]/u.test(given[0] ?? '')) rules.read = rules.match = rules.wildcard = rules.brace = given.length === 0;
  for (const [i, text] of given.entries()) {
    const name = CHECKS[text.replace(/^[+-]/u, '') as keyof typeof CHECKS] as (typeof CHECKS)[keyof typeof CHECKS] | undefined;
    if (name === undefined) args.report({ code: 'invalid-value', message: `Unknown include_check type '${text}' - ignoring`, remedy: `use ${Object.keys(CHECKS).join(', ')}` }, args.first + i);
    else rules[name] = !text.startsWith('-');
  }
}
