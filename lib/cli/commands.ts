import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { SUBCOMMANDS } from './subcommands.ts';
import { VERSION } from './version.ts';

/** Runs a subcommand; resolves with the exit code. Each loads its own code when it is called. */
export async function runSubcommand(argv: readonly string[]): Promise<number> {
  const run: { code: number } = { code: 0 };
  const program = new Command('tskeepalived').version(VERSION).exitOverride();
  configurationCommands(program, run);
  command(program, 'scan')
    .argument('<link>', 'interface to listen on')
    .option('--json', 'one JSON object a line')
    .option('--count <n>', 'stop after n advertisements', wholeNumber)
    .action(async (link: string, options: { json?: boolean; count?: number }) => {
      const { scan } = await import('../linux/scan.ts');
      run.code = await scan(link, { json: options.json === true, count: options.count ?? null });
    });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? 0 : USAGE;
    if (!(cause instanceof Error) || cause.name !== 'CommandFailure') throw cause;
    process.stderr.write(`tskeepalived: ${cause.message}\n`);
    return FAILED;
  }
  return run.code;
}

/** A command line that cannot be understood, as for the daemon. */
const USAGE = 1;
/** A file that cannot be read or written. */
const FAILED = 2;

/** What works on configuration files and nothing else. */
function configurationCommands(program: Command, run: { code: number }): void {
  command(program, 'fmt')
    .argument('<file...>', 'conf files')
    .option('-w, --write', 'rewrite the files instead of printing them')
    .addOption(new Option('--check', 'write nothing; name what would change, exit code 1 if anything would').conflicts('write'))
    .action(async (files: string[], options: { write?: boolean; check?: boolean }) => {
      run.code = (await import('./convert.ts')).format(files, options);
    });
  command(program, 'convert')
    .argument('<file>', 'conf or YAML, by the ending of its name')
    .addOption(new Option('--to <form>', 'what to write').choices(['yaml', 'conf']).makeOptionMandatory())
    .option('-o, --output <file>', 'write there instead of printing')
    .option('-i, --config-id <id>', 'which @ID lines count')
    .action(async (file: string, options: { to: 'yaml' | 'conf'; output?: string; configId?: string }) => {
      run.code = (await import('./convert.ts')).convert(file, options);
    });
}

function command(program: Command, name: string): Command {
  return program.command(name).description(SUBCOMMANDS.find((one) => one.name === name)?.meaning ?? '');
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/u.test(text)) throw new InvalidArgumentError('it is no whole number above 0');
  return Number(text);
}
