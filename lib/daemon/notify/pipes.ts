import type { NotifyFifo } from '../../config/model.ts';
import type { Files } from '../../system/files.ts';
import type { ScriptRunner } from '../../system/script-runner.ts';
import type { Log } from '../log/log.ts';
import { type NotifyPipe, openPipe, type PipeLabel } from './fifo.ts';

export interface WantedPipe {
  readonly fifo: NotifyFifo;
  readonly label: PipeLabel;
}

/** The notification FIFOs of one process: all get the same lines. */
export class Pipes {
  readonly #files: Pick<Files, 'openFifo'>;
  readonly #scripts: ScriptRunner;
  readonly #log: Log;
  #open: readonly (WantedPipe & { readonly pipe: NotifyPipe })[] = [];

  constructor(files: Pick<Files, 'openFifo'>, scripts: ScriptRunner, log: Log) {
    this.#files = files;
    this.#scripts = scripts;
    this.#log = log;
  }

  /** From now on these: one that stays the same stays open. Never rejects. */
  async open(wanted: readonly WantedPipe[]): Promise<void> {
    const kept = this.#open.filter((pipe) => wanted.some((other) => samePipe(pipe, other)));
    await Promise.all(this.#open.filter((pipe) => !kept.includes(pipe)).map(({ pipe }) => pipe.close()));
    this.#open = await Promise.all(
      wanted.map(async ({ fifo, label }) => {
        const same = kept.find((pipe) => samePipe(pipe, { fifo, label }));
        return same ?? { fifo, label, pipe: await openPipe(fifo, label, this.#files, this.#scripts, this.#log) };
      }),
    );
  }

  /** Likewise, and scripts that have died start again. */
  async reopen(wanted: readonly WantedPipe[]): Promise<void> {
    for (const { pipe } of this.#open) pipe.reviveReader();
    await this.open(wanted);
  }

  write(line: string): void {
    for (const { pipe } of this.#open) pipe.write(line);
  }

  endReaders(): void {
    for (const { pipe } of this.#open) pipe.endReader();
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map(({ pipe }) => pipe.close()));
    this.#open = [];
  }
}

/** Configurations are plain data: equal text is equal meaning. */
function samePipe(a: WantedPipe, b: WantedPipe): boolean {
  return a.label === b.label && JSON.stringify(a.fifo) === JSON.stringify(b.fifo);
}
