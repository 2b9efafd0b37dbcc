import type { Destination, Service, ServiceEntry } from '../../codec/ipvs-values.ts';
import { endpoint, netmask, schedulerFlags, serviceOption } from './words.ts';

/** The table as commands, as `ipvsadm -Sn` prints them and `ipvsadm -R` reads them. Thresholds are left out, as there. */
export function saveTable(entries: readonly ServiceEntry[]): string[] {
  return entries.flatMap(({ service, destinations }) => [serviceCommand(service), ...destinations.map((one) => destinationCommand(service, one))]);
}

function serviceCommand(service: Service): string {
  const { id, scheduler, persistence, engine, flags } = service;
  const words = [`-A ${serviceOption(id)} -s ${scheduler}`];
  const mask = netmask(service);
  const own = schedulerFlags(service);
  if (persistence !== null) words.push(`-p ${persistence.timeout}`);
  if (mask !== null) words.push(`-M ${mask}`);
  if (persistence !== null && engine !== null) words.push(`--pe ${engine}`);
  if (flags.includes('ops')) words.push('-o');
  if (own !== null) words.push(`-b ${own}`);
  return words.join(' ');
}

function destinationCommand({ id }: Service, destination: Destination): string {
  return `-a ${serviceOption(id)} -r ${endpoint(destination)} ${METHOD_OPTIONS[destination.forward.method]} -w ${destination.weight}${tunnelOptions(destination)}`;
}

/** ipvsadm has no words for what the kernel sets by itself; `-b` is that of FULLNAT's. */
const METHOD_OPTIONS = { NAT: '-m', LOCAL: '-g', TUN: '-i', DR: '-g', BYPASS: '-g', FNAT: '-b' } as const;

function tunnelOptions({ forward: { method, tunnel } }: Destination): string {
  if (method !== 'TUN') return '';
  switch (tunnel.type) {
    case 'ipip':
      return ' --tun-type ipip';
    case 'gue':
      return ` --tun-type gue --tun-port ${tunnel.port} --tun-${tunnel.checksum}`;
    case 'gre':
      return ` --tun-type gre --tun-${tunnel.checksum}`;
  }
}
