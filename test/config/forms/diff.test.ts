import { expect } from 'chai';
import { reloadDiff } from '../../../lib/config/forms/diff.ts';
import { read } from './corpus.ts';

const FILE = `vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 100
    authentication {
        auth_type PASS
        auth_pass topsecret
    }
    virtual_ipaddress {
        10.0.0.1/24
    }
}
virtual_server 10.0.0.1 80 {
    lvs_sched rr
    lvs_method NAT
    protocol TCP
    real_server 10.1.0.1 80 {
        weight 1
    }
}
`;

function diff(change: (text: string) => string): string[] {
  return reloadDiff(read('a.conf', FILE).config, read('a.conf', change(FILE)).config);
}

describe('diff: what a reload would do', () => {
  const where = 'VI_1 (VRID 51 on eth0, IPv4)';
  for (const [name, change, lines] of [
    ['nothing', (text: string) => text, []],
    ['only the layout', (text: string) => text.replace(/\n/gu, '\n\n'), []],
    ['another VRID is another instance', (text: string) => text.replace('51', '52'), [`instance ${where} ends: where it is master it says farewell (priority 0) and gives up 10.0.0.1/24`, 'instance VI_1 (VRID 52 on eth0, IPv4) starts, with priority 100: 10.0.0.1/24']],
    ['another name is the same one', (text: string) => text.replace('VI_1', 'outside'), [`instance ${where} goes on in its state, with changes:`, '  it is called outside from then on']],
    ['a lower priority', (text: string) => text.replace('100', '90'), [`instance ${where} goes on in its state, with changes:`, '  priority 100 → 90: a router with more may take over']],
    ['another interval', (text: string) => text.replace('priority', 'advert_int 2\n priority'), [`instance ${where} goes on in its state, with changes:`, '  advert_int 1 s → 2 s: change it on all routers at once, or both become master']],
    ['a password: it is not shown', (text: string) => text.replace('topsecret', 'other'), [`instance ${where} goes on in its state, with changes:`, '  authentication changes: change it on all routers at once, or both become master']],
    ['an address more', (text: string) => text.replace('10.0.0.1/24', '10.0.0.1/24\n10.0.0.2/24 dev eth1'), [`instance ${where} goes on in its state, with changes:`, '  address 10.0.0.2/24 on eth1 is added where it is master']],
    ['a nested setting', (text: string) => text.replace('priority', 'garp_master_repeat 2\n garp_lower_prio_repeat 5\n priority'), [`instance ${where} goes on in its state, with changes:`, '  garp master repeat: 5 → 2']],
    ['another weight', (text: string) => text.replace('weight 1', 'weight 7'), ['virtual server [10.0.0.1]:tcp:80 goes on, with changes:', '  real server [10.1.0.1]:tcp:80: weight: 1 → 7']],
    ['another real server', (text: string) => text.replace('real_server 10.1.0.1', 'real_server 10.1.0.2'), ['virtual server [10.0.0.1]:tcp:80 goes on, with changes:', '  real server [10.1.0.1]:tcp:80 is removed', '  real server [10.1.0.2]:tcp:80 is added, weight 1']],
    ['another service', (text: string) => text.replace('virtual_server 10.0.0.1 80', 'virtual_server 10.0.0.1 81'), ['virtual server [10.0.0.1]:tcp:80 is removed: its connections end', 'virtual server [10.0.0.1]:tcp:81 is added, with 1 real server']],
    ['a global setting', (text: string) => `global_defs {\n router_id lb1\n}\n${text}`, ['global settings change:', '  router id: localhost → lb1']],
  ] as const) {
    it(name, () => { expect(diff(change)).to.deep.equal(lines); });
  }
});
