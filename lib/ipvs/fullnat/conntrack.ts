/** What conntrack says of itself (/proc/net/stat/nf_conntrack and its kernel parameters). */
export interface Conntrack {
  /** Entries of this network namespace, and how many all of them may have together. */
  readonly count: number;
  readonly max: number;
  /** Since the kernel's start; null: this kernel does not tell. */
  readonly lost: ConntrackLosses | null;
}

export interface ConntrackLosses {
  /** A connection that would have had the addresses and ports of another: there was no port left, or two packets raced. */
  readonly insertFailed: number;
  /** Packets dropped since there was no room, or no port. */
  readonly drop: number;
  /** Entries that had to make room for others. */
  readonly earlyDrop: number;
}

/** Sums over processors of a table with a head and a line of hexadecimal numbers for each; null: not such a table. */
export function parseConntrackStat(text: string): ConntrackLosses | null {
  const [head = '', ...lines] = text.split('\n').filter((line) => line.trim() !== '');
  const columns = head.trim().split(/\s+/u);
  const sum = (name: string): number | null => {
    const at = columns.indexOf(name);
    if (at < 0 || lines.length === 0) return null;
    const numbers = lines.map((line) => Number.parseInt(line.trim().split(/\s+/u)[at] ?? '', 16));
    return numbers.some((number) => Number.isNaN(number)) ? null : numbers.reduce((a, b) => a + b, 0);
  };
  const [insertFailed, drop, earlyDrop] = ['insert_failed', 'drop', 'early_drop'].map(sum);
  return insertFailed == null || drop == null || earlyDrop == null ? null : { insertFailed, drop, earlyDrop };
}
