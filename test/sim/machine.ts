import { SystemError } from '../../lib/system/error.ts';
import type { Clock } from '../../lib/system/clock.ts';
import type { Address, Link, LinkOp, MarkedRoutes, NetworkEvent, NetworkOp, NetworkState, RouteEvent } from '../../lib/system/netlink-routes.ts';
import type { System } from '../../lib/system/system.ts';
import type { Datagram, SocketSpec, VrrpSocket } from '../../lib/system/vrrp-sockets.ts';
import { type IpAddress, parsePrefix, printPrefix } from '../../lib/util/ip.ts';
import type { Cancel } from '../../lib/util/time.ts';
import type { Lan, Station } from './lan.ts';
import { FakeMedia } from './fake-media.ts';
import { FakeProcesses } from './fake-processes.ts';
import { FakeBfdSockets } from './fake-bfd-sockets.ts';
import { FakeFilter } from './fake-filter.ts';
import { FakeIptables } from './fake-iptables.ts';
import { FakeScheduling } from './fake-scheduling.ts';
import { FakeSysctls } from './fake-sysctls.ts';
import { MemoryFiles } from './memory-files.ts';
import { SimRouting } from './routing.ts';
import { ScriptedRunner } from './scripted-runner.ts';
import type { VirtualClock } from './virtual-clock.ts';

interface OpenSocket {
  readonly spec: SocketSpec;
  readonly receive: (datagram: Datagram) => void;
  readonly failed: (cause: Error) => void;
  /** What its receive buffer was set to. */
  buffer: number | null;
}

/** A simulated computer: one interface on a Lan, addresses, raw sockets, scripts, files. Everything on virtual time. */
export class SimMachine implements System, Station {
  readonly name: string;
  /** The process' view of time: its timers die with it. */
  readonly clock: Clock;
  readonly scripts = new ScriptedRunner();
  readonly processes = new FakeProcesses();
  readonly media = new FakeMedia();
  readonly files = new MemoryFiles();
  readonly sysctls = new FakeSysctls();
  readonly scheduling = new FakeScheduling();
  readonly filter = new FakeFilter();
  readonly iptables = new FakeIptables();
  readonly bfd = new FakeBfdSockets();
  readonly sockets = new Set<OpenSocket>();
  /** Frames sent by the link layer, with their time. */
  readonly frames: { readonly time: number; readonly frame: Uint8Array }[] = [];
  private readonly time: VirtualClock;
  private readonly timers = new Set<Cancel>();
  private readonly lan: Lan;
  /** Routes and rules. */
  readonly routing: SimRouting;
  private links = new Map<number, Link>();
  private readonly held = new Map<string, Address>();
  private readonly watchers = new Set<(event: NetworkEvent) => void>();
  /** Fail the next operations on an address with this errno. */
  refuse: string | null = null;

  constructor(name: string, lan: Lan, clock: VirtualClock, address: string) {
    this.name = name;
    this.lan = lan;
    this.time = clock;
    this.clock = { now: () => clock.now(), wall: () => clock.wall(), at: (when, run) => this.timer(when, run) };
    this.routing = new SimRouting((run) => { clock.at(clock.now(), run); });
    this.links.set(2, ethernet(2, 'eth0'));
    this.put(host(2, address));
    lan.attach(this);
  }

  readonly vrrp = {
    open: (spec: SocketSpec, receive: (datagram: Datagram) => void, failed: (cause: Error) => void): VrrpSocket => {
      if (this.link1(spec.link) === undefined) throw new SystemError('bind', spec.link, 'ENODEV');
      const open: OpenSocket = { spec, receive, failed, buffer: null };
      this.sockets.add(open);
      return {
        setReceiveBuffer: (bytes) => { open.buffer = bytes; },
        dropped: () => 0,
        send: (datagram) => {
          const link = this.link1(spec.link);
          if (link === undefined) throw new SystemError('send', spec.link, 'ENODEV');
          if (!link.up) throw new SystemError('send', spec.link, 'ENETDOWN');
          if (link.running) this.lan.send(this.name, datagram, spec.protocol);
        },
        close: () => { this.sockets.delete(open); },
      };
    },
  };

  readonly link = {
    send: (linkIndex: number, frames: readonly Uint8Array[]): void => {
      if (!this.links.has(linkIndex)) throw new SystemError('send', `interface ${linkIndex}`, 'ENODEV');
      for (const frame of frames) this.frames.push({ time: this.clock.now(), frame });
    },
    close: (): void => undefined,
  };

