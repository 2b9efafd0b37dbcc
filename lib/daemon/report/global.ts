import type { Config, GlobalDefs, NotifyFifo } from '../../config/model.ts';
import { accountPair, accountText, argvText, flag, scriptText, seconds } from './text.ts';

/** The dump's first section. `process` is which of keepalived's two dumps it stands in. */
export function globalSection(global: GlobalDefs, settings: Config['settings'], process: 'vrrp' | 'parent', defaultInterface: string | null): readonly string[] {
  const vrrp = process === 'vrrp';
  return [
    '------< Global definitions >------',
    ...(settings.config_save_dir === undefined ? [] : [` Config save dir = ${settings.config_save_dir}`]),
    ' Network namespace = (default)',
    ' Network namespace ipvs = (main namespace)',
    ` Router ID = ${global.routerId}`,
    ...mailLines(global),
    ...BEFORE_DYNAMIC,
    ...reloadLines(settings),
    ...(vrrp ? [] : [...parentScript('Startup script', global.startupScript, ','), ...parentScript('Shutdown script', global.shutdownScript, '')]),
    ` Dynamic interfaces = ${flag(global.dynamicInterfaces)}`,
    ...(vrrp && defaultInterface !== null ? [` Default interface = ${defaultInterface}`] : []),
    ` Disable local IGMP = ${settings.disable_local_igmp === true ? 'yes' : 'no'}`,
    ...BEFORE_FIFO,
    ...fifoLines('Global', global.notifyFifo, vrrp),
    ...fifoLines('VRRP', global.vrrpNotifyFifo, vrrp),
    ` FIFO write vrrp states on reload = ${flag(settings.fifo_write_vrrp_states_on_reload ?? false)}`,
    ` VRRP notify priority changes = ${flag(global.notifyPriorityChanges)}`,
    ` VRRP IPv4 mcast group = ${global.multicastGroup4}`,
    ` VRRP IPv6 mcast group = ${global.multicastGroup6}`,
    ...garpDefaults(vrrp),
    ...BEFORE_SECURITY,
    ` Script security ${global.enableScriptSecurity ? 'enabled' : 'disabled'}`,
    ` Default script uid:gid ${accountPair(global.scriptUser)}`,
    ...buffers(settings),
    ...AT_THE_END,
    ...(settings.vrrp_rx_bufs_policy === undefined ? [] : [` rx_bufs_policy = ${String(settings.vrrp_rx_bufs_policy)}`]),
    ` rx_bufs_multiples = ${String(settings.vrrp_rx_bufs_multiplier ?? 3)}`,
    ` umask = 0${global.umask.toString(8)}`,
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

// What follows are the defaults of keywords that this daemon does not have yet: they are what it runs by. They leave these
// lists as the keywords come.

const BEFORE_DYNAMIC = [
  ' Default smtp_alert = unset',
  ' Default smtp_alert_vrrp = unset',
  ' Default smtp_alert_checker = unset',
  ' Checkers log all failures = false',
];

const BEFORE_FIFO = [' LVS flush = false', ' LVS flush on stop = disabled'];

/** Values that the parent has not resolved yet it shows as the largest number. */
function garpDefaults(vrrp: boolean): readonly string[] {
  const lower = vrrp ? '5' : '4294967295';
  return [
    ' Gratuitous ARP delay = 5',
    ' Gratuitous ARP repeat = 5',
    ' Gratuitous ARP refresh timer = 0',
    ' Gratuitous ARP refresh repeat = 1',
    ` Gratuitous ARP lower priority delay = ${lower}`,
    ` Gratuitous ARP lower priority repeat = ${lower}`,
  ];
}

const BEFORE_SECURITY = [
  ' Num adverts before down = 3',
  ' Gratuitous ARP for each secondary VMAC = 0s',
  ' Send advert after receive lower priority advert = true',
  ' Send advert after receive higher priority advert = false',
  ' Gratuitous ARP interval = 0.000000',
  ' Gratuitous NA interval = 0.000000',
  ' VRRP default protocol version = 2',
  ' nftables without counters',
  ' VRRP check unicast_src = false',
  ' VRRP skip check advert addresses = false',
  ' VRRP strict mode = false',
  ' Max auto priority = 0',
  ' Min auto priority delay = 1000000 usecs',
  ...['VRRP', 'Checker', 'BFD'].flatMap((name) => [
    ` ${name} process priority = 0`,
    ` ${name} don't swap = false`,
    ` ${name} realtime priority = 0`,
    ` ${name} realtime limit = 10000`,
  ]),
  ' SNMP vrrp disabled',
  ' SNMP checker disabled',
  ' SNMP RFCv2 disabled',
  ' SNMP RFCv3 disabled',
  ' SNMP traps disabled',
  ' SNMP socket = default (unix:/var/agentx/master)',
  ' DBus disabled',
  ' DBus service name = ',
];

const AT_THE_END = [' rs_init_notifies = 0', ' no_checker_emails = 0'];

function reloadLines({ reload_check_config: check, reload_time_file: time, data_use_instance: named }: Config['settings']): readonly string[] {
  return [
    check === undefined ? ' No test config before reload' : ` Test config before reload${check === null ? '' : `, log to ${check}`}`,
    ...(time === undefined ? [] : [` Reload time file = ${time}`]),
    ...(named === true ? [' Use instance name in data dumps'] : []),
  ];
}

/** keepalived has a comma before the timeout of the first and none before that of the second. */
function parentScript(name: string, script: GlobalDefs['startupScript'], comma: string): readonly string[] {
  return script === null ? [] : [` ${name} = ${argvText(script.argv)}, ${accountText(script.account)}${comma} timeout ${seconds(script.timeout)}`];
}

function buffers(settings: Config['settings']): readonly string[] {
  const sizes = [
    ['vrrp_netlink_cmd', settings.vrrp_netlink_cmd_rcv_bufs, settings.vrrp_netlink_cmd_rcv_bufs_force],
    ['vrrp_netlink_monitor', settings.vrrp_netlink_monitor_rcv_bufs, settings.vrrp_netlink_monitor_rcv_bufs_force],
    ['process_monitor', settings.process_monitor_rcv_bufs, settings.process_monitor_rcv_bufs_force],
    ['lvs_netlink_cmd', settings.lvs_netlink_cmd_rcv_bufs, settings.lvs_netlink_cmd_rcv_bufs_force],
    ['lvs_netlink_monitor', settings.lvs_netlink_monitor_rcv_bufs, settings.lvs_netlink_monitor_rcv_bufs_force],
  ] as const;
  return sizes.flatMap(([name, size = 0, force = false]) => [` ${name}_rcv_bufs = ${String(size)}`, ` ${name}_rcv_bufs_force = ${force ? '1' : '0'}`]);
}
