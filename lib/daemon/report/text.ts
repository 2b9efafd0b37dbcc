import type { AccountRef, ScriptCommand, TrackRef, VirtualAddress, VrrpInstance } from '../../config/model.ts';
import type { Status } from '../status.ts';
import { maxPrefix, familyOf } from '../../util/ip.ts';
import { timeText } from '../log/format.ts';

/** Pieces that several sections of keepalived.data share. */

export const flag = (value: boolean | undefined): string => (value === true ? 'true' : 'false');
export const yes = (value: boolean): string => (value ? 'yes' : 'no');

/** Whole seconds where it is whole, else a decimal. */
export const seconds = (millis: number): string => String(millis / 1000);

/** `1795469510.079143 (Mon Nov 23 21:31:50.079143 2026)`; `wall` in ms since the epoch, local time. */
export function moment(wall: number): string {
  const micros = Math.round(wall * 1000);
  const fraction = String(micros % 1_000_000).padStart(6, '0');
  const text = timeText(new Date(Math.floor(micros / 1000)));
  return `${String(Math.floor(micros / 1_000_000))}.${fraction} (${text.slice(0, -5)}.${fraction}${text.slice(-5)})`;
}

/** `'/usr/bin/x' 'arg', uid:gid 0:0` */
export function scriptText({ argv, account }: ScriptCommand): string {
  return `${argvText(argv)}, ${accountText(account)}`;
}

export function argvText(argv: readonly string[]): string {
  return argv.map((word) => `'${word}'`).join(' ');
}

/** `uid:gid 0:0` for the daemon's own account, which is root's; else the account's names as configured. */
export function accountText(account: AccountRef | null): string {
  return `uid:gid ${accountPair(account)}`;
}

export function accountPair(account: AccountRef | null): string {
  const number = (name: string): string => (name === 'root' ? '0' : name);
  return account === null ? '0:0' : `${number(account.user)}:${number(account.group ?? account.user)}`;
}

/** `name weight W reverse`, or with a comma after the name. */
export function trackText({ name, weight, reverse }: TrackRef, separator = ' '): string {
  return `${name}${separator}weight ${String(weight)}${reverse ? ' reverse' : ''}`;
}

const SCOPES: Readonly<Record<number, string>> = { 0: 'global', 200: 'site', 253: 'link', 254: 'host', 255: 'nowhere' };

/** The interface below, where an address of `instance` stands on a macvlan; else null. */
export function linkBelow({ link, extras }: VrrpInstance, name: string, { interfaces }: Pick<Status, 'interfaces'>): string | null {
  if (extras?.vmacLinks?.includes(name) !== true) return null;
  const parent = interfaces.find((one) => one.link.name === name)?.link.parentIndex ?? null;
  return interfaces.find((one) => one.link.index === parent)?.link.name ?? link;
}

/** A virtual address in keepalived's words and order, and whether it is set; `below`: the interface below its macvlan. */
export function addressText(virtual: VirtualAddress, set: boolean, below: string | null = null): string {
  const { address, length } = virtual.prefix;
  const six = familyOf(address) === 'inet6';
  return [
    length === maxPrefix(familyOf(address)) || virtual.peer !== null ? address : `${address}/${String(length)}`,
    virtual.broadcast === null ? null : `brd ${virtual.broadcast}`,
    `dev ${virtual.link}${below === null ? '' : `@${below}`}`,
    virtual.useVmac === true ? 'use_vmac' : null,
    `scope ${SCOPES[virtual.scope] ?? String(virtual.scope)}`,
    virtual.label === null ? null : `label ${virtual.label}`,
    virtual.peer === null ? null : `peer ${virtual.peer}/${String(length)}`,
    virtual.homeAddress ? 'home' : null,
    six && !virtual.noDad ? '-nodad' : null,
    virtual.manageTemporary ? 'mngtmpaddr' : null,
    virtual.noPrefixRoute ? 'noprefixroute' : null,
    virtual.autoJoin ? 'autojoin' : null,
    six ? preferredText(virtual.preferred) : null,
    virtual.noTrack ? 'no_track' : null,
    virtual.trackGroup === null ? null : `track_group ${virtual.trackGroup}`,
    set ? 'set' : null,
  ].filter((part) => part !== null).join(' ');
}

function preferredText(seconds: number | null): string {
  return seconds === 0 ? 'deprecated' : `preferred_lft ${seconds === null ? 'forever' : String(seconds)}`;
}
