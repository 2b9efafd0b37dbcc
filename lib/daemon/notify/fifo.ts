import type { NotifyFifo } from '../../config/model.ts';
import type { Files, FifoWriter } from '../../system/files.ts';
import type { RunningScript, ScriptResult, ScriptRunner } from '../../system/script-runner.ts';
import type { Log } from '../log/log.ts';
import { runAs } from '../run-as.ts';

/** One notify FIFO with the script that reads it, if one is configured. */
export interface NotifyPipe {
  /** Hands the line over at once; a line that finds the FIFO full, or never opened, is lost. */
  write(line: string): void;
  /** Starts the script again if it has died: at a reload, never by itself. */
  reviveReader(): void;
  /** Ends the script. keepalived does so before it writes the first STOP line, so that its script never sees one. */
  endReader(): void;
  /** Ends the script, closes the FIFO and unlinks it if it was made here. */
  close(): Promise<void>;
}

/** What names the FIFO in log lines: `notify_fifo`, `vrrp_notify_fifo` or `lvs_notify_fifo`. */
export type PipeLabel = 'notify' | 'vrrp notify' | 'lvs notify';

/**
 * Opens the FIFO and starts its script with the path as last argument. It is opened (for reading too) before the script
 * starts, so that the script finds it and no line is lost to a missing reader. What cannot be opened is logged and then
 * takes no lines; the script is not started again when it dies, until a reload. Never rejects.
 */
export async function openPipe(fifo: NotifyFifo, label: PipeLabel, files: Pick<Files, 'openFifo'>, scripts: ScriptRunner, log: Log): Promise<NotifyPipe> {
  const owner = { user: fifo.account?.user ?? null, group: fifo.account?.group ?? null };
  let writer: FifoWriter;
  try {
    writer = await files.openFifo(fifo.path, owner);
  } catch (cause) {
    log.error(`Unable to open ${label} FIFO ${fifo.path}: ${cause instanceof Error ? cause.message : String(cause)}; it gets no events`);
    return { write: () => undefined, reviveReader: () => undefined, endReader: () => undefined, close: () => Promise.resolve() };
  }
  let reader = startReader(fifo, label, scripts, log);
  let lost = 0;
  return {
    write(line) {
      if (!writer.write(line)) {
        lost++;
        if (lost === 1) log.warn(`${label} FIFO ${fifo.path} is full, events are lost: nobody reads it`);
        return;
      }
      if (lost > 0) log.warn(`${label} FIFO ${fifo.path} takes events again, ${String(lost)} were lost`);
      lost = 0;
    },
    reviveReader() {
      if (reader.died()) reader = startReader(fifo, label, scripts, log);
    },
    endReader: () => reader.stop(),
    async close() {
      reader.stop();
      await writer.close();
    },
  };
}

interface Reader {
  stop(): void;
  /** It ended by itself. */
  died(): boolean;
}

function startReader(fifo: NotifyFifo, label: PipeLabel, scripts: ScriptRunner, log: Log): Reader {
  if (fifo.script === null) return { stop: () => undefined, died: () => false };
  const { argv, account } = fifo.script;
  const running: RunningScript = scripts.run([...argv, fifo.path], { timeout: null, ...runAs(account) });
  let stopping = false;
  let dead = false;
  void running.result.then((result) => {
    dead = true;
    if (!stopping) log.info(readerEnded(result, label));
  });
  return {
    died: () => dead && !stopping,
    stop() {
      if (!stopping) running.stop();
      stopping = true;
    },
  };
}

function readerEnded(result: ScriptResult, label: PipeLabel): string {
  const what = `${label} fifo script`;
  switch (result.type) {
    case 'exited':
      return result.status === 0 ? `${what} terminated` : `${what} terminated (exited with status ${String(result.status)})`;
    case 'signalled':
      return `${what} terminated due to signal ${result.signal}`;
    case 'timed-out':
      return `${what} terminated (timed out)`;
    case 'failed':
      return `${what} could not be run: ${result.reason}`;
  }
}
