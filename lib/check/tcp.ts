import type { Checker } from '../config/model-ipvs.ts';
import { attempt, type CheckMachine, routeOf } from './attempt.ts';
import { type Attempt, failure, type Subject, SUCCESS } from './verdict.ts';

/** TCP_CHECK: a connection that is made within connect_timeout, and closed at once. */
export function checkTcp({ type: kind, target }: Checker & { readonly type: 'TCP_CHECK' | 'PING_CHECK' }, subject: Subject, machine: CheckMachine): Attempt {
  return attempt({ kind, subject }, machine, target.connectTimeout, () => failure(null), (settle) => machine.sockets.connect(routeOf(target), (outcome) => {
    if ('fd' in outcome) machine.sockets.close(outcome.fd);
    settle('fd' in outcome ? SUCCESS : failure(null));
  }));
}
