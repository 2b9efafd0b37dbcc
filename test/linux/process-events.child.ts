/** Prints what the kernel tells of processes for so many milliseconds, as one JSON value; for tests in processes of their own. */
import { linuxProcesses } from '../../lib/linux/processes.ts';
import { SystemError } from '../../lib/system/error.ts';
import type { ProcessEvent } from '../../lib/system/processes.ts';

const [limit = '1000', bytes] = process.argv.slice(2);
const events: ProcessEvent[] = [];

try {
  const cancel = linuxProcesses().watch(
    { buffer: bytes === undefined ? null : { bytes: Number(bytes), force: false } },
    (event) => { if (events.length < 100_000) events.push(event); },
    (cause) => { end({ failed: cause.code }); },
  );
  // A loop that is busy hears late, and a small buffer overruns.
  if (bytes !== undefined) process.on('SIGUSR2', () => { for (const until = performance.now() + 700; performance.now() < until;); });
  process.stderr.write('ready\n');
  setTimeout(() => {
    cancel();
    end({});
  }, Number(limit));
} catch (cause) {
  if (!(cause instanceof SystemError)) throw cause;
  end({ refused: cause.code });
}

function end(how: object): void {
  process.stdout.write(`${JSON.stringify({ events, ...how })}\n`, () => process.exit(0));
}
