import { expect } from 'chai';
import { type CheckerConfig, type CheckerEvent, type CheckerState, checkerStep, initialChecker } from '../../lib/check/checker-state.ts';
import type { Found, ScriptEnd } from '../../lib/check/verdict.ts';
import type { Checker, CheckSchedule } from '../../lib/config/model-ipvs.ts';
import { httpCheck, SUBJECT, target, url } from './servers.ts';

const SCHEDULE: CheckSchedule = { delayLoop: 2000, warmup: 0, retry: 1, delayBeforeRetry: 1000, alpha: false, logAllFailures: false };
const OK: Found = { type: 'success', matched: 'HTTP status code' };
const BAD: Found = { type: 'failure', reason: 'HTTP status code error to' };
const S = SUBJECT.server;

const tcp = (schedule: Partial<CheckSchedule> = {}): Checker => ({ type: 'TCP_CHECK', target: target(80), schedule: { ...SCHEDULE, ...schedule } });
const http = (urls: number, schedule: Partial<CheckSchedule> = {}, fastRecovery = false): Checker =>
  httpCheck(target(80), { urls: Array.from({ length: urls }, (_, i) => url({ path: `/${i}` })), schedule: { ...SCHEDULE, ...schedule }, fastRecovery });
const misc = (schedule: Partial<CheckSchedule> = {}, dynamic = false): Checker =>
  ({ type: 'MISC_CHECK', schedule: { ...SCHEDULE, retry: 0, ...schedule }, command: { argv: ['/tmp/misc.sh', 'a'], account: null }, timeout: 2000, dynamic });
const other = (type: 'UDP_CHECK' | 'DNS_CHECK' | 'SMTP_CHECK' | 'PING_CHECK', schedule: Partial<CheckSchedule> = {}): Checker => {
  const base = { target: target(80), schedule: { ...SCHEDULE, ...schedule } };
  switch (type) {
    case 'UDP_CHECK': return { ...base, type, payload: null, reply: null, requireReply: false, minReply: 0, maxReply: 255 };
    case 'DNS_CHECK': return { ...base, type, query: 'SOA', name: '.' };
    case 'SMTP_CHECK': return { ...base, type, helo: 'x' };
    case 'PING_CHECK': return { ...base, type };
  }
};

/** A checker on time that a test counts: each check gets the next answer, `takes` ms after it began. Returns what was said, with its second. */
function run(checker: Checker, answers: readonly (Found | ScriptEnd)[], { weight = 1, takes = 0, alpha = false } = {}): string[] {
  const config: CheckerConfig = { checker, subject: SUBJECT, weight, alpha };
  const said: string[] = [];
  let now = 0;
  let state = initialChecker(config);
  const tell = (event: CheckerEvent): boolean => {
    const next = checkerStep(config, state, event, now);
    state = next.state;
    for (const action of next.actions) {
      if (action.type === 'log' && !action.text.startsWith('Activating')) said.push(`${now / 1000} ${action.text}`);
      if (action.type === 'verdict') said.push(`${now / 1000} ${action.up ? 'UP' : 'DOWN'} ${action.text}`);
      if (action.type === 'weight') said.push(`${now / 1000} weight ${action.added}`);
    }
    return next.actions.some((action) => action.type === 'check');
  };
  tell({ type: 'start', random: 0 });
  for (const answer of answers) {
    now = state.due;
    expect(tell({ type: 'time' }), 'a check begins').to.equal(true);
    now += takes;
    tell({ type: 'verdict', verdict: answer.type === 'success' || answer.type === 'failure' ? answer : { type: 'script', end: answer } });
  }
  return said;
}

const exit = (status: number): ScriptEnd => ({ type: 'exited', status });

interface Row {
  readonly name: string;
  readonly said: string[];
  readonly expected: string[];
}

