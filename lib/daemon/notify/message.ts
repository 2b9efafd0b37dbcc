import type { MailSettings } from '../../config/model.ts';
import type { Alert } from './plan.ts';

/** What SMTP sends: the envelope's addresses and the message with its headers, lines ending in CRLF. */
export interface Message {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** An alert as keepalived writes it: Date, From, Subject, X-Mailer, To, an empty line, the text, an empty line. */
export function buildMessage(settings: MailSettings, routerId: string, alert: Alert, date: Date): Message {
  const lines = [
    `Date: ${mailDate(date)}`,
    `From: ${oneLine(settings.from)}`,
    `Subject: ${oneLine(`[${routerId}] ${alert.subject}`)}`,
    'X-Mailer: Keepalived',
    `To: ${settings.to.map(oneLine).join(',\r\n ')}`,
    '',
    oneLine(alert.text),
    '',
  ];
  return { from: bareAddress(settings.from), to: settings.to.map(bareAddress), raw: `${lines.join('\r\n')}\r\n` };
}

/** `Name <local@domain>` → `local@domain`; an address alone as it is. */
export function bareAddress(address: string): string {
  return /<([^<>]*)>\s*$/.exec(address)?.[1]?.trim() ?? address.trim();
}

/** RFC 5322 §3.3, local time: `Mon, 23 Nov 2026 21:41:01 +0000`. */
export function mailDate(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const day = `${DAYS[date.getDay()] ?? ''}, ${two(date.getDate())} ${MONTHS[date.getMonth()] ?? ''} ${String(date.getFullYear())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}

/** A header is one line whatever a name holds. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ');
}
