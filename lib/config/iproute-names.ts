/** Names of routing tables, protocols, realms and the like, from iproute2's files (ip-route(8), "/etc/iproute2"). */
import type { Args } from './keyword.ts';
import type { NameTable } from './machine.ts';

/** What every machine knows. */
const BUILT_IN: Readonly<Record<NameTable, Readonly<Record<string, number>>>> = {
  rt_tables: { unspec: 0, default: 253, main: 254, local: 255 },
  rt_protos: { unspec: 0, redirect: 1, kernel: 2, boot: 3, static: 4, gated: 8, ra: 9, mrt: 10, zebra: 11, bird: 12, dnrouted: 13, xorp: 14, ntk: 15, dhcp: 16, keepalived: 18, babel: 42, openr: 99, bgp: 186, isis: 187, ospf: 188, rip: 189, eigrp: 192 },
  rt_dsfield: { default: 0 },
  rt_realms: { cosmos: 0 },
  group: { default: 0 },
};

const LARGEST: Readonly<Record<NameTable, number>> = { rt_tables: 0xffff_ffff, rt_protos: 255, rt_dsfield: 255, rt_realms: 0xffff, group: 0xffff_ffff };

/** The number that a word stands for; undefined: it is neither a number in range nor a known name. Of a machine that is not known every name is taken, for 0. */
export function numberOf(args: Args, table: NameTable, text: string): number | undefined {
  const number = /^(0[xX][0-9a-fA-F]+|\d+)$/u.test(text) ? Number(text) : undefined;
  if (number !== undefined) return number <= LARGEST[table] ? number : undefined;
  if (Object.hasOwn(BUILT_IN[table], text)) return BUILT_IN[table][text];
  const { machine, switches } = args.context;
  if (machine.names === undefined) return text === '' ? undefined : 0;
  const directory = (name: string): string | null => { const value = switches.get(name); return typeof value === 'string' ? value : null; };
  return machine.names(table, { usr: directory('iproute_usr_dir'), etc: directory('iproute_etc_dir') }).get(text);
}

/** `A[/B]`: realm it comes from × 65536 + realm it goes to; one alone is the second. */
export function realmsOf(args: Args, text: string): number | undefined {
  const parts = text.split('/');
  if (parts.length > 2) return undefined;
  const [first, second] = parts.map((part) => numberOf(args, 'rt_realms', part));
  if (first === undefined || (parts.length === 2 && second === undefined)) return undefined;
  return second === undefined ? first : first * 0x10000 + second;
}