const rows: Row[] = [
  { name: 'the very first failure counts at once', said: run(tcp(), [BAD]), expected: [`1 TCP_CHECK on service ${S} failed.`, '1 DOWN => TCP CHECK failed on service <='] },
  { name: 'a failure while up is forgiven `retry` times', said: run(tcp({ retry: 2 }), [OK, BAD, BAD, OK, BAD, BAD, BAD]), expected: [`1 TCP connection to ${S} success.`, '1 UP => TCP CHECK succeed on service <=', `9 TCP_CHECK on service ${S} failed after 2 retries.`, '9 DOWN => TCP CHECK failed on service <='] },
  { name: 'without retry', said: run(tcp({ retry: 0 }), [OK, BAD]).slice(2), expected: [`3 TCP_CHECK on service ${S} failed.`, '3 DOWN => TCP CHECK failed on service <='] },
  { name: 'while down it is checked every delay_loop, and nothing is said', said: run(tcp(), [BAD, BAD, BAD, OK]).slice(2), expected: [`7 TCP connection to ${S} success.`, '7 UP => TCP CHECK succeed on service <='] },
  { name: 'log_all_failures, while up', said: run(tcp({ retry: 2, logAllFailures: true }), [OK, BAD, BAD, BAD, BAD]).slice(2), expected: [`3 TCP connection to ${S} failed.`, `4 TCP connection to ${S} failed.`, `5 TCP connection to ${S} failed.`, `5 TCP_CHECK on service ${S} failed after 2 retries.`, '5 DOWN => TCP CHECK failed on service <='] },
  { name: 'alpha: down until the first success, which is told', said: run(tcp({ alpha: true }), [BAD, OK]), expected: [`1 TCP_CHECK on service ${S} failed.`, '1 DOWN => TCP CHECK failed on service <=', `3 TCP connection to ${S} success.`, '3 UP => TCP CHECK succeed on service <='] },
  { name: 'the interval counts from the end of a check', said: run(tcp(), [OK, BAD, BAD], { takes: 500 }).slice(2), expected: [`5.5 TCP_CHECK on service ${S} failed after 1 retries.`, '5.5 DOWN => TCP CHECK failed on service <='] },
  { name: 'HTTP: one URL, first success', said: run(http(1), [OK]), expected: [`1 Remote Web server ${S} succeed on service.`, '1 UP => CHECK succeeded on service <='] },
  { name: 'HTTP: several URLs, one each delay_loop', said: run(http(3), [OK, OK, OK]), expected: [`5 Remote Web server ${S} succeed on service.`, '5 UP => CHECK succeeded on service <='] },
  { name: 'HTTP: alpha says each URL', said: run(http(2, { alpha: true }), [OK, OK]), expected: [`1 HTTP status code success to ${S} url(/0)`, `3 HTTP status code success to ${S} url(/1)`, `3 Remote Web server ${S} succeed on service.`, '3 UP => CHECK succeeded on service <='] },
  { name: 'HTTP: the failed URL first, then all from the first', said: run(http(2), [OK, OK, OK, BAD, BAD, BAD, OK, OK, OK]).slice(2), expected: [`8 HTTP_CHECK on service ${S} failed after 1 retries.`, '8 DOWN => CHECK failed on service : HTTP request failed <=', `12 HTTP status code success to ${S} url(/1)`, `14 HTTP status code success to ${S} url(/0)`, `16 HTTP status code success to ${S} url(/1)`, `16 Remote Web server ${S} succeed on service.`, '16 UP => CHECK succeeded on service <='] },
  { name: 'HTTP: fast_recovery does not wait between them', said: run(http(3, {}, true), [BAD, OK, OK, OK, OK]).slice(2), expected: [`3 HTTP status code success to ${S} url(/0)`, `3 HTTP status code success to ${S} url(/0)`, `3 HTTP status code success to ${S} url(/1)`, `3 HTTP status code success to ${S} url(/2)`, `3 Remote Web server ${S} succeed on service.`, '3 UP => CHECK succeeded on service <='] },
  { name: 'HTTP: log_all_failures', said: run(http(1, { logAllFailures: true }), [OK, BAD, BAD, BAD]).slice(2), expected: [`3 HTTP status code error to server ${S}.`, `4 HTTP status code error to server ${S}.`, `4 HTTP_CHECK on service ${S} failed after 1 retries.`, '4 DOWN => CHECK failed on service : HTTP request failed <='] },
  { name: 'HTTP: the first failure names the retries all the same', said: run(http(1), [BAD]), expected: [`1 HTTP_CHECK on service ${S} failed after 1 retries.`, '1 DOWN => CHECK failed on service : HTTP request failed <='] },
  { name: 'UDP', said: run(other('UDP_CHECK'), [OK, BAD, BAD]), expected: [`1 UDP connection to ${S} success.`, '1 UP => UDP CHECK succeed on service <=', `4 UDP_CHECK on service ${S} failed after 1 retries.`, '4 DOWN => UDP CHECK failed on service <='] },
  { name: 'DNS: a success has no line', said: run(other('DNS_CHECK', { retry: 3 }), [OK, ...Array.from({ length: 4 }, (): Found => ({ type: 'failure', reason: 'read timeout from socket' }))]), expected: ['1 UP => DNS_CHECK: succeed on service <=', `6 DNS_CHECK (${S}) read timeout from socket after 3 retries`, '6 DOWN => DNS_CHECK: failed on service <='] },
  { name: 'DNS: the first failure', said: run(other('DNS_CHECK', { retry: 3 }), [{ type: 'failure', reason: 'read timeout from socket' }]), expected: [`1 DNS_CHECK (${S}) read timeout from socket`, '1 DOWN => DNS_CHECK: failed on service <='] },
  { name: 'SMTP: the reason is the line, said once', said: run(other('SMTP_CHECK', { logAllFailures: true }), [OK, { type: 'failure', reason: 'Bad HELO response from server [10.0.0.2]:25' }, { type: 'failure', reason: 'Bad HELO response from server [10.0.0.2]:25' }]), expected: [`1 Remote SMTP server ${S} succeed on service.`, '1 UP => CHECK succeeded on service <=', '3 SMTP_CHECK Bad HELO response from server [10.0.0.2]:25', '4 SMTP_CHECK Bad HELO response from server [10.0.0.2]:25', '4 DOWN => CHECK failed on service : Bad HELO response from server [10.0.0.2]:25 <='] },
  { name: 'PING names the service', said: run(other('PING_CHECK'), [OK, BAD, BAD]), expected: [`1 ICMP connection to ${S} success.`, '1 UP => ICMP CHECK succeed on service <=', `4 ICMP CHECK on service ${S} of [10.0.0.1]:tcp:80 failed after 1 retries.`, '4 DOWN => ICMP CHECK failed on service <='] },
  { name: 'PING: the first failure', said: run(other('PING_CHECK'), [BAD]), expected: [`1 ICMP CHECK on service ${S} failed.`, '1 DOWN => ICMP CHECK failed on service <='] },
  { name: 'MISC: exit 3, no retries', said: run(misc(), [exit(0), exit(3)]), expected: [`1 Misc check for [${S} VS [10.0.0.1]:tcp:80] by [/tmp/misc.sh] succeeded.`, '1 UP => MISC CHECK succeeded on service <=', `3 Misc check for [${S} VS [10.0.0.1]:tcp:80] by [/tmp/misc.sh] failed with retry disabled (exited with status 3).`, '3 DOWN => MISC CHECK failed on service <='] },
  { name: 'MISC: retries, each said', said: run(misc({ retry: 2, logAllFailures: true }), [exit(0), exit(3), exit(3), exit(3)]).slice(2), expected: [`3 Misc check for [${S} VS [10.0.0.1]:tcp:80] by [/tmp/misc.sh] failed, will do 2 retries (exited with status 3).`, `4 Misc check for [${S} VS [10.0.0.1]:tcp:80] by [/tmp/misc.sh] failed on retry 1/2 (exited with status 3).`, `5 Misc check for [${S} VS [10.0.0.1]:tcp:80] by [/tmp/misc.sh] failed after 2 retries (exited with status 3).`, '5 DOWN => MISC CHECK failed on service <='] },
  { name: 'MISC: timed out on the first run', said: run(misc({ retry: 1 }), [{ type: 'timed-out' }]), expected: [`1 Misc check for [${S} VS [10.0.0.1]:tcp:80] by [/tmp/misc.sh] timed out after 1 retry.`, '1 DOWN => MISC CHECK timed out on service <='] },
  { name: 'MISC: ended by a signal', said: run(misc(), [{ type: 'signalled', signal: 9 }]).slice(0, 1), expected: [`1 Misc check for [${S} VS [10.0.0.1]:tcp:80] by [/tmp/misc.sh] failed with retry disabled (due to signal 9).`] },
  { name: 'misc_dynamic: the weight is the status less 2', said: run(misc({}, true), [exit(0), exit(7), exit(7), exit(12), exit(0)], { weight: 3 }).slice(2), expected: ['3 weight 2', '7 weight 7', '9 weight 0'] },
  { name: 'misc_dynamic: 1 is down', said: run(misc({}, true), [exit(0), exit(1)]).slice(3), expected: ['3 DOWN => MISC CHECK failed on service <='] },
  { name: 'MISC: without misc_dynamic 2 is down too', said: run(misc(), [exit(0), exit(2)]).slice(3), expected: ['3 DOWN => MISC CHECK failed on service <='] },
  { name: 'MISC: the interval counts from the start, and runs that would fall into a run are left out', said: run(misc(), [exit(0), exit(3)], { takes: 3000 }).slice(3), expected: ['8 DOWN => MISC CHECK failed on service <='] },
];

