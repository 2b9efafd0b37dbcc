import type { FullnatKind } from '../codec/ipvs-fullnat.ts';
import type { IpvsOperation } from '../codec/ipvs-operation.ts';
import type { IpvsInfo, IpvsTimeouts, LocalAddressStatus, ServiceEntryStatus, ServiceId, SyncDaemon } from '../codec/ipvs-values.ts';
import type { SystemError } from './error.ts';

/** The kernel's IP Virtual Server, of the network namespace this was opened in. All reject with SystemError. */
export interface IpvsControl {
  /** Whose FULLNAT this kernel has; null: none. What needs it is refused with EOPNOTSUPP where there is none, and never sent. */
  readonly fullnat: FullnatKind;
  /** Its services have a timeout of their own for established connections. */
  readonly establishedTimeouts: boolean;
  /** Which IPVS this is. */
  info(): Promise<IpvsInfo>;
  /** Every service with its destinations, in the kernel's order, with its counters. */
  dump(): Promise<readonly ServiceEntryStatus[]>;
  /** Of a service, with what the kernel counted; none on a kernel without FULLNAT. */
  localAddresses(service: ServiceId): Promise<readonly LocalAddressStatus[]>;
  timeouts(): Promise<IpvsTimeouts>;
  /** Those that run: none, a master, a backup, or both. */
  daemons(): Promise<readonly SyncDaemon[]>;
  /**
   * All operations, in order, in as few sends as can be. The promise brings one entry for each: null, or why the kernel
   * refused it (EEXIST a service or destination that is there, ENOENT a destination or scheduler that is not, ESRCH a service
   * that is not). It rejects when an answer was lost (ENOBUFS, ETIMEDOUT): then nobody knows what was done, and what is to
   * be done must come from a new dump.
   */
  apply(operations: readonly IpvsOperation[]): Promise<readonly (SystemError | null)[]>;
  close(): void;
}
