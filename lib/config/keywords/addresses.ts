/** Entries of virtual_ipaddress, virtual_ipaddress_excluded and static_ipaddress (reference 3.8). */
import { digitsOnly, FLAG, word } from '../values.ts';
import { keyword, type Args, type Rows, type ValueType } from '../keyword.ts';
import type { Place } from '../source.ts';
import { missingLink } from '../validate/instances.ts';
import { familyOf, ipFromBytes, ipToBytes, maxPrefix, parseIp, type IpAddress, type Prefix } from '../../util/ip.ts';

/** An address as written; the owner fills in what is null. */
export interface AddressEntry {
  readonly prefix: Prefix;
  readonly link: string | null;
  readonly peer: IpAddress | null;
  readonly broadcast: IpAddress | null;
  readonly label: string | null;
  readonly scope: number | null;
  /** Seconds; null for ever; undefined: not given. */
  readonly preferred: number | null | undefined;
  readonly noDad: boolean;
  readonly homeAddress: boolean;
  readonly manageTemporary: boolean;
  readonly noPrefixRoute: boolean;
  readonly autoJoin: boolean;
  readonly noTrack: boolean;
  readonly useVmac: boolean;
  readonly trackGroup: string | null;
  readonly place: Place;
}

export const SCOPES: Readonly<Record<string, number>> = { global: 0, universe: 0, nowhere: 255, host: 254, link: 253, site: 200 };

/** The words that may follow an address. */
export const addressOptions = {
  dev: keyword(word('IF', 'interface'), 'interface that holds the address', { default: "the instance's, or default_interface" }),
  scope: keyword(word('NAME|N', Object.keys(SCOPES)), 'scope of an IPv4 address', { default: 'global' }),
  broadcast: keyword(word('IP|+|-'), 'broadcast address; + sets and - clears the host bits'),
  brd: keyword(word('IP|+|-'), 'short for broadcast'),
  label: keyword(word('STRING'), 'label of an IPv4 address, at most 15 characters'),
  peer: keyword(word('IP[/LEN]'), 'other end of a point-to-point link; the prefix is its'),
  home: keyword(FLAG, 'IFA_F_HOMEADDRESS (IPv6)', { default: 'off' }),
  '-nodad': keyword(FLAG, 'let the kernel look for duplicates of an IPv6 address', { default: 'no detection' }),
  mngtmpaddr: keyword(FLAG, 'IFA_F_MANAGETEMPADDR (IPv6)', { default: 'off' }),
  noprefixroute: keyword(FLAG, 'make no route for the prefix', { default: 'off' }),
  autojoin: keyword(FLAG, 'join the group of a multicast address', { default: 'off' }),
  no_track: keyword(FLAG, 'do not mind when somebody removes the address', { default: 'tracked' }),
  preferred_lft: keyword(word('forever|SECONDS', ['forever']), 'preferred lifetime; 0 makes the address deprecated', { default: '0 for an IPv6 /128, else forever' }),
  use_vmac: keyword(FLAG, 'put the address on a macvlan of its own', { default: 'off' }),
  track_group: keyword(word('NAME'), 'follow the state of a track_group (static_ipaddress only)'),
} satisfies Rows;

interface Draft {
  link: string | null;
  peer: Prefix | null;
  broadcast: string | null;
  label: string | null;
  scope: number | null;
  preferred: number | null | undefined;
  noDad: boolean;
  flags: Set<string>;
  trackGroup: string | null;
}

/** Whose list it is: `vip` addresses share the family of the instance. */
export type AddressList = 'vip' | 'excluded' | 'static';

/** One address with its options. */
export function addressEntry(list: AddressList): ValueType<AddressEntry> {
  return {
    syntax: 'IP[/LEN] [dev IF] [scope SCOPE] [label STRING] [brd IP|+|-] [peer IP[/LEN]] [OPTION…]',
    schema: { type: 'string' },
    read: (args) => readAddress(args, list),
  };
}