describe('what results mean', () => {
  for (const row of rows) {
    it(row.name, () => {
      expect(row.said).to.deep.equal(row.expected);
    });
  }
});

describe('when a check is made', () => {
  const config: CheckerConfig = { checker: tcp({ warmup: 10_000 }), subject: SUBJECT, weight: 1, alpha: false };
  const step = (state: CheckerState, event: CheckerEvent, now: number): { state: CheckerState; types: string[] } => {
    const next = checkerStep(config, state, event, now);
    return { state: next.state, types: next.actions.map((action) => action.type) };
  };

  it('the first one after 1 s and a random part of warmup', () => {
    const dues = [0, 0.5, 0.999].map((random) => checkerStep(config, initialChecker(config), { type: 'start', random }, 100).state.due);
    expect(dues).to.deep.equal([1100, 6100, 11090]);
  });

  it('not before it is due', () => {
    const { state } = step(initialChecker(config), { type: 'start', random: 0 }, 0);
    expect(step(state, { type: 'time' }, 999).types).to.deep.equal([]);
    expect(step(state, { type: 'time' }, 1000).types).to.deep.equal(['check']);
  });

  it('a verdict that nobody waits for is not taken', () => {
    const { state } = step(initialChecker(config), { type: 'start', random: 0 }, 0);
    expect(step(state, { type: 'verdict', verdict: OK }, 5).types).to.deep.equal([]);
  });

  it('an attempt that could not be made changes nothing, and is made again after delay_loop', () => {
    const begun = step(step(initialChecker(config), { type: 'start', random: 0 }, 0).state, { type: 'time' }, 1000).state;
    const after = checkerStep(config, begun, { type: 'verdict', verdict: { type: 'unable', line: 'no socket' } }, 1001);
    expect(after.actions).to.deep.equal([{ type: 'log', text: 'no socket' }]);
    expect(after.state).to.include({ up: true, judged: false, due: 3001, retries: 1 });
  });

  it('ha_suspend ends the attempt, and begins anew', () => {
    const begun = step(step(initialChecker(config), { type: 'start', random: 0 }, 0).state, { type: 'time' }, 1000).state;
    const suspended = checkerStep(config, begun, { type: 'suspend' }, 1100);
    expect(suspended.actions).to.deep.equal([{ type: 'cancel' }, { type: 'log', text: `Suspending healthchecker for service ${S} for VS [10.0.0.1]:tcp:80` }]);
    expect(suspended.state.due).to.equal(Infinity);
    expect(checkerStep(config, suspended.state, { type: 'resume', random: 0.5 }, 2000)).to.deep.include({ actions: [{ type: 'log', text: `Activating healthchecker for service ${S} for VS [10.0.0.1]:tcp:80` }] });
  });
});

