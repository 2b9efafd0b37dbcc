/** When an operator is to hear that FULLNAT runs out of ports or of conntrack entries: once when it begins, and once when it has passed. */
import type { Millis } from '../../util/time.ts';
import type { Conntrack } from './conntrack.ts';
import { PORTS, type PortUse } from './port-budget.ts';

/** Begins at and above, has passed below. */
const HIGH = 0.8;
const LOW = 0.7;
/** Between two lines about connections that are being lost. */
const LOSS_PAUSE: Millis = 600_000;

export interface BudgetReading {
  readonly uses: readonly PortUse[];
  /** null: this kernel does not tell. */
  readonly conntrack: Conntrack | null;
}

export interface BudgetAlarms {
  /** Real servers whose ports run out, by name. */
  readonly ports: ReadonlySet<string>;
  readonly entries: boolean;
  readonly smallTable: boolean;
  /** What was counted when the last line was said, or at the beginning; null: nothing was read yet. */
  readonly losses: { readonly failed: number; readonly dropped: number; readonly saidAt: Millis | null } | null;
}

export const NO_ALARMS: BudgetAlarms = { ports: new Set(), entries: false, smallTable: false, losses: null };

export interface AlarmLine {
  readonly level: 'warn' | 'info';
  readonly text: string;
}

export function budgetAlarms(before: BudgetAlarms, { uses, conntrack }: BudgetReading, now: Millis): { readonly alarms: BudgetAlarms; readonly lines: readonly AlarmLine[] } {
  const lines: AlarmLine[] = [];
  const ports = portAlarms(before.ports, uses, lines);
  if (conntrack === null) return { alarms: { ...before, ports }, lines };
  return { alarms: { ports, entries: entryAlarm(before.entries, conntrack, lines), smallTable: smallTable(before.smallTable, conntrack, lines), losses: losses(before.losses, conntrack, now, lines) }, lines };
}

function portAlarms(before: ReadonlySet<string>, uses: readonly PortUse[], lines: AlarmLine[]): Set<string> {
  const alarms = new Set<string>();
  const seen = new Set<string>();
  for (const use of uses) {
    const name = `[${use.address}]:${use.protocol ?? 'any'}:${String(use.port)}`;
    seen.add(name);
    if (use.share >= HIGH || (before.has(name) && use.share >= LOW)) alarms.add(name);
    if (alarms.has(name) && !before.has(name)) {
      lines.push({ level: 'warn', text: `FULLNAT: connections to ${name} use ${percent(use.share)} of the ports that local_address_group ${use.pools.join(' and ')} has for it (${String(use.connections)} connections, ${String(use.addresses)} addresses with ${String(PORTS)} ports each); without a port new ones fail - add addresses to the group, or real servers` });
    }
    if (before.has(name) && !alarms.has(name)) lines.push({ level: 'info', text: `FULLNAT: connections to ${name} use ${percent(use.share)} of its ports: enough are free again` });
  }
  for (const name of before) if (!seen.has(name)) lines.push({ level: 'info', text: `FULLNAT: ${name} is no real server any more, and needs no ports` });
  return alarms;
}

function entryAlarm(before: boolean, { count, max }: Conntrack, lines: AlarmLine[]): boolean {
  const share = max === 0 ? 0 : count / max;
  const alarm = share >= HIGH || (before && share >= LOW);
  if (alarm && !before) lines.push({ level: 'warn', text: `FULLNAT: conntrack has ${percent(share)} of the entries that it may have (${String(count)} of net.netfilter.nf_conntrack_max=${String(max)}); when it is full, packets are dropped - raise net.netfilter.nf_conntrack_max to all connections and those of the last two minutes` });
  if (before && !alarm) lines.push({ level: 'info', text: `FULLNAT: conntrack has ${percent(share)} of the entries that it may have: enough are free again` });
  return alarm;
}

/** Said once: fewer entries than one local address has ports for one real server. */
function smallTable(before: boolean, { max }: Conntrack, lines: AlarmLine[]): boolean {
  if (max < PORTS && max > 0 && !before) lines.push({ level: 'warn', text: `FULLNAT: net.netfilter.nf_conntrack_max is ${String(max)}, less than one local address has ports for one real server (${String(PORTS)}); raise it (sysctl, in the first network namespace) to all connections and those of the last two minutes` });
  return max < PORTS && max > 0;
}

function losses(before: BudgetAlarms['losses'], { lost }: Conntrack, now: Millis, lines: AlarmLine[]): BudgetAlarms['losses'] {
  if (lost === null) return before;
  const counted = { failed: lost.insertFailed, dropped: lost.drop };
  // Counters that went back are another namespace's, or another kernel's: a new beginning.
  if (before === null || counted.failed < before.failed || counted.dropped < before.dropped) return { ...counted, saidAt: null };
  const more = counted.failed - before.failed + counted.dropped - before.dropped;
  if (more === 0 || (before.saidAt !== null && now - before.saidAt < LOSS_PAUSE)) return before;
  lines.push({ level: 'warn', text: `FULLNAT: conntrack has lost ${String(more)} connections or packets since ${before.saidAt === null ? 'it was first looked at' : 'this was last said'} (insert_failed ${String(counted.failed)}, drop ${String(counted.dropped)} in /proc/net/stat/nf_conntrack): local addresses without a free port, or a full table - add addresses to the local_address_group, or raise net.netfilter.nf_conntrack_max` });
  return { ...counted, saidAt: now };
}

function percent(share: number): string {
  return `${String(Math.floor(share * 100))} %`;
}
