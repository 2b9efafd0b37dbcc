import { onRealTimeSignal, SIGRTMAX, SIGRTMIN } from '../linux/real-time-signals.ts';
import type { Cancel } from '../util/time.ts';
import { constants } from 'node:os';

/** What keepalived's signals ask for (keepalived(8), SIGNALS). */
export interface SignalHandlers {
  readonly stop: (name: 'SIGTERM' | 'SIGINT') => void;
  readonly reload: () => void;
  readonly data: () => void;
  readonly stats: () => void;
  readonly clearStats: () => void;
  readonly json: () => void;
}

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ['STOP', constants.signals.SIGTERM], ['RELOAD', constants.signals.SIGHUP], ['DATA', constants.signals.SIGUSR1], ['STATS', constants.signals.SIGUSR2],
  ['STATS_CLEAR', SIGRTMAX - 1], ['JSON', SIGRTMIN + 2], ['TDUMP', SIGRTMAX],
]);

/** `--signum`: the number of a signal by keepalived's name; null when there is none. */
export function signalNumber(name: string): number | null {
  return NUMBERS.get(name) ?? null;
}

export function onSignals(handlers: SignalHandlers): Cancel {
  const term = (): void => { handlers.stop('SIGTERM'); };
  const interrupt = (): void => { handlers.stop('SIGINT'); };
  const ordinary: readonly (readonly [NodeJS.Signals, () => void])[] = [
    ['SIGTERM', term], ['SIGINT', interrupt], ['SIGHUP', handlers.reload], ['SIGUSR1', handlers.data], ['SIGUSR2', handlers.stats],
  ];
  for (const [name, run] of ordinary) process.on(name, run);
  const cancels = [onRealTimeSignal(SIGRTMAX - 1, handlers.clearStats), onRealTimeSignal(SIGRTMIN + 2, handlers.json)];
  return () => {
    for (const [name, run] of ordinary) process.off(name, run);
    for (const cancel of cancels) cancel();
  };
}
