import { expect } from 'chai';
import { Balancing } from './balancing.ts';

/** A virtual server of TCP-checked real servers: each `ADDRESS WEIGHT [keywords]`. */
function service(address: string, keywords: string, ...servers: readonly string[]): string {
  const blocks = servers.map((one) => {
    const [at = '', weight = '1', ...rest] = one.split(' ');
    return `  real_server ${at} 80 {\n    weight ${weight}\n    ${rest.join(' ')}\n    TCP_CHECK {\n    }\n  }\n`;
  });
  return `virtual_server ${address} 80 {\n  lvs_sched wlc\n  lvs_method NAT\n  protocol TCP\n  ${keywords}\n${blocks.join('')}}\n`;
}

const VS = '[10.0.0.100]:tcp:80';

describe('ipvs: a virtual server', () => {
  it('knows nothing of other servers', () => {
    const one = new Balancing(service('10.0.0.100', '', '10.0.0.1'));
    one.drain();
    expect(one.verdict('10.0.0.9', false)).to.deep.equal([]);
    expect(one.weight('10.0.0.9', 7)).to.deep.equal([]);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 NAT 1']);
  });

  it('begins with every server in place and its quorum gained', () => {
    const one = new Balancing(service('10.0.0.100', '', '10.0.0.1 2', '10.0.0.2'));
    expect(one.drain()).to.deep.equal([`Gained quorum 1+0=1 <= 3 for VS ${VS}`, `VS ${VS} UP`]);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 NAT 2, 10.0.0.2 80 NAT 1']);
  });

  it('what the mails about the quorum say', () => {
    const bodies = (conf: string, ...verdicts: boolean[]): string[] => {
      const one = new Balancing(conf);
      one.drain();
      for (const up of verdicts) one.verdict('10.0.0.1', up);
      return one.quorumMails;
    };
    expect(bodies(service('10.0.0.100', 'quorum 2\n hysteresis 1', '10.0.0.1 3'), false, true)).to.deep.equal(['=> Starting with quorum up 2+1=3 <= 3 <=', '=> Lost quorum 2+1=3 <= 0 <=', '=> Gained quorum 2+1=3 <= 3 <=']);
  });

  it('rs_init_notifies: those that begin as up are told', () => {
    const one = new Balancing(service('10.0.0.100', '', '10.0.0.1', '10.0.0.2 1 alpha'), true);
    expect(one.drain()).to.deep.equal(['RS 10.0.0.1 UP', `Gained quorum 1+0=1 <= 1 for VS ${VS}`, `VS ${VS} UP`]);
  });

  it('without a sorry server a lost quorum leaves those in place that are up', () => {
    const one = new Balancing(service('10.0.0.100', 'quorum 3\n hysteresis 1', '10.0.0.1 2', '10.0.0.2 2', '10.0.0.3 1'));
    expect(one.drain()).to.deep.equal([`Gained quorum 3+1=4 <= 5 for VS ${VS}`, `VS ${VS} UP`]);
    expect(one.verdict('10.0.0.3', false)).to.deep.equal([
      `Removing service [10.0.0.3]:tcp:80 from VS ${VS}`, 'RS 10.0.0.3 DOWN', 'mail 10.0.0.3 DOWN: => CHECK failed on service <=',
    ]);
    // 2 is not below 3-1.
    expect(one.verdict('10.0.0.1', false)).to.have.length(3);
    one.weight('10.0.0.2', -1);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.2 80 NAT 1']);
    expect(one.verdict('10.0.0.1', true).slice(0, 1)).to.deep.equal([`Adding service [10.0.0.1]:tcp:80 to VS ${VS}`]);
    expect(one.verdict('10.0.0.3', true).slice(3)).to.deep.equal([`Gained quorum 3+1=4 <= 4 for VS ${VS}`, `VS ${VS} UP`]);
  });

  it('the first success of a MISC_CHECK is mailed about, though it changes nothing', () => {
    const one = new Balancing(service('10.0.0.100', '', '10.0.0.1'));
    one.drain();
    expect(one.verdict('10.0.0.1', true)).to.deep.equal([]);
    expect(one.verdict('10.0.0.1', true, 0, true)).to.deep.equal(['mail 10.0.0.1 UP (checker): => CHECK succeeded on service <=']);
  });

  it('what a checker added goes when it says that the server is down, without a word', () => {
    const one = new Balancing(service('10.0.0.100', '', '10.0.0.1 5', '10.0.0.2'));
    one.drain();
    one.weight('10.0.0.1', 5);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 NAT 10, 10.0.0.2 80 NAT 1']);
    expect(one.verdict('10.0.0.1', false).some((line) => line.startsWith('Changing weight'))).to.equal(false);
    expect(one.weight('10.0.0.1', -5)).to.deep.equal([`Changing weight from 5 to 0 for inactive service [10.0.0.1]:tcp:80 of VS ${VS}`]);
  });

  it('a sorry server stands in for all while the quorum is lost', () => {
    const one = new Balancing(service('10.0.0.100', 'quorum 3\n hysteresis 1\n sorry_server 10.0.0.9 80', '10.0.0.1 2', '10.0.0.2 2 inhibit_on_failure', '10.0.0.3 1'));
    one.drain();
    one.verdict('10.0.0.3', false);
    one.verdict('10.0.0.1', false);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.2 80 NAT 2']);
    expect(one.verdict('10.0.0.2', false)).to.deep.equal([
      `Disabling service [10.0.0.2]:tcp:80 of VS ${VS}`, 'RS 10.0.0.2 DOWN', 'mail 10.0.0.2 DOWN: => CHECK failed on service <=',
      `Lost quorum 3-1=2 > 0 for VS ${VS}`, `VS ${VS} DOWN`,
      `Removing alive servers from the pool for VS ${VS}`, `Adding sorry server [10.0.0.9]:tcp:80 to VS ${VS}`,
    ]);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.9 80 NAT 1, 10.0.0.2 80 NAT 0']);
    // Up again, but not enough of them: said, not programmed.
    expect(one.verdict('10.0.0.1', true)[0]).to.equal(`Adding service [10.0.0.1]:tcp:80 to VS ${VS}`);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.9 80 NAT 1, 10.0.0.2 80 NAT 0']);
    expect(one.verdict('10.0.0.2', true).slice(3)).to.deep.equal([
      `Gained quorum 3+1=4 <= 4 for VS ${VS}`, `Removing sorry server [10.0.0.9]:tcp:80 from VS ${VS}`, `Adding alive servers to the pool for VS ${VS}`, `VS ${VS} UP`,
    ]);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 NAT 2, 10.0.0.2 80 NAT 2']);
  });

  it('sorry_server_inhibit: it is there with weight 0 meanwhile', () => {
    const one = new Balancing(service('10.0.0.100', 'sorry_server 10.0.0.9 80\n sorry_server_inhibit', '10.0.0.1'));
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 NAT 1, 10.0.0.9 80 NAT 0']);
    one.drain();
    expect(one.verdict('10.0.0.1', false)).to.include(`Enabling sorry server [10.0.0.9]:tcp:80 to VS ${VS}`);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.9 80 NAT 1']);
    expect(one.verdict('10.0.0.1', true)).to.include(`Disabling sorry server [10.0.0.9]:tcp:80 from VS ${VS}`);
  });

  it('a sorry server that is a real server too is one destination', () => {
    const one = new Balancing(service('10.0.0.100', 'quorum 2\n sorry_server 10.0.0.2 80', '10.0.0.1 5', '10.0.0.2 3'));
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 NAT 5, 10.0.0.2 80 NAT 3']);
    one.weight('10.0.0.2', -2);
    one.verdict('10.0.0.1', false);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.2 80 NAT 1']);
  });

  it('alpha: down until the first success, and the quorum with it', () => {
    const one = new Balancing(service('10.0.0.100', 'alpha\n quorum 2', '10.0.0.1', '10.0.0.2 1 inhibit_on_failure'));
    expect(one.drain()).to.deep.equal([`Starting with quorum down 2-0=2 > 0 for VS ${VS}`]);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.2 80 NAT 0']);
    expect(one.verdict('10.0.0.1', true)).to.include('RS 10.0.0.1 UP');
    // The first answer is told although it changes nothing; the second is not.
    expect(one.verdict('10.0.0.2', false)).to.deep.equal(['RS 10.0.0.2 DOWN', 'mail 10.0.0.2 DOWN (checker): => CHECK failed on service <=']);
    expect(one.verdict('10.0.0.2', false)).to.deep.equal([]);
    expect(one.verdict('10.0.0.2', true)).to.include(`Gained quorum 2+0=2 <= 2 for VS ${VS}`);
  });

  it('between the two limits at the start nothing is said; then either may come', () => {
    const conf = service('10.0.0.100', 'quorum 2\n hysteresis 1', '10.0.0.1 1', '10.0.0.2 1 alpha');
    const up = new Balancing(conf);
    expect(up.drain()).to.deep.equal([]);
    up.weight('10.0.0.1', 4);
    expect(up.drain().concat(up.verdict('10.0.0.2', true))).to.include('RS 10.0.0.2 UP');
    const down = new Balancing(conf);
    expect(down.verdict('10.0.0.1', false)).to.include(`Lost quorum 2-1=1 > 0 for VS ${VS}`);
  });

  it('a server of two checkers is up when neither says otherwise; each change is mailed', () => {
    const conf = service('10.0.0.100', '', '10.0.0.1').replace('TCP_CHECK {\n    }', 'TCP_CHECK {\n    }\n    TCP_CHECK {\n      connect_port 81\n    }');
    const one = new Balancing(conf);
    one.drain();
    expect(one.verdict('10.0.0.1', false, 0)).to.include('RS 10.0.0.1 DOWN');
    expect(one.verdict('10.0.0.1', false, 1)).to.deep.equal(['mail 10.0.0.1 DOWN (checker): => CHECK failed on service <=']);
    expect(one.verdict('10.0.0.1', true, 0)).to.deep.equal(['mail 10.0.0.1 DOWN (checker): => CHECK succeeded on service <=']);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: ']);
    expect(one.verdict('10.0.0.1', true, 1)).to.include('RS 10.0.0.1 UP');
  });

  it('a weight from a checker changes the table, and the quorum with it', () => {
    const one = new Balancing(service('10.0.0.100', 'quorum 4', '10.0.0.1 5'));
    one.drain();
    expect(one.weight('10.0.0.1', 2)).to.deep.equal([`Changing weight from 5 to 7 for active service [10.0.0.1]:tcp:80 of VS ${VS}`]);
    expect(one.weight('10.0.0.1', 2)).to.deep.equal([]);
    expect(one.weight('10.0.0.1', -3)).to.deep.equal([
      `Changing weight from 7 to 2 for active service [10.0.0.1]:tcp:80 of VS ${VS}`, `Lost quorum 4-0=4 > 2 for VS ${VS}`, `VS ${VS} DOWN`,
    ]);
    one.weight('10.0.0.1', -9);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 NAT 0']);
    one.weight('10.0.0.1', 2147483647);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 NAT 2147483647']);
  });
});

