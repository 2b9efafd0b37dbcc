import type { Checker } from '../config/model-ipvs.ts';
import type { Cancel } from '../util/time.ts';
import { attempt, type CheckMachine } from './attempt.ts';
import { exchangeLimit, silence } from './silence.ts';
import { openStream } from './stream.ts';
import { isUnreachable } from './unable.ts';
import { type Attempt, failure, type Subject, SUCCESS } from './verdict.ts';

/** A reply longer than this without an end is none. */
const REPLY_LIMIT = 512;

/** SMTP_CHECK: 220, HELO, 250, QUIT. A reply is one line: three digits and a blank (RFC 5321's `250-…` fails, as in keepalived). */
export function checkSmtp({ type: kind, target, schedule, helo }: Checker & { readonly type: 'SMTP_CHECK' }, subject: Subject, machine: CheckMachine): Attempt {
  const server = `[${target.address}]:${target.port}`;
  const readTimeout = (): ReturnType<typeof failure> => failure(`Read timeout from server ${server}`);
  return attempt({ kind, subject }, machine, exchangeLimit(target, schedule), readTimeout, (settle) => {
    let pending = '';
    let greeted = false;
    const quiet = silence(machine.clock, target.connectTimeout, (connected) => { settle(connected ? readTimeout() : failure(`Connection timeout to server ${server}`)); });
    const stream = openStream(target, null, machine.sockets, {
      open: () => { quiet.connected(); },
      data(chunk) {
        pending += chunk.toString('latin1');
        const end = pending.indexOf('\n');
        if (end < 0 && pending.length > REPLY_LIMIT) settle(failure(`Buffer overflow reading from server ${server}`));
        if (end < 0) return;
        const line = pending.slice(0, end);
        pending = pending.slice(end + 1);
        quiet.progress();
        reply(line);
      },
      end: () => { settle(failure(`Read failure from server ${server}`)); },
      failed: (phase, cause) => {
        if (phase !== 'connect') settle(failure(`Read failure from server ${server}`));
        else if (isUnreachable(cause)) settle(failure(`Network unreachable for server ${target.address} - real server ${subject.server.replace(/:[a-z]+:/u, ':')}`));
        else settle(failure(`Could not connect to server ${server}`));
      },
    });
    return both(quiet.stop, stream.close);

    function reply(line: string): void {
      if (!line.startsWith(greeted ? '250 ' : '220 ')) return settle(failure(`Bad ${greeted ? 'HELO response' : 'greeting banner'} from server ${server}`));
      stream.write(greeted ? 'QUIT\r\n' : `HELO ${helo}\r\n`);
      if (greeted) settle(SUCCESS);
      greeted = true;
    }
  });
}

function both(first: Cancel, second: Cancel): Cancel {
  return () => {
    first();
    second();
  };
}
