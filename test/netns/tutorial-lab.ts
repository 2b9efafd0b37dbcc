import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inPath } from '../needs.ts';
import type { Daemon, DaemonKind } from './daemon.ts';
import { PROJECT } from './daemon.ts';
import { Lab } from './lab.ts';
import type { LabNode } from './node.ts';
import { until } from './wait.ts';

export const VIP = '172.25.78.100';
export const PAGES = ['<h1>server3-www.westos.org</h1>', '<h1>server4-www.westos.org</h1>'];

type Name = 'client' | 'server1' | 'server2' | 'server3' | 'server4';

/** The tutorial's five machines: a client, two directors with nginx, two web servers; nginx runs, the daemons do not yet. */
export class TutorialLab {
  readonly lab: Lab<Name>;
  /** Whether Debian's nginx runs, or the stand-in. */
  readonly realNginx: boolean;

  static async open(): Promise<TutorialLab> {
    const lab = await Lab.open<Name>({
      nodes: {
        client: '172.25.78.9/24',
        server1: '172.25.78.1/24',
        server2: '172.25.78.2/24',
        server3: '172.25.78.3/24',
        server4: '172.25.78.4/24',
      },
    });
    try {
      const tutorial = new TutorialLab(lab);
      await Promise.all([
        ...(['server3', 'server4'] as const).map((name) => startWebServer(lab.nodes[name])),
        ...(['server1', 'server2'] as const).map((name) => tutorial.prepareDirector(lab.nodes[name])),
      ]);
      return tutorial;
    } catch (cause) {
      lab.close();
      throw cause;
    }
  }

  private constructor(lab: Lab<Name>) {
    this.lab = lab;
    this.realNginx = inPath('nginx') && existsSync('/etc/nginx/nginx.conf');
  }

  /** The daemon with the tutorial's configuration, for server1 or server2 as its comments say. */
  start(kind: DaemonKind, name: 'server1' | 'server2'): Daemon {
    return this.lab.nodes[name].start(kind, tutorialConfiguration(name));
  }

  /** What a client is answered through the VIP, or null. */
  async get(): Promise<string | null> {
    const { client } = this.lab.nodes;
    const result = inPath('curl')
      ? await client.run(['curl', '-s', '-m', '2', `http://${VIP}/`])
      : await client.run([process.execPath, '-e', `fetch('http://${VIP}/',{signal:AbortSignal.timeout(2000)}).then(async r=>process.stdout.write(await r.text()))`]);
    return result.status === 0 ? result.stdout.trim() : null;
  }

  /** Asks through the VIP until both web servers have answered. */
  async bothAnswer(bound: number, context: () => string): Promise<void> {
    const seen = new Set<string>();
    const done = async (): Promise<boolean> => {
      const text = await this.get();
      if (text !== null) seen.add(text);
      return PAGES.every((page) => seen.has(page));
    };
    await until('both web servers answer through the VIP', bound, done, () => `heard: ${[...seen].join(', ')}\n${context()}`, 50);
  }

  /** A client that asks all along; its answers are written down. */
  keepAsking(interval = 50, timeout = 400): Asking {
    return new Asking(this.lab.nodes.client.spawn([process.execPath, tool('client'), VIP, '80', String(interval), String(timeout)]));
  }

  private async prepareDirector(node: LabNode): Promise<void> {
    node.write('opt/nginx_check.sh', CHECK, 0o755);
    if (this.realNginx) {
      const file = node.write('nginx.conf', NGINX);
      // Over the host's own file, in this node's mounts only: the tutorial's script calls nginx without arguments.
      await this.mountOver(node, file, '/etc/nginx/nginx.conf');
    } else {
      const upstream = '172.25.78.3:80 172.25.78.4:80';
      node.write('bin/nginx', `#!/bin/sh\nNGINX_UPSTREAM='${upstream}' exec '${process.execPath}' '${tool('nginx-stand-in')}' "$@"\n`, 0o755);
    }
    if (!inPath('curl')) node.write('bin/curl', CURL, 0o755);
    await node.sh('nginx');
  }

