import type { FilterOp, FilterTable } from '../codec/nftables.ts';
import type { SystemError } from './error.ts';
import type { Cancel } from '../util/time.ts';

/** The kernel's packet filter, nf_tables. Opened by its first use: most configurations need none. */
export interface PacketFilter {
  /**
   * Carries out all operations or, when one is refused, none of them, before it returns. Rejects with the SystemError of
   * the first that was refused.
   */
  apply(operations: readonly FilterOp[]): Promise<void>;
  /** All tables of the families ip and ip6. Rejects with SystemError (EPROTONOSUPPORT and the like where there is no nf_tables). */
  tables(): Promise<readonly FilterTable[]>;
  /**
   * Hears of a table from which somebody else took something, or everything; null: messages were lost. `failed` hears of the
   * end of it. Throws SystemError.
   */
  watch(damaged: (table: FilterTable | null) => void, failed: (cause: SystemError) => void): Cancel;
}