function readAddress(args: Args, list: AddressList): AddressEntry | undefined {
  const text = args.words[0] ?? '';
  const prefix = readPrefix(args, text, 0);
  if (prefix === null) {
    args.report({ code: 'invalid-address', message: `VRRP parsed invalid IP ${text}. skipping IP...`, remedy: 'write an address, with /LEN for a prefix' }, 0);
    return undefined;
  }
  if (args.words.length === 1) return list === 'vip' && !fits(args, text, prefix) ? undefined : plainAddress(prefix, args.place);
  const draft: Draft = { link: null, peer: null, broadcast: null, label: null, scope: null, preferred: undefined, noDad: true, flags: new Set(), trackGroup: null };
  for (let i = 1; i < args.words.length; i++) {
    const taken = option(args, i, prefix, draft, list === 'static');
    if (taken < 0) return undefined;
    i += taken;
  }
  return list === 'vip' && !fits(args, text, prefix) ? undefined : finish(args, prefix, draft);
}

/** An address without options, as most are. */
function plainAddress(prefix: Prefix, place: Place): AddressEntry {
  return {
    prefix, link: null, peer: null, broadcast: null, label: null, scope: null, preferred: undefined, noDad: familyOf(prefix.address) === 'inet6', homeAddress: false,
    manageTemporary: false, noPrefixRoute: false, autoJoin: false, noTrack: false, useVmac: false, trackGroup: null, place,
  };
}

/** All addresses of virtual_ipaddress have one family, and each stands once. */
function fits(args: Args, text: string, prefix: Prefix): boolean {
  const { context } = args;
  const family = familyOf(prefix.address);
  const first = context.switches.get('instance_family') ?? family;
  context.switches.set('instance_family', first);
  if (first !== family) {
    args.report({ code: 'family-mismatch', message: `(${args.name}): address family must match VRRP instance [${text}] - ignoring`, remedy: 'put it into virtual_ipaddress_excluded' }, 0);
    return false;
  }
  const { addresses } = context;
  const before = addresses.get(prefix.address);
  if (before === undefined) {
    addresses.set(prefix.address, args.place);
    return true;
  }
  args.report({ code: 'duplicate', severity: 'warning', message: `(${args.name}) duplicate address ${text} - ignoring`, remedy: `first given in line ${String(before.line)}` }, 0);
  return false;
}

/** Reads option `i`; the number of words after it that it took, or -1 when the entry is lost. */
function option(args: Args, i: number, prefix: Prefix, draft: Draft, isStatic: boolean): number {
  const name = args.words[i] ?? '';
  const value = args.words[i + 1];
  const needsValue = !['home', '-nodad', 'mngtmpaddr', 'noprefixroute', 'autojoin', 'no_track', 'use_vmac'].includes(name);
  if (!(name in addressOptions) || (name === 'track_group' && !isStatic)) {
    args.report({ code: 'unknown-option', message: `Unknown configuration entry '${name}' for ip address - ignoring`, remedy: `known: ${Object.keys(addressOptions).join(', ')}` }, i);
    return 0;
  }
  if (name === 'dev' && value === undefined) {
    args.report({ code: 'missing-argument', message: `No dev parameter specified for ${args.words[0] ?? ''}`, remedy: 'write: dev IF' }, i);
    return -1;
  }
  if (needsValue && value === undefined) {
    args.report({ code: 'missing-argument', recorded: 'missing-parameter', message: `'${name}' needs an argument`, remedy: `write: ${name} …`, testExit: 2, startExit: 2, wording: `*** Configuration line starting \`${args.words[0] ?? ''}\` is missing a parameter after keyword \`${name}\` at word position ${String(i + 2)}` }, i);
    return -1;
  }
  const isV6 = familyOf(prefix.address) === 'inet6';
  switch (name) {
    case 'dev': {
      const { links } = args.context.machine;
      draft.link = value ?? null;
      if (value !== undefined && links !== null && !links.has(value) && !args.context.switches.has('dynamic_interfaces')) {
        missingLink(args.context, args.place, `WARNING - interface ${value} for ip address ${prefix.address} doesn't exist`, value);
      }
      return 1;
    }
    case 'scope': return scope(args, i + 1, value ?? '', isV6, draft);
    case 'label': return label(args, i + 1, value ?? '', isV6, draft);
    case 'brd': case 'broadcast': return broadcast(args, i + 1, value ?? '', isV6, draft);
    case 'peer': return peer(args, i + 1, value ?? '', prefix, draft);
    case 'track_group': draft.trackGroup = knownTrackGroup(args, i + 1, value ?? ''); return 1;
    case 'preferred_lft': return preferred(args, i + 1, value ?? '', draft);
    case '-nodad': draft.noDad = false; return 0;
    default: draft.flags.add(name); return 0;
  }
}

