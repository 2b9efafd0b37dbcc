import type { TrackRef } from '../../config/model.ts';
import type { BfdSessionStatus, FileStatus, ProcessStatus, Status } from '../status.ts';
import { flag, trackText } from './text.ts';

/** What keepalived.data says of one tracked file. */
export function fileLines({ config, value }: FileStatus, status: Status): readonly string[] {
  return [
    ` Track file = ${config.name}`,
    `   File = ${config.path}`,
    `   Status = ${String(value)}`,
    `   Weight = ${String(config.weight)}${config.reverse ? ' reverse' : ''}`,
    '   Tracking instances :',
    ...users(status, config.name, (object) => object.extras?.trackFiles ?? []),
  ];
}

/** The same of one tracked process. */
export function processLines({ config, count, up, forkDelayed, terminateDelayed }: ProcessStatus, status: Status): readonly string[] {
  const [program = '', ...parameters] = config.argv;
  const decimal = (millis: number): string => `${(millis / 1000).toFixed(6)}s`;
  return [
    ` VRRP Track process = ${config.name}`,
    `   Process = ${program}`,
    ...(parameters.length === 0 ? [] : [`   Parameters = ${parameters.join(' ')}`]),
    ...(config.match === null ? [] : [`   Param match${config.match === 'exact' ? '' : ` = ${config.match}`}`]),
    `   Min processes = ${String(config.quorum)}`,
    ...(config.quorumMax === null ? [] : [`   Max processes = ${String(config.quorumMax)}`]),
    `   Current processes = ${String(count)}`,
    `   Have quorum = ${flag(up)}`,
    `   Weight = ${String(config.weight)}${config.reverse ? ' reverse' : ''}`,
    `   Terminate delay = ${decimal(config.terminateDelay)}`,
    `   Fork delay = ${decimal(config.forkDelay)}`,
    `   Fork delay timer ${forkDelayed ? '' : 'not '}running`,
    `   Terminate delay timer ${terminateDelayed ? '' : 'not '}running`,
    `   Full command = ${flag(config.fullCommand || config.match !== null)}`,
    '   Tracking instances :',
    ...users(status, config.name, (object) => object.extras?.trackProcesses ?? []),
  ];
}

/** The same of a BFD session that the VRRP process hears of. */
export function bfdLines({ config, session }: BfdSessionStatus, status: Status): readonly string[] {
  if (!config.forVrrp) return [];
  return [
    ` VRRP Track BFD = ${config.name}`,
    `   Weight = ${String(config.weight)}${config.reverse ? ' reverse' : ''}`,
    `   Bfd is ${session.state === 'Up' ? 'up' : 'down'}`,
    '   Tracking VRRP instances :',
    '   Tracking instances :',
    ...users(status, config.name, (object) => object.extras?.trackBfd ?? []),
  ];
}

type User = Status['instances'][number]['config'] | Status['groups'][number]['config'];

/** The instances that track it; for those of a group that does, the group's weight. */
function users({ instances, groups }: Status, name: string, refs: (object: User) => readonly TrackRef[]): readonly string[] {
  return instances.flatMap(({ config, group }) => {
    const shared = groups.find((other) => other.config.name === group);
    const own = refs(config).find((ref) => ref.name === name) ?? (shared === undefined ? undefined : refs(shared.config).find((ref) => ref.name === name));
    return own === undefined ? [] : [`     ${trackText({ ...own, name: config.name }, ', ')}`];
  });
}
