import type { CheckerState } from '../../check/checker-state.ts';
import type { Checker, GroupEntry, IpvsConfig, RealServer, VirtualServer, VirtualServerGroup } from '../../config/model-ipvs.ts';
import type { Config, ScriptCommand } from '../../config/model.ts';
import type { Standing } from '../../ipvs/desired.ts';
import type { Standings } from '../../ipvs/migrate.ts';
import { effectiveWeight, isInPool, isUp, serverKey } from '../../ipvs/virtual-server.ts';
import type { CheckEntry } from '../balance/check-runner.ts';
import type { FullnatStatus } from '../balance/fullnat/backend.ts';
import { fullnatLines } from './fullnat.ts';
import { globalSection } from './global.ts';
import { accountPair, argvText, scriptText, seconds, yes } from './text.ts';

/** keepalived_check.data: what USR1 makes the checking process write. Sections, names and indentation are keepalived's. */
export function renderCheckData(config: Config, standings: Standings, checkers: readonly CheckEntry[], fullnat: FullnatStatus | null = null): string {
  const { ipvs } = config;
  const lines = [
    ...globalSection(config.global, config.settings, null),
    ...sslLines(ipvs.ssl),
    '------< LVS Topology >------',
    ...(ipvs.groups.length === 0 ? [] : [' ------< Virtual server group >------', ...ipvs.groups.flatMap(groupLines)]),
    ...[...standings.values()].flatMap(serviceLines),
    ...fullnatLines(fullnat),
    '------< Health checkers >------',
    ...checkers.flatMap(checkerLines),
  ];
  return `${lines.join('\n')}\n`;
}

const onOff = (value: boolean): string => (value ? 'ON' : 'OFF');
const abled = (value: boolean): string => (value ? 'enabled' : 'disabled');
const number = (value: boolean): string => (value ? '1' : '0');
const decimal = (millis: number): string => (millis / 1000).toFixed(6);
const micros = (millis: number): string => String(Math.round(millis * 1000));

/** The passphrase stays where it is. */
function sslLines(ssl: IpvsConfig['ssl']): readonly string[] {
  if (ssl === null) return [];
  const line = (name: string, value: string | null): string[] => (value === null ? [] : [` ${name} : ${value}`]);
  return ['------< SSL definitions >------', ...line('Password', ssl.password === null ? null : '(hidden)'), ...line('CA-file', ssl.ca), ...line('Certificate file', ssl.certificate), ...line('Key file', ssl.key)];
}

function groupLines({ name, entries }: VirtualServerGroup): readonly string[] {
  const has = (family: 'inet' | 'inet6'): boolean => entries.some((entry) => (entry.kind === 'addresses' ? entry.first.includes(':') === (family === 'inet6') : entry.family === family));
  return [` Virtual Server Group = ${name}, IPv4 = ${yes(has('inet'))}, IPv6 = ${yes(has('inet6'))}`, ...entries.map(groupEntry)];
}

function groupEntry(entry: GroupEntry): string {
  if (entry.kind === 'fwmark') return `   FWMARK = ${entry.mark}${entry.family === null ? '' : entry.family === 'inet' ? ' IPv4' : ' IPv6'}`;
  return entry.first === entry.last ? `   VIP = ${entry.first}, VPORT = ${entry.port}` : `   VIP Range = ${entry.first}-${entry.last}, VPORT = ${entry.port}`;
}

