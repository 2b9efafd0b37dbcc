import type { AccountRef, ScriptCommand, TrackRef, VirtualAddress } from '../../config/model.ts';
import { maxPrefix, familyOf } from '../../util/ip.ts';
import { timeText } from '../log/format.ts';

/** Pieces that several sections of keepalived.data share. */

export const flag = (value: boolean): string => (value ? 'true' : 'false');
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

/** A virtual address as `ip address` would be told, and whether it is set. */
export function addressText(virtual: VirtualAddress, set: boolean): string {
  const { address, length } = virtual.prefix;
  const six = familyOf(address) === 'inet6';
  return [
    length === maxPrefix(familyOf(address)) ? address : `${address}/${String(length)}`,
    virtual.peer === null ? null : `peer ${virtual.peer}`,
    virtual.broadcast === null ? null : `brd ${virtual.broadcast}`,
    `dev ${virtual.link}`,
    `scope ${SCOPES[virtual.scope] ?? String(virtual.scope)}`,
    virtual.label === null ? null : `label ${virtual.label}`,
    six ? `preferred_lft ${virtual.preferred === null ? 'forever' : String(virtual.preferred)}` : null,
    virtual.homeAddress ? 'home' : null,
    virtual.manageTemporary ? 'mngtmpaddr' : null,
    virtual.noPrefixRoute ? 'noprefixroute' : null,
    virtual.autoJoin ? 'autojoin' : null,
    virtual.noTrack ? 'no_track' : null,
    virtual.trackGroup === null ? null : `track_group ${virtual.trackGroup}`,
    set ? 'set' : null,
  ].filter((part) => part !== null).join(' ');
}
