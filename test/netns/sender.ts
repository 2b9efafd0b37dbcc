import type { LabNode } from './node.ts';

/** A packet of IP protocol 112 that somebody else sends. */
export interface RawPacket {
  /** IPv6: the zone is eth0's. */
  readonly to: string;
  /** An address of the node; default: the kernel chooses. */
  readonly from?: string;
  /** TTL or hop limit. */
  readonly ttl: number;
  /** What follows the IP header. */
  readonly payload: Uint8Array;
}

/** Sends each of them from a real socket of the node, in this order, a few milliseconds apart. */
export async function sendRaw(node: LabNode, packets: readonly RawPacket[]): Promise<void> {
  const list = packets.map(({ to, from = '', ttl, payload }) => [to, from, ttl, Buffer.from(payload).toString('hex')]);
  await execute(node, SENDER, JSON.stringify(list));
}

/** Waits for a frame with VRRP in it that `mac` has sent on the node's link to an address of this family; brings it whole. */
export async function catchFrame(node: LabNode, mac: string, family: 'inet' | 'inet6', vrid: number): Promise<Buffer> {
  return Buffer.from(await execute(node, CATCHER, mac.replaceAll(':', ''), family === 'inet' ? '0800' : '86dd', String(vrid)), 'hex');
}

/** Puts frames on the node's link, as they are. */
export async function sendFrames(node: LabNode, frames: readonly Uint8Array[]): Promise<void> {
  await execute(node, THROWER, ...frames.map((frame) => Buffer.from(frame).toString('hex')));
}

async function execute(node: LabNode, program: string, ...argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await node.run(['python3', '-c', program, ...argv]);
  if (status !== 0) throw new Error(`python3 in ${node.name}: status ${status ?? '?'}: ${stderr}`);
  return stdout.trim();
}

const SENDER = `
import json, socket, sys, time
for to, source, ttl, payload in json.loads(sys.argv[1]):
    six = ':' in to
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, 112)
    zone = socket.if_nametoindex('eth0')
    if six:
        for option in (socket.IPV6_MULTICAST_HOPS, socket.IPV6_UNICAST_HOPS): s.setsockopt(socket.IPPROTO_IPV6, option, ttl)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, zone)
        if source: s.bind((source, 0, 0, zone if source.startswith('fe80') else 0))
        s.sendto(bytes.fromhex(payload), (to, 0, 0, zone if to.startswith('f') else 0))
    else:
        for option in (socket.IP_MULTICAST_TTL, socket.IP_TTL): s.setsockopt(socket.IPPROTO_IP, option, ttl)
        if source:
            s.bind((source, 0))
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
        s.sendto(bytes.fromhex(payload), (to, 0))
    time.sleep(0.005)
`;

const CATCHER = `
import socket, sys
mac, kind, vrid = bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2]), int(sys.argv[3])
head, protocol = (34, 23) if kind == b'\\x08\\x00' else (54, 20)
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(('eth0', 0)); s.settimeout(10)
while True:
    frame = s.recv(2000)
    if frame[6:12] == mac and frame[12:14] == kind and frame[protocol] == 112 and frame[head + 1] == vrid: break
print(frame.hex())
`;

const THROWER = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
for frame in sys.argv[1:]: s.send(bytes.fromhex(frame))
`;
