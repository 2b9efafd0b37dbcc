import type { ChildProcess } from 'node:child_process';
import type { AddressChange } from './address-watch.ts';
import { parseStamp } from './address-watch.ts';
import { Daemon } from './daemon.ts';
import type { LabNode } from './node.ts';
import type { Holdings } from './settled.ts';

/** Debian's package puts the daemons here, outside of PATH. */
const PROGRAMS = '/usr/lib/frr';

/** Shell words that are true where FRR's VRRP is installed. */
export const FRR_PROGRAMS = [`${PROGRAMS}/zebra`, `${PROGRAMS}/vrrpd`] as const;

/**
 * FRR's vrrpd in a node. It takes its addresses from a macvlan that is there before it, with the virtual router's MAC, and
 * switches that device off (protodown) while it is not master: so holding an address is the device having a carrier.
 */
export class Frr implements Holdings {
  readonly changes: AddressChange[] = [];
  private readonly node: LabNode;
  private readonly link: string;
  private readonly addresses: readonly string[];
  private carrier = false;
  private rest = '';

  /** Makes the device for virtual router `vrid` with these addresses (with prefix length); all of one family. */
  static async prepare(node: LabNode, vrid: number, addresses: readonly string[]): Promise<Frr> {
    const six = addresses.some((address) => address.includes(':'));
    const link = `vrrp${six ? 6 : 4}-2-${vrid}`;
    const mac = `00:00:5e:00:0${six ? 2 : 1}:${vrid.toString(16).padStart(2, '0')}`;
    // Its source has to be there from the beginning, and not the same on every router.
    const source = six ? [`fe80::51:${node.mac.slice(-2)}/64`] : [];
    const frr = new Frr(node, link, addresses);
    await node.sh([
      'mkdir -p /run/frr && chown frr:frr /run/frr',
      `ip link add ${link} link eth0 address ${mac} type macvlan mode bridge`,
      `ip link set ${link} addrgenmode none`,
      ...[...source, ...addresses].map((address) => `ip address add ${address} dev ${link}${six ? ' nodad' : ''}`),
      `ip link set ${link} up`,
    ].join(' && '));
    return frr;
  }

  private constructor(node: LabNode, link: string, addresses: readonly string[]) {
    this.node = node;
    this.link = link;
    this.addresses = addresses;
    this.listen(node.spawn(['ip', '-ts', '-o', 'monitor', 'link']));
  }

  has(address: string): boolean {
    return this.carrier && this.addresses.includes(address);
  }

  all(): string[] {
    return this.carrier ? [...this.addresses] : [];
  }

  /** zebra, which knows the interfaces, and vrrpd; SIGTERM ends vrrpd first, as a service manager would. `lines` are those of `interface eth0`. */
  start(lines: readonly string[]): Daemon {
    const file = this.node.write('frr.conf', ['log stdout', 'interface eth0', ...lines.map((line) => ` ${line}`), ''].join('\n'));
    return new Daemon('frr', this.node.name, this.node.spawn(['sh', '-c', RUN, 'frr', file]));
  }

  private listen(monitor: ChildProcess): void {
    monitor.stdout?.on('data', (piece: Buffer) => {
      const lines = (this.rest + piece.toString()).split('\n');
      this.rest = lines.pop() ?? '';
      for (const line of lines) this.take(line);
    });
  }

  private take(line: string): void {
    const found = /^\[(?<at>[^\]]+)\]\s*(?<gone>Deleted )?\d+: (?<name>[^@:]+)\S* <(?<flags>[^>]*)>/.exec(line)?.groups;
    if (found?.['name'] !== this.link) return;
    const flags = found['flags']?.split(',') ?? [];
    const carrier = found['gone'] === undefined && flags.includes('LOWER_UP') && !flags.includes('NO-CARRIER');
    if (carrier === this.carrier) return;
    this.carrier = carrier;
    for (const address of this.addresses) this.changes.push({ at: parseStamp(found['at']), address, present: carrier });
  }
}

/** The daemons give up root, so the file is put where they may read it. */
const RUN = `
cp "$1" /run/frr/frr.conf && chmod 644 /run/frr/frr.conf
common="-f /run/frr/frr.conf -z /run/frr/zserv.api --vty_socket /run/frr -P 0"
trap 'kill -TERM $vrrpd 2>/dev/null' TERM
${PROGRAMS}/zebra $common -i /run/frr/zebra.pid >/dev/null 2>&1 &
zebra=$!
while ! [ -S /run/frr/zserv.api ]; do sleep 0.05; done
${PROGRAMS}/vrrpd $common -i /run/frr/vrrpd.pid --log stdout &
vrrpd=$!
while kill -0 $vrrpd 2>/dev/null; do wait $vrrpd; done
kill -TERM $zebra
wait $zebra
exit 0
`;
