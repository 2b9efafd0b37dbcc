import { encodeIpv4Header } from '../../lib/codec/ipv4.ts';
import type { Clock } from '../../lib/system/clock.ts';
import type { Datagram, OutgoingDatagram } from '../../lib/system/vrrp-sockets.ts';
import { familyOf, type IpAddress, isMulticast } from '../../lib/util/ip.ts';

/** One end on the wire: what a machine's interface hears. */
export interface Station {
  readonly name: string;
  /** Does it take a datagram for this destination? */
  accepts(to: IpAddress): boolean;
  hear(datagram: Datagram, protocol: number): void;
}

/** One advertisement or frame that passed, for tests to look at. */
export interface Passed {
  readonly time: number;
  readonly from: string;
  readonly datagram: OutgoingDatagram;
}

/** A switch on virtual time: delays every datagram a little, can be cut for a station, drops at a rate from a seed. */
export class Lan {
  readonly passed: Passed[] = [];
  readonly seed: number;
  private readonly clock: Clock;
  private readonly stations = new Set<Station>();
  private readonly cut = new Set<string>();
  private readonly delay = 0.2;
  private state: number;
  /** Share of datagrams that are lost, 0..1. */
  loss = 0;

  constructor(clock: Clock, seed = 1) {
    this.clock = clock;
    this.seed = seed;
    this.state = seed;
  }

  attach(station: Station): void {
    this.stations.add(station);
  }

  detach(station: Station): void {
    this.stations.delete(station);
  }

  /** No datagram to or from this station any more; its interface notices nothing. */
  cutOff(name: string): void {
    this.cut.add(name);
  }

  heal(name: string): void {
    this.cut.delete(name);
  }

  /** `protocol`: 112, or 51 for AH. */
  send(from: string, datagram: OutgoingDatagram, protocol = 112): void {
    this.passed.push({ time: this.clock.now(), from, datagram });
    if (this.cut.has(from)) return;
    for (const station of this.stations) {
      if (station.name === from || this.cut.has(station.name) || this.random() < this.loss) continue;
      if (!isMulticast(datagram.to) && !station.accepts(datagram.to)) continue;
      const { from: source, to, payload, ttl, id } = datagram;
      const header = familyOf(source) === 'inet' ? encodeIpv4Header({ from: source, to, ttl, id, protocol }, payload.length) : null;
      this.clock.at(this.clock.now() + this.delay, () => { station.hear({ from: source, to, payload, ttl, header }, protocol); });
    }
  }

  /** Park and Miller's generator: the same losses for the same seed. */
  private random(): number {
    this.state = (this.state * 48271) % 2147483647;
    return this.state / 2147483647;
  }
}
