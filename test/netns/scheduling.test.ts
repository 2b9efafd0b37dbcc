import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import type { Daemon, DaemonKind } from './daemon.ts';
import { inPath } from '../needs.ts';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import type { LabNode } from './node.ts';
import { sleep, until, wallClock } from './wait.ts';

/** Each a virtual router of its own: they are on one switch. */
const configuration = (kind: DaemonKind, globals: string, tracked: boolean): string => `global_defs {
  enable_script_security
  script_user root
  ${globals}
}
vrrp_script chk {
  script "/run/show.sh"
  interval 1
}
vrrp_instance VI_1 {
  interface eth0
  virtual_router_id ${kind === 'ours' ? 51 : 52}
  virtual_ipaddress {
    192.0.2.${kind === 'ours' ? 151 : 152}/24
  }
  ${tracked ? 'track_script {\n chk\n }' : ''}
}
`;

/** Policy, priority, nice value, processors and name of a script, written by itself. */
const SHOW = `#!/bin/sh
f=$(sed 's/.*) //' /proc/self/stat); set -- $f; shift 16; n=$1; shift 21
c=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
echo "policy $2 priority $1 nice $n cpus $c" > /run/script.new && mv /run/script.new /run/script
`;

/** What vrrp_priority, vrrp_rt_priority, vrrp_cpu_affinity, process names and max_auto_priority do, seen from outside, ours and keepalived's. */
describe('netns: priorities, processors and names', function () {
  this.timeout(60_000);
  const kinds: DaemonKind[] = ['ours'];
  let lab: Lab<DaemonKind> | null = null;

  before(async function () {
    requireLab(this, { witness: false });
    if (inPath('keepalived')) kinds.push('keepalived');
    lab = await Lab.open({ nodes: { ours: '192.0.2.1/24', keepalived: '192.0.2.2/24' }, witness: null });
  });
  after(() => { lab?.close(); });

  const play = (name: string, globals: string, tracked: boolean, then: (node: LabNode, daemon: Daemon, pid: number) => Promise<void>): void => {
    it(name, async () => {
      await Promise.all(kinds.map(async (kind) => {
        if (lab === null) throw new Error('no lab');
        const node = lab.nodes[kind];
        node.write('show.sh', SHOW, 0o755);
        await node.sh(`rm -f /run/script /run/show.sh; install -m 755 ${node.dir}/show.sh /run/show.sh`);
        const daemon = node.start(kind, configuration(kind, globals, tracked));
        await daemon.says(/Entering MASTER STATE/, 20_000);
        // keepalived's first is the parent, ours is the VRRP process as well; scripts come behind.
        const pid = daemon.pids()[kind === 'ours' ? 0 : 1] ?? 0;
        await then(node, daemon, pid);
        daemon.terminate();
        await daemon.ended(10_000);
      }));
    });
  };

  play('as they are told to', 'vrrp_process_name virtual-rtr\n vrrp_priority 5\n vrrp_rt_priority 7\n vrrp_cpu_affinity 0\n max_auto_priority -1', true, async (node, daemon, pid) => {
    await until('the script ran', 10_000, () => node.exists('/run/script'), () => daemon.tail());
    expect(process(pid)).to.equal('virtual-rtr policy 2 priority 7 cpus 0');
    expect(node.read('/run/script').trim(), 'a script').to.equal('policy 0 priority 0 nice 0 cpus 0');
    expect(daemon.said(/NOTICE/), 'advice').to.equal(false);
  });

  play('nice, and a name for all', 'process_name both\n vrrp_priority 5', true, async (node, daemon, pid) => {
    await until('the script ran', 10_000, () => node.exists('/run/script'), () => daemon.tail());
    expect(niceOf(pid)).to.equal(5);
    expect(process(pid)).to.match(/^both policy 0 priority 0 /);
    expect(node.read('/run/script')).to.match(/^policy 0 priority 0 nice 0 /);
    expect(daemon.said(/NOTICE: setting config option max_auto_priority should result in better keepalived performance/), 'advice').to.equal(true);
  });

  play('max_auto_priority: a process that was held up raises itself, up to what it may', 'process_names\n max_auto_priority 2\n min_auto_priority_delay 300000', false, async (_, daemon, pid) => {
    expect(process(pid)).to.match(/^keepalived_vrrp policy 0 priority 0 /);
    for (const [round, priority] of [1, 2, 2].entries()) {
      const since = wallClock();
      globalThis.process.kill(pid, 'SIGSTOP');
      await sleep(1600);
      // nsenter, if it is the parent, has stopped with it.
      for (const one of [pid, Number(fields(pid)[1])]) globalThis.process.kill(one, 'SIGCONT');
      await daemon.says(/A thread timer expired \d+\.\d{6} seconds ago/, 10_000, since);
      if (round < 2) await daemon.says(new RegExp(`Set realtime priority ${priority}$`), 10_000, since);
      expect(process(pid), `round ${round}`).to.match(new RegExp(`policy 2 priority ${priority} `));
    }
    expect(daemon.log.filter(({ text }) => /Set realtime priority/.test(text))).to.have.length(2);
  });
});

function fields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function niceOf(pid: number): number {
  return Number(fields(pid)[16]);
}

/** Name, policy, priority, processors. */
function process(pid: number): string {
  const cpus = /^Cpus_allowed_list:\s*(\S+)/mu.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '?';
  return `${readFileSync(`/proc/${pid}/comm`, 'latin1').trim()} policy ${fields(pid)[38] ?? ''} priority ${fields(pid)[37] ?? ''} cpus ${cpus}`;
}
