import type { CheckSockets, Connected, Route } from '../../lib/system/check-sockets.ts';
import { SystemError } from '../../lib/system/error.ts';
import type { IpAddress } from '../../lib/util/ip.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** Connections that a test ends: null never ends. Counts what is open. */
export class FakeCheckSockets implements CheckSockets {
  answer: Connected | null = { fd: 7 };
  /** Addresses that refuse, whatever the answer of others. */
  readonly refusing = new Set<IpAddress | string>();
  pending = 0;
  open = 0;
  begun: number[] = [];
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  connect({ to }: Route, done: (outcome: Connected) => void): () => void {
    this.pending++;
    this.begun.push(this.#clock.now());
    let waiting = true;
    let timer = (): unknown => undefined;
    const end = (): void => {
      if (waiting) this.pending--;
      waiting = false;
      timer();
    };
    const answer: Connected | null = this.refusing.has(to) ? { refused: new SystemError('connect to', to, 'ECONNREFUSED') } : this.answer;
    if (answer !== null) {
      timer = this.#clock.at(this.#clock.now() + 10, () => {
        end();
        if ('fd' in answer) this.open++;
        done(answer);
      });
    }
    return end;
  }

  close(): void {
    this.open--;
  }

  datagram(): never {
    throw new SystemError('open a socket for', 'nobody', 'EMFILE');
  }
}
