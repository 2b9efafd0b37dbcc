import type { CheckSchedule, CheckTarget } from '../config/model-ipvs.ts';
import type { Clock } from '../system/clock.ts';
import type { Cancel, Millis } from '../util/time.ts';

export interface Silence {
  /** The connection stands: from now on it is the answer that is waited for. */
  connected(): void;
  /** Something has come. */
  progress(): void;
  stop: Cancel;
}

/** Watches over a conversation: `over` when nothing has happened for `limit`. One timer, however much arrives. */
export function silence(clock: Clock, limit: Millis, over: (connected: boolean) => void): Silence {
  let connected = false;
  let last = clock.now();
  let timer = clock.at(last + limit, look);
  return {
    connected() {
      connected = true;
      last = clock.now();
    },
    progress() { last = clock.now(); },
    stop() { timer(); },
  };

  function look(): void {
    if (clock.now() - last >= limit) over(connected);
    else timer = clock.at(last + limit, look);
  }
}

/**
 * The most that a conversation may take, however busily the peer keeps it up: the connection, and then the interval between
 * two checks (or once more the connection's limit, if that is longer). keepalived sets no such limit.
 */
export function exchangeLimit({ connectTimeout }: CheckTarget, { delayLoop }: CheckSchedule): Millis {
  return connectTimeout + Math.max(connectTimeout, delayLoop);
}
