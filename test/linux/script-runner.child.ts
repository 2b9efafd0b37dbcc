import { linuxScriptRunner } from '../../lib/linux/script-runner.ts';

/** Starts a script that writes its process id into the file given and then waits; is killed by script-runner.test.ts. */
const [, , pidFile = ''] = process.argv;
await linuxScriptRunner().run(['/bin/sh', '-c', `echo $$ > ${pidFile}; exec sleep 60`], { timeout: null, user: null, group: null }).result;