  readonly routes = {
    dump: (): Promise<NetworkState> => Promise.resolve({ links: [...this.links.values()], addresses: [...this.held.values()] }),
    apply: (operations: readonly NetworkOp[]): Promise<(SystemError | null)[]> => Promise.resolve(operations.map((o) => this.carryOut(o))),
    watch: (changed: (event: NetworkEvent) => void): Cancel => {
      this.watchers.add(changed);
      return () => this.watchers.delete(changed);
    },
    dumpRoutes: (): Promise<MarkedRoutes> => this.routing.dump(),
    watchRoutes: (changed: (event: RouteEvent) => void): Cancel => this.routing.watch(changed),
    close: (): void => undefined,
  };

  accepts(to: IpAddress): boolean {
    return [...this.held.values()].some((a) => a.prefix.address === to);
  }

  hear(datagram: Datagram, protocol: number): void {
    for (const socket of this.sockets) {
      if (socket.spec.protocol !== protocol) continue;
      const link = this.link1(socket.spec.link);
      if (link?.up === true && link.running) socket.receive(datagram);
    }
  }

  /** Addresses now on the interface, `A.B.C.D/N`, but for the machine's first one. */
  addresses(): string[] {
    return [...this.held.values()].slice(1).map((a) => printPrefix(a.prefix));
  }

  /** The process is gone at one stroke; the kernel keeps what it was given. */
  killProcess(): void {
    for (const cancel of this.timers) cancel();
    this.timers.clear();
    this.watchers.clear();
    this.routing.forget();
    this.sockets.clear();
  }

  /** `ip link set eth0 up|down`. */
  setLink(up: boolean): void {
    const link = { ...ethernet(2, 'eth0'), up, running: up };
    this.links.set(2, link);
    this.tell({ type: 'link', link });
  }

  /** The interface goes, with its addresses. */
  removeLink(): void {
    this.links = new Map();
    for (const address of this.held.values()) this.tell({ type: 'address-gone', address });
    this.held.clear();
    for (const socket of this.sockets) this.time.at(this.time.now(), () => { this.breakSocket(socket, 'ENODEV'); });
    this.tell({ type: 'link-gone', index: 2, name: 'eth0' });
  }

  /** It appears, under another index, with this address. */
  addLink(index: number, address: string): void {
    const link = ethernet(index, 'eth0');
    this.links.set(index, link);
    this.tell({ type: 'link', link });
    this.put(host(index, address));
    for (const held of this.held.values()) this.tell({ type: 'address', address: held });
  }

  /** Somebody else removes an address. */
  takeAddress(text: string): void {
    const found = [...this.held.entries()].find(([, a]) => printPrefix(a.prefix) === text);
    if (found === undefined) throw new Error(`${this.name} does not hold ${text}`);
    this.held.delete(found[0]);
    this.tell({ type: 'address-gone', address: found[1] });
  }

  /** Somebody else (or an earlier run) has put an address there. */
  giveAddress(text: string, protocol: number | null): void {
    const address = { ...host(2, text), protocol };
    this.put(address);
    this.tell({ type: 'address', address });
  }

  /** A socket dies, and is closed then, as VrrpSockets promises. */
  breakSocket(socket: OpenSocket, code: string): void {
    if (this.sockets.delete(socket)) socket.failed(new SystemError('recv', socket.spec.link, code));
  }

  loseEvents(): void {
    this.tell({ type: 'lost' });
  }

  private timer(when: number, run: () => void): Cancel {
    const stop = this.time.at(when, () => {
      this.timers.delete(cancel);
      run();
    });
    const cancel = (): void => {
      this.timers.delete(cancel);
      stop();
    };
    this.timers.add(cancel);
    return cancel;
  }

  private carryOut(operation: NetworkOp): SystemError | null {
    if (operation.op === 'add-macvlan' || operation.op === 'add-ipvlan' || operation.op === 'set-macvlan' || operation.op === 'no-address-generation' || operation.op === 'set-link-up' || operation.op === 'delete-link') {
      return this.refuse === null ? this.carryOutLink(operation) : new SystemError(operation.op, 'eth0', this.refuse);
    }
    if (operation.op !== 'add-address' && operation.op !== 'delete-address') return this.refuse === null ? this.routing.carryOut(operation) : new SystemError(operation.op, 'eth0', this.refuse);
    const { address } = operation;
    const key = keyOf(address);
    const what = `${operation.op} ${printPrefix(address.prefix)}`;
    if (this.refuse !== null) return new SystemError(what, 'eth0', this.refuse);
    if (!this.links.has(address.linkIndex)) return new SystemError(what, 'eth0', 'ENODEV');
    if (operation.op === 'add-address') {
      if (this.held.has(key)) return new SystemError(what, 'eth0', 'EEXIST');
      this.held.set(key, address);
      this.tell({ type: 'address', address });
    } else {
      if (!this.held.delete(key)) return new SystemError(what, 'eth0', 'EADDRNOTAVAIL');
      this.tell({ type: 'address-gone', address });
    }
    return null;
  }

