import { SystemError } from '../../lib/system/error.ts';
import type { Scheduling } from '../../lib/system/scheduling.ts';
import type { Cancel } from '../../lib/util/time.ts';

/** Writes down what is asked, in its order. */
export class FakeScheduling implements Scheduling {
  readonly asked: string[] = [];
  /** Methods that fail, with their errno. */
  readonly broken = new Map<keyof Scheduling, string>();
  heap: 'may be swapped' | 'stays' = 'stays';
  /** To be called as the kernel would, while there is a limit. */
  exceed: (() => void) | null = null;

  setNice(nice: number | null): void {
    this.#ask('setNice', nice);
  }

  setRealTime(priority: number | null): void {
    this.#ask('setRealTime', priority);
  }

  setProcessors(numbers: readonly number[] | null): void {
    this.#ask('setProcessors', numbers === null ? null : numbers.join(','));
  }

  limitRealTime(microseconds: number, exceeded: () => void): Cancel {
    this.#ask('limitRealTime', microseconds);
    this.exceed = exceeded;
    return () => {
      this.asked.push('no limit');
      this.exceed = null;
    };
  }

  lockProgram(): { readonly heap: 'may be swapped' | 'stays' } {
    this.#ask('lockProgram', '');
    return { heap: this.heap };
  }

  unlockProgram(): void {
    this.#ask('unlockProgram', '');
  }

  setName(name: string | null): void {
    this.#ask('setName', name);
  }

  #ask(method: keyof Scheduling, value: string | number | null): void {
    const code = this.broken.get(method);
    if (code !== undefined) throw new SystemError(method, 'this process', code);
    this.asked.push(`${method} ${value ?? 'as found'}`.trimEnd());
  }
}