/** A track_group declared further up; null, with a complaint, when it is not. */
export function knownTrackGroup(args: Args, index: number, name: string): string | null {
  if (args.context.isDeclared('track_group', name)) return name;
  args.report({ code: 'unknown-group', message: `track_group ${name} not found`, remedy: 'declare it further up: track_group NAME { group { … } }' }, index);
  return null;
}

function scope(args: Args, index: number, value: string, isV6: boolean, draft: Draft): number {
  const number = SCOPES[value] ?? (/^\d{1,3}$/u.test(value) && Number(value) <= 255 ? Number(value) : null);
  if (isV6) args.report({ code: 'invalid-value', message: `Cannot specify scope for IPv6 addresses (${args.words[0] ?? ''}) - ignoring scope`, remedy: 'the kernel derives it from the address' }, index);
  else if (number === null) args.report({ code: 'invalid-value', message: `Invalid scope '${value}' specified for ${args.words[0] ?? ''} - ignoring`, remedy: `use ${Object.keys(SCOPES).join(', ')} or 0..255` }, index);
  else draft.scope = number;
  return 1;
}

function label(args: Args, index: number, value: string, isV6: boolean, draft: Draft): number {
  if (isV6) args.report({ code: 'invalid-value', message: `Cannot specify label for IPv6 addresses (${args.words[0] ?? ''}) - ignoring label` }, index);
  else if (value.length > 15) args.report({ code: 'invalid-value', message: `Address label ${value} is longer than maximum length 15 - removing address`, remedy: 'a label has at most 15 characters' }, index);
  else draft.label = value;
  return isV6 || value.length <= 15 ? 1 : -1;
}

function broadcast(args: Args, index: number, value: string, isV6: boolean, draft: Draft): number {
  const parsed = parseIp(value);
  if (isV6) args.report({ code: 'invalid-value', message: `VRRP is trying to assign a broadcast ${value} to the IPv6 address ${args.words[0] ?? ''}` }, index);
  else if (value !== '+' && value !== '-' && (parsed === null || familyOf(parsed) !== 'inet')) args.report({ code: 'invalid-value', message: `VRRP is trying to assign invalid broadcast ${value}. skipping VIP...`, remedy: 'write an address, + or -' }, index);
  else {
    draft.broadcast = value;
    return 1;
  }
  return isV6 ? 1 : -1;
}

function peer(args: Args, index: number, value: string, prefix: Prefix, draft: Draft): number {
  const parsed = readPrefix(args, value, index);
  if (parsed === null) {
    args.report({ code: 'invalid-value', message: `VRRP parsed invalid IP ${value}. skipping IP...` }, index);
    args.report({ code: 'invalid-value', severity: 'note', message: `Invalid peer address ${value}`, remedy: 'write: peer IP/LEN' }, index);
    return -1;
  }
  if (familyOf(parsed.address) !== familyOf(prefix.address)) {
    args.report({ code: 'invalid-value', message: `Peer address ${value} does not match address family` }, index);
    return -1;
  } else {
    if ((args.words[0] ?? '').includes('/')) args.report({ code: 'invalid-value', message: `Cannot specify address prefix when specifying peer address - ignoring`, remedy: "the prefix belongs to the peer's address" }, 0);
    draft.peer = parsed;
  }
  return 1;
}