  private async mountOver(node: LabNode, file: string, over: string): Promise<void> {
    await node.sh(`mount --bind '${file}' '${over}'`);
  }
}

export interface Answer {
  readonly at: number;
  readonly took: number;
  readonly text: string | null;
  readonly error: string | null;
}

/** A running client and what it was answered. */
export class Asking {
  readonly answers: Answer[] = [];
  private readonly child: ChildProcess;
  private rest = '';

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on('data', (piece: Buffer) => {
      const lines = (this.rest + piece.toString()).split('\n');
      this.rest = lines.pop() ?? '';
      for (const line of lines) this.answers.push(JSON.parse(line) as Answer);
    });
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }

  /** The longest time without service after `since`: from the first request that failed to the first that was then answered. 0: none failed. */
  silence(since: number): number {
    let worst = 0;
    let failing: number | null = null;
    for (const answer of this.answers.filter((one) => one.at >= since).sort((a, b) => a.at - b.at)) {
      if (answer.text === null) failing ??= answer.at;
      else if (failing !== null) {
        worst = Math.max(worst, answer.at - failing);
        failing = null;
      }
    }
    return failing === null ? worst : Infinity;
  }

  answeredSince(since: number): number {
    return this.answers.filter((answer) => answer.at >= since && answer.text !== null).length;
  }
}

/** The tutorial's keepalived.conf to the letter; server2 with the changes its comments ask for. */
export function tutorialConfiguration(name: 'server1' | 'server2'): string {
  if (name === 'server1') return CONFIGURATION;
  return CONFIGURATION.replace('keepalived@server1 ', 'keepalived@server2 ').replace('state MASTER ', 'state BACKUP ').replace('priority 100 ', 'priority 50 ');
}

async function startWebServer(node: LabNode): Promise<void> {
  const server = node.spawn([process.execPath, tool('web-server'), '80', `<h1>${node.name}-www.westos.org</h1>`]);
  let up = false;
  let said = '';
  server.stdout?.on('data', () => (up = true));
  server.stderr?.on('data', (piece: Buffer) => (said += piece.toString()));
  await until(`the web server of ${node.name} listens`, 10_000, () => up, () => said);
}

function tool(name: string): string {
  return join(PROJECT, 'dist', 'test', 'netns', 'tools', `${name}.js`);
}

const CONFIGURATION = `! Configuration File for keepalived
vrrp_script nginx_check {
        script /opt/nginx_check.sh
        interval 2
        }
global_defs {
   notification_email {
        root@localhost
   }
   notification_email_from keepalived@server1        ###还有一个节点为server2####
   smtp_server 127.0.0.1
   smtp_connect_timeout 30
   router_id LVS_DEVEL
}

vrrp_instance VI_1 {
    state MASTER                ###还有一个节点写backup###
    interface eth0
    virtual_router_id 51
    priority 100                ###还有一个节点的数字要比100低###
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {
        172.25.78.100
    }
    track_script {
        nginx_check
        }
}
`;

/** The tutorial's, but that the daemon is ended by its pid file, there being no /etc/init.d of a node's own. */
const CHECK = `#!/bin/bash
curl http://127.0.0.1/index.html -o /dev/null -s || nginx
if [ $? -ne 0 ]; then
kill -TERM $(cat /run/keepalived.pid)   &> /dev/null
fi
`;

/** The tutorial's upstream and server blocks, in the least that nginx needs around them. */
const NGINX = `worker_processes 1;
pid /run/nginx.pid;
events { worker_connections 256; }
http {
access_log off;
upstream westos {
        server 172.25.78.3:80;
        server 172.25.78.4:80;

}

 server{
                listen 80;
                server_name www.westos.org;
                location / {
                        proxy_pass http://westos;
                }
        }
}
`;

/** As much of curl as the check script needs: status 0 when the address answers. */
const CURL = `#!/bin/sh
exec '${process.execPath}' -e 'fetch(process.argv[1],{signal:AbortSignal.timeout(2000)}).then(()=>process.exit(0),()=>process.exit(7))' "$1"
`;
