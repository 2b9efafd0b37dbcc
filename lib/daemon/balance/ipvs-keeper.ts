import type { IpvsOperation } from '../../codec/ipvs-operation.ts';
import { destinationKey, serviceKey, type Destination, type ServiceEntry } from '../../codec/ipvs-values.ts';
import { diffTables } from '../../ipvs/diff.ts';
import { EMPTY_TABLE, tableOf, union, type IpvsTable } from '../../ipvs/table.ts';
import type { Clock } from '../../system/clock.ts';
import { SystemError } from '../../system/error.ts';
import type { IpvsControl } from '../../system/ipvs.ts';
import type { Cancel, Millis } from '../../util/time.ts';
import type { Log } from '../log/log.ts';

/** Pauses before a refused or lost programming is tried again: the first, and the longest, each being twice the one before. */
const FIRST_PAUSE: Millis = 1000;
const LONGEST_PAUSE: Millis = 60_000;

/**
 * Keeps the kernel's IPVS table as it is wanted: by difference, one programming at a time, everything that came in between in
 * the next one. After a refusal or a lost answer nothing is guessed: the table is read again, and the difference is made anew.
 */
export class IpvsKeeper {
  readonly #control: IpvsControl;
  readonly #clock: Clock;
  readonly #log: Log;
  #wanted: IpvsTable = EMPTY_TABLE;
  #actual: IpvsTable = EMPTY_TABLE;
  /** What this run, or one before it, has put there: only this is ever removed. */
  #ours: IpvsTable = EMPTY_TABLE;
  /** What was wanted when all was well last: entries that are the same since need no look. */
  #applied: IpvsTable = EMPTY_TABLE;
  #running: Promise<void> | null = null;
  #again = false;
  #stale = false;
  #pause: Millis = FIRST_PAUSE;
  #retry: Cancel = () => undefined;
  #closed = false;
  /** Said already, so that a refusal that stays is told once. */
  #said = new Set<string>();
  /** Operations that the kernel refused, since the start. */
  refused = 0;

  constructor(control: IpvsControl, clock: Clock, log: Log) {
    this.#control = control;
    this.#clock = clock;
    this.#log = log;
  }

  /** Reads what is there. `leftover`: what an earlier run may have put there. Rejects with SystemError. */
  async start(leftover: IpvsTable): Promise<void> {
    this.#actual = tableOf(await this.#control.dump());
    this.#ours = leftover;
  }

  /** What the kernel should have. */
  get wanted(): IpvsTable {
    return this.#wanted;
  }

  /** Somebody has been at the table: what it holds is looked at before the next change. */
  stale(): void {
    this.#stale = true;
  }

  /** From now on the kernel should have this. */
  want(table: IpvsTable): void {
    this.#wanted = table;
    this.#ours = union(this.#ours, table);
    this.#begin();
  }

  /** Resolves when all that was wanted so far has been tried. */
  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  close(): void {
    this.#closed = true;
    this.#retry();
  }

  #begin(): void {
    if (this.#closed) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => { this.#running = null; });
  }

