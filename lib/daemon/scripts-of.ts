import type { Config } from '../config/model.ts';
import type { ScriptRunner } from '../system/script-runner.ts';

/** The machine's scripts with what set_supplementary_groups says about every one of them, as the configuration stands when it is run. */
export function scriptsOf(scripts: ScriptRunner, config: () => Config): ScriptRunner {
  return { run: (argv, asked) => scripts.run(argv, config().settings.set_supplementary_groups === true ? { ...asked, supplementary: true } : asked) };
}
