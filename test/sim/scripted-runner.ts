import type { RunningScript, ScriptOptions, ScriptResult, ScriptRunner } from '../../lib/system/script-runner.ts';

/** A script that was started, for a test to end as it likes. */
export class ScriptedRun implements RunningScript {
  readonly argv: readonly string[];
  readonly options: ScriptOptions;
  readonly pid: number;
  readonly result: Promise<ScriptResult>;
  /** Asked to stop. */
  stopped = false;
  ended = false;
  private resolve: (result: ScriptResult) => void = () => undefined;

  constructor(argv: readonly string[], options: ScriptOptions, pid: number) {
    this.argv = argv;
    this.options = options;
    this.pid = pid;
    this.result = new Promise((resolve) => (this.resolve = resolve));
  }

  /** It exits with this status, or ends in another way. */
  end(result: number | ScriptResult): void {
    this.ended = true;
    this.resolve(typeof result === 'number' ? { type: 'exited', status: result } : result);
  }

  stop(): void {
    this.stopped = true;
    if (!this.ended) this.end({ type: 'signalled', signal: 'SIGTERM' });
  }
}

/**
 * Child processes as a test writes them. A command line with an answer ends with it at once (a function is asked each
 * time); one without runs until the test ends it.
 */
export class ScriptedRunner implements ScriptRunner {
  readonly runs: ScriptedRun[] = [];
  private readonly answers = new Map<string, number | ScriptResult | (() => number | ScriptResult)>();
  private pid = 1000;

  /** From now on `command` (its words joined by blanks) ends at once with `result`; a number is an exit status. */
  answer(command: string, result: number | ScriptResult | (() => number | ScriptResult)): void {
    this.answers.set(command, result);
  }

  run(argv: readonly string[], options: ScriptOptions): ScriptedRun {
    const run = new ScriptedRun(argv, options, this.pid++);
    this.runs.push(run);
    const answer = this.answers.get(argv.join(' '));
    if (answer !== undefined) run.end(typeof answer === 'function' ? answer() : answer);
    return run;
  }

  /** The command lines started so far. */
  commands(): string[] {
    return this.runs.map((run) => run.argv.join(' '));
  }

  /** Those still running: none may be left when a test is over. */
  alive(): ScriptedRun[] {
    return this.runs.filter((run) => !run.ended);
  }
}
