import type { Config, GlobalDefs, NotifyFifo } from '../../config/model.ts';
import { filterSettings } from '../../vrrp/filter.ts';
import { garpDefaults } from './garp.ts';
import { accountPair, accountText, argvText, flag, scriptText, seconds } from './text.ts';

type Settings = Config['settings'];

/** What the VRRP process knows besides; null: another process's dump. */
export interface VrrpGlobals {
  readonly defaultInterface: string | null;
  /** nftables were chosen, as somebody needs them. */
  readonly filters: boolean;
}

/** The dump's first section, as the VRRP process or another one shows it. */
export function globalSection(global: GlobalDefs, settings: Settings, vrrp: VrrpGlobals | null): readonly string[] {
  return [
    '------< Global definitions >------',
    ...given('Config save dir', settings.config_save_dir),
    ' Network namespace = (default)',
    ' Network namespace ipvs = (main namespace)',
    ...processNames(settings),
    ` Router ID = ${global.routerId}`,
    ...mailLines(global),
    ...['', '_vrrp', '_checker'].map((which) => ` Default smtp_alert${which} = ${alertText(settings[`smtp_alert${which as '' | '_vrrp' | '_checker'}`])}`),
    ` Checkers log all failures = ${flag(settings.checker_log_all_failures)}`,
    ...reloadLines(settings),
    ...(vrrp !== null ? [] : [...parentScript('Startup script', global.startupScript, ','), ...parentScript('Shutdown script', global.shutdownScript, '')]),
    ` Dynamic interfaces = ${flag(global.dynamicInterfaces)}`,
    ...(global.dynamicInterfaces ? [` Allow interface changes = ${flag(settings.dynamic_interfaces === 'allow_if_changes')}`] : []),
    ...(global.noEmailFaults ? [' Send emails for fault transitions = off'] : []),
    ...timeouts(settings),
    ...(vrrp?.defaultInterface == null ? [] : [` Default interface = ${vrrp.defaultInterface}`]),
    ` Disable local IGMP = ${settings.disable_local_igmp === true ? 'yes' : 'no'}`,
    ` LVS flush = ${flag(settings.lvs_flush)}`,
    ` LVS flush on stop = ${settings.lvs_flush_on_stop === undefined ? 'disabled' : (settings.lvs_flush_on_stop ?? 'full')}`,
    ...fifoLines('Global', global.notifyFifo, vrrp !== null),
    ...fifoLines('VRRP', global.vrrpNotifyFifo, vrrp !== null),
    ...(settings.lvs_notify_fifo === undefined ? [] : [` LVS notify fifo = ${settings.lvs_notify_fifo.path}, ${accountText(settings.lvs_notify_fifo.account)}`]),
    ` FIFO write vrrp states on reload = ${flag(settings.fifo_write_vrrp_states_on_reload)}`,
    ` VRRP notify priority changes = ${flag(global.notifyPriorityChanges)}`,
    ` VRRP IPv4 mcast group = ${global.multicastGroup4}`,
    ` VRRP IPv6 mcast group = ${global.multicastGroup6}`,
    ...garpDefaults(settings, vrrp !== null),
    ` VRRP default protocol version = ${String(settings.vrrp_version ?? 2)}`,
    ...nftables(settings, vrrp?.filters === true),
    ` VRRP check unicast_src = ${flag(settings.vrrp_check_unicast_src)}`,
    ` VRRP skip check advert addresses = ${flag(settings.vrrp_skip_check_adv_addr)}`,
    ` VRRP strict mode = ${flag(settings.vrrp_strict)}`,
    ...scheduling(settings),
    ...snmp(settings),
    ` DBus ${enabled(settings.enable_dbus)}`,
    ` DBus service name = ${settings.dbus_service_name ?? ''}`,
    ` Script security ${enabled(global.enableScriptSecurity)}`,
    ` Default script uid:gid ${accountPair(global.scriptUser)}`,
    ...buffers(settings),
    ` rs_init_notifies = ${settings.rs_init_notifies === true ? '1' : '0'}`,
    ` no_checker_emails = ${settings.no_checker_emails === true ? '1' : '0'}`,
    ...bufferPolicy(settings),
    ` rx_bufs_multiples = ${String(settings.vrrp_rx_bufs_multiplier ?? 3)}`,
    ` umask = 0${global.umask.toString(8)}`,
    ...(global.startupDelay > 0 ? [` vrrp_startup_delay = ${seconds(global.startupDelay)}`] : []),
    ...(global.logUnknownVrids ? [' log_unknown_vrids'] : []),
    ...given('VMAC prefix', settings.vmac_prefix),
    ...given('VMAC address prefix', settings.vmac_addr_prefix),
  ];
}

function given(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [` ${name} = ${value}`];
}

const enabled = (value: boolean | undefined): string => (value === true ? 'enabled' : 'disabled');
const alertText = (value: boolean | undefined): string => (value === undefined ? 'unset' : value ? 'on' : 'off');

function processNames(settings: Settings): string[] {
  const all = settings.process_names === true;
  return [
    ...given('VRRP process name', settings.vrrp_process_name ?? (all ? 'keepalived_vrrp' : undefined)),
    ...given('LVS process name', settings.checker_process_name ?? (all ? 'keepalived_lvs' : undefined)),
    ...given('BFD process name', settings.bfd_process_name ?? (all ? 'keepalived_bfd' : undefined)),
  ];
}

function mailLines({ mail }: GlobalDefs): readonly string[] {
  if (mail === null) return [];
  return [
    ` Smtp server = ${mail.server.host}`,
    ` Smtp server port = ${String(mail.server.port)}`,
    ` Smtp HELO name = ${mail.helo}`,
    ` Smtp server connection timeout = ${seconds(mail.timeout)}`,
    ` Email notification from = ${mail.from}`,
    ' Email notification to:',
    ...mail.to.map((address) => `   ${address}`),
  ];
}

