import { expect } from 'chai';
import type { CheckEntry } from '../../../lib/daemon/balance/check-runner.ts';
import { initialChecker } from '../../../lib/check/checker-state.ts';
import { renderCheckData } from '../../../lib/daemon/report/check-data.ts';
import { begin } from '../../../lib/ipvs/migrate.ts';
import { configOf } from '../../sim/config-text.ts';

const TEXT = `
SSL {
  password very-secret
  ca /etc/ca.pem
}
virtual_server_group G {
  192.0.2.1 81
  192.0.2.2-3 81
  fwmark 9
}
track_file load {
  file /load
}
virtual_server 192.0.2.1 80 {
  delay_loop 2
  lvs_sched sh
  sh-port
  lvs_method TUN type gue port 6080 csum
  persistence_timeout 60
  protocol TCP
  quorum 2
  quorum_up "/usr/bin/logger up"
  sorry_server 127.0.0.9 80
  real_server 127.0.0.2 80 {
    weight 3
    inhibit_on_failure
    HTTP_GET {
      virtualhost www.example.com
      url {
        path /
        status_code 200-204
        digest 847676261680bff61c72961c8198abc0
      }
      bindto 127.0.0.8
      fwmark 7
    }
    FILE_CHECK {
      track_file load
      weight 2
    }
  }
}
virtual_server fwmark 5 {
  lvs_sched rr
  lvs_method NAT
  real_server 127.0.0.3 80 {
    DNS_CHECK {
      name www.example.com
    }
  }
}
virtual_server group G {
  lvs_sched rr
  lvs_method NAT
  protocol UDP
  ops
  real_server 127.0.0.4 80 {
    UDP_CHECK {
      payload 0102
      require_reply
    }
  }
}
`;

function lines(): string[] {
  const config = configOf(TEXT);
  const { standings } = begin(config.ipvs.virtualServers, false);
  const entries: CheckEntry[] = [...standings.values()].flatMap(({ service }) => service.realServers.flatMap((server) => server.checkers.map((checker) => {
    const one = { checker, subject: { server: server.id, service: service.id }, weight: server.weight, alpha: server.alpha };
    return { config: one, state: initialChecker(one) };
  })));
  return renderCheckData(config, standings, entries).split('\n');
}

describe('daemon/report/check-data', () => {
  it('never prints the passphrase', () => {
    expect(lines()).to.include(' Password : (hidden)');
    expect(lines().join('\n')).to.not.include('very-secret');
  });

  it('has the sections of keepalived_check.data, in its order', () => {
    expect([...new Set(lines().filter((line) => line.includes('------<')).map((line) => line.trim()))]).to.deep.equal([
      '------< Global definitions >------', '------< SSL definitions >------', '------< LVS Topology >------', '------< Virtual server group >------', '------< Virtual server >------',
      '------< Real server >------', '------< Health checkers >------',
    ]);
  });

  it('shows groups, services, servers and checkers as keepalived does', () => {
    const text = lines();
    const from = (start: string, count: number): string[] => text.slice(text.indexOf(start), text.indexOf(start) + count);
    expect(from(' Virtual Server Group = G, IPv4 = yes, IPv6 = no', 4)).to.deep.equal([' Virtual Server Group = G, IPv4 = yes, IPv6 = no', '   VIP = 192.0.2.1, VPORT = 81', '   VIP Range = 192.0.2.2-192.0.2.3, VPORT = 81', '   FWMARK = 9']);
    expect(from(' VS VIP = 192.0.2.1, VPORT = 80', 21)).to.deep.equal([
      ' VS VIP = 192.0.2.1, VPORT = 80', '   Address family = inet', '   lvs_sched = sh', '   Hashed = disabled', '   sh-port = enabled', '   sh-fallback = disabled', '   flag-3 = disabled',
      '   One packet scheduling = disabled', '   persistence timeout = 60', '   persistence granularity = 32', '   protocol = TCP', '   alpha is OFF', '   omega is OFF', '   quorum = 2, hysteresis = 0',
      "   Quorum up notify script = '/usr/bin/logger' 'up', uid:gid 0:0", '   Using smtp notification = no', '   default forwarding method = TUN, type GUE, port = 6080, csum',
      '   sorry server = [127.0.0.9]:tcp:80', '     forwarding method = TUN, type GUE, port = 6080, csum', '     Inhibit on failure is OFF', '   alive = 1',
    ]);
    expect(text).to.include.members([
      '   RIP = 127.0.0.2, RPORT = 80, WEIGHT = 3 EFF WEIGHT = 3', '   Inhibit on failure is ON', ' VS FWMARK = 5', '   protocol = none', ' VS GROUP = [G]:0', '   One packet scheduling = enabled',
    ]);
    expect(from(' [192.0.2.1]:tcp:80 -> [127.0.0.2]:tcp:80', 27)).to.deep.equal([
      ' [192.0.2.1]:tcp:80 -> [127.0.0.2]:tcp:80', '   Enabled = no', '   Up = yes', '   Has run = no', '   Current weight = 0', '   Alpha = no', '   Delay loop = 2000000 us', '   Warmup = 2000000 us',
      '   Retries = 1', '   Delay before retry = 3000000 us', '   Retries iterations = 1', '   Log all failures = no', '   Connection', '     Dest = [127.0.0.2]:80', '     Bind to = [127.0.0.8]:0', '     Mark = 7',
      '     Timeout = 5.000000', '   Keepalive method = HTTP_GET, http protocol 1.0', '   Virtualhost = www.example.com', '   Enable SNI unset', '   Fast recovery unset', '   Checked url = /',
      '     digest = 847676261680bff61c72961c8198abc0', '     HTTP Status Code(s)', '       200-204', ' [192.0.2.1]:tcp:80 -> [127.0.0.2]:tcp:80', '   Enabled = no',
    ]);
    expect(text).to.include.members(['     Tracked file = load', '   Type = SOA', '   Name = www.example.com', '   Payload len = 2', '   Require reply = yes', '     Max reply length = 255']);
  });
});
