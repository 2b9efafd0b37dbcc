import type { BfdDatagram, BfdSockets, BfdSpeaker, BfdSpeakerSpec } from '../../lib/system/bfd-sockets.ts';
import { SystemError } from '../../lib/system/error.ts';
import type { Family, IpAddress } from '../../lib/util/ip.ts';

export interface SentBfd {
  readonly payload: Uint8Array;
  readonly from: BfdSpeakerSpec;
  readonly to: IpAddress;
  readonly port: number;
}

interface Listener {
  readonly receive: (datagram: BfdDatagram) => void;
  readonly failed: (cause: Error) => void;
}

/** UDP as a test wants it: what is sent is handed to `onSend`, what comes is given to `deliver`. */
export class FakeBfdSockets implements BfdSockets {
  /** What opening a socket ends with. */
  refuse: string | null = null;
  /** What sending ends with. */
  unreachable: string | null = null;
  readonly sent: SentBfd[] = [];
  onSend: (sent: SentBfd) => void = () => undefined;
  readonly listening = new Map<string, Listener>();
  speakers = 0;

  listen(family: Family, port: number, receive: (datagram: BfdDatagram) => void, failed: (cause: Error) => void): { close(): void } {
    if (this.refuse !== null) throw new SystemError('bind', `port ${port}`, this.refuse);
    const key = `${family} ${port}`;
    this.listening.set(key, { receive, failed });
    return { close: () => { this.listening.delete(key); } };
  }

  speaker(spec: BfdSpeakerSpec): BfdSpeaker {
    if (this.refuse !== null) throw new SystemError('bind', spec.source ?? 'any', this.refuse);
    this.speakers++;
    return {
      send: (payload, to, port) => {
        if (this.unreachable !== null) throw new SystemError('send', to, this.unreachable);
        const sent = { payload, from: spec, to, port };
        this.sent.push(sent);
        this.onSend(sent);
      },
      close: () => { this.speakers--; },
    };
  }

  deliver(family: Family, port: number, datagram: BfdDatagram): void {
    this.listening.get(`${family} ${port}`)?.receive(datagram);
  }

  /** The socket of a port dies. */
  breakListener(family: Family, port: number, code: string): void {
    const key = `${family} ${port}`;
    const listener = this.listening.get(key);
    this.listening.delete(key);
    listener?.failed(new SystemError('receive', `port ${port}`, code));
  }
}