describe('ipvs: services of groups and marks', () => {
  const GROUPS = 'virtual_server_group G1 {\n  10.0.1.254-255 80\n  fwmark 7\n  10.0.2.0/31 0\n}\nvirtual_server_group G6 {\n  fd00::fffe-ffff 80\n}\n';
  const group = (name: string, keywords: string, ...servers: string[]): string => `virtual_server group ${name} {\n${keywords}\n${servers.map((s) => `real_server ${s} {\n}\n`).join('')}}\n`;

  it('every entry is a service; only NAT keeps the server’s port; marks are shared', () => {
    const conf = GROUPS + group('G1', 'lvs_sched rr\n lvs_method DR\n protocol UDP', '10.0.0.15 80') + group('G1', 'lvs_sched wrr\n lvs_method NAT\n protocol TCP', '10.0.0.15 80', '10.0.0.16 8080');
    const one = new Balancing(conf);
    expect(one.table()).to.deep.equal([
      'udp 10.0.1.254 80 rr: 10.0.0.15 80 DR 1', 'udp 10.0.1.255 80 rr: 10.0.0.15 80 DR 1',
      'fwmark 7 inet rr: 10.0.0.15 0 DR 1, 10.0.0.15 80 NAT 1, 10.0.0.16 8080 NAT 1',
      'udp 10.0.2.0 0 rr: 10.0.0.15 0 DR 1', 'udp 10.0.2.1 0 rr: 10.0.0.15 0 DR 1',
      'tcp 10.0.1.254 80 wrr: 10.0.0.15 80 NAT 1, 10.0.0.16 8080 NAT 1', 'tcp 10.0.1.255 80 wrr: 10.0.0.15 80 NAT 1, 10.0.0.16 8080 NAT 1',
      'tcp 10.0.2.0 0 wrr: 10.0.0.15 80 NAT 1, 10.0.0.16 8080 NAT 1', 'tcp 10.0.2.1 0 wrr: 10.0.0.15 80 NAT 1, 10.0.0.16 8080 NAT 1',
    ]);
    expect(one.drain().filter((line) => line.startsWith('Gained'))).to.deep.equal(['Gained quorum 1+0=1 <= 1 for VS [G1]:0', 'Gained quorum 1+0=1 <= 2 for VS [G1]:1']);
  });

  it('IPv6 ranges, and a mark', () => {
    const one = new Balancing(GROUPS + group('G6', 'lvs_sched sh\n lvs_method TUN\n protocol TCP', 'fd00::100 80', '10.0.0.77 80') + 'virtual_server fwmark 9 {\n lvs_sched mh\n lvs_method NAT\n real_server 10.0.0.88 8080 {\n }\n real_server 10.0.0.89 0 {\n lvs_method DR\n }\n}\n');
    expect(one.table()).to.deep.equal([
      'tcp fd00::fffe 80 sh: fd00::100 80 TUN 1, 10.0.0.77 80 TUN 1', 'tcp fd00::ffff 80 sh: fd00::100 80 TUN 1, 10.0.0.77 80 TUN 1',
      'fwmark 9 inet mh: 10.0.0.88 8080 NAT 1, 10.0.0.89 0 DR 1',
    ]);
  });
});

