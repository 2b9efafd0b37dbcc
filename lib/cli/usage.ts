import { OPTIONS } from './options.ts';

/** `--help`, from the option table. */
export function usage(subcommands: readonly { readonly name: string; readonly meaning: string }[]): string {
  const rows = OPTIONS.map((o) => {
    const value = o.name === null ? '' : o.value === 'optional' ? `[=${o.name}]` : `=${o.name}`;
    return [`  ${o.short === null ? '    ' : `-${o.short}, `}--${o.long}${value}`, `${o.meaning}${o.built ? '' : ' (not built yet)'}`] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  const commands = subcommands.map(({ name, meaning }) => `  ${name}`.padEnd(width) + meaning);
  return [
    'Usage: tskeepalived [OPTION...]', '       tskeepalived COMMAND [ARGUMENT...]', '',
    ...rows.map(([left, right]) => left.padEnd(width) + right), '',
    'Commands:', ...commands, '',
  ].join('\n');
}
