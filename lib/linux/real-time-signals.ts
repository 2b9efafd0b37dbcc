import type { Cancel } from '../util/time.ts';

/** signal(7): the real-time signals a program may use; the C library keeps 32 and 33 for itself. */
export const SIGRTMIN = 34;
export const SIGRTMAX = 64;

/** What src/signal_wrap.cc of Node offers. */
interface SignalWrap {
  onsignal: (signal: number) => void;
  start(signal: number): number;
  unref(): void;
  close(): void;
}

/**
 * Runs `run` on each arrival of a real-time signal. `process.on` knows only signals with a name, and an unhandled one kills
 * the process; so this uses the internal binding below it. Does not keep the process alive.
 *
 * Throws a RangeError for a signal that is not a real-time one, an Error where this Node has no such binding any more.
 */
export function onRealTimeSignal(signal: number, run: () => void): Cancel {
  if (!Number.isInteger(signal) || signal < SIGRTMIN || signal > SIGRTMAX) throw new RangeError(`${signal} is no real-time signal`);
  const wrap = new (signalBinding())();
  wrap.onsignal = run;
  wrap.unref();
  const error = wrap.start(signal);
  if (error !== 0) {
    wrap.close();
    throw new Error(`cannot handle signal ${signal}: error ${error}`);
  }
  let open = true;
  return () => {
    if (open) wrap.close();
    open = false;
  };
}

/** DEP0111 warns of process.binding; what would replace it for signals there is not yet, so the operator is spared the warning. */
function signalBinding(): new () => SignalWrap {
  const { binding } = process as unknown as { binding?: (name: string) => { Signal?: new () => SignalWrap } };
  const warned = process.noDeprecation ?? false;
  process.noDeprecation = true;
  try {
    const Signal = binding?.('signal_wrap').Signal;
    if (Signal === undefined) throw new Error(`Node ${process.version} has no signal_wrap binding: real-time signals cannot be handled`);
    return Signal;
  } finally {
    process.noDeprecation = warned;
  }
}