describe('ipvs: a reload', () => {
  it('what is the same keeps its state and is not spoken of', () => {
    const conf = service('10.0.0.100', '', '10.0.0.1 2', '10.0.0.2');
    const one = new Balancing(conf);
    one.verdict('10.0.0.1', false);
    one.drain();
    expect(one.reload(conf)).to.deep.equal([]);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.2 80 NAT 1']);
    expect(one.verdict('10.0.0.1', true)).to.include('RS 10.0.0.1 UP');
  });

  it('says farewell to what goes, welcomes what comes, weighs what stays', () => {
    const one = new Balancing(service('10.0.0.100', '', '10.0.0.1 3', '10.0.0.2 1', '10.0.0.4 6') + service('10.0.0.101', '', '10.0.0.1', '10.0.0.5'));
    one.verdict('10.0.0.1', false);
    one.drain();
    const next = service('10.0.0.100', 'quorum 20', '10.0.0.1 4', '10.0.0.4 6', '10.0.0.6 1').replace('wlc', 'rr') + service('10.0.0.103', '', '10.0.0.5');
    expect(one.reload(next)).to.deep.equal([
      'service [10.0.0.2]:tcp:80 no longer exist', `Removing service [10.0.0.2]:tcp:80 from VS ${VS}`, 'RS 10.0.0.2 DOWN', 'mail 10.0.0.2 DOWN: => Removing <=',
      'Removing Virtual Server [10.0.0.101]:tcp:80', 'Removing service [10.0.0.5]:tcp:80 from VS [10.0.0.101]:tcp:80', 'RS 10.0.0.5 DOWN', 'mail 10.0.0.5 DOWN: => Removing <=', 'VS [10.0.0.101]:tcp:80 DOWN',
      `Changing weight from 3 to 4 for inactive service [10.0.0.1]:tcp:80 of VS ${VS}`,
      `Starting with quorum down 11-0=11 > 7 for VS ${VS}`, `VS ${VS} DOWN`,
      'Gained quorum 1+0=1 <= 1 for VS [10.0.0.103]:tcp:80', 'VS [10.0.0.103]:tcp:80 UP',
    ]);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 rr: 10.0.0.4 80 NAT 6, 10.0.0.6 80 NAT 1', 'tcp 10.0.0.103 80 wlc: 10.0.0.5 80 NAT 1']);
  });

  it('a checker that changed begins anew: a server that was up stays so, one that was down is tried afresh', () => {
    const conf = service('10.0.0.100', '', '10.0.0.1 1 alpha', '10.0.0.2');
    const changed = conf.replaceAll('TCP_CHECK {', 'TCP_CHECK {\n connect_timeout 9');
    const one = new Balancing(conf);
    one.verdict('10.0.0.1', true);
    one.verdict('10.0.0.2', false);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 NAT 1']);
    one.reload(changed);
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.1 80 NAT 1, 10.0.0.2 80 NAT 1']);
    one.verdict('10.0.0.1', false);
    one.reload(conf);
    // Down and alpha: it must show itself first.
    expect(one.table()).to.deep.equal(['tcp 10.0.0.100 80 wlc: 10.0.0.2 80 NAT 1']);
  });
});
