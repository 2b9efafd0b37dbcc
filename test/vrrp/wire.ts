import { type Advertisement, decodeAdvertisement, encodeAdvertisement } from '../../lib/codec/vrrp.ts';
import { DecodeError } from '../../lib/codec/decode-error.ts';
import type { OutgoingDatagram } from '../../lib/system/vrrp-sockets.ts';
import { type Family, ip } from '../../lib/util/ip.ts';
import { instanceText } from '../sim/config-text.ts';
import type { SimRouter } from '../sim/router.ts';
import { simRouters } from '../sim/router.ts';
import type { Lan } from '../sim/lan.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

/** What stands on the wire of a family: the router's address, somebody else's, the virtual one, the group. */
const WIRES = {
  inet: { own: '10.0.0.1/24', other: '10.0.0.2', vip: '10.0.0.100/24', group: '224.0.0.18' },
  inet6: { own: 'fe80::1/64', other: 'fe80::2', vip: 'fe80::100/64', group: 'ff02::12' },
} as const;

/** One router on a wire of its own, with a hand that can put datagrams there: `a`, 10.0.0.1 or fe80::1. */
export class Wire {
  readonly family: Family;
  readonly version: 2 | 3;
  readonly clock = new VirtualClock();
  readonly lan: Lan;
  readonly router: SimRouter;

  constructor(family: Family = 'inet', version: 2 | 3 = 2) {
    this.family = family;
    this.version = version;
    const { lan, routers } = simRouters(this.clock, { a: WIRES[family].own });
    const router = routers.get('a');
    if (router === undefined) throw new Error('no router');
    this.lan = lan;
    this.router = router;
  }

  /** Starts with one instance, and lets time pass. */
  async run(body: string, ms: number): Promise<this> {
    await this.router.start(instanceText(this.version === 3 ? `version 3\n${body}` : body, 'VI_1', 51, WIRES[this.family].vip));
    await this.clock.advance(ms);
    return this;
  }

  /** All advertisements that the router has sent, decoded. */
  get sent(): Advertisement[] {
    return this.datagrams.map(({ payload }) => {
      const advert = decodeAdvertisement(payload, this.family);
      if (advert instanceof DecodeError) throw new Error(advert.detail);
      return advert;
    });
  }

  get datagrams(): OutgoingDatagram[] {
    return this.lan.passed.filter((p) => p.from === 'a').map((p) => p.datagram);
  }

  /** Another router's datagram. */
  async put(priority: number, changes: { from?: string; ttl?: number; payload?: Uint8Array } & Partial<Advertisement> = {}): Promise<void> {
    const { other, vip, group } = WIRES[this.family];
    const { from = other, ttl = 255, payload, ...fields } = changes;
    const advert: Advertisement = {
      version: this.version, type: 1, vrid: 51, priority, advertInterval: 1000, addresses: [ip(vip.replace(/\/.*/u, ''))],
      auth: this.version === 2 ? { type: 0, data: new Uint8Array(8) } : null, ...fields,
    };
    const ends = { from: ip(from), to: ip(group) };
    this.lan.send('hand', { ...ends, ttl, id: 1, payload: payload ?? encodeAdvertisement(advert, ends) });
    await this.clock.advance(1);
  }

  /** Stops it; says what is left of it. */
  async stop(): Promise<{ timers: number; sockets: number; addresses: string[]; scripts: number }> {
    const stopping = this.router.daemon.stop();
    await this.clock.advance(1000);
    await stopping;
    const { machine } = this.router;
    return { timers: this.clock.pending(), sockets: machine.sockets.size, addresses: machine.addresses(), scripts: machine.scripts.alive().length };
  }
}

export const NOTHING_LEFT = { timers: 0, sockets: 0, addresses: [], scripts: 0 };