describe('FILE_CHECK and BFD_CHECK', () => {
  const file = (weight: number, reverse: boolean, values: readonly number[]): string[] => {
    const config: CheckerConfig = { checker: { type: 'FILE_CHECK', trackFile: 'f', weight, reverse }, subject: SUBJECT, weight: 10, alpha: false };
    let state = initialChecker(config);
    return values.flatMap((value) => {
      const next = checkerStep(config, state, { type: 'number', value }, 0);
      state = next.state;
      return next.actions.map((action) => (action.type === 'weight' ? `weight ${action.added}` : action.type === 'verdict' ? (action.up ? 'up' : 'down') : action.type));
    });
  };
  const table = [
    { name: 'weight 0: any other number than 0 is down', found: file(0, false, [1, 0, -3]), expected: ['down', 'up', 'down'] },
    { name: 'weight 0, reverse: 0 is down', found: file(0, true, [0, 5]), expected: ['down', 'up'] },
    { name: 'at the lowest number it is down', found: file(1, false, [-2147483648, -2147483647]), expected: ['down', 'weight -2147483647', 'up'] },
    { name: 'the number counts `weight` times', found: file(2, false, [3, 3, -1]), expected: ['weight 6', 'up', 'weight -2'] },
    { name: 'and the other way round', found: file(2, true, [3]), expected: ['weight -6', 'up'] },
  ];
  for (const row of table) {
    it(row.name, () => {
      expect(row.found).to.deep.equal(row.expected);
    });
  }

  it('the session goes down and up', () => {
    const config: CheckerConfig = { checker: { type: 'BFD_CHECK', session: 'b', alpha: true }, subject: SUBJECT, weight: 1, alpha: false };
    const down = checkerStep(config, initialChecker(config), { type: 'session', up: false }, 0);
    expect(down.actions).to.deep.equal([{ type: 'log', text: `BFD check of [b] RS(${S}) is DOWN` }, { type: 'verdict', up: false, text: '=> BFD CHECK b DOWN on service <=' }]);
    expect(checkerStep(config, down.state, { type: 'session', up: false }, 0).actions).to.deep.equal([]);
    expect(checkerStep(config, down.state, { type: 'session', up: true }, 0).actions).to.have.length(2);
  });
});
