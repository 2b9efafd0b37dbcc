import { SystemError } from '../../lib/system/error.ts';
import type { Iptables } from '../../lib/system/iptables.ts';
import type { Family } from '../../lib/util/ip.ts';

type Table = Map<string, string[]>;

const BUILT_IN: Readonly<Record<string, readonly string[]>> = { filter: ['INPUT', 'FORWARD', 'OUTPUT'], mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'], nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'] };

/** A kernel's ip_tables behind iptables-save and iptables-restore --noflush: each table is changed as a whole or not at all. */
export class FakeIptables implements Iptables {
  /** There is none: what everything ends with. */
  missing: string | null = 'ENOENT';
  /** Modules, by a text in their rules, that this kernel lacks. */
  readonly lacks = new Set<string>();
  /** What was sent, probes left out. */
  readonly restored: { readonly family: Family; readonly text: string }[] = [];
  saves = 0;
  readonly #tables = new Map<string, Table>();

  version(): Promise<string> {
    return this.missing === null ? Promise.resolve('iptables v1.8.9 (legacy)') : this.#fail('find');
  }

  save(family: Family): Promise<string> {
    this.saves++;
    if (this.missing !== null) return this.#fail('save');
    const lines = [...this.#tables].filter(([key]) => key.startsWith(`${family} `)).flatMap(([key, table]) => [
      `*${key.split(' ')[1] ?? ''}`, ...[...table.keys()].map((chain) => (/^[A-Z]+$/u.test(chain) ? `:${chain} ACCEPT [${String(this.saves)}:0]` : `:${chain} - [0:0]`)),
      ...[...table].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)), 'COMMIT',
    ]);
    return Promise.resolve(lines.map((line) => `${line}\n`).join(''));
  }

  restore(family: Family, text: string): Promise<void> {
    if (this.missing !== null) return this.#fail('restore');
    if (!text.includes('PROBE')) this.restored.push({ family, text });
    let name = '';
    let table: Table = new Map();
    for (const line of text.split('\n').filter((one) => one !== '')) {
      if ([...this.lacks].some((lack) => line.includes(lack))) return this.#fail(`restore: ${line}`, 'EINVAL');
      if (line.startsWith('*')) {
        name = line.slice(1);
        const known = this.#tables.get(`${family} ${name}`) ?? new Map((BUILT_IN[name] ?? []).map((chain) => [chain, []]));
        table = new Map([...known].map(([chain, rules]) => [chain, [...rules]]));
      } else if (line === 'COMMIT') {
        this.#tables.set(`${family} ${name}`, table);
      } else if (!carryOut(table, line)) {
        return this.#fail(`restore: ${line}`, 'EINVAL');
      }
    }
    return Promise.resolve();
  }

  /** Rules of a chain. */
  rules(family: Family, table: string, chain: string): readonly string[] {
    return this.#tables.get(`${family} ${table}`)?.get(chain) ?? [];
  }

  /** What is not as a kernel has it from the beginning: chains that were made, and rules. */
  left(): string[] {
    return [...this.#tables].flatMap(([key, table]) => [...table].flatMap(([chain, rules]) => [...(/^[A-Z]+$/u.test(chain) ? [] : [`${key} ${chain}`]), ...rules.map((rule) => `${key} ${chain} ${rule}`)]));
  }

  /** Somebody else's `iptables-restore` without --noflush. */
  flush(): void {
    this.#tables.clear();
  }

  #fail(operation: string, code = this.missing ?? 'EINVAL'): Promise<never> {
    return Promise.reject(new SystemError(operation, 'iptables', code));
  }
}

/** False: as iptables it would refuse it. */
function carryOut(table: Table, line: string): boolean {
  const [, declared] = /^:(\S+) /u.exec(line) ?? [];
  if (declared !== undefined) {
    table.set(declared, []);
    return true;
  }
  const [, command = '', chain = '', rest = ''] = /^-([AIDX]) (\S+) ?(.*)$/u.exec(line) ?? [];
  const rules = table.get(chain);
  if (rules === undefined) return false;
  const [, target] = / ?-[jg] (TSK-\S+)/u.exec(rest) ?? [];
  if (target !== undefined && !table.has(target)) return false;
  switch (command) {
    case 'A':
      rules.push(rest);
      return true;
    case 'I':
      rules.unshift(rest.replace(/^1 /u, ''));
      return true;
    case 'D': {
      const at = rules.indexOf(rest);
      if (at >= 0) rules.splice(at, 1);
      return at >= 0;
    }
    case 'X': {
      const used = [...table.values()].some((all) => all.some((rule) => rule.endsWith(` ${chain}`)));
      return rules.length === 0 && !used && table.delete(chain);
    }
    default:
      return false;
  }
}
