/** Runs a program of `iptables -m bpf --bytecode` on a packet, as the kernel does (linux/filter.h); what it returns. */
export function runBpf(bytecode: string, packet: Uint8Array): number {
  const program = bytecode.split(',').slice(1).map((line) => line.split(' ').map(Number) as [number, number, number, number]);
  if (program.length !== Number.parseInt(bytecode, 10)) throw new Error('its length is wrong');
  if (program.length > 64) throw new Error('xt_bpf takes 64 instructions');
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const store: number[] = [];
  let [a, x] = [0, 0];
  for (let at = 0; at < program.length; at++) {
    const [code, yes, no, k] = program[at] ?? [6, 0, 0, 0];
    switch (code) {
      case 0x00: a = k; break;
      case 0x20: a = view.getUint32(k); break;
      case 0x28: a = view.getUint16(k); break;
      case 0x30: a = view.getUint8(k); break;
      case 0x48: a = view.getUint16(x + k); break;
      case 0xb1: x = 4 * (view.getUint8(k) & 0xf); break;
      case 0x02: store[k] = a; break;
      case 0x61: x = store[k] ?? 0; break;
      case 0xac: a = (a ^ x) >>> 0; break;
      case 0x24: a = Math.imul(a, k) >>> 0; break;
      case 0x74: a = a >>> k; break;
      case 0x94: a %= k; break;
      case 0x07: x = a; break;
      case 0x05: at += k; break;
      case 0x15: at += a === k ? yes : no; break;
      case 0x35: at += a >= k ? yes : no; break;
      case 0x06: return k;
      default: throw new Error(`instruction ${code.toString(16)}`);
    }
  }
  throw new Error('it has no end');
}
