import type { HookAnswer, HookCall } from '../../lib/daemon/hooks/protocol.ts';
import type { HookName } from '../../lib/daemon/hooks/types.ts';
import type { HookWorker, HookWorkerEvents, StartHookWorker } from '../../lib/daemon/hooks/worker.ts';

/** A hooks thread as a test writes it: it notes its calls and answers when told. */
export class FakeHookWorker implements HookWorker {
  readonly file: string;
  readonly calls: HookCall[] = [];
  alive = true;
  /** A system call holds it: terminate has no effect. */
  stuck = false;
  private readonly events: HookWorkerEvents;

  constructor(file: string, events: HookWorkerEvents) {
    this.file = file;
    this.events = events;
  }

  call(call: HookCall): void {
    this.calls.push(call);
  }

  terminate(): void {
    if (this.alive && !this.stuck) queueMicrotask(() => this.end('exit code 1'));
  }

  loaded(...hooks: HookName[]): void {
    this.events.answered({ type: 'loaded', hooks, unknown: [] });
  }

  answer(answer: HookAnswer): void {
    this.events.answered(answer);
  }

  /** The last call is done, or threw. */
  done(problem: string | null = null): void {
    const id = this.calls.at(-1)?.id ?? -1;
    this.events.answered(problem === null ? { type: 'done', id } : { type: 'threw', id, problem });
  }

  print(chunk: string): void {
    this.events.printed(chunk);
  }

  end(reason: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.events.ended(reason);
  }
}

/** Starts fake threads and keeps them in order. */
export function fakeHookWorkers(): { readonly started: FakeHookWorker[]; readonly start: StartHookWorker } {
  const started: FakeHookWorker[] = [];
  return {
    started,
    start(file, events) {
      const worker = new FakeHookWorker(file, events);
      started.push(worker);
      return worker;
    },
  };
}
