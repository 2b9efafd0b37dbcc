/** argv → what is to be done. The daemon's options are keepalived's; everything beyond it is a subcommand. */
import { parseFacility } from '../daemon/log/format.ts';
import { goBackground, isBackgroundCall } from './background.ts';
import { parseOptions, UsageError } from './options.ts';
import { settingsOf, type Settings } from './settings.ts';
import { signalNumber } from './signals.ts';
import { SUBCOMMANDS } from './subcommands.ts';
import { usage } from './usage.ts';
import { COMPATIBLE, VERSION } from './version.ts';

/** Resolves with the exit code. `argv` without node and program. */
export async function main(argv: readonly string[]): Promise<number> {
  const [first] = argv;
  // genhash's options are its own, and so is the reading of them; keepalived takes -T only as the first.
  if (first === 'genhash' || first === '-T' || first === '--genhash') return (await import('./genhash.ts')).genhash(argv.slice(1));
  if (first !== undefined && SUBCOMMANDS.some((c) => c.name === first)) return (await import('./commands.ts')).runSubcommand(argv);
  let settings: Settings;
  try {
    settings = settingsOf(parseOptions(argv), parseFacility);
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause;
    process.stderr.write(`tskeepalived: ${cause.message}\n\n${usage(SUBCOMMANDS)}`);
    return 1;
  }
  const { task } = settings;
  switch (task.type) {
    case 'help':
      process.stdout.write(usage(SUBCOMMANDS));
      return 0;
    case 'version':
      process.stderr.write(`tskeepalived v${VERSION}, compatible with Keepalived v${COMPATIBLE}\nNode ${process.version}\n`);
      return 0;
    case 'signum':
      return printSignal(task.name);
    case 'test':
      return (await import('./config-test.ts')).configTest(settings, task.log);
    case 'run': {
      if (!settings.foreground && !isBackgroundCall()) return goBackground(argv);
      const { runDaemon } = await import('./run.ts');
      return runDaemon(settings, ['tskeepalived', ...argv]);
    }
  }
}

function printSignal(name: string): number {
  const number = signalNumber(name);
  if (number === null) {
    process.stderr.write(`tskeepalived: unknown signal name '${name}'\n`);
    return 1;
  }
  process.stdout.write(`${number}\n`);
  return 0;
}
