import type { DestinationId, ForwardName, Service, ServiceFlag, ServiceId } from '../../codec/ipvs-values.ts';
import { ipToBytes, maxPrefix, type IpAddress } from '../../util/ip.ts';

/** The words and numbers of ipvsadm(8)'s output; what is here was seen in that of version 1.31. */

/** `192.0.2.1:80`, `[2001:db8::1]:80`. */
export function endpoint({ address, port }: DestinationId): string {
  return `${address.includes(':') ? `[${asLibc(address)}]` : address}:${port}`;
}

/** `TCP  192.0.2.1:80`, `FWM  7 IPv6`. A mark of more than 31 bits is shown as a negative number. */
export function serviceTitle(id: ServiceId): string {
  if (id.kind === 'fwmark') return `FWM  ${id.mark | 0}${id.family === 'inet6' ? ' IPv6' : ''}`;
  return `${id.protocol.toUpperCase().padEnd(4)} ${endpoint(id)}`;
}

/** As the options of ipvsadm: `-t 192.0.2.1:80`, `-f 7 -6`. */
export function serviceOption(id: ServiceId): string {
  if (id.kind === 'fwmark') return `-f ${id.mark | 0}${id.family === 'inet6' ? ' -6' : ''}`;
  return `${PROTOCOL_OPTIONS[id.protocol]} ${endpoint(id)}`;
}

/** What a scheduler calls its flags, with commas; null: none is set. Those that it has no name for leave no trace but the empty text. */
export function schedulerFlags({ scheduler, flags }: Service): string | null {
  const own = flags.filter((flag): flag is SchedulerFlag => flag !== 'ops');
  if (own.length === 0) return null;
  const names: Names = SCHEDULER_FLAGS[scheduler] ?? PLAIN_FLAGS;
  return own.flatMap((flag) => names[flag] ?? []).join(',');
}

/** null where it is the default, single clients. */
export function netmask({ id, persistence }: Service): string | null {
  if (persistence === null || persistence.granularity === maxPrefix(isSix(id) ? 'inet6' : 'inet')) return null;
  const { granularity } = persistence;
  if (typeof granularity !== 'number' || isSix(id)) return String(granularity);
  return [0, 8, 16, 24].map((before) => 0xff & (0xff00 >> Math.min(8, Math.max(0, granularity - before)))).join('.');
}

export const FORWARD_WORDS: Readonly<Record<ForwardName, string>> = { NAT: 'Masq', LOCAL: 'Local', TUN: 'Tunnel', DR: 'Route', BYPASS: 'Bypass', FNAT: 'FullNat' };

/** A counter: shortened from a hundred million on, unless `exact`; 9 characters, or more with a blank before them. */
export function counter(value: bigint, exact: boolean): string {
  const unit = exact ? undefined : UNITS.find(([from]) => value >= from);
  if (unit !== undefined) return `${value / unit[1]}${unit[2]}`.padStart(9);
  return ` ${String(value).padStart(8)}`;
}

const PROTOCOL_OPTIONS = { tcp: '-t', udp: '-u', sctp: '--sctp-service' } as const;

type SchedulerFlag = Exclude<ServiceFlag, 'ops'>;
type Names = Readonly<Partial<Record<SchedulerFlag, string>>>;
const PLAIN_FLAGS: Names = { 'flag-1': 'flag-1', 'flag-2': 'flag-2', 'flag-3': 'flag-3' };
const SCHEDULER_FLAGS: Readonly<Record<string, Names>> = {
  sh: { 'flag-1': 'sh-fallback', 'flag-2': 'sh-port' },
  mh: { 'flag-1': 'mh-fallback', 'flag-2': 'mh-port' },
};

/** From when on, divided by what, with which letter. */
const UNITS: readonly (readonly [bigint, bigint, string])[] = [
  [10n ** 14n, 10n ** 12n, 'T'], [10n ** 11n, 10n ** 9n, 'G'], [10n ** 9n, 10n ** 6n, 'M'], [10n ** 8n, 10n ** 3n, 'K'],
];

function isSix(id: ServiceId): boolean {
  return id.kind === 'fwmark' ? id.family === 'inet6' : id.address.includes(':');
}

/** inet_ntop(3) writes the low 32 bits of ::/96 as an IPv4 address, where the upper half of them is not zero. */
function asLibc(address: IpAddress): string {
  return /^::[\da-f]+:[\da-f]+$/u.test(address) ? `::${ipToBytes(address).slice(12).join('.')}` : address;
}
