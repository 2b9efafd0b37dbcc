/** vrrp_script: a program whose exit code moves priorities. */
import { script, scriptUser } from '../accounts.ts';
import { keyword, table, type ValueType } from '../keyword.ts';
import type { Millis } from '../../util/time.ts';
import { FLAG, integer, INT_MAX, seconds } from '../values.ts';
import { beginScript, endVrrpScript } from '../validate/scripts.ts';
import { weight } from './tracking.ts';

const LONGEST = 4294967;

/** Seconds; 0 is taken for 1, with a complaint. */
function interval(): ValueType<Millis> {
  const inner = seconds({ min: 0, max: LONGEST }, 3);
  return {
    ...inner,
    read: (args) => {
      const value = inner.read(args);
      if (value !== 0) return value;
      args.report({ code: 'raised-to-one', severity: 'warning', message: `(${args.name}): vrrp script interval must be greater than 0, setting to 1`, remedy: null });
      return 1000;
    },
  };
}

export const vrrpScript = table('vrrp_script', {
  script: keyword({ ...script(), bare: true }, 'program to run, split into arguments by quotes and backslashes; no shell'),
  interval: keyword(interval(), 'period between two starts', { default: '1', invalid: "({name}): vrrp script interval '{word}' must be between 1 and 4294967 - ignoring" }),
  timeout: keyword(seconds({ min: 0, max: LONGEST }, 3), 'run time after which the script is ended and counts as failed; 0: the interval', { default: '0', invalid: "({name}): vrrp script timeout '{word}' invalid - ignoring" }),
  weight: keyword(weight(253, 'N [reverse]'), 'added to the priority, where the user of the script gives none; 0: failure is a fault', { default: '0', invalid: 'vrrp_script {name} weight {word} must be in [-253, 253]' }),
  rise: keyword(integer({ min: 1, max: INT_MAX }), 'successes in a row to be up', { default: '1', invalid: "({name}): vrrp script rise value '{word}' invalid, defaulting to 1" }),
  fall: keyword(integer({ min: 1, max: INT_MAX }), 'failures in a row to be down', { default: '1', invalid: "({name}): vrrp script fall value '{word}' invalid, defaulting to 1" }),
  user: keyword(scriptUser((path) => `Unable to set uid/gid for script '${path}'`), 'account that runs the script', { default: 'script_user, else keepalived_script, else that of the daemon' }),
  init_fail: keyword(FLAG, 'failed until the first success; as in keepalived 2.4.3, tracking the script undoes it', { default: 'off' }),
}, { pass: 'vrrp', begin: beginScript, end: endVrrpScript });
