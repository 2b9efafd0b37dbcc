/** A virtual server from its conf text, driven by verdicts, with what it says and what the kernel's table becomes as lines. */
import type { Config } from '../../lib/config/model.ts';
import type { VirtualServer } from '../../lib/config/model-ipvs.ts';
import { serviceKey } from '../../lib/codec/ipvs-values.ts';
import { desiredTable } from '../../lib/ipvs/desired.ts';
import { begin, migrate, type Standings } from '../../lib/ipvs/migrate.ts';
import { step, type VirtualServerAction, type VirtualServerEvent } from '../../lib/ipvs/virtual-server.ts';
import { load } from '../config/helpers.ts';

export class Balancing {
  #standings: Standings = new Map();
  #groups;
  readonly lines: string[] = [];
  readonly quorumMails: string[] = [];

  constructor(conf: string, initNotifies = false) {
    const { ipvs } = configOf(conf);
    this.#groups = ipvs.groups;
    this.#take(begin(ipvs.virtualServers, initNotifies));
  }

  /** `server` is its address; all have port 80 unless it says so: `10.0.0.1 8080`. */
  verdict(server: string, up: boolean, checker = 0, told = false): string[] {
    return this.#event({ type: 'verdict', server: keyOf(server), checker, up, told, text: up ? '=> CHECK succeeded on service <=' : '=> CHECK failed on service <=' });
  }

  weight(server: string, added: number, checker = 0): string[] {
    return this.#event({ type: 'weight', server: keyOf(server), checker, added });
  }

  reload(conf: string): string[] {
    const { ipvs } = configOf(conf);
    this.#groups = ipvs.groups;
    this.#take(migrate(this.#standings, ipvs.virtualServers, false));
    return this.drain();
  }

  /** As `ipvsadm -Sn` has it, in short: `tcp 10.0.0.100 80 wlc: 10.0.0.1 80 NAT 1`. */
  table(): string[] {
    return [...desiredTable([...this.#standings.values()], this.#groups).values()].map(({ service, destinations }) => {
      const to = destinations.map((d) => `${d.address} ${d.port} ${d.forward.method} ${d.weight}`);
      return `${serviceKey(service.id)} ${service.scheduler}: ${to.join(', ')}`;
    });
  }

  drain(): string[] {
    return this.lines.splice(0);
  }

  #event(event: VirtualServerEvent): string[] {
    for (const [key, { service, state }] of this.#standings) {
      const next = step(service, state, event);
      this.#standings = new Map(this.#standings).set(key, { service, state: next.state });
      this.#note(service, next.actions);
    }
    return this.drain();
  }

  #take({ standings, steps }: ReturnType<typeof begin>): void {
    this.#standings = standings;
    for (const { service, actions } of steps) this.#note(service, actions);
  }

  #note(service: VirtualServer, actions: readonly VirtualServerAction[]): void {
    for (const action of actions) {
      switch (action.type) {
        case 'log': this.lines.push(action.text); break;
        case 'server': this.lines.push(`RS ${action.server.address} ${action.up ? 'UP' : 'DOWN'}`); break;
        case 'quorum':
          this.lines.push(`VS ${service.id} ${action.up ? 'UP' : 'DOWN'}`);
          this.quorumMails.push(action.text);
          break;
        case 'mail': this.lines.push(`mail ${action.server.address} ${action.up ? 'UP' : 'DOWN'}${action.changed ? '' : ' (checker)'}: ${action.text}`); break;
        case 'program': break;
      }
    }
  }
}

function keyOf(server: string): string {
  return server.includes(' ') ? server : `${server} 80`;
}

function configOf(conf: string): Config {
  const { config, diagnostics } = load(conf);
  if (config === null) throw new Error(diagnostics.map((d) => d.message).join('\n'));
  return config;
}