function serviceLines(standing: Standing): readonly string[] {
  const { service, state } = standing;
  const { flags, persistence, sorryServer: sorry } = service;
  return [
    ' ------< Virtual server >------',
    ` ${serviceName(service)}`,
    ...(service.snmpName === null ? [] : [`   SNMP name = '${service.snmpName}'`]),
    `   Address family = ${service.family}`,
    `   lvs_sched = ${service.scheduler}`,
    `   Hashed = ${abled(flags.includes('hashed'))}`,
    ...flagNames(service.scheduler).map(([name, flag]) => `   ${name} = ${abled(flags.includes(flag))}`),
    `   One packet scheduling = ${abled(flags.includes('ops'))}${flags.includes('ops') && service.protocol !== 'udp' ? ' (inactive due to not UDP)' : ''}`,
    ...(persistence === null ? [] : [`   persistence timeout = ${seconds(persistence.timeout)}`, `   persistence granularity = ${persistence.granularity}`]),
    `   protocol = ${service.protocol?.toUpperCase() ?? 'none'}`,
    `   alpha is ${onOff(service.alpha)}`,
    `   omega is ${onOff(service.omega)}`,
    ...(service.haSuspend ? ['   Using HA suspend'] : []),
    `   quorum = ${service.quorum}, hysteresis = ${service.hysteresis}`,
    ...script('  Quorum up notify script', service.quorumUp),
    ...script('  Quorum down notify script', service.quorumDown),
    `   Using smtp notification = ${yes(service.smtpAlert)}`,
    `   default forwarding method = ${forwardText(service.forward)}`,
    ...(sorry === null ? [] : [`   sorry server = [${sorry.address}]:${service.protocol ?? 'none'}:${sorry.port}`, `     forwarding method = ${forwardText(sorry.forward)}`, `     Inhibit on failure is ${onOff(sorry.inhibit)}`]),
    `   alive = ${number(service.realServers.some((server) => isUp(state, server)))}`,
    `   quorum_state_up = ${number(state.quorum === 'up')}`,
    ...service.realServers.flatMap((server) => serverLines(server, standing)),
  ];
}

function serviceName({ id, key }: VirtualServer): string {
  switch (key.kind) {
    case 'address': return `VS VIP = ${key.address}, VPORT = ${key.port}`;
    case 'fwmark': return `VS FWMARK = ${key.mark}`;
    case 'group': return `VS GROUP = ${id}`;
  }
}

function flagNames(scheduler: VirtualServer['scheduler']): readonly (readonly [name: string, flag: 'flag-1' | 'flag-2' | 'flag-3'])[] {
  if (scheduler === 'sh' || scheduler === 'mh') return [[`${scheduler}-port`, 'flag-2'], [`${scheduler}-fallback`, 'flag-1'], ['flag-3', 'flag-3']];
  return [['flag-1', 'flag-1'], ['flag-2', 'flag-2'], ['flag-3', 'flag-3']];
}

function forwardText({ method, tunnel }: VirtualServer['forward']): string {
  if (method !== 'TUN' || tunnel.type === 'ipip') return method;
  const checksum = tunnel.checksum === 'nocsum' ? '' : `, ${tunnel.checksum}`;
  return tunnel.type === 'gue' ? `${method}, type GUE, port = ${tunnel.port}${checksum}` : `${method}, type GRE${checksum}`;
}

function serverLines(server: RealServer, { service, state }: Standing): readonly string[] {
  const standing = state.servers.get(serverKey(server));
  const weight = effectiveWeight(server, standing);
  return [
    '   ------< Real server >------',
    `   RIP = ${server.address}, RPORT = ${server.port}, WEIGHT = ${server.weight} EFF WEIGHT = ${weight}`,
    `   forwarding method = ${forwardText(server.forward)}`,
    `   Alpha is ${onOff(server.alpha)}`,
    `   connection limit range = ${server.lowerThreshold} -> ${server.upperThreshold}`,
    `   Inhibit on failure is ${onOff(server.inhibitOnFailure)}`,
    ...script('    RS up notify script', server.notifyUp),
    ...script('    RS down notify script', server.notifyDown),
    `   Using smtp notification = ${yes(server.smtpAlert)}`,
    ...(server.snmpName === null ? [] : [`   SNMP name = ${server.snmpName}`]),
    `   initial weight = ${server.weight}`,
    `   effective weight = ${weight}`,
    `   alive = ${number(isUp(state, server))}`,
    `   num failed checkers = ${standing?.failed.size ?? 0}`,
    `   RS set = ${number(isInPool(service, state, server) || server.inhibitOnFailure)}`,
  ];
}

function script(name: string, command: ScriptCommand | null): readonly string[] {
  return command === null ? [] : [` ${name} = ${scriptText(command)}`];
}

function checkerLines({ config: { checker, subject }, state }: CheckEntry): readonly string[] {
  return [
    ` ${subject.service} -> ${subject.server}`,
    `   Enabled = ${yes(state.activity !== 'suspended')}`,
    `   Up = ${yes(state.up)}`,
    `   Has run = ${yes(state.judged)}`,
    `   Current weight = ${state.added}`,
    ...scheduleLines(checker, state),
    `   Keepalive method = ${checker.type}${'protocol' in checker ? `, http protocol ${checker.protocol}` : ''}`,
    ...ownLines(checker, state),
  ];
}

