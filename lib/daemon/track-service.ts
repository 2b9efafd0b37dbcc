import type { VrrpScript } from '../config/model.ts';
import type { Clock } from '../system/clock.ts';
import type { RunningScript, ScriptRunner } from '../system/script-runner.ts';
import type { Cancel } from '../util/time.ts';
import type { TrackState } from '../vrrp/priority.ts';
import { type RunEnd, type ScriptState, scriptStep, UNKNOWN_SCRIPT } from '../vrrp/script-tracker.ts';
import type { Log } from './log/log.ts';
import { runAs } from './run-as.ts';

interface Tracked {
  script: VrrpScript;
  state: ScriptState;
  running: RunningScript | null;
  timer: Cancel;
  /** A run has been skipped and that has been said. */
  skipped: boolean;
}

/**
 * Runs the vrrp_scripts that somebody tracks, each `interval` after its last start, never two of one at a time, and tells
 * when a verdict changes. Children in their own process groups; nothing here waits.
 */
export class TrackService {
  readonly #scripts: ScriptRunner;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #changed: (name: string, state: ScriptState) => void;
  readonly #tracked = new Map<string, Tracked>();

  constructor(scripts: ScriptRunner, clock: Clock, log: Log, changed: (name: string, state: ScriptState) => void) {
    this.#scripts = scripts;
    this.#clock = clock;
    this.#log = log;
    this.#changed = changed;
  }

  /** Tracks exactly these; one whose command is unchanged keeps its verdict (keepalived says so at a reload). */
  track(scripts: readonly VrrpScript[]): void {
    const wanted = new Set(scripts.map((s) => s.name));
    for (const [name, tracked] of this.#tracked) if (!wanted.has(name)) this.#drop(name, tracked);
    for (const script of scripts) {
      const known = this.#tracked.get(script.name);
      if (known !== undefined && sameCommand(known.script, script)) this.#keep(known, script);
      else {
        if (known !== undefined) this.#drop(script.name, known);
        const tracked: Tracked = { script, state: UNKNOWN_SCRIPT, running: null, timer: () => undefined, skipped: false };
        this.#tracked.set(script.name, tracked);
        this.#run(tracked);
      }
    }
  }

  state(name: string): TrackState {
    return this.#tracked.get(name)?.state.verdict ?? 'unknown';
  }

  all(): { script: VrrpScript; state: ScriptState; running: boolean }[] {
    return [...this.#tracked.values()].map(({ script, state, running }) => ({ script, state, running: running !== null }));
  }

  close(): void {
    for (const [name, tracked] of [...this.#tracked]) this.#drop(name, tracked);
  }

  #keep(tracked: Tracked, script: VrrpScript): void {
    tracked.script = script;
    if (tracked.state.verdict !== 'unknown') this.#log.info(`VRRP_Script(${script.name}) considered ${tracked.state.verdict === 'up' ? 'successful' : 'unsuccessful'} on reload`);
  }

  #drop(name: string, tracked: Tracked): void {
    this.#tracked.delete(name);
    tracked.timer();
    tracked.running?.stop();
  }

  #run(tracked: Tracked): void {
    const { script } = tracked;
    tracked.timer = this.#clock.at(this.#clock.now() + script.interval, () => { this.#run(tracked); });
    if (tracked.running !== null) {
      if (!tracked.skipped) this.#log.info(`Track script ${script.name} is already running, expect idle - skipping run`);
      tracked.skipped = true;
      return;
    }
    tracked.skipped = false;
    const { account } = script.command;
    const running = this.#scripts.run(commandLine(script.command.argv), { timeout: script.timeout, ...runAs(account) });
    tracked.running = running;
    running.result.then(
      (end) => { this.#ended(tracked, end); },
      (cause: unknown) => { this.#ended(tracked, { type: 'failed', reason: String(cause) }); },
    );
  }

  #ended(tracked: Tracked, end: RunEnd): void {
    tracked.running = null;
    if (this.#tracked.get(tracked.script.name) !== tracked) return;
    const { state, changed, lines } = scriptStep(tracked.script, tracked.state, end);
    tracked.state = state;
    for (const line of lines) this.#log.info(line, { script: tracked.script.name });
    if (changed) this.#changed(tracked.script.name, state);
  }
}

/** keepalived's `</path`: can the file be opened? */
function commandLine(argv: readonly string[]): readonly string[] {
  const [first = ''] = argv;
  return first.startsWith('<') ? ['/bin/sh', '-c', 'exec < "$1"', 'sh', first.slice(1).trim()] : argv;
}

function sameCommand(a: VrrpScript, b: VrrpScript): boolean {
  return JSON.stringify([a.command, a.interval, a.timeout]) === JSON.stringify([b.command, b.interval, b.timeout]);
}
