import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { VERSION } from './version.ts';

/** Runs a subcommand; resolves with the exit code. */
export async function runSubcommand(argv: readonly string[]): Promise<number> {
  let code = 0;
  const program = new Command('tskeepalived').version(VERSION).exitOverride();
  program.command('scan').description('show VRRP advertisements on a link, decoded')
    .argument('<link>', 'interface to listen on')
    .option('--json', 'one JSON object a line')
    .option('--count <n>', 'stop after n advertisements', wholeNumber)
    .action(async (link: string, options: { json?: boolean; count?: number }) => {
      const { scan } = await import('../linux/scan.ts');
      code = await scan(link, { json: options.json === true, count: options.count ?? null });
    });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode;
    throw cause;
  }
  return code;
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/u.test(text)) throw new InvalidArgumentError('it is no whole number above 0');
  return Number(text);
}
