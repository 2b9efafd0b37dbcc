/** The checking process' own program, as start-checkers.ts starts it: without the parts of the daemon, which take their time to load. */
import { runCheckers } from './checkers.ts';

void runCheckers().then((code) => { process.exit(code); });