function preferred(args: Args, index: number, value: string, draft: Draft): number {
  if (value === 'forever') draft.preferred = null;
  else if (/^\d+$/u.test(value) && Number(value) < 4294967295) draft.preferred = Number(value);
  else {
    if (!/^\d+$/u.test(value)) args.report({ code: 'invalid-number', recorded: 'invalid-number', severity: 'note', message: `invalid number '${value}'` }, index);
    args.report({ code: 'invalid-value', message: `preferred_lft ${value} is invalid`, remedy: 'write forever or a number of seconds' }, index);
  }
  return 1;
}

function finish(args: Args, prefix: Prefix, draft: Draft): AddressEntry | undefined {
  const length = draft.peer === null ? prefix.length : draft.peer.length;
  const isV6 = familyOf(prefix.address) === 'inet6';
  let brd: IpAddress | null = null;
  if (draft.broadcast === '+' || draft.broadcast === '-') {
    if (length > 30) args.report({ code: 'invalid-value', message: `Address prefix length ${String(length)} too long for broadcast`, remedy: 'the prefix may be /30 at most' }, 0);
    else brd = hostBits(prefix.address, length, draft.broadcast === '+');
  } else if (draft.broadcast !== null) brd = parseIp(draft.broadcast);
  const { flags } = draft;
  return {
    prefix: { address: prefix.address, length },
    link: draft.link,
    peer: draft.peer?.address ?? null,
    broadcast: brd,
    label: draft.label,
    scope: draft.scope,
    preferred: draft.preferred,
    noDad: isV6 && draft.noDad,
    homeAddress: flags.has('home'),
    manageTemporary: flags.has('mngtmpaddr'),
    noPrefixRoute: flags.has('noprefixroute'),
    autoJoin: flags.has('autojoin'),
    noTrack: flags.has('no_track'),
    useVmac: flags.has('use_vmac'),
    trackGroup: draft.trackGroup,
    place: args.place,
  };
}

function hostBits(address: IpAddress, length: number, set: boolean): IpAddress {
  const bytes = ipToBytes(address);
  for (let bit = length; bit < 32; bit++) {
    const mask = 0x80 >> (bit & 7);
    const byte = bytes[bit >> 3] ?? 0;
    bytes[bit >> 3] = set ? byte | mask : byte & ~mask;
  }
  return ipFromBytes(bytes);
}

/** `IP[/LEN]`; a faulty length is reported and counts as the longest, as in keepalived; null: no address. */
export function readPrefix(args: Args, text: string, index: number): Prefix | null {
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const parsed = parseIp(host);
  const longest = parsed === null ? 32 : maxPrefix(familyOf(parsed));
  if (slash < 0) return parsed === null ? null : { address: parsed, length: longest };
  const digits = text.slice(slash + 1);
  const length = digitsOnly(digits);
  if (length >= 0 && length <= longest) return parsed === null ? null : { address: parsed, length };
  const number = /^-?\d+$/u.test(digits);
  args.report({ code: 'invalid-number', recorded: 'invalid-number', severity: 'note', message: !number ? `invalid number '${digits}'` : digits.startsWith('-') ? `negative number '${digits}'` : `number '${digits}' outside range [0, ${String(longest)}]` }, index);
  args.report({ code: 'invalid-prefix', message: `Invalid address prefix len ${digits} for address ${text} - using ${String(longest)}`, remedy: `it must be 0..${String(longest)}` }, index);
  return parsed === null ? null : { address: parsed, length: longest };
}
