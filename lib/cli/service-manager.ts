import { unixDatagram } from '../linux/unix-datagram.ts';
import type { Clock } from '../system/clock.ts';
import type { Cancel, Millis } from '../util/time.ts';

/** What a service manager hears of us: sd_notify(3). Without NOTIFY_SOCKET nothing is sent. */
export interface ServiceManager {
  ready(status: string): void;
  reloading(): void;
  /** `limit`: how long it may take beyond what the service manager allows for a stop; 0: no longer. */
  stopping(limit: Millis): void;
  status(text: string): void;
  close(): void;
}

/** Takes NOTIFY_SOCKET and the watchdog's variables out of the environment, so that no script inherits them. */
export function serviceManager(env: NodeJS.ProcessEnv, clock: Clock): ServiceManager {
  const path = env['NOTIFY_SOCKET'];
  const watchdog = watchdogInterval(env);
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  if (path === undefined || path === '') return { ready: nothing, reloading: nothing, stopping: nothing, status: nothing, close: nothing };
  const socket = unixDatagram(path, clock);
  let timer: Cancel = nothing;
  const beat = (): void => {
    socket.send('WATCHDOG=1');
    if (watchdog !== null) timer = clock.at(clock.now() + watchdog / 2, beat);
  };
  return {
    ready(status) {
      socket.send(`READY=1\nSTATUS=${status}`);
      timer();
      if (watchdog !== null) beat();
    },
    reloading() {
      socket.send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    },
    stopping(limit) {
      socket.send(limit === 0 ? 'STOPPING=1' : `STOPPING=1\nEXTEND_TIMEOUT_USEC=${String(limit * 1000)}`);
    },
    status(text) {
      socket.send(`STATUS=${text}`);
    },
    close() {
      timer();
      socket.close();
    },
  };
}

/** WatchdogSec= in milliseconds; null when there is none or it is meant for another process. */
function watchdogInterval(env: NodeJS.ProcessEnv): number | null {
  const pid = env['WATCHDOG_PID'];
  const usec = Number(env['WATCHDOG_USEC']);
  return Number.isFinite(usec) && usec > 0 && (pid === undefined || Number(pid) === process.pid) ? usec / 1000 : null;
}

function nothing(): void {
  // No service manager listens.
}
