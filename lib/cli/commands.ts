import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { IpvsOptions } from './ipvs.ts';
import { SUBCOMMANDS } from './subcommands.ts';
import { VERSION } from './version.ts';

/** Runs a subcommand; resolves with the exit code. Each loads its own code when it is called. */
export async function runSubcommand(argv: readonly string[]): Promise<number> {
  const run: { code: number } = { code: 0 };
  const program = new Command('tskeepalived').version(VERSION).exitOverride();
  configurationCommands(program, run);
  tableCommands(program, run);
  ipvsCommand(program, run);
  toaCommand(program, run);
  doctorCommand(program, run);
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
  command(program, 'check')
    .argument('<file...>', 'conf or YAML; two files are read as the two routers of a pair')
    .addOption(new Option('--format <form>', 'for whom').choices(['text', 'json', 'github']).default('text'))
    .option('--elsewhere', 'for another machine: do not look at the interfaces, accounts and scripts of this one (the default for several files)')
    .option('-i, --config-id <id>', 'which @ID lines count')
    .addHelpText('after', '\nExit code: 0 nothing but notes, 1 warnings, 2 errors.')
    .action(async (files: string[], options: { format: 'text' | 'json' | 'github'; elsewhere?: boolean; configId?: string }) => {
      run.code = (await import('./check.ts')).check(files, options);
    });
  command(program, 'dump')
    .argument('<file>', 'conf or YAML')
    .option('-i, --config-id <id>', 'which @ID lines count')
    .action(async (file: string, options: { configId?: string }) => {
      run.code = (await import('./dump.ts')).dump(file, options.configId);
    });
  command(program, 'diff')
    .argument('<old>', 'what the daemon runs by')
    .argument('<new>', 'what it would reload')
    .option('-i, --config-id <id>', 'which @ID lines count')
    .addHelpText('after', '\nExit code: 0 nothing changes, 1 something does, 2 the new file has errors.')
    .action(async (before: string, after: string, options: { configId?: string }) => {
      run.code = (await import('./diff.ts')).diff(before, after, options.configId);
    });
}

/** What the keyword tables tell. */
function tableCommands(program: Command, run: { code: number }): void {
  command(program, 'explain')
    .argument('<term>', 'a keyword, block.keyword, or the code of a diagnostic')
    .action(async (term: string) => {
      const { text, found } = (await import('../config/forms/explain.ts')).explain(term);
      (found ? process.stdout : process.stderr).write(text);
      run.code = found ? 0 : 1;
    });
  command(program, 'features')
    .option('--json', 'for machines')
    .action(async (options: { json?: boolean }) => {
      const { features, featuresText } = await import('../config/forms/explain.ts');
      process.stdout.write(options.json === true ? `${JSON.stringify(features(), null, 2)}\n` : featuresText());
    });
  command(program, 'schema').action(async () => {
    process.stdout.write(`${JSON.stringify((await import('../config/forms/schema.ts')).yamlSchema(), null, 2)}\n`);
  });
  command(program, 'man').action(async () => {
    process.stdout.write((await import('../config/forms/man.ts')).manPage(VERSION));
  });
  command(program, 'completion').addArgument(new Argument('<shell>', 'which shell').choices(['bash'])).action(async () => {
    process.stdout.write((await import('./completion.ts')).bashCompletion());
  });
}

/** Options are ipvsadm's, so that its command lines work. */
function ipvsCommand(program: Command, run: { code: number }): void {
  command(program, 'ipvs')
    .option('-L, --list', 'the table (what happens without an option)')
    .option('-n, --numeric', 'addresses and ports as numbers (always)')
    .option('-c, --connection', 'connections instead of the table')
    .option('-S, --save', 'the table as commands that ipvsadm -R reads')
    .option('--stats', 'with counters')
    .option('--rate', 'with rates')
    .option('--thresholds', 'with limits of connections')
    .option('--persistent-conn', 'with numbers of persistent connections; of connections, with what their persistence engine keeps')
    .option('--tun-info', 'with kinds of tunnels')
    .option('--timeout', 'timeouts of connections')
    .option('--daemon', 'sync daemons')
    .option('--exact', 'counters with all their digits')
    .option('--nosort', 'in the order of the kernel')
    .option('--json', 'everything, for machines; with -c one connection a line')
    .option('--fullnat', 'FULLNAT by its name, also where IPVS masquerades for it; of connections, all four addresses')
    .option('-G, --get-laddr', 'local addresses of FULLNAT, with the connections and ports in use')
    .option('-t, --tcp-service <service>', 'of this service only: ADDRESS:PORT')
    .option('-u, --udp-service <service>', 'the same for UDP')
    .option('-f, --fwmark-service <mark>', 'the same for a mark')
    .addHelpText('after', '\nWithout --fullnat and -G what is printed is what ipvsadm prints. Exit code: 0, or 2 when the kernel could not be asked.')
    .action(async ({ nosort, ...options }: IpvsOptions & { readonly nosort?: boolean }) => {
      run.code = await (await import('./ipvs.ts')).ipvs({ ...options, sort: nosort !== true });
    });
}

/** Before a director is trusted with traffic. */
function doctorCommand(program: Command, run: { code: number }): void {
  command(program, 'doctor')
    .option('-f, --use-file <file>', 'conf or YAML', '/etc/keepalived/keepalived.conf')
    .option('-i, --config-id <id>', 'which @ID lines count')
    .option('--json', 'for machines')
    .addHelpText('after', '\nLooks at kernel, modules, parameters, addresses and limits, and changes nothing.\nExit code: 0 nothing but notes, 1 warnings, 2 errors.')
    .action(async ({ useFile, ...options }: { useFile: string; configId?: string; json?: boolean }) => {
      run.code = await (await import('./doctor.ts')).doctor(useFile, options);
    });
}

/** For real servers of FULLNAT directors. */
function toaCommand(program: Command, run: { code: number }): void {
  const toa = command(program, 'toa').addHelpText('after', `
A director with 'toa on' writes the client's address into the first packet of a connection (TCP option 254); this makes a server
believe it, by one table of nftables, ip tsk_toa. It does not outlive a reboot: systemd/tskeepalived-toa.service does.

Exit code: 0; 1 for a mistake on the command line, and of status when nothing is installed; 2 when the kernel refuses.`);
  toa.command('install').description('believe what these directors write; replaces what was installed')
    .requiredOption('--directors <addresses...>', "the directors' local addresses, or networks of them: 10.0.0.21,10.0.0.32/28")
    .action(async ({ directors }: { directors: string[] }) => {
      run.code = await (await import('./toa.ts')).installToa(directors);
    });
  toa.command('remove').description('believe nobody').action(async () => {
    run.code = await (await import('./toa.ts')).removeToa();
  });
  toa.command('status').description('what is installed, and how many connections it met').option('--json', 'for machines').action(async ({ json }: { json?: boolean }) => {
    run.code = await (await import('./toa.ts')).toaStatus(json === true);
  });
}

function command(program: Command, name: string): Command {
  return program.command(name).description(SUBCOMMANDS.find((one) => one.name === name)?.meaning ?? '');
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/u.test(text)) throw new InvalidArgumentError('it is no whole number above 0');
  return Number(text);
}
