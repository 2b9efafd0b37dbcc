import type { VirtualAddress } from '../../config/model.ts';
import type { ScriptRunner } from '../../system/script-runner.ts';
import { familyOf, isLinkLocal6 } from '../../util/ip.ts';
import type { Millis } from '../../util/time.ts';
import type { FilterSettings } from '../../vrrp/filter.ts';
import type { Log } from '../log/log.ts';

const TIMEOUT: Millis = 10_000;
/** Neighbours must find the addresses, and be found. */
const DISCOVERY = ['neighbour-solicitation', 'neighbour-advertisement'];

/**
 * The same by iptables(8), where there is no nf_tables: rules at the beginning of chains that must be there. Programs run one
 * after the other beside the event loop, so that a rule comes a little after its address.
 */
export class IptablesKeeper {
  readonly #scripts: ScriptRunner;
  readonly #log: Log;
  readonly #chains: FilterSettings['chains'];
  readonly #held = new Map<string, ReadonlyMap<string, readonly (readonly string[])[]>>();
  /** Rules that a killed run may have left are looked for once. */
  readonly #cleared = new Set<string>();
  #queue: Promise<void> = Promise.resolve();

  constructor(scripts: ScriptRunner, log: Log, chains: FilterSettings['chains']) {
    this.#scripts = scripts;
    this.#log = log;
    this.#chains = chains;
  }

  hold(owner: string, addresses: readonly VirtualAddress[]): boolean {
    const before = this.#wanted();
    if (addresses.length > 0) this.#held.set(owner, new Map(addresses.map((address) => [`${address.link} ${address.prefix.address}`, rules(address, this.#chains)])));
    else this.#held.delete(owner);
    const after = this.#wanted();
    const gone = [...before].filter(([key]) => !after.has(key));
    const fresh = [...after].filter(([key]) => !before.has(key));
    for (const [, lines] of gone) for (const line of lines) this.#do('-D', line);
    for (const [key, lines] of fresh) {
      if (!this.#cleared.has(key)) for (const line of lines) this.#clear(line);
      this.#cleared.add(key);
      for (const line of lines) this.#do('-I', line);
    }
    return gone.length + fresh.length > 0;
  }

  rename(names: ReadonlyMap<string, string>): void {
    const moved = [...names].flatMap(([to, from]) => { const value = this.#held.get(from); return value === undefined ? [] : [[to, value] as const]; });
    for (const from of names.values()) this.#held.delete(from);
    for (const [to, value] of moved) this.#held.set(to, value);
  }

  close(keep: boolean): void {
    if (keep) return;
    for (const owner of [...this.#held.keys()]) this.hold(owner, []);
  }

  #wanted(): Map<string, readonly (readonly string[])[]> {
    return new Map([...this.#held.values()].flatMap((rulesOf) => [...rulesOf]));
  }

  #do(command: '-I' | '-D', [program = '', chain = '', ...rest]: readonly string[]): void {
    this.#queue = this.#queue.then(async () => {
      const problem = await run(this.#scripts, [program, '-w', '5', command, chain, ...rest]);
      if (problem !== null) this.#log.error(`${program} ${command} ${chain} ${rest.join(' ')} ${problem}; does the chain ${chain} exist?`);
    });
  }

  /** That there is none is the usual case. */
  #clear([program = '', chain = '', ...rest]: readonly string[]): void {
    this.#queue = this.#queue.then(async () => { await run(this.#scripts, [program, '-w', '5', '-D', chain, ...rest]); });
  }
}

/** Null when it ended well. */
export async function run(scripts: ScriptRunner, argv: readonly string[]): Promise<string | null> {
  const result = await scripts.run(argv, { timeout: TIMEOUT, user: null, group: null }).result;
  switch (result.type) {
    case 'exited':
      return result.status === 0 ? null : `exited with status ${result.status}`;
    case 'signalled':
      return `was ended by ${result.signal}`;
    case 'timed-out':
      return 'timed out';
    case 'failed':
      return `could not be run: ${result.reason}`;
  }
}

/** Program, chain and match of each rule, the last to be inserted (and so the first to be asked) at the end. */
function rules({ prefix: { address }, link }: VirtualAddress, chains: FilterSettings['chains']): string[][] {
  const six = familyOf(address) === 'inet6';
  const program = six ? 'ip6tables' : 'iptables';
  const local = isLinkLocal6(address);
  const ends: [string, string[]][] = [[chains.in, [...(local ? ['-i', link] : []), '-d', address]]];
  if (chains.out !== null) ends.push([chains.out, [...(local ? ['-o', link] : []), '-s', address]]);
  return ends.flatMap(([chain, match]) => [
    [program, chain, ...match, '-j', 'DROP'],
    ...(six ? DISCOVERY.map((type) => [program, chain, ...match, '-p', 'icmpv6', '--icmpv6-type', type, '-j', 'ACCEPT']) : []),
  ]);
}
