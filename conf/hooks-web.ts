// Sample hooks: tells a web hook (chat, incident tool, …) of every change of master. The address is taken from the
// environment of the daemon, e.g. Environment=WEBHOOK_URL=https://… in a drop-in of the systemd unit.
import { hostname } from 'node:os';
import type { Hooks, TransitionEvent } from 'tskeepalived';

const url = process.env['WEBHOOK_URL'] ?? 'http://127.0.0.1:8080/keepalived';

/** Three attempts, then the error goes to the log. A hook has 10 s in all, so each attempt gets 2. */
async function post(body: object): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const reply = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(2000),
      });
      if (reply.ok) return;
      throw new Error(`${url} answered ${reply.status}`);
    } catch (error) {
      if (attempt === 3) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

export default {
  async onTransition({ kind, name, from, to, priority, reason, time }: TransitionEvent): Promise<void> {
    if (kind === 'INSTANCE') await post({ host: hostname(), name, from, to, priority, reason, time: new Date(time).toISOString() });
  },
} satisfies Hooks;
