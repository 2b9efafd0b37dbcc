/** What the load-balancing half tells hooks. Times are milliseconds since the epoch. */

/** A real server was added to its virtual server, or taken out. */
export interface RealServerEvent {
  /** As the log has it: `[192.0.2.100]:tcp:80`. */
  readonly virtualServer: string;
  readonly realServer: string;
  readonly up: boolean;
  readonly time: number;
}

/** A virtual server has gained or lost its quorum. */
export interface QuorumEvent {
  readonly virtualServer: string;
  readonly up: boolean;
  readonly time: number;
}

export interface BalanceEvents {
  readonly onRealServer: RealServerEvent;
  readonly onQuorum: QuorumEvent;
}
