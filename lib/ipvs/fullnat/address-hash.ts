/**
 * Which local address a client's connection gets where there is no jhash of nf_tables: a hash of the client's address and port
 * with the seed, as a program of classic BPF for iptables' bpf match. It depends on nothing else, so that a connection whose
 * conntrack entry was lost, or that goes on at another director with the same seed, gets the same address again.
 *
 *     h = seed; for each word w of address and port: h = (h ^ w) * C1; h ^= h >> 15
 *     h *= C2; h ^= h >> 16; index = h mod count
 */
import type { Family } from '../../util/ip.ts';

/** Multipliers that spread a bit over the word (after C. Wellons' search for low bias). */
const C1 = 0x7feb352d;
const C2 = 0x846ca68b;
/** The whole packet: it matches. */
const MATCH = 0xffff;

/** linux/filter.h: class, size and mode or operation of an instruction. */
const LD_IMM = 0x00, LD_WORD = 0x20, LD_BYTE = 0x30, LD_HALF = 0x28, LD_HALF_X = 0x48, LDX_IPV4_HEADER = 0xb1, STORE = 0x02, LDX_STORED = 0x61;
const XOR_X = 0xac, MUL = 0x24, RSH = 0x74, MOD = 0x94, TAX = 0x07;
const JUMP = 0x05, JEQ = 0x15, JGE = 0x35, RETURN = 0x06;

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, operand: number];

const [TCP, UDP, SCTP] = [6, 17, 132] as const;

/** The program of `-m bpf --bytecode`, which matches a packet whose index is less than `limit`, of so many. */
export function hashBelow(family: Family, seed: number, limit: number, count: number): string {
  const program: Instruction[] = [
    run(LD_IMM, seed >>> 0), run(TAX),
    ...(family === 'inet' ? [12] : [8, 12, 16, 20]).flatMap((at) => [run(LD_WORD, at), ...absorb()]),
    run(STORE, 0),
    ...(family === 'inet' ? [run(LDX_IPV4_HEADER, 0), run(LD_HALF_X, 0)] : port6()),
    run(LDX_STORED, 0), ...absorb(),
    run(MUL, C2), run(TAX), run(RSH, 16), run(XOR_X),
    run(MOD, count), [JGE, 0, 1, limit], run(RETURN, 0), run(RETURN, MATCH),
  ];
  return [program.length, ...program.map((instruction) => instruction.join(' '))].join(',');
}

/** A takes part in the hash, which is in X and then in both. */
function absorb(): Instruction[] {
  return [run(XOR_X), run(MUL, C1), run(TAX), run(RSH, 15), run(XOR_X), run(TAX)];
}

/** Behind extension headers the port is not looked for: the address alone decides. */
function port6(): Instruction[] {
  return [run(LD_BYTE, 6), [JEQ, 4, 0, TCP], [JEQ, 3, 0, UDP], [JEQ, 2, 0, SCTP], run(LD_IMM, 0), [JUMP, 0, 0, 1], run(LD_HALF, 40)];
}

function run(code: number, operand = 0): Instruction {
  return [code, 0, 0, operand];
}
