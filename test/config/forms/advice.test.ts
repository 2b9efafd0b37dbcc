import { expect } from 'chai';
import { advise } from '../../../lib/config/forms/advice.ts';
import { advisePair } from '../../../lib/config/forms/advice-pair.ts';
import { configTestExit, printDiagnostic } from '../../../lib/config/load.ts';
import { read } from './corpus.ts';

const file = (body: string, top = ''): string => `${top}vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    ${body}
}
`;
const VIP = 'virtual_ipaddress {\n        10.0.0.1/24\n    }';
const CHECK = 'vrrp_script chk {\n    script "/bin/true"\n    interval 2\n    fall 2\n    rise 2\n}\n';
const tracked = (weight: number): string => `track_script {\n        chk weight ${weight}\n    }`;

describe('check: one file', () => {
  for (const [name, text, said] of [
    ['a weight above the highest priority', file(`priority 254\n    ${VIP}\n    ${tracked(10)}`, CHECK), ['(VI_1) the weight of chk never changes the priority: 254 and the weight leave the range 1..254']],
    ['a weight below the lowest', file(`priority 1\n    ${VIP}\n    ${tracked(-10)}`, CHECK), ['(VI_1) the weight of chk never changes the priority: 1 and the weight leave the range 1..254']],
    ['a script that runs longer than its interval', file(`${VIP}\n    ${tracked(-10)}`, CHECK.replace('interval 2', 'interval 2\n    timeout 5')), ['(VI_1) script chk may run 5 s, but is to start every 2 s']],
    ['a script that decides at once', file(`${VIP}\n    ${tracked(-10)}`, CHECK.replace('interval 2', 'interval 0.5').replace(/ {4}(?:fall|rise) 2\n/gu, '')), ['(VI_1) one result of chk decides, every 500 ms: the addresses will move back and forth']],
    ['nothing to say', file(`priority 100\n    ${VIP}\n    ${tracked(-10)}`, CHECK), []],
  ] as const) {
    it(name, () => {
      const found = advise(read('a.conf', text));
      expect(found.map((d) => d.message)).to.deep.equal(said);
      expect(found.every((d) => d.severity === 'warning' && d.range !== null && d.remedy !== null)).to.equal(true);
      expect(configTestExit(found), "keepalived's exit code").to.equal(0);
    });
  }
});

describe('check: two files are a pair', () => {
  const good = file(`state MASTER\n    priority 150\n    ${VIP}`);
  const other = file(`state BACKUP\n    priority 100\n    ${VIP}`);
  const auth = (secret: string): string => `authentication {\n        auth_type PASS\n        auth_pass ${secret}\n    }`;
  const both = 'VRID 51 (VI_1 in a.conf, VI_1 in b.conf)';
  for (const [name, a, b, said] of [
    ['the same priority', good, other.replace('100', '150'), [`${both}: both have priority 150; the higher address decides who is master`]],
    ['two masters', good, other.replace('BACKUP', 'MASTER'), [`${both}: both start with state MASTER, and both hold the addresses until they hear each other`]],
    ['other addresses', good, other.replace('10.0.0.1/24', '10.0.0.2/24'), [`${both}: the lists of virtual_ipaddress differ; only in a.conf: 10.0.0.1/24; only in b.conf: 10.0.0.2/24`]],
    ['another interval', good, other.replace('priority', 'advert_int 2\n    priority'), [`${both}: advert_int is 1 s and 2 s; VRRPv2 drops adverts with another interval: both become master`]],
    ['another version', good, other.replace('priority', 'version 3\n    priority'), [`${both}: one speaks VRRPv2, the other VRRPv3; each ignores the other`]],
    ['a password on one side', good.replace(VIP, `${VIP}\n    ${auth('a')}`), other, [`${both}: only a.conf has authentication; each drops the adverts of the other, and both become master`]],
    ['other passwords', good.replace(VIP, `${VIP}\n    ${auth('a')}`), other.replace(VIP, `${VIP}\n    ${auth('b')}`), [`${both}: auth_pass differs; each drops the adverts of the other, and both become master`]],
    ['unicast on one side', good.replace(VIP, `${VIP}\n    unicast_peer {\n        10.9.0.2\n    }`), other, [`${both}: a.conf sends to unicast peers, the other to a multicast group; they may not hear each other`]],
    ['a peer that is not the other', good.replace(VIP, `${VIP}\n    unicast_src_ip 10.9.0.1\n    unicast_peer {\n        10.9.0.2\n    }`), other.replace(VIP, `${VIP}\n    unicast_src_ip 10.9.0.3\n    unicast_peer {\n        10.9.0.1\n    }`),
      [`${both}: a.conf sends no adverts to 10.9.0.3, which the other speaks from`]],
    ['a VRID of one file only', good, other.replace('51', '52'), ['VRID 51 (VI_1) is not in b.conf: it has no backup', 'VRID 52 (VI_1) is not in a.conf: it has no backup']],
    ['a weight that is too small', CHECK + good.replace(VIP, `${VIP}\n    ${tracked(-20)}`), other, ['VRID 51: when chk fails, VI_1 in a.conf has priority 130, still not below the 100 of the other: no failover']],
    ['a weight that is enough', CHECK + good.replace(VIP, `${VIP}\n    ${tracked(-60)}`), other, []],
    ['a good pair', good, other, []],
  ] as const) {
    it(name, () => {
      const found = advisePair({ name: 'a.conf', ...read('a.conf', a) }, { name: 'b.conf', ...read('b.conf', b) });
      expect(found.map((d) => d.message)).to.deep.equal(said);
    });
  }

  it('points at the line in question, and hides passwords', () => {
    const found = advisePair({ name: 'a.conf', ...read('a.conf', good) }, { name: 'b.yaml', ...read('b.yaml', 'vrrp_instance:\n  VI_1:\n    interface: eth0\n    virtual_router_id: 51\n    priority: 150\n    virtual_ipaddress: [10.0.0.1/24]\n') });
    expect(found.map(printDiagnostic).join('\n')).to.match(/^b\.yaml:5:5: warning: .*both have priority 150.* \[pair-same-priority\]\n {2}5 \| {5}priority: 150\n {4}\| {5}\^{13}\n {2}help: /u);
  });
});
