/** What reading a configuration carries along: the machine, the diagnostics so far, and all that depends on the order in the file. */
import type { AccountRef } from './model.ts';
import { diagnostic, type Diagnostic, type Pass, type Report } from './diagnostic.ts';
import type { IncludeRules } from './include.ts';
import type { Keyword } from './keyword.ts';
import type { Machine } from './machine.ts';
import type { Place } from './source.ts';

/** A file with more faults than this is none. */
const MOST = 50_000;

export class Context {
  readonly machine: Machine;
  readonly configId: string;
  readonly diagnostics: Diagnostic[] = [];
  /** The pass that is being imitated: whose block is read. */
  pass: Pass = 'all';
  includeRules: IncludeRules;
  setRandomSeed: (seed: number) => void = () => undefined;
  /** `script_user` so far: account of the scripts that follow without one of their own. */
  scriptUser: AccountRef | null = null;
  scriptSecurity = false;
  scriptSecurityPlace: Place | null = null;
  /** Braces are out of order: what each of keepalived's passes sees must be worked out one by one. */
  tangled = false;
  /** A block of another process than the parent was read. */
  childBlocks = false;
  /** A global setting that the blocks above it need: keepalived's children know it from the start. */
  late = false;
  /** Path of the block that is being read. */
  block = '';
  /** A value was refused and everything about it has been said. */
  complained = false;
  /** keepalived has given up: what is found from here on is only for people. */
  silent = false;
  /** Names declared so far, by kind, with the place of the first. */
  readonly declared = new Map<string, Map<string, Place>>();
  /** Addresses of the instance that is being read, with the place of the first. */
  readonly addresses = new Map<string, Place>();
  /** Order-dependent switches of global_defs. */
  readonly switches = new Map<string, unknown>();
  /** Keywords already warned about as not in effect. */
  readonly notYet = new Set<Keyword>();

  constructor(machine: Machine, configId: string, includeRules: IncludeRules) {
    this.machine = machine;
    this.configId = configId;
    this.includeRules = includeRules;
  }

  /** A global setting that matters to other blocks was read. */
  global(): void {
    if (this.childBlocks) this.late = true;
  }

  report(report: Report): void {
    if (this.diagnostics.length > MOST) return;
    if (this.diagnostics.length === MOST) {
      this.diagnostics.push(diagnostic({ code: 'too-many', message: `more than ${String(MOST)} diagnostics; the rest is left out`, wording: null, remedy: 'is this a keepalived.conf?' }, this.pass));
      return;
    }
    this.diagnostics.push(diagnostic(this.silent ? { ...report, wording: null, recorded: 'none' } : report, this.pass));
  }

  /** The place of the first declaration, or null, in which case this is it. */
  declare(kind: string, name: string, place: Place): Place | null {
    const names = this.declared.get(kind);
    const first = names?.get(name);
    if (first !== undefined) return first;
    if (names === undefined) this.declared.set(kind, new Map([[name, place]]));
    else names.set(name, place);
    return null;
  }

  isDeclared(kind: string, name: string): boolean {
    return this.declared.get(kind)?.has(name) ?? false;
  }
}
