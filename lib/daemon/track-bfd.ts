import type { TrackState } from '../vrrp/priority.ts';

/**
 * The states of BFD sessions as virtual routers see them, by the name of their bfd_instance. Whoever runs the sessions tells
 * them; one that nobody has told of is down, as a session is before its peer has answered (RFC 5880 §6.8.1).
 */
export class BfdStates {
  readonly #up = new Set<string>();
  readonly #changed: (name: string) => void;

  constructor(changed: (name: string) => void) {
    this.#changed = changed;
  }

  /** A session went up or down; the same again is no news. */
  set(name: string, up: boolean): void {
    if (up === this.#up.has(name)) return;
    if (up) this.#up.add(name);
    else this.#up.delete(name);
    this.#changed(name);
  }

  state(name: string): TrackState {
    return this.#up.has(name) ? 'up' : 'down';
  }
}
