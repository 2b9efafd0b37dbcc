import type { NetlinkMessage } from '../codec/netlink.ts';
import type { SystemError } from '../system/error.ts';
import { type BufferSize, NetlinkChannel, type NetlinkProtocol } from './netlink-channel.ts';

const NETLINK_ROUTE = 0;

export interface Monitored<Event> {
  /** NETLINK_ROUTE unless it says otherwise. */
  readonly protocol?: NetlinkProtocol;
  /** For errors. */
  readonly name: string;
  /** Multicast groups of that protocol. */
  readonly groups: readonly number[];
  /** null for what does not concern us. */
  readonly toEvent: (message: NetlinkMessage) => Event | null;
  readonly tell: (event: Event | { readonly type: 'lost' }) => void;
  /** The socket has died. */
  readonly failed: (cause: SystemError) => void;
  /** Its receive buffer; null: the default. */
  readonly buffer: BufferSize | null;
}

/** Turns the kernel's notifications into events, and a grown count of dropped ones into 'lost'. */
export class NetlinkMonitor<Event> {
  readonly #channel: NetlinkChannel;
  readonly #spec: Monitored<Event>;
  #drops = 0;
  #checking = false;
  #open = true;

  constructor(spec: Monitored<Event>) {
    this.#spec = spec;
    this.#channel = new NetlinkChannel(spec.protocol ?? NETLINK_ROUTE, spec.name, (message) => { this.#hear(message); }, spec.failed);
    if (spec.buffer !== null) this.#channel.setReceiveBuffer(spec.buffer);
    for (const group of spec.groups) this.#channel.join(group);
  }

  close(): void {
    this.#open = false;
    this.#channel.close();
  }

  #hear(message: NetlinkMessage): void {
    // A drop needs a full buffer, and a full buffer has messages to be heard: looking after each burst finds every drop.
    if (!this.#checking) {
      this.#checking = true;
      setImmediate(() => { this.#checkDrops(); });
    }
    const event = this.#spec.toEvent(message);
    if (event !== null) this.#spec.tell(event);
  }

  #checkDrops(): void {
    if (!this.#open) return;
    this.#checking = false;
    const drops = this.#channel.drops;
    if (drops === this.#drops) return;
    this.#drops = drops;
    this.#spec.tell({ type: 'lost' });
  }
}
