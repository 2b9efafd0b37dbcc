/**
 * The client's address in the SYN (TOA, fullnat.md 3 and 7.1), by nf_tables alone: the timestamp option's ten bytes become the
 * option and two NOPs, so that nothing grows. IPv4; a SYN without timestamps passes as it is.
 *
 *     | kind 254 | length 8 | client's port (16) | client's address (32) | 1 | 1 |
 */
import type { Expression } from '../../codec/nft-expressions.ts';
import type { FilterOp } from '../../codec/nftables.ts';
import { ip, ipToBytes, networkOf, printPrefix, type Prefix } from '../../util/ip.ts';

export const TOA_KIND = 254;

const TCP = 6;
const FLAGS_AT = 13;
const SYN = 0x02;
const SYN_OR_ACK = 0x12;
/** Where a SYN has its timestamps: Linux and Android behind MSS and SACK-permitted, macOS and iOS further on. */
const TIMESTAMPS_AT = [26, 30] as const;
const TIMESTAMPS = [8, 10] as const;
const NOPS = [1, 1] as const;

const IS_TCP: readonly Expression[] = [{ type: 'meta', key: 'l4proto', register: 8 }, { type: 'equal', register: 8, value: Uint8Array.of(TCP) }];
const IS_SYN: readonly Expression[] = [
  { type: 'payload', base: 'transport', offset: FLAGS_AT, length: 1, register: 8 },
  { type: 'mask', register: 8, mask: Uint8Array.of(SYN_OR_ACK) },
  { type: 'equal', register: 8, value: Uint8Array.of(SYN) },
];

/**
 * Rules of a chain before any translation, for TCP to what the set holds: addresses and ports, or addresses with all ports. A client
 * may not bring the option itself.
 */
export function toaRules(set: string, of: 'address and port' | 'address' = 'address and port'): Expression[][] {
  const toService: Expression[] = [
    { type: 'payload', base: 'network', offset: 16, length: 4, register: 8 },
    ...(of === 'address' ? [] : [{ type: 'payload', base: 'transport', offset: 2, length: 2, register: 9 } as const]),
    { type: 'lookup', set, register: 8, into: null },
  ];
  return [
    [...IS_TCP, ...toService, { type: 'strip-tcp-option', kind: TOA_KIND }],
    ...TIMESTAMPS_AT.map((at): Expression[] => [
      ...IS_TCP, ...IS_SYN, ...toService,
      { type: 'payload', base: 'transport', offset: at, length: 2, register: 8 }, { type: 'equal', register: 8, value: Uint8Array.from(TIMESTAMPS) },
      { type: 'payload', base: 'transport', offset: 0, length: 2, register: 8 }, { type: 'write', offset: at + 2, length: 2, register: 8 },
      { type: 'payload', base: 'network', offset: 12, length: 4, register: 8 }, { type: 'write', offset: at + 4, length: 4, register: 8 },
      { type: 'constant', register: 8, value: Uint8Array.from(NOPS) }, { type: 'write', offset: at + 8, length: 2, register: 8 },
      // Last: from here on it is no timestamp any more.
      { type: 'constant', register: 8, value: Uint8Array.of(TOA_KIND, 8) }, { type: 'write', offset: at, length: 2, register: 8 },
      { type: 'counter' },
    ]),
  ];
}

/**
 * A first packet that takes the option with it although its virtual server is in neither set (of address and port, of addresses):
 * servers believe their directors in everything.
 */
export function toaStripRule(sets: readonly [string, string], original: readonly Expression[], toServer: readonly Expression[], target: readonly Expression[]): Expression[] {
  return [...IS_TCP, ...IS_SYN, ...original, ...toServer, ...target, ...sets.map((set): Expression => ({ type: 'lookup-not', set, register: 8 })), { type: 'strip-tcp-option', kind: TOA_KIND }];
}

export const TOA_TABLE = 'tsk_toa';
const CHAIN = 'in';
const SRCNAT = 100;

/**
 * A real server's table, whatever stood there before: the first packet of a connection from one of these networks gets back the
 * client's address that its option has. The first counter of a rule is of all connections, the second of those with the option.
 */
export function toaServerRuleset(directors: readonly Prefix[]): FilterOp[] {
  const table = { family: 'inet', table: TOA_TABLE } as const;
  return [
    { ...table, op: 'add-table' }, { ...table, op: 'delete-table' }, { ...table, op: 'add-table' },
    { ...table, op: 'add-chain', chain: CHAIN, hook: { type: 'nat', at: 'input', priority: SRCNAT } },
    ...directors.map((director): FilterOp => ({ ...table, op: 'add-rule', chain: CHAIN, comment: printPrefix(director), expressions: serverRule(director) })),
  ];
}

/** Takes the table away; connections that are there lose their translation. */
export function removeToaServer(): FilterOp[] {
  return [{ op: 'delete-table', family: 'inet', table: TOA_TABLE }];
}

function serverRule({ address, length }: Prefix): Expression[] {
  const mask = ipToBytes(networkOf({ address: ip('255.255.255.255'), length }).address);
  return [
    ...IS_TCP, ...IS_SYN,
    { type: 'payload', base: 'network', offset: 12, length: 4, register: 8 }, { type: 'mask', register: 8, mask }, { type: 'equal', register: 8, value: ipToBytes(address) },
    { type: 'counter' },
    { type: 'tcp-option', kind: TOA_KIND, offset: 4, length: 4, register: 8 }, { type: 'tcp-option', kind: TOA_KIND, offset: 2, length: 2, register: 12 },
    { type: 'counter' }, { type: 'snat', family: 'inet', address: 8, port: 12 },
  ];
}
