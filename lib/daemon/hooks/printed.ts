import type { Clock } from '../../system/clock.ts';
import type { Millis } from '../../util/time.ts';

/** Lines that are passed on within a second; a hook that prints more is cut, not the daemon. */
const PER_SECOND = 50;
const SECOND: Millis = 1000;
const LONGEST_LINE = 1000;

/** Makes log lines of what the hooks print: whole lines, of bounded length and number. */
export function printedLines(clock: Clock, say: (line: string) => void): (chunk: string) => void {
  let rest = '';
  let since = clock.now();
  let said = 0;
  let cut = 0;
  function line(text: string): void {
    if (clock.now() - since >= SECOND) {
      if (cut > 0) say(`${String(cut)} printed lines left out`);
      [since, said, cut] = [clock.now(), 0, 0];
    }
    if (said >= PER_SECOND) cut++;
    else {
      said++;
      say(text.slice(0, LONGEST_LINE));
    }
  }
  return (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() ?? '').slice(0, LONGEST_LINE);
    for (const text of lines) if (text.trim() !== '') line(text.trimEnd());
  };
}
