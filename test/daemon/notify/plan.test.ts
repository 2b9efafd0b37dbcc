import { expect } from 'chai';
import type { NotifyScripts, ScriptCommand } from '../../../lib/config/model.ts';
import type { NotifyEvent, NotifyState, TransitionNotice } from '../../../lib/daemon/notify/events.ts';
import { type Mailed, plan, remember } from '../../../lib/daemon/notify/plan.ts';

const command = (...argv: string[]): ScriptCommand => ({ argv, account: { user: 'nobody', group: null } });
const NONE: NotifyScripts = { master: null, backup: null, fault: null, stop: null, deleted: null, masterRxLowerPri: null, any: null };
const ALL: NotifyScripts = {
  master: command('/m', 'one'),
  backup: command('/b'),
  fault: command('/f'),
  stop: command('/s'),
  deleted: command('/d'),
  masterRxLowerPri: command('/low'),
  any: command('/any', 'my arg'),
};
const transition = (over: Partial<TransitionNotice> = {}): TransitionNotice => ({
  type: 'transition', kind: 'INSTANCE', name: 'VI_1', state: 'MASTER', priority: 150, scripts: NONE, smtpAlert: false, ...over,
});
const MAIL = { mail: true, noEmailFaults: false };
const argvs = (event: NotifyEvent): string[][] => plan(event, MAIL, new Map()).scripts.map(({ argv }) => [...argv]);

describe('daemon/notify/plan: scripts', () => {
  const rows: [string, NotifyEvent, string[][]][] = [
    ['no script configured: none', transition(), []],
    ['only a script of another state: none', transition({ scripts: { ...NONE, backup: command('/b') } }), []],
    ['MASTER: its own first with its own arguments, then notify with four more', transition({ scripts: ALL }), [['/m', 'one'], ['/any', 'my arg', 'INSTANCE', 'VI_1', 'MASTER', '150']]],
    ['BACKUP', transition({ scripts: ALL, state: 'BACKUP' }), [['/b'], ['/any', 'my arg', 'INSTANCE', 'VI_1', 'BACKUP', '150']]],
    ['FAULT', transition({ scripts: ALL, state: 'FAULT' }), [['/f'], ['/any', 'my arg', 'INSTANCE', 'VI_1', 'FAULT', '150']]],
    ['STOP', transition({ scripts: ALL, state: 'STOP' }), [['/s'], ['/any', 'my arg', 'INSTANCE', 'VI_1', 'STOP', '150']]],
    ['DELETED', transition({ scripts: ALL, state: 'DELETED' }), [['/d'], ['/any', 'my arg', 'INSTANCE', 'VI_1', 'DELETED', '150']]],
    ['a group has priority 0', transition({ scripts: ALL, kind: 'GROUP', name: 'G 1', priority: 0 }), [['/m', 'one'], ['/any', 'my arg', 'GROUP', 'G 1', 'MASTER', '0']]],
    ['lower priority without a script: none', { type: 'lower-priority-received', name: 'VI_1', priority: 150, script: null }, []],
    ['lower priority: its script, and not notify', { type: 'lower-priority-received', name: 'VI_1', priority: 150, script: command('/low') }, [['/low']]],
    ['a priority alone runs nothing', { type: 'priority-changed', name: 'VI_1', state: 'BACKUP', priority: 90 }, []],
  ];
  for (const [name, event, expected] of rows) it(name, () => expect(argvs(event)).to.deep.equal(expected));

  it('keeps the account of the script', () => {
    for (const script of plan(transition({ scripts: ALL }), MAIL, new Map()).scripts) expect(script.account).to.deep.equal({ user: 'nobody', group: null });
  });
});

describe('daemon/notify/plan: FIFO lines', () => {
  const rows: [string, NotifyEvent, string][] = [
    ['an instance', transition({ state: 'FAULT' }), 'INSTANCE "VI_1" FAULT 150\n'],
    ['a group', transition({ kind: 'GROUP', name: 'G', priority: 0 }), 'GROUP "G" MASTER 0\n'],
    ['stop', transition({ state: 'STOP' }), 'INSTANCE "VI_1" STOP 150\n'],
    ['a lower priority received', { type: 'lower-priority-received', name: 'VI_1', priority: 150, script: null }, 'INSTANCE "VI_1" MASTER_RX_LOWER_PRI 150\n'],
    ['a master\'s priority', { type: 'priority-changed', name: 'VI_1', state: 'MASTER', priority: 120 }, 'INSTANCE "VI_1" MASTER_PRIORITY 120\n'],
    ['a backup\'s priority', { type: 'priority-changed', name: 'VI_1', state: 'BACKUP', priority: 90 }, 'INSTANCE "VI_1" BACKUP_PRIORITY 90\n'],
  ];
  for (const [name, event, expected] of rows) it(name, () => expect(plan(event, MAIL, new Map()).fifoLine).to.equal(expected));
});

describe('daemon/notify/plan: mail', () => {
  const wanted = transition({ smtpAlert: true });
  const mailed = (state: NotifyState): Mailed => remember({ ...wanted, state }, new Map());
  const rows: [string, NotifyEvent, { mail: boolean; noEmailFaults: boolean }, Mailed, string | null][] = [
    ['smtp_alert is off', transition(), MAIL, new Map(), null],
    ['nobody to mail to', wanted, { ...MAIL, mail: false }, new Map(), null],
    ['the same state again', wanted, MAIL, mailed('MASTER'), null],
    ['a fault with no_email_faults', { ...wanted, state: 'FAULT' }, { mail: true, noEmailFaults: true }, new Map(), null],
    ['a lower priority is never mailed', { type: 'lower-priority-received', name: 'VI_1', priority: 1, script: null }, MAIL, new Map(), null],
    ['the first one', wanted, MAIL, new Map(), 'VRRP Instance VI_1 - Entering MASTER state: => VRRP Instance is now owning VRRP VIPs <='],
    ['backup', { ...wanted, state: 'BACKUP' }, MAIL, mailed('MASTER'), 'VRRP Instance VI_1 - Entering BACKUP state: => VRRP Instance is no longer owning VRRP VIPs <='],
    ['fault', { ...wanted, state: 'FAULT' }, MAIL, mailed('MASTER'), 'VRRP Instance VI_1 - Entering FAULT state: => VRRP Instance is no longer owning VRRP VIPs <='],
    ['stop', { ...wanted, state: 'STOP' }, MAIL, mailed('MASTER'), 'VRRP Instance VI_1 - Stopping: => VRRP Instance stopping <='],
    ['deleted', { ...wanted, state: 'DELETED' }, MAIL, mailed('MASTER'), 'VRRP Instance VI_1 - Deleted: => VRRP Deleted at reload <='],
    ['a group of the same name is another object', { ...wanted, kind: 'GROUP' }, MAIL, mailed('MASTER'), 'VRRP Group VI_1 - Entering MASTER state: => All VRRP group instances are now in MASTER state <='],
    ['a group in fault', { ...wanted, kind: 'GROUP', state: 'FAULT' }, MAIL, new Map(), 'VRRP Group VI_1 - Entering FAULT state: => All VRRP group instances are now in FAULT state <='],
    ['a group stopping', { ...wanted, kind: 'GROUP', state: 'STOP' }, MAIL, new Map(), 'VRRP Group VI_1 - Stopping: => All VRRP group instances are now stopping <='],
  ];
  for (const [name, event, settings, memory, expected] of rows) {
    it(name, () => {
      const { alert } = plan(event, settings, memory);
      expect(alert === null ? null : `${alert.subject}: ${alert.text}`).to.equal(expected);
    });
  }
});
