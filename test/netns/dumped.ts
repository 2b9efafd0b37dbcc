import type { Daemon } from './daemon.ts';
import type { LabNode } from './node.ts';
import { until } from './wait.ts';

/** The text of a file that the daemon writes at a signal. */
export async function dumped(node: LabNode, daemon: Daemon, name: string, signal: NodeJS.Signals): Promise<string> {
  await node.sh(`rm -f "$TMPDIR/${name}"`);
  daemon.signal(signal);
  let text = '';
  await until(`there is ${name}`, 5000, async () => (text = (await node.run(['sh', '-c', `cat "$TMPDIR/${name}"`])).stdout) !== '', () => daemon.tail());
  return text;
}

/** The statistics of one instance, by `Section: Name` as they stand there. */
export async function statistics(node: LabNode, daemon: Daemon, instance: string): Promise<Readonly<Record<string, number>>> {
  const text = await dumped(node, daemon, 'keepalived.stats', 'SIGUSR2');
  const lines = (text.split('VRRP Instance: ').find((block) => block.startsWith(`${instance}\n`)) ?? '').split('\n');
  const found: Record<string, number> = {};
  let section = '';
  for (const line of lines) {
    const [, indent = '', name = '', value = ''] = /^( +)([^:]+): ?(\d*)$/.exec(line) ?? [];
    if (value === '') section = name;
    else found[indent.length === 2 ? name : `${section}: ${name}`] = Number(value);
  }
  return found;
}
