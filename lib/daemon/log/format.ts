import type { LogLevel } from './log.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Syslog severities (RFC 3164 §4.1.1). keepalived says nearly everything at `info`. */
const SEVERITY: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, detail: 6, debug: 7 };

/** keepalived's console line, without its newline: `Mon Nov  3 21:38:12 2026: text`, local time. `wall` in ms since the epoch. */
export function consoleLine(wall: number, text: string): string {
  return `${timeText(new Date(wall))}: ${text}`;
}

/** asctime(3) without its newline, local time: `Mon Nov  3 21:38:12 2026`. */
export function timeText(date: Date): string {
  return `${DAYS[date.getDay()] ?? ''} ${dayAndTime(date)} ${String(date.getFullYear())}`;
}

/**
 * One syslog datagram (RFC 3164 §4.1) as syslog(3) writes it to /dev/log: `<30>Nov  3 21:38:12 ident[pid]: text`.
 * `facility` is its number, 0..23. Control characters become blanks: one datagram is one line.
 */
export function syslogLine(wall: number, level: LogLevel, facility: number, ident: string, pid: number, text: string): string {
  const priority = facility * 8 + SEVERITY[level];
  return `<${String(priority)}>${dayAndTime(new Date(wall))} ${ident}[${String(pid)}]: ${text.replace(/[\u0000-\u001f\u007f]+/g, ' ')}`;
}

/** `local0`…`local7`, `0`…`7` (the same), `user`, `daemon` → the facility's number; null for anything else (keepalived's `-S`). */
export function parseFacility(text: string): number | null {
  if (text === 'user') return 1;
  if (text === 'daemon') return 3;
  const local = /^(?:local)?([0-7])$/.exec(text);
  return local === null ? null : 16 + Number(local[1]);
}

function dayAndTime(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${MONTHS[date.getMonth()] ?? ''} ${String(date.getDate()).padStart(2, ' ')} ${clock}`;
}
