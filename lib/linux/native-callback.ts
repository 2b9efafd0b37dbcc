/**
 * Runs what a native package calls. None of them is a proper entry into Node: an exception thrown into raw-socket is lost, into
 * netlink ends the process without a word, into koffi's poll leaves the poll dead. From an immediate, which follows in the
 * same turn of the loop, it is an ordinary uncaught exception.
 */
export function nativeCallback(run: () => void): void {
  try {
    run();
  } catch (cause) {
    setImmediate(() => {
      throw cause;
    });
  }
}