  private carryOutLink(operation: LinkOp): SystemError | null {
    const name = operation.op === 'add-macvlan' ? operation.macvlan.name : operation.op === 'add-ipvlan' ? operation.ipvlan.name : operation.name;
    const link = this.link1(name);
    const failed = (code: string): SystemError => new SystemError(operation.op, name, code);
    if (operation.op === 'add-macvlan') {
      if (link !== undefined) return failed('EEXIST');
      const { parentIndex, mac, group } = operation.macvlan;
      if (!this.links.has(parentIndex)) return failed('ENODEV');
      const index = Math.max(9, ...this.links.keys()) + 1;
      this.setLinkTo({ ...ethernet(index, name), mac, parentIndex, kind: 'macvlan', macvlanMode: 1, up: false, running: false, ...(group === 0 ? {} : { group }) });
      for (const key of ['arp_ignore', 'accept_local', 'rp_filter', 'promote_secondaries']) this.sysctls.values.set(`net/ipv4/conf/${name}/${key}`, '0');
      return null;
    }
    if (operation.op === 'add-ipvlan') {
      const { parentIndex, flags } = operation.ipvlan;
      const base = this.links.get(parentIndex);
      if (link !== undefined || base === undefined) return failed(base === undefined ? 'ENODEV' : 'EEXIST');
      this.setLinkTo({ ...ethernet(Math.max(9, ...this.links.keys()) + 1, name), mac: base.mac, parentIndex, kind: 'ipvlan', up: false, running: false, ...(flags === 0 ? {} : { ipvlanFlags: flags }) });
      return null;
    }
    if (link === undefined) return failed('ENODEV');
    switch (operation.op) {
      case 'set-macvlan':
        this.setLinkTo({ ...link, mac: operation.mac, macvlanMode: 1 });
        return null;
      case 'no-address-generation':
        return null;
      case 'set-link-up':
        this.setLinkTo({ ...link, up: true, running: this.links.get(link.parentIndex ?? 0)?.running ?? false });
        return null;
      case 'delete-link':
        this.dropLink(link.name);
        return null;
    }
  }

  private setLinkTo(link: Link): void {
    this.links.set(link.index, link);
    this.tell({ type: 'link', link });
  }

  /** `ip link delete NAME`: with its addresses and sockets. */
  dropLink(name: string): void {
    const link = this.link1(name);
    if (link === undefined) throw new Error(`${this.name} has no ${name}`);
    this.setLinkTo({ ...link, up: false, running: false });
    this.links.delete(link.index);
    for (const [key, address] of [...this.held]) {
      if (address.linkIndex !== link.index) continue;
      this.held.delete(key);
      this.tell({ type: 'address-gone', address });
    }
    for (const socket of [...this.sockets]) if (socket.spec.link === name) this.time.at(this.time.now(), () => { this.breakSocket(socket, 'ENODEV'); });
    this.tell({ type: 'link-gone', index: link.index, name });
  }

  /** Names of the interfaces that are there. */
  linkNames(): string[] {
    return [...this.links.values()].map((link) => link.name);
  }

  private put(address: Address): void {
    this.held.set(keyOf(address), address);
  }

  /** The kernel's messages come a little after the fact. */
  private tell(event: NetworkEvent): void {
    for (const watcher of this.watchers) this.time.at(this.time.now(), () => { if (this.watchers.has(watcher)) watcher(event); });
  }

  private link1(name: string): Link | undefined {
    return [...this.links.values()].find((l) => l.name === name);
  }
}

function keyOf(address: Address): string {
  return `${address.linkIndex} ${printPrefix(address.prefix)} ${address.peer ?? ''}`;
}

function ethernet(index: number, name: string): Link {
  return {
    index, name, mac: Uint8Array.from([2, 0, 0, 0, 0, index]), mtu: 1500, up: true, running: true, loopback: false, pointToPoint: false,
    multicast: true, noArp: false, kind: 'veth', parentIndex: null,
  };
}

function host(linkIndex: number, text: string): Address {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new RangeError(text);
  return { linkIndex, prefix, peer: null, broadcast: null, label: null, scope: 0, flags: 0x80, preferred: null, protocol: null };
}