  async #run(): Promise<void> {
    // What is wanted in one turn is one programming.
    await Promise.resolve();
    while (this.#again && !this.#closed) {
      this.#again = false;
      const done = await this.#once().catch((cause: unknown) => this.#lost(cause));
      if (!done) this.#later();
    }
  }

  /** False when something must be tried again. */
  async #once(): Promise<boolean> {
    if (this.#stale) {
      this.#applied = EMPTY_TABLE;
      this.#actual = tableOf(await this.#control.dump());
      this.#stale = false;
    }
    const wanted = this.#wanted;
    const operations = this.#difference(wanted);
    if (operations.length > 0) this.#log.detail(`IPVS: ${operations.length} ${operations.length === 1 ? 'change' : 'changes'}`);
    const results = operations.length === 0 ? [] : await this.#control.apply(operations);
    const table = new WorkTable(this.#actual);
    let failed = false;
    for (const [i, operation] of operations.entries()) {
      const problem = results[i] ?? null;
      if (problem === null || isDone(operation, problem)) table.carryOut(operation);
      else failed = true;
      if (problem !== null) this.#refusedBy(problem);
    }
    this.#actual = table.table();
    if (failed) {
      this.#stale = true;
      return false;
    }
    this.#applied = wanted;
    this.#ours = this.#again ? union(wanted, this.#ours) : wanted;
    this.#pause = FIRST_PAUSE;
    this.#said.clear();
    return true;
  }

  #difference(wanted: IpvsTable): IpvsOperation[] {
    const changed = new Map([...wanted].filter(([key, entry]) => this.#applied.get(key) !== entry));
    const before = new Map([...this.#actual].filter(([key]) => changed.has(key) || !wanted.has(key)));
    return diffTables(changed, before, this.#ours);
  }

  #lost(cause: unknown): boolean {
    if (!(cause instanceof SystemError)) throw cause;
    this.#stale = true;
    this.#refusedBy(cause);
    return false;
  }

  #refusedBy(problem: SystemError): void {
    this.refused++;
    if (this.#said.has(problem.message)) return;
    this.#said.add(problem.message);
    this.#log.error(`IPVS: ${problem.message}`);
  }

  #later(): void {
    this.#retry();
    if (this.#closed) return;
    const pause = this.#pause;
    this.#pause = Math.min(pause * 2, LONGEST_PAUSE);
    this.#retry = this.#clock.at(this.#clock.now() + pause, () => { this.#begin(); });
  }
}

/** What is to be gone and is not there is gone; a local address that is there already is there. */
function isDone(operation: IpvsOperation, { code }: SystemError): boolean {
  if (operation.op === 'add-local-address') return code === 'EEXIST';
  return (operation.op === 'delete-service' || operation.op === 'delete-destination' || operation.op === 'delete-local-address') && (code === 'ENOENT' || code === 'ESRCH');
}

/** A table while operations change it: a copy of what they touch. */
class WorkTable {
  readonly #services: Map<string, ServiceEntry>;
  readonly #destinations = new Map<string, Map<string, Destination>>();

  constructor(table: IpvsTable) {
    this.#services = new Map(table);
  }

  carryOut(operation: IpvsOperation): void {
    switch (operation.op) {
      case 'add-service':
      case 'edit-service': {
        const key = serviceKey(operation.service.id);
        this.#services.set(key, { ...this.#services.get(key) ?? { destinations: [] }, service: operation.service });
        return;
      }
      case 'add-local-address':
      case 'delete-local-address': {
        const key = serviceKey(operation.service);
        const entry = this.#services.get(key);
        const rest = (entry?.localAddresses ?? []).filter((address) => address !== operation.address);
        if (entry !== undefined) this.#services.set(key, { ...entry, localAddresses: operation.op === 'add-local-address' ? [...rest, operation.address] : rest });
        return;
      }
      case 'delete-service':
        this.#services.delete(serviceKey(operation.id));
        this.#destinations.delete(serviceKey(operation.id));
        return;
      case 'add-destination':
      case 'edit-destination':
        this.#of(serviceKey(operation.service)).set(destinationKey(operation.destination), operation.destination);
        return;
      case 'delete-destination':
        this.#of(serviceKey(operation.service)).delete(destinationKey(operation.destination));
        return;
      case 'zero':
      case 'set-timeouts':
      case 'start-daemon':
      case 'stop-daemon':
        return;
      case 'flush':
        this.#services.clear();
        this.#destinations.clear();
    }
  }

  table(): IpvsTable {
    for (const [key, destinations] of this.#destinations) {
      const entry = this.#services.get(key);
      if (entry !== undefined) this.#services.set(key, { ...entry, destinations: [...destinations.values()] });
    }
    return this.#services;
  }

  #of(key: string): Map<string, Destination> {
    let destinations = this.#destinations.get(key);
    if (destinations === undefined) {
      destinations = new Map((this.#services.get(key)?.destinations ?? []).map((one) => [destinationKey(one), one]));
      this.#destinations.set(key, destinations);
    }
    return destinations;
  }
}
