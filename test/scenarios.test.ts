import { expect } from 'chai';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { instanceText } from './sim/config-text.ts';
import { Lan } from './sim/lan.ts';
import { SimMachine } from './sim/machine.ts';
import { SimRouter } from './sim/router.ts';
import { settle, VirtualClock } from './sim/virtual-clock.ts';

/**
 * Transcripts: commands, `----`, then what happened and when. UPDATE=1 rewrites what happened; read the diff as code.
 * Compiled tests run from dist/, the transcripts stay where they are.
 */
const FOLDER = new URL('../../test/scenarios/', import.meta.url);

describe('scenarios', () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.txt')).sort()) {
    it(file.replace('.txt', '').replaceAll('-', ' '), async () => {
      const path = new URL(file, FOLDER);
      const before = readFileSync(path, 'utf8');
      const after = await replay(before);
      if (process.env['UPDATE'] === '1') writeFileSync(path, after);
      else expect(after).to.equal(before);
    });
  }
});

/** The transcript with what happens now. */
async function replay(text: string): Promise<string> {
  const stage = new Stage();
  const blocks: string[] = [];
  for (const block of text.trimEnd().split('\n\n')) {
    const [commands = ''] = block.split('\n----');
    if (commands.startsWith('#')) {
      blocks.push(block);
      continue;
    }
    for (const command of commands.split(/[;\n]/u)) await stage.run(command.trim());
    const happened = stage.take();
    blocks.push([commands.trimEnd(), '----', ...happened].join('\n'));
  }
  await stage.close();
  return `${blocks.join('\n\n')}\n`;
}

class Stage {
  private readonly clock = new VirtualClock();
  private readonly lan = new Lan(this.clock);
  private readonly routers = new Map<string, { router: SimRouter; text: string }>();
  private lines: string[] = [];
  private readonly held = new Map<string, string>();

  async run(command: string): Promise<void> {
    const [verb = '', ...rest] = command.split(/\s+/u);
    const name = rest[0] ?? '';
    switch (verb) {
      case 'routers':
        for (const one of command.slice('routers'.length).split(',')) await this.add(one.trim());
        return;
      case 'advance':
        return this.advance(milliseconds(name));
      case 'stop': {
        const stopping = this.router(name).daemon.stop();
        await this.advance(1000);
        return stopping;
      }
      case 'kill':
        this.router(name).kill();
        return;
      case 'start':
        return this.router(name).start(this.entry(name).text);
      case 'reload': {
        const text = this.textOf(rest[1] ?? '', rest.slice(2).join(' '));
        this.entry(name).text = text;
        return this.router(name).reload(text);
      }
      case 'cut':
        this.lan.cutOff(name);
        return;
      case 'heal':
        this.lan.heal(name);
        return;
      case 'link':
        this.router(name).machine.setLink(rest[1] === 'up');
        return;
      case 'take':
        this.router(name).machine.takeAddress(rest[1] ?? '');
        return;
      default:
        throw new Error(`no such command: ${command}`);
    }
  }

  take(): string[] {
    const lines = this.lines;
    this.lines = [];
    return lines;
  }

  /** Nothing may be left: no timer, socket or address. */
  async close(): Promise<void> {
    for (const { router } of this.routers.values()) {
      if (router.machine.sockets.size === 0) continue;
      const stopping = router.daemon.stop();
      await this.clock.advance(1000);
      await stopping;
      expect(router.machine.addresses(), `addresses left on ${router.name}`).to.deep.equal([]);
      expect(router.machine.sockets.size, `sockets left on ${router.name}`).to.equal(0);
    }
    await this.clock.advance(0);
    expect(this.clock.pending(), 'timers left').to.equal(0);
  }

  /** `NAME PRIORITY ADDRESS [keyword value, …]` */
  private async add(text: string): Promise<void> {
    const [name = '', priority = '', address = '', ...options] = text.split(/\s+/u);
    const router = new SimRouter(name, new SimMachine(name, this.lan, this.clock, `${address}/24`), (from, event) => {
      this.say(`${from.name} ${event.from} > ${event.to} (${event.reason})`);
    });
    this.routers.set(name, { router, text: this.textOf(priority, options.join(' ')) });
    await router.start(this.entry(name).text);
  }

  private textOf(priority: string, options: string): string {
    return instanceText(`priority ${priority}\n  ${options.split('&').map((o) => o.trim()).join('\n  ')}`);
  }

  /** Addresses are looked at after every millisecond in which something may have happened. */
  private async advance(duration: number): Promise<void> {
    const end = this.clock.now() + duration;
    while (this.clock.now() < end) {
      await this.clock.advance(Math.min(1, end - this.clock.now()));
      this.look();
    }
    await settle();
  }

  private look(): void {
    for (const { router } of this.routers.values()) {
      const now = router.machine.addresses().join(' ');
      if (now === (this.held.get(router.name) ?? '')) continue;
      this.held.set(router.name, now);
      this.say(`${router.name} holds ${now === '' ? 'nothing' : now}`);
    }
  }

  private say(text: string): void {
    this.lines.push(`${(this.clock.now() / 1000).toFixed(3).padStart(7)} ${text}`);
  }

  private router(name: string): SimRouter {
    return this.entry(name).router;
  }

  private entry(name: string): { router: SimRouter; text: string } {
    const entry = this.routers.get(name);
    if (entry === undefined) throw new Error(`no router ${name}`);
    return entry;
  }
}

function milliseconds(text: string): number {
  const match = /^([\d.]+)(ms|s)$/u.exec(text);
  if (match?.[1] === undefined) throw new Error(`no duration: ${text}`);
  return Number(match[1]) * (match[2] === 's' ? 1000 : 1);
}