function scheduleLines(checker: Checker, state: CheckerState): readonly string[] {
  if (!('schedule' in checker)) return [];
  const { alpha, delayLoop, warmup, retry, delayBeforeRetry, logAllFailures } = checker.schedule;
  return [
    `   Alpha = ${yes(alpha)}`,
    `   Delay loop = ${micros(delayLoop)} us`,
    `   Warmup = ${micros(warmup)} us`,
    `   Retries = ${retry}`,
    `   Delay before retry = ${micros(delayBeforeRetry)} us`,
    `   Retries iterations = ${state.retries}`,
    `   Log all failures = ${yes(logAllFailures)}`,
    ...('target' in checker ? targetLines(checker.target) : []),
  ];
}

function targetLines({ address, port, bindAddress, bindPort, bindLink, fwmark, connectTimeout }: Extract<Checker, { readonly target: unknown }>['target']): readonly string[] {
  return [
    '   Connection',
    `     Dest = [${address}]:${port}`,
    ...(bindAddress === null && bindPort === 0 ? [] : [`     Bind to = ${bindAddress === null ? '' : `[${bindAddress}]`}:${bindPort}`]),
    ...(bindLink === null ? [] : [`     Bind i/f = ${bindLink}`]),
    ...(fwmark === 0 ? [] : [`     Mark = ${fwmark}`]),
    `     Timeout = ${decimal(connectTimeout)}`,
  ];
}

/** What only its kind has. */
function ownLines(checker: Checker, state: CheckerState): readonly string[] {
  switch (checker.type) {
    case 'TCP_CHECK':
    case 'PING_CHECK': return [];
    case 'SMTP_CHECK': return [`   Host : ${checker.helo}`];
    case 'DNS_CHECK': return [`   Type = ${checker.query}`, `   Name = ${checker.name}`];
    case 'UDP_CHECK':
      return [
        checker.payload === null ? '   Payload specified = no' : `   Payload len = ${checker.payload.length / 2}`,
        `   Require reply = ${yes(checker.requireReply)}`,
        ...(checker.requireReply ? [`     Min reply length = ${checker.minReply}`, `     Max reply length = ${checker.maxReply}`] : []),
      ];
    case 'MISC_CHECK': {
      const status = state.last?.type === 'exited' ? [`   Last status = ${state.last.status}`] : [];
      return [`   script = ${argvText(checker.command.argv)}`, `   timeout = ${seconds(checker.timeout)}`, `   dynamic = ${checker.dynamic ? 'YES' : 'NO'}`, `   uid:gid = ${accountPair(checker.command.account)}`, ...status];
    }
    case 'HTTP_GET':
    case 'SSL_GET':
      return [
        ...(checker.virtualHost === null ? [] : [`   Virtualhost = ${checker.virtualHost}`]),
        `   Enable SNI ${checker.sni ? '' : 'un'}set`,
        `   Fast recovery ${checker.fastRecovery ? '' : 'un'}set`,
        ...checker.urls.flatMap(urlLines),
      ];
    case 'FILE_CHECK': return [`     Tracked file = ${checker.trackFile}`, `     Reverse = ${yes(checker.reverse)}`, `     Weight = ${checker.weight}`];
    case 'BFD_CHECK': return [`   BFD = ${checker.session}`];
  }
}

function urlLines({ path, digests, statusCodes, virtualHost, regex }: Extract<Checker, { readonly urls: unknown }>['urls'][number]): readonly string[] {
  const codes = statusCodes.map(({ from, to }) => (from === to ? `       ${from}` : `       ${from}-${to}`));
  return [
    `   Checked url = ${path}`,
    ...digests.map((digest) => `     digest = ${digest}`),
    ...(codes.length === 0 ? [] : ['     HTTP Status Code(s)', ...codes]),
    ...(virtualHost === null ? [] : [`     Virtual host = ${virtualHost}`]),
    ...(regex === null ? [] : [`     Regex = "${regex.pattern}"`, ...(regex.negated ? ['     Regex no match'] : []), ...(regex.options.length === 0 ? [] : [`     Regex options: ${regex.options.join(' ')}`])]),
  ];
}
