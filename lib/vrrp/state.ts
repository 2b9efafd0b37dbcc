/** What a virtual router is, what can happen to it and what it asks for: the values that virtual-router.ts steps through. */
import type { Advertisement } from '../codec/vrrp.ts';
import type { IpAddress } from '../util/ip.ts';
import type { Millis } from '../util/time.ts';
import type { CounterName, VrrpCounters } from './counters.ts';

export const OWNER_PRIORITY = 255;

export interface Master {
  readonly address: IpAddress;
  readonly priority: number;
}

export type State =
  | { readonly name: 'Initialize' }
  | {
      readonly name: 'Backup';
      readonly masterDownTimer: Millis;
      readonly masterAdverInterval: Millis;
      /** preempt_delay: until then a lower priority is put up with; null: not running, Infinity is never used. */
      readonly preemptTimer: Millis | null;
      /** keepalived's: who we last heard and accepted. */
      readonly master: Master | null;
      /** timer_expired_backup: our timers ran late, and a master of at most this priority may stay. */
      readonly putsUpWith?: number;
    }
  | {
      readonly name: 'Master';
      readonly adverTimer: Millis;
      /** The second block of gratuitous ARPs, and the periodic refresh. */
      readonly garpTimer: Millis | null;
      readonly refreshTimer: Millis | null;
      readonly masterAdverInterval: Millis;
      /** timer_expired_backup: our timers ran late; until the next advertisement of ours, one of at most this priority takes over. */
      readonly yieldsTo?: number;
    }
  | { readonly name: 'Fault' };

export type StateName = State['name'];

/** Why an instance cannot work, in words for the log: 'interface eth0 is down', 'script chk', … One entry each. */
export type FaultReason = string;

/** The reason of an instance whose interface is not there. */
export const absent = (link: string): FaultReason => `interface ${link} does not exist`;

export interface VirtualRouter {
  readonly state: State;
  /** Effective priority: base and tracked weights; 255 only for the owner. */
  readonly priority: number;
  /** All of these must clear before the instance leaves Fault. */
  readonly faults: ReadonlySet<FaultReason>;
  /** keepalived's: weight-0 scripts that have not finished their first run hold the instance in Initialize. */
  readonly holds: ReadonlySet<FaultReason>;
  /** The interface's or configured source address; null while there is none. Elections between equals need it. */
  readonly address: IpAddress | null;
  readonly counters: VrrpCounters;
  /** Kinds of complaint already logged in this state and about this master. */
  readonly said: ReadonlySet<string>;
  /** keepalived's: a unicast peer makes checksums as keepalived did before 1.3.6, and so do we from then on. */
  readonly oldChecksum: boolean;
  /** keepalived's: adverts heard, as Master and owner, from another owner that should yield. */
  readonly rivals: number;
  /** Monotonic time of the last change of state. */
  readonly since: Millis;
}

export type Event =
  /** keepalived's vrrp_startup_delay: the timers begin `delay` later. */
  | { readonly type: 'startup'; readonly delay?: Millis }
  /** keepalived's: `silent` leaves without a farewell, the addresses being left as well (-V). */
  | { readonly type: 'shutdown'; readonly silent?: boolean }
  | { readonly type: 'time' }
  /** keepalived's: a peer's checksum is of the old form. */
  | { readonly type: 'old-checksum' }
  | { readonly type: 'advertisement'; readonly from: IpAddress; readonly advert: Advertisement }
  /** `leavingFault`: by a file that is a fault no more, for which keepalived has other words. */
  | { readonly type: 'priority'; readonly value: number; readonly leavingFault?: boolean }
  | { readonly type: 'fault'; readonly reason: FaultReason }
  /** `anew`: by a reload, which keepalived's words tell from one by itself. */
  | { readonly type: 'recovery'; readonly reason: FaultReason; readonly anew?: boolean }
  /** keepalived's: a script has not answered yet, or has now. */
  | { readonly type: 'hold' | 'release'; readonly reason: FaultReason }
  /** keepalived's: somebody took one of our addresses away. */
  | { readonly type: 'address-lost'; readonly address: IpAddress; readonly link: string }
  /** keepalived's: somebody took one of our routes or rules away; in words. */
  | { readonly type: 'object-lost'; readonly what: string }
  | { readonly type: 'source'; readonly address: IpAddress | null }
  /** A sync group moves the instance along with another member. */
  | { readonly type: 'sync'; readonly to: 'Master' | 'Backup' | 'Fault' }
  | { readonly type: 'drop'; readonly counter: CounterName | null; readonly kind: string; readonly text: string };

export type Action =
  /** Send one advertisement; 0 when leaving. */
  | { readonly type: 'advertise'; readonly priority: number }
  /** The kernel should now hold desired(state). */
  | { readonly type: 'reconcile' }
  /** Gratuitous ARP and unsolicited NA for every address, `repeat` times each. */
  | { readonly type: 'announce'; readonly repeat: number }
  | { readonly type: 'transition'; readonly from: StateName; readonly to: StateName | 'Stop'; readonly priority: number; /** Why, in words. */ readonly reason: string }
  /** notify_master_rx_lower_pri */
  | { readonly type: 'lower-priority-heard' }
  /** A MASTER_PRIORITY or BACKUP_PRIORITY line. */
  | { readonly type: 'priority-changed'; readonly priority: number }
  | { readonly type: 'log'; readonly level: 'warn' | 'info' | 'detail'; readonly text: string };

export interface Step {
  readonly router: VirtualRouter;
  readonly actions: readonly Action[];
}
