import type { Clock } from '../system/clock.ts';
import { SystemError } from '../system/error.ts';
import type { NetlinkRoutes, NetworkOp } from '../system/netlink-routes.ts';
import type { Log } from './log/log.ts';

/** Operations handed to the kernel in one turn. */
const CHUNK = 200;

export type Answered = (operation: NetworkOp, error: SystemError | null) => void;
/** An error that says nothing new, besides those that say that it is as wanted. */
export type Tolerated = (operation: NetworkOp, error: SystemError) => boolean;

type Work = { readonly owner: string; readonly operations: readonly NetworkOp[]; readonly answered: Answered; readonly tolerated: Tolerated } | { readonly run: () => void };

/**
 * What the kernel is asked for, in the order that it was asked for in: a few operations at once, a great many in chunks, so
 * that advertisements go on between them. What is refused is logged, unless it is as wanted all the same.
 */
export class KernelQueue {
  readonly #routes: NetlinkRoutes;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Work that is too much for one turn of the event loop. */
  readonly #queue: Work[] = [];
  #draining = false;

  constructor(routes: NetlinkRoutes, clock: Clock, log: Log) {
    this.#routes = routes;
    this.#clock = clock;
    this.#log = log;
  }

  /** Unless that is a great deal, the kernel has it all when this returns. `answered` hears of each operation when its answer comes. */
  push(owner: string, operations: readonly NetworkOp[], answered: Answered = () => undefined, tolerated: Tolerated = () => false): void {
    for (let i = 0; i < operations.length; i += CHUNK) this.#queue.push({ owner, operations: operations.slice(i, i + CHUNK), answered, tolerated });
    if (!this.#draining) this.#drain();
  }

  /** Runs `run` once the kernel has been given everything that was asked so far: now, unless that is a great deal. */
  whenDone(run: () => void): void {
    if (this.#queue.length === 0) run();
    else this.#queue.push({ run });
  }

  /** Hands all that is queued to the kernel at once: at the end there is no later. */
  flush(): void {
    while (this.#queue.length > 0) this.#turn();
  }

  /** The kernel takes some 60 µs for an address: a chunk a turn. */
  #drain(): void {
    this.#turn();
    this.#draining = this.#queue.length > 0;
    if (this.#draining) this.#clock.at(this.#clock.now(), () => { this.#drain(); });
  }

  #turn(): void {
    const work = this.#queue.shift();
    if (work === undefined) return;
    if ('run' in work) work.run();
    else this.#send(work);
    // What waits for this chunk alone need not wait for another turn.
    while (this.#queue[0] !== undefined && 'run' in this.#queue[0]) this.#turn();
  }

  #send({ owner, operations, answered, tolerated }: Exclude<Work, { readonly run: () => void }>): void {
    this.#routes.apply(operations).then(
      (results) => {
        results.forEach((error, i) => {
          const operation = operations[i];
          if (operation === undefined) return;
          const refused = error === null || isAsWanted(operation, error.code) || tolerated(operation, error) ? null : error;
          if (refused !== null) this.#log.error(`(${owner}) Netlink: ${refused.message}`, { code: refused.code, operation: operation.op });
          answered(operation, error);
        });
      },
      (cause: unknown) => {
        this.#log.error(`(${owner}) Netlink: addresses could not be set: ${String(cause)}`);
        // What became of them is not known: whoever asked must not wait for more.
        const error = cause instanceof SystemError ? cause : new SystemError('ask', 'the kernel', 'EIO', cause);
        for (const operation of operations) answered(operation, error);
      },
    );
  }
}

/** Already there, already gone (a primary takes its secondaries along), or its interface went: as wanted. */
export function isAsWanted(operation: NetworkOp, code: string): boolean {
  switch (operation.op) {
    case 'add-macvlan':
    case 'add-ipvlan':
    case 'set-macvlan':
    case 'no-address-generation':
    case 'set-link-up':
      return false;
    case 'delete-link':
      return code === 'ENODEV';
    case 'add-address':
    case 'add-rule':
      return code === 'EEXIST';
    case 'add-route':
      // One that must be the only one of its kind meets somebody else's; before or behind those like it, only its very self.
      return code === 'EEXIST' && operation.place !== 'add';
    case 'delete-address':
      return code === 'EADDRNOTAVAIL' || code === 'ENODEV';
    case 'delete-route':
      return code === 'ESRCH' || code === 'ENODEV';
    case 'delete-rule':
      return code === 'ENOENT';
  }
}
