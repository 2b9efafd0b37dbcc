import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { startFatal } from '../../lib/config/load.ts';
import { fakeMachine, load } from './helpers.ts';
import { reference, withReference } from './reference.ts';

/** As a person types it from the tutorial: comments of three kinds, the script's path unquoted, an address without a prefix. */
const TYPED = `! Configuration File for keepalived
vrrp_script nginx_check {
        script /opt/nginx_check.sh
        interval 2
        }
global_defs {
   notification_email {
        root@localhost
   }
   notification_email_from keepalived@server1        ###还有一个节点为server2####
   smtp_server 127.0.0.1
   smtp_connect_timeout 30
   router_id LVS_DEVEL
}

vrrp_instance VI_1 {
    state MASTER                ###还有一个节点写backup###
    interface eth0
    virtual_router_id 51
    priority 100                ###还有一个节点的数字要比100低###
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {
        172.25.78.100
    }
    track_script {
        nginx_check
        }
}
`;

function check(text: string): void {
  const { config, diagnostics } = load(text, { machine: fakeMachine({ resolve: null }) });
  expect(startFatal(diagnostics)).to.equal(null);
  const [one] = config?.instances ?? [];
  expect(one).to.deep.include({ name: 'VI_1', link: 'eth0', vrid: 51, priority: 100, wantMaster: true, advertInterval: 1000, version: 2, auth: { type: 'PASS', secret: '1111' } });
  expect(one?.virtualAddresses.map((address) => address.prefix)).to.deep.equal([{ address: '172.25.78.100', length: 32 }]);
  expect(one?.trackScripts).to.deep.equal([{ name: 'nginx_check', weight: 0, reverse: false }]);
  expect(config?.scripts).to.deep.equal([{ name: 'nginx_check', command: { argv: ['/opt/nginx_check.sh'], account: null }, interval: 2000, timeout: 2000, weight: 0, reverse: false, rise: 1, fall: 1, initFail: false }]);
  expect(config?.global.routerId).to.equal('LVS_DEVEL');
  expect(config?.global.mail).to.deep.equal({ from: 'keepalived@server1', to: ['root@localhost'], server: { host: '127.0.0.1', port: 25 }, helo: 'localhost', timeout: 30_000 });
}

describe("the tutorial's keepalived.conf", () => {
  it('as typed', () => {
    check(TYPED);
    expect(load(TYPED).diagnostics.map((d) => d.code)).to.deep.equal(['script-security']);
  });

  withReference('as copied from the page, with its no-break spaces', function () {
    const page = readFileSync(reference('tutorial.txt'), 'utf8');
    check(page.slice(page.indexOf('! Configuration File'), page.indexOf('4 /etc/init.d/keepalived start')));
  });

  it('on the other node: state in small letters is BACKUP', () => {
    const { config } = load(TYPED.replace('state MASTER', 'state backup').replace('priority 100', 'priority 50'));
    expect(config?.instances[0]).to.include({ wantMaster: false, priority: 50 });
  });
});
