import type { Family } from '../util/ip.ts';

/** The packet filter ip_tables and ip6_tables, by the programs of iptables(8) that do not use nf_tables. None of it blocks. */
export interface Iptables {
  /** What it calls itself: `iptables v1.8.9 (legacy)`. Rejects with SystemError (ENOENT: there is none, or only one that uses nf_tables). */
  version(family: Family): Promise<string>;
  /** All tables, as iptables-save writes them. Rejects with SystemError. */
  save(family: Family): Promise<string>;
  /** `iptables-restore --noflush`: each table as a whole or not at all, in their order. Rejects with SystemError, whose text has what it said. */
  restore(family: Family, text: string): Promise<void>;
}
