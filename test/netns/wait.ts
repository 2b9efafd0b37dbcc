/** How far the steady clock may be from the machine's before the latter counts as set: less is the whole milliseconds of Date.now(). */
const SET = 5;
let began = performance.timeOrigin;

/**
 * Milliseconds since the epoch with a fraction: comparable with the time stamps of captures and of `ip -ts`. The steady clock has
 * the fraction; it follows when the machine's clock is set meanwhile, as that of a virtual machine is which was held.
 */
export function wallClock(): number {
  const steady = performance.now();
  const wall = Date.now() + 0.5;
  if (Math.abs(wall - steady - began) > SET) began = wall - steady;
  return began + steady;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Waits until `condition` brings something other than false, null or undefined, and brings that; looks every `every` ms.
 * Throws after `bound` ms with `what` was waited for and what `context` has to say about it.
 */
export async function until<T>(
  what: string,
  bound: number,
  condition: () => T | Promise<T>,
  context: () => string = () => '',
  every = 20,
): Promise<Exclude<T, false | null | undefined>> {
  const end = performance.now() + bound;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined) return value as Exclude<T, false | null | undefined>;
    if (performance.now() > end) {
      const said = context();
      throw new Error(`waited ${bound} ms in vain: ${what}${said === '' ? '' : `\n${said}`}`);
    }
    await sleep(every);
  }
}

/** Runs jobs, at most `limit` at a time, in order; each job's promise is brought at once, so that a test can await its own. */
export function pool<T>(limit: number, jobs: readonly (() => Promise<T>)[]): Promise<T>[] {
  const waiting: (() => void)[] = [];
  let running = 0;
  const next = (): void => {
    if (running < limit) waiting.shift()?.();
  };
  return jobs.map((job) => {
    const result = new Promise<T>((resolve, reject) => {
      waiting.push(() => {
        running += 1;
        job()
          .then(resolve, reject)
          .finally(() => {
            running -= 1;
            next();
          });
      });
    });
    // Whoever awaits it hears of the failure; until then it must not count as unhandled.
    result.catch(() => undefined);
    queueMicrotask(next);
    return result;
  });
}
