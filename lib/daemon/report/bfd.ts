/** keepalived_bfd.data: the sessions of BFD. */
import type { Status, BfdSessionStatus } from '../status.ts';
import { transmitInterval } from '../../bfd/session.ts';
import { familyOf } from '../../util/ip.ts';
import { diagnosticText } from './bfd-text.ts';
import { globalSection } from './global.ts';
import { flag, moment } from './text.ts';

export function renderBfd({ global, settings = {}, bfd }: Pick<Status, 'global' | 'settings' | 'bfd'>): string {
  const dropped = Object.entries(bfd.dropped).map(([reason, count]) => ` dropped (${reason}) = ${count}`);
  return [...globalSection(global, settings, null), '------< BFD Data >------', ...dropped, '------< BFD Topology >------', ...bfd.sessions.flatMap(sessionLines), ''].join('\n');
}

function sessionLines({ config, session, speaking, lastSeenAt }: BfdSessionStatus): string[] {
  const six = familyOf(config.neighbor) === 'inet6';
  return [
    ` BFD Instance = ${config.name}`,
    `   Neighbor IP = ${config.neighbor}`,
    ...(config.source === null ? [] : [`   Source IP = ${config.source}`]),
    `   Required min RX interval = ${micros(config.minRx)} us`,
    `   Desired min TX interval = ${micros(config.minTx)} us`,
    `   Desired idle TX interval = ${micros(config.idleTx)} us`,
    `   Detection multiplier = ${config.multiplier}`,
    `   ${six ? 'hoplimit' : 'TTL'} = ${config.ttl ?? (six ? 64 : 255)}`,
    `   max_hops = ${config.maxHops}`,
    `   passive = ${flag(config.passive)}`,
    `   send event to VRRP process = ${config.forVrrp ? 'Yes' : 'No'}`,
    `   send event to checker process = ${config.forCheckers ? 'Yes' : 'No'}`,
    `   send error = ${flag(!speaking)}`,
    `   local state = ${session.state}`,
    `   remote state = ${session.remoteState}`,
    `   local discriminator = 0x${session.localDiscriminator.toString(16)}`,
    `   remote discriminator = 0x${session.remoteDiscriminator.toString(16)}`,
    `   local diag = ${diagnosticText(session.diagnostic)}`,
    `   remote diag = ${diagnosticText(session.remoteDiagnostic)}`,
    `   remote min tx intv = ${micros(session.remoteMinTx)} us`,
    `   remote min rx intv = ${micros(session.remoteMinRx)} us`,
    '   local demand = 0',
    `   remote demand = ${session.remoteDemand ? 1 : 0}`,
    `   remote detect multiplier = ${session.remoteMultiplier}`,
    `   ${session.polling ? '' : '!'}poll, !final`,
    `   local tx intv = ${micros(transmitInterval(session))} us`,
    `   remote tx intv = ${micros(Math.max(session.remoteMinTx, session.effectiveMinRx))} us`,
    `   local detection time = ${micros(session.detectionTime)} us`,
    `   remote detection time = ${micros(config.multiplier * transmitInterval(session))} us`,
    ...(lastSeenAt === null ? ['   last_seen = [never]'] : [`   last_seen = ${lastSeenText(lastSeenAt)}`]),
  ];
}

function lastSeenText(at: number): string {
  return `${(at / 1000).toFixed(6)} (${moment(at)})`;
}

function micros(interval: number): number {
  return Math.round(interval * 1000);
}
