import raw from 'raw-socket';
import { DecodeError } from '../codec/decode-error.ts';
import { buildIpv4Packet, parseIpv4 } from '../codec/ipv4.ts';
import type { Datagram, OutgoingDatagram, SocketSpec, VrrpSocket, VrrpSockets } from '../system/vrrp-sockets.ts';
import { SystemError } from '../system/error.ts';
import { ip, ipFromBytes, ipToBytes, type IpAddress } from '../util/ip.ts';
import type { Cancel, Millis } from '../util/time.ts';
import { closing } from './closing.ts';
import { createWithDescriptor } from './descriptor.ts';
import {
  AF_INET, AF_INET6, check, errnoName, ifNameToIndex, MSG_DONTWAIT, MSG_TRUNC, NATIVE_LITTLE_ENDIAN, nativeInt, recvmsg, sendmsg,
  setBufferSize, setOption, SO_BINDTODEVICE, socketDrops, SO_PRIORITY, SO_RCVBUF, SOL_SOCKET,
} from './libc.ts';
import { Message, putControl } from './message.ts';
import { nativeCallback } from './native-callback.ts';

/**
 * The raw sockets of VRRP. The raw-socket package opens and polls them; sending and receiving go by sendmsg(2) and recvmsg(2)
 * on its descriptor, because only they tell (and set) hop limit, destination and source of IPv6.
 *
 * A socket bound to an interface that is deleted stays silent for ever, and the kernel says nothing about it: `linkGone`
 * brings the indexes of deleted interfaces from rtnetlink (null when some were lost), and the sockets on them fail.
 */
export function linuxVrrpSockets(linkGone: LinkGone): VrrpSockets {
  return { open: (spec, receive, failed, lost = () => undefined) => new RawVrrpSocket(spec, receive, failed, lost, linkGone) };
}

export type LinkGone = (gone: (linkIndex: number | null) => void) => Cancel;

/** Datagrams taken from one socket per turn of the event loop; with more waiting, the other sockets and timers come first. */
const DATAGRAMS_PER_TURN = 64;
/** Pause between two looks at what was dropped. */
const LOOK: Millis = 1000;
const LARGEST_DATAGRAM = 65_536;
const RECEIVE_BUFFER = 1024 * 1024;
const CONTROL_SPACE = 256;
const IPV4_HEADER = 20;
/** As keepalived: precedence Internetwork Control, and the queueing priority that the kernel derives from it. */
const TOS = 0xc0;
const TC_PRIO_CONTROL = 7;
const SOCKADDR_IN = 16;
const SOCKADDR_IN6 = 28;

/** ip(7) */
const IPPROTO_IP = 0;
const IP_TOS = 1;
const IP_HDRINCL = 3;
const IP_MULTICAST_IF = 32;
const IP_MULTICAST_TTL = 33;
const IP_MULTICAST_LOOP = 34;
const IP_ADD_MEMBERSHIP = 35;
const IP_MULTICAST_ALL = 49;
/** ipv6(7) */
const IPPROTO_IPV6 = 41;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_JOIN_GROUP = 20;
const IPV6_MULTICAST_ALL = 29;
const IPV6_RECVPKTINFO = 49;
const IPV6_PKTINFO = 50;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_HOPLIMIT = 52;
const IPV6_TCLASS = 67;

/** send(2) */
const MSG_OOB = 1;
const REHEARSALS = 50;
/** Addresses for documentation (RFC 5737, RFC 3849); nothing is sent. */
const REHEARSAL_4 = [ip('192.0.2.1'), ip('192.0.2.2')] as const;
const REHEARSAL_6 = [ip('2001:db8::1'), ip('2001:db8::2')] as const;

/** Shared by all sockets: nothing is kept in it between two calls. */
const incoming = new Message({ name: SOCKADDR_IN6, data: LARGEST_DATAGRAM, control: CONTROL_SPACE });
const outgoing = new Message({ name: SOCKADDR_IN6, data: LARGEST_DATAGRAM, control: CONTROL_SPACE });

