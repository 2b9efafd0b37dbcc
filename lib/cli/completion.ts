import { catalog } from '../config/forms/catalog.ts';
import { CODES } from '../config/forms/codes.ts';
import { OPTIONS } from './options.ts';
import { SUBCOMMANDS } from './subcommands.ts';

/** A completion script for bash: commands, options, files, and for `explain` every keyword and code. */
export function bashCompletion(): string {
  const words = (all: Iterable<string>): string => [...new Set(all)].join(' ');
  const long = OPTIONS.filter((option) => option.built).map((option) => `--${option.long}${option.value === 'required' ? '=' : ''}`);
  return `# bash completion of tskeepalived; source it, or put it into /etc/bash_completion.d
_tskeepalived() {
  local now=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} name=\${COMP_WORDS[1]}
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 && $now != -* ]]; then
    COMPREPLY=($(compgen -W '${words(SUBCOMMANDS.map((one) => one.name))}' -- "$now"))
    return
  fi
  case $before in
    --to) COMPREPLY=($(compgen -W 'yaml conf' -- "$now")); return ;;
    --format) COMPREPLY=($(compgen -W 'text json github' -- "$now")); return ;;
    --log-level) COMPREPLY=($(compgen -W 'error warn info detail debug' -- "$now")); return ;;
  esac
  case $name in
    explain) COMPREPLY=($(compgen -W '${words([...catalog().map((entry) => entry.name), ...Object.keys(CODES)])}' -- "$now")) ;;
    scan) COMPREPLY=($(compgen -W "--json --count $(ls /sys/class/net 2>/dev/null)" -- "$now")) ;;
    toa) COMPREPLY=($(compgen -W 'install remove status --directors --json' -- "$now")) ;;
    completion) COMPREPLY=($(compgen -W 'bash' -- "$now")) ;;
    *)
      if [[ $now == -* ]]; then COMPREPLY=($(compgen -W '${words(long)} --to --output --write --check --format --elsewhere --json' -- "$now"))
      else COMPREPLY=($(compgen -f -- "$now")); fi ;;
  esac
}
complete -o filenames -F _tskeepalived tskeepalived
`;
}
