import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Holder } from './holder.ts';
import { LabNode, finish, portOf } from './node.ts';
import type { Result } from './node.ts';
import { Witness } from './witness.ts';
import type { WitnessKind } from './witness.ts';

export interface LabOptions {
  /** Node name → its address on eth0, with prefix length. Names: at most 10 letters and digits. */
  readonly nodes: Readonly<Record<string, string>>;
  /** Who captures at the switch; null: nobody. Default cap. */
  readonly witness?: WitnessKind | null;
}

/**
 * Some machines on one switch, in network namespaces of their own:
 *
 *     client ── eth0 ┐
 *     a ─────── eth0 ┼─ bridge, a hub: every port sees every frame ── tap ── witness
 *     b ─────── eth0 ┘
 *
 * Everything ends with close(), and with the process, however that ends.
 */
export class Lab<Name extends string = string> {
  readonly nodes: Readonly<Record<Name, LabNode>>;
  private readonly witnessOrNull: Witness | null;
  private readonly holders: readonly Holder[];
  private readonly dir: string;

  static async open<Name extends string>(options: LabOptions & { readonly nodes: Readonly<Record<Name, string>> }): Promise<Lab<Name>> {
    const dir = mkdtempSync(join(tmpdir(), `tska-${process.pid}-`));
    const holders: Holder[] = [];
    const undo = (): void => close(holders, dir);
    closing.add(undo);
    try {
      const names = Object.keys(options.nodes) as Name[];
      const started = await Promise.allSettled(['switch', ...names].map((name) => Holder.start(name, join(dir, name))));
      for (const result of started) if (result.status === 'fulfilled') holders.push(result.value);
      for (const result of started) if (result.status === 'rejected') throw result.reason;
      const [hub, ...others] = holders;
      if (hub === undefined) throw new Error('no switch');
      // Links are handed over by process id, as seen from here.
      const exec = (argv: readonly string[]): Promise<Result> => finish(hub.spawnInNetwork(argv), `${argv.join(' ')} in the switch`, 15_000);
      await wire(exec, others);
      const nodes: Partial<Record<Name, LabNode>> = {};
      for (const [i, name] of names.entries()) {
        const holder = others[i];
        if (holder === undefined) throw new Error(`no node ${name}`);
        nodes[name] = new LabNode({ name, mac: macOf(i), address: options.nodes[name], dir: join(dir, name) }, holder, exec);
      }
      const all = nodes as Record<Name, LabNode>;
      await Promise.all(names.map((name) => configure(all[name])));
      const kind = options.witness === undefined ? 'cap' : options.witness;
      const witness = kind === null ? null : await Witness.start((argv) => hub.spawn(argv), 'tap', kind);
      const lab = new Lab(all, witness, holders, dir);
      closing.delete(undo);
      closing.add(lab.closeNow);
      return lab;
    } catch (cause) {
      undo();
      closing.delete(undo);
      throw cause;
    }
  }

  private constructor(nodes: Readonly<Record<Name, LabNode>>, witness: Witness | null, holders: readonly Holder[], dir: string) {
    this.nodes = nodes;
    this.witnessOrNull = witness;
    this.holders = holders;
    this.dir = dir;
  }

  get witness(): Witness {
    if (this.witnessOrNull === null) throw new Error('this lab was opened without a witness');
    return this.witnessOrNull;
  }

  close(): void {
    this.closeNow();
    closing.delete(this.closeNow);
  }

  private readonly closeNow = (): void => close(this.holders, this.dir);
}

/** What is still to be closed when the process ends by itself, by process.exit or by an uncaught exception. */
const closing = new Set<() => void>();

process.on('exit', () => {
  for (const undo of closing) undo();
});

function close(holders: readonly Holder[], dir: string): void {
  for (const holder of holders) holder.kill();
  rmSync(dir, { recursive: true, force: true });
}

/** The switch: a bridge that learns nothing and so passes every frame to every port, the witness' tap among them. */
async function wire(exec: (argv: readonly string[]) => Promise<Result>, holders: readonly Holder[]): Promise<void> {
  const script = [
    'set -e',
    'ip link add name hub type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
    'sysctl -qw net.ipv6.conf.default.disable_ipv6=1 2>/dev/null || :',
    'ip link add name tap type veth peer name tap-hub',
    'ip link set tap up',
    ...holders.map(({ name, init }, i) => `ip link add name ${portOf(name)} type veth peer name eth0 address ${macOf(i)} netns ${init}`),
    ...['tap-hub', ...holders.map(({ name }) => portOf(name))].map((port) => `ip link set dev ${port} master hub; ip link set dev ${port} type bridge_slave learning off; ip link set dev ${port} up`),
    'ip link set hub up',
  ];
  const result = await exec(['sh', '-c', script.join('\n')]);
  if (result.status !== 0) throw new Error(`the switch could not be made: ${result.stderr}`);
}

async function configure(node: LabNode): Promise<void> {
  await node.watch.ready;
  await node.sh(`ip link set lo up; ip link set eth0 up; ip address add ${node.address} brd + dev eth0`);
}

function macOf(index: number): string {
  return `02:00:00:00:00:${(index + 1).toString(16).padStart(2, '0')}`;
}