/** A message that needs nothing but its identification to be sent again. */
interface Packet extends Pick<OutgoingDatagram, 'from' | 'to' | 'ttl'> {
  readonly message: Message;
}

class RawVrrpSocket implements VrrpSocket {
  readonly #spec: SocketSpec;
  readonly #linkIndex: number;
  readonly #socket: PolledSocket;
  readonly #fd: number;
  readonly #receive: (datagram: Datagram) => void;
  readonly #failed: (cause: Error) => void;
  readonly #lost: (packets: number) => void;
  /** Drops told of, and when they were last looked at. */
  #told = 0;
  #looked: Millis = -Infinity;
  readonly #forgetLink: Cancel;
  /** Payloads sent before, and from the second time on their packets; one that is forgotten elsewhere is forgotten here. */
  readonly #packets = new WeakMap<Uint8Array, Packet | null>();
  #open = true;

  constructor(
    spec: SocketSpec,
    receive: (datagram: Datagram) => void,
    failed: (cause: Error) => void,
    lost: (packets: number) => void,
    linkGone: LinkGone,
  ) {
    this.#spec = spec;
    this.#receive = receive;
    this.#failed = failed;
    this.#lost = lost;
    this.#linkIndex = ifNameToIndex(spec.link);
    if (this.#linkIndex === 0) throw new SystemError('open VRRP socket on', spec.link, errnoName());

    const kind = { domain: spec.family === 'inet' ? AF_INET : AF_INET6, protocol: spec.protocol };
    const created = createWithDescriptor(kind, this.#name, () => new PolledSocket(spec, () => this.#readable()));
    this.#socket = created.made;
    this.#fd = created.fd;
    this.#socket.on('error', (cause: Error) => this.#fail(new SystemError('poll', this.#name, 'EIO', cause)));
    closing(this.#socket, () => this.#configure());
    this.#rehearse();
    this.#forgetLink = linkGone((index) => {
      const ours = index === null ? ifNameToIndex(spec.link) !== this.#linkIndex : index === this.#linkIndex;
      if (ours) this.#fail(new SystemError('receive on', this.#name, 'ENODEV'));
    });
  }

  send(datagram: OutgoingDatagram): void {
    if (!this.#open) throw new SystemError('send on', this.#name, 'EBADF');
    check(this.#transmit(datagram, 0), `send to ${datagram.to} on`, this.#name);
  }

  #transmit(datagram: OutgoingDatagram, flags: number): number {
    const packet = this.#packets.get(datagram.payload);
    // The same payload may go to somebody else.
    if (packet == null || packet.to !== datagram.to || packet.from !== datagram.from || packet.ttl !== datagram.ttl) return this.#transmitNew(datagram, flags, packet === null);
    const { message } = packet;
    // The kernel makes the header's checksum (raw(7)).
    if (this.#spec.family === 'inet') message.data.writeUInt16BE(datagram.id, 4);
    return sendmsg(this.#fd, message.header, MSG_DONTWAIT | flags);
  }

  #transmitNew(datagram: OutgoingDatagram, flags: number, again: boolean): number {
    const message = again ? new Message({ name: SOCKADDR_IN6, data: IPV4_HEADER + datagram.payload.length, control: CONTROL_SPACE }) : outgoing;
    if (this.#spec.family === 'inet') this.#load4(message, datagram);
    else this.#load6(message, datagram);
    const { from, to, ttl } = datagram;
    this.#packets.set(datagram.payload, again ? { from, to, ttl, message } : null);
    return sendmsg(this.#fd, message.header, MSG_DONTWAIT | flags);
  }

  /**
   * The first advertisement of a takeover should not wait for code to be compiled: everything up to the system call is run
   * here, and the kernel refuses a raw socket MSG_OOB before it looks at anything else (EOPNOTSUPP, send(2)).
   */
  #rehearse(): void {
    const [from, to] = this.#spec.family === 'inet' ? REHEARSAL_4 : REHEARSAL_6;
    for (let i = 0; i < REHEARSALS; i++) this.#transmit({ from, to, payload: new Uint8Array(20), ttl: 255, id: 1 }, MSG_OOB);
    const payload = new Uint8Array(20);
    for (let i = 0; i < REHEARSALS; i++) this.#transmit({ from, to, payload, ttl: 255, id: 1 }, MSG_OOB);
  }

  dropped(): number {
    return this.#open ? socketDrops(this.#fd, this.#name) : 0;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#forgetLink();
    this.#socket.close();
  }

  setReceiveBuffer(bytes: number): void {
    this.#set('SO_RCVBUF', SOL_SOCKET, SO_RCVBUF, bytes);
  }

  get #name(): string {
    return `${this.#spec.family} VRRP socket on ${this.#spec.link}`;
  }

  #fail(cause: Error): void {
    if (!this.#open) return;
    this.close();
    this.#failed(cause);
  }

  #configure(): void {
    const group = this.#spec.group === null ? null : ipToBytes(this.#spec.group);
    this.#set('SO_BINDTODEVICE', SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(`${this.#spec.link}\0`));
    setBufferSize(this.#fd, 'receive', RECEIVE_BUFFER, this.#name);
    if (this.#spec.family === 'inet') {
      const onLink = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, ...nativeInt(this.#linkIndex));
      this.#set('IP_MULTICAST_ALL', IPPROTO_IP, IP_MULTICAST_ALL, 0);
      this.#set('IP_HDRINCL', IPPROTO_IP, IP_HDRINCL, 1);
      this.#set('IP_TOS', IPPROTO_IP, IP_TOS, TOS);
      this.#set('IP_MULTICAST_TTL', IPPROTO_IP, IP_MULTICAST_TTL, 255);
      this.#set('IP_MULTICAST_LOOP', IPPROTO_IP, IP_MULTICAST_LOOP, 0);
      this.#set('IP_MULTICAST_IF', IPPROTO_IP, IP_MULTICAST_IF, onLink);
      if (group !== null) this.#set('IP_ADD_MEMBERSHIP', IPPROTO_IP, IP_ADD_MEMBERSHIP, Uint8Array.of(...group, ...onLink.subarray(4)));
    } else {
      this.#set('IPV6_MULTICAST_ALL', IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
      this.#set('IPV6_RECVHOPLIMIT', IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
      this.#set('IPV6_RECVPKTINFO', IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
      this.#set('IPV6_TCLASS', IPPROTO_IPV6, IPV6_TCLASS, TOS);
      this.#set('IPV6_MULTICAST_LOOP', IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
      this.#set('IPV6_MULTICAST_IF', IPPROTO_IPV6, IPV6_MULTICAST_IF, this.#linkIndex);
      if (group !== null) this.#set('IPV6_JOIN_GROUP', IPPROTO_IPV6, IPV6_JOIN_GROUP, Uint8Array.of(...group, ...nativeInt(this.#linkIndex)));
    }
    this.#set('SO_PRIORITY', SOL_SOCKET, SO_PRIORITY, TC_PRIO_CONTROL);
  }

  #set(what: string, level: number, option: number, value: number | Uint8Array): void {
    setOption(this.#fd, level, option, value, `set ${what} of`, this.#name);
  }

  /** sockaddr_in, and the packet with its header. */
  #load4(outgoing: Message, { from, to, ttl, id, payload }: OutgoingDatagram): void {
    const packet = buildIpv4Packet({ from, to, ttl, id, tos: TOS, protocol: this.#spec.protocol, payload });
    outgoing.name.fill(0);
    outgoing.name.set(nativeShort(AF_INET), 0);
    outgoing.name.set(ipToBytes(to), 4);
    outgoing.data.set(packet);
    outgoing.setLengths(SOCKADDR_IN, packet.length, 0);
  }

  /** sockaddr_in6 with the link as its scope; source address and hop limit as control messages (RFC 3542 §6). */
  #load6(outgoing: Message, { from, to, ttl, payload }: OutgoingDatagram): void {
    outgoing.name.fill(0);
    outgoing.name.set(nativeShort(AF_INET6), 0);
    outgoing.name.set(ipToBytes(to), 8);
    outgoing.name.set(nativeInt(this.#linkIndex), 24);
    outgoing.data.set(payload);
    const hopLimit = putControl(outgoing.control, 0, IPPROTO_IPV6, IPV6_HOPLIMIT, nativeInt(ttl));
    const pktinfo = Uint8Array.of(...ipToBytes(from), ...nativeInt(this.#linkIndex));
    const end = putControl(outgoing.control, hopLimit, IPPROTO_IPV6, IPV6_PKTINFO, pktinfo);
    outgoing.setLengths(SOCKADDR_IN6, payload.length, end);
  }

  #readable(): void {
    for (let count = 0; count < DATAGRAMS_PER_TURN && this.#open; count++) {
      incoming.setLengths(SOCKADDR_IN6, LARGEST_DATAGRAM, CONTROL_SPACE);
      const size = recvmsg(this.#fd, incoming.header, MSG_DONTWAIT);
      if (size < 0) {
        const code = errnoName();
        // ENETDOWN: the link was set down, which rtnetlink reports; the socket works again when it is up.
        if (code === 'EAGAIN' || code === 'EINTR' || code === 'ENETDOWN') return;
        this.#fail(new SystemError('receive on', this.#name, code));
        return;
      }
      if ((incoming.flags & MSG_TRUNC) !== 0) continue;
      // A copy: the shared buffer is overwritten by the next datagram.
      const datagram = this.#spec.family === 'inet' ? datagram4(incoming.data.subarray(0, size)) : datagram6(incoming.data.subarray(0, size));
      if (datagram !== null) this.#receive(datagram);
    }
    this.#lookForDrops();
  }

  /** Only a turn that left something waiting can have been too late for something. */
  #lookForDrops(): void {
    const now = performance.now();
    if (!this.#open || now - this.#looked < LOOK) return;
    this.#looked = now;
    const dropped = this.dropped();
    if (dropped > this.#told) this.#lost(dropped - this.#told);
    this.#told = dropped;
  }
}

/**
 * The package's socket with our own way of receiving. Promises settled in its native callback would wait for another event
 * to run on, so there always is one: an immediate, which follows in the same turn of the loop.
 */
class PolledSocket extends raw.Socket {
  readonly #ready: () => void;

  constructor(spec: SocketSpec, ready: () => void) {
    super({
      protocol: spec.protocol,
      addressFamily: spec.family === 'inet' ? raw.AddressFamily.IPv4 : raw.AddressFamily.IPv6,
      bufferSize: 1,
    });
    this.#ready = ready;
  }

  override onRecvReady(): void {
    nativeCallback(this.#ready);
    setImmediate(() => undefined);
  }
}

/** What a raw IPv4 socket delivers: the whole packet. What is no IPv4 packet cannot have come from the kernel, and is dropped. */
function datagram4(bytes: Uint8Array): Datagram | null {
  const packet = parseIpv4(Uint8Array.from(bytes));
  if (packet instanceof DecodeError) return null;
  return { from: packet.from, to: packet.to, payload: packet.payload, ttl: packet.ttl, header: packet.header };
}

/** What a raw IPv6 socket delivers: the payload; the rest stands in the address and the control messages. */
function datagram6(bytes: Uint8Array): Datagram {
  let ttl: number | null = null;
  let to: IpAddress | null = null;
  incoming.eachControl((level, type, data) => {
    if (level !== IPPROTO_IPV6) return;
    if (type === IPV6_HOPLIMIT && data.length >= 4) ttl = new DataView(data.buffer, data.byteOffset).getInt32(0, NATIVE_LITTLE_ENDIAN);
    if (type === IPV6_PKTINFO && data.length >= 16) to = ipFromBytes(Uint8Array.from(data.subarray(0, 16)));
  });
  return { from: ipFromBytes(Uint8Array.from(incoming.name.subarray(8, 24))), to, payload: Uint8Array.from(bytes), ttl, header: null };
}

function nativeShort(value: number): Uint8Array {
  return NATIVE_LITTLE_ENDIAN ? Uint8Array.of(value & 0xff, value >> 8) : Uint8Array.of(value >> 8, value & 0xff);
}
