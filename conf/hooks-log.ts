// Sample hooks: every event as one line of the daemon's log. Use it with
//   tskeepalived --hooks /etc/keepalived/hooks-log.ts        or       hooks /etc/keepalived/hooks-log.ts    in global_defs
import type { Hooks } from 'tskeepalived';

export default {
  onStart({ version, instances }) {
    console.log(`tskeepalived ${version} started with ${instances.join(', ')}`);
  },
  onTransition({ kind, name, from, to, priority, reason }) {
    console.log(`${kind} ${name}: ${from} > ${to}, priority ${priority} (${reason})`);
  },
  onTrackerResult({ kind, name, up, detail }) {
    console.log(`${kind} ${name} is ${up ? 'up' : 'down'}${detail === '' ? '' : `: ${detail}`}`);
  },
  onRealServer({ virtualServer, realServer, up }) {
    console.log(`${realServer} of ${virtualServer} is ${up ? 'up' : 'down'}`);
  },
  onQuorum({ virtualServer, up }) {
    console.log(`${virtualServer} has ${up ? 'gained' : 'lost'} its quorum`);
  },
  onReload({ instances }) {
    console.log(`reloaded, now with ${instances.join(', ')}`);
  },
  onStop() {
    console.log('stopping');
  },
} satisfies Hooks;
