/** Prints rows in columns; the first row is the head. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('   ').trimEnd();
  for (const [i, row] of rows.entries()) {
    console.log(line(row));
    if (i === 0) console.log(widths.map((width) => '─'.repeat(width)).join('───'));
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** 'median [least..most]'. */
export function spread(values: readonly number[], digits = 1): string {
  if (values.length === 0) return '–';
  return `${median(values).toFixed(digits)} [${Math.min(...values).toFixed(digits)}..${Math.max(...values).toFixed(digits)}]`;
}

/** 'ours / theirs' of the medians. */
export function ratio(ours: readonly number[], theirs: readonly number[]): string {
  return ours.length === 0 || theirs.length === 0 ? '–' : (median(ours) / median(theirs)).toFixed(2);
}

/** The value of `--NAME=N` on the command line, or `otherwise`. */
export function numberOption(name: string, otherwise: number): number {
  const found = process.argv.find((word) => word.startsWith(`--${name}=`));
  if (found === undefined) return otherwise;
  const value = Number(found.slice(name.length + 3));
  if (!Number.isInteger(value) || value < 1) throw new Error(`${found}: a whole number above 0 is wanted`);
  return value;
}