/** The parent names a FIFO's script too; the VRRP process has handed it on by then. */
function fifoLines(name: string, fifo: NotifyFifo | null, vrrp: boolean): readonly string[] {
  if (fifo === null) return [];
  const script = !vrrp && fifo.script !== null ? [` ${name} notify fifo script = ${scriptText(fifo.script)}`] : [];
  return [` ${name} notify fifo = ${fifo.path}, ${accountText(fifo.account)}`, ...script];
}

function timeouts({ lvs_timeouts: asked }: Settings): string[] {
  const line = (name: string, value: number | null | undefined): string[] => (value == null ? [] : [` LVS ${name} timeout = ${String(value)}`]);
  return [...line('TCP', asked?.tcp), ...line('TCP FIN', asked?.tcpfin), ...line('UDP', asked?.udp)];
}

/** Said by the VRRP process as soon as it uses them, by the others when they were asked for. */
function nftables(settings: Settings, used: boolean): string[] {
  const { firewall, table, priority, byIndex, counters } = filterSettings(settings);
  const named = firewall === 'nftables' || (used && firewall === null);
  return [
    ...(named ? [` nftables table name = ${table}`, ` nftables base chain priority = ${String(priority)}`, ` nftables ${byIndex ? '' : 'don\'t '}force use ifindex for link local IPv6`] : []),
    ` nftables ${counters ? 'with' : 'without'} counters`,
  ];
}

function scheduling(settings: Settings): string[] {
  const parts = [['VRRP', 'vrrp'], ['Checker', 'checker'], ['BFD', 'bfd']] as const;
  return [
    ` Max auto priority = ${String(settings.max_auto_priority === null ? 99 : (settings.max_auto_priority ?? 0))}`,
    ` Min auto priority delay = ${String(settings.min_auto_priority_delay ?? 1_000_000)} usecs`,
    ...parts.flatMap(([name, part]) => {
      const processors = settings[`${part}_cpu_affinity`];
      return [
        ` ${name} process priority = ${String(settings[`${part}_priority`] ?? 0)}`,
        ` ${name} don't swap = ${flag(settings[`${part}_no_swap`])}`,
        ` ${name} realtime priority = ${String(settings[`${part}_rt_priority`] ?? 0)}`,
        ...(processors === undefined ? [] : [` ${name} CPU Affinity = ${processors.join(' ')}`]),
        ` ${name} realtime limit = ${String(settings[`${part}_rlimit_rttime`] ?? 10_000)}`,
      ];
    }),
  ];
}

function snmp(settings: Settings): string[] {
  const both = settings.enable_snmp_rfc === true;
  return [
    ` SNMP vrrp ${enabled(settings.enable_snmp_vrrp)}`,
    ` SNMP checker ${enabled(settings.enable_snmp_checker)}`,
    ` SNMP RFCv2 ${enabled(both || settings.enable_snmp_rfcv2 === true)}`,
    ` SNMP RFCv3 ${enabled(both || settings.enable_snmp_rfcv3 === true)}`,
    ` SNMP traps ${enabled(settings.enable_traps)}`,
    ` SNMP socket = ${settings.snmp_socket ?? 'default (unix:/var/agentx/master)'}`,
  ];
}

function reloadLines({ reload_check_config: check, reload_time_file: time, reload_file: marker, tmp_config_directory: temporary, data_use_instance: named }: Settings): readonly string[] {
  return [
    check === undefined ? ' No test config before reload' : ` Test config before reload${check === null ? '' : `, log to ${check}`}`,
    ...(time === undefined ? [] : [` Reload time file = ${time}`]),
    ...(marker === undefined ? [] : [` Reload_file = ${marker ?? '/run/keepalived.reload'}`]),
    ...given('config save directory', temporary),
    ...(named === true ? [' Use instance name in data dumps'] : []),
  ];
}

/** keepalived has a comma before the timeout of the first and none before that of the second. */
function parentScript(name: string, script: GlobalDefs['startupScript'], comma: string): readonly string[] {
  return script === null ? [] : [` ${name} = ${argvText(script.argv)}, ${accountText(script.account)}${comma} timeout ${seconds(script.timeout)}`];
}

function buffers(settings: Settings): readonly string[] {
  const sizes = [
    ['vrrp_netlink_cmd', settings.vrrp_netlink_cmd_rcv_bufs, settings.vrrp_netlink_cmd_rcv_bufs_force],
    ['vrrp_netlink_monitor', settings.vrrp_netlink_monitor_rcv_bufs, settings.vrrp_netlink_monitor_rcv_bufs_force],
    ['process_monitor', settings.process_monitor_rcv_bufs, settings.process_monitor_rcv_bufs_force],
    ['lvs_netlink_cmd', settings.lvs_netlink_cmd_rcv_bufs, settings.lvs_netlink_cmd_rcv_bufs_force],
    ['lvs_netlink_monitor', settings.lvs_netlink_monitor_rcv_bufs, settings.lvs_netlink_monitor_rcv_bufs_force],
  ] as const;
  return sizes.flatMap(([name, size = 0, force = false]) => [` ${name}_rcv_bufs = ${String(size)}`, ` ${name}_rcv_bufs_force = ${force ? '1' : '0'}`]);
}

function bufferPolicy({ vrrp_rx_bufs_policy: policy }: Settings): string[] {
  if (policy === undefined) return [];
  return [typeof policy === 'number' ? ` rx_bufs_size = ${String(policy)}` : ` rx_bufs_policy = ${policy}`];
}
