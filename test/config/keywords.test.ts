import { expect } from 'chai';
import { configTestExit } from '../../lib/config/load.ts';
import { root } from '../../lib/config/keywords/root.ts';
import type { Keyword, Table } from '../../lib/config/keyword.ts';
import { PROBE } from './differences.ts';
import { load, VI } from './helpers.ts';
import { reference, rows, withReference } from './reference.ts';

/** Every row of ours: `block keyword` → row, in the reference's manner of naming blocks. */
function ourRows(): Map<string, Keyword> {
  const all = new Map<string, Keyword>();
  const walk = (table: Table, path: string): void => {
    for (const [name, row] of Object.entries(table.rows)) {
      all.set(`${path} ${name}`, row);
      const inner = path === '' ? name : `${path}.${name}`;
      if (row.block !== undefined) walk(row.block, inner);
      if (row.list !== undefined) {
        all.set(`${inner} ENTRY`, row);
        for (const [option, value] of Object.entries<Keyword>(row.list.options ?? ({}))) all.set(`${inner} ${option}`, value);
      }
    }
  };
  walk(root, '');
  return all;
}

/** Names of the reference that mean an entry's own form. */
const ENTRY = new Set(['ENTRY', 'ADDRESS', 'RANGE']);

describe('keyword tables', () => {
  withReference('have every row of the reference table', function () {
    const ours = ourRows();
    const missing: string[] = [];
    for (const [block = '', keyword = ''] of rows(reference('keepalived-keywords.tsv'))) {
      if (block === '*') continue;
      const path = block.startsWith('fullnat.') ? block.slice('fullnat.'.length) : block;
      const key = keyword === '-' ? ` ${path}` : ENTRY.has(keyword) ? `${path} ENTRY` : keyword === 'fwmark' && path === 'virtual_server_group' ? 'virtual_server_group ENTRY' : `${path} ${keyword}`;
      if (!ours.has(key)) missing.push(key);
    }
    expect(missing).to.deep.equal([]);
  });

  it('say what each keyword means, and in what form it is written', () => {
    for (const [key, row] of ourRows()) {
      expect(row.meaning, key).to.match(/\S/u);
      expect(row.value.schema, key).to.be.an('object');
    }
  });

  it('stand once: an alias leads to a row of the same block', () => {
    const ours = ourRows();
    for (const [key, row] of ours) {
      if (row.alias !== undefined) expect(ours.has(key.replace(/\S+$/u, row.alias)), key).to.equal(true);
    }
  });
});

const VS = 'virtual_server 192.0.2.9 80 {\n  lb_algo rr\n  lb_kind NAT\n  protocol TCP\n';
const RS = `${VS}  real_server 192.0.2.8 80 {\n`;

/** Text around a keyword of a block, the block otherwise right. */
function around(block: string): readonly [before: string, after: string] {
  switch (block) {
    case '': return ['', ''];
    case 'vrrp_script': return ['vrrp_script s {\n  script /bin/true\n', '}\n'];
    case 'vrrp_track_process': return ['vrrp_track_process p {\n  process sh\n', '}\n'];
    case 'vrrp_sync_group': return [`${VI}}\nvrrp_sync_group g {\n  group {\n    VI_1\n  }\n`, '}\n'];
    case 'vrrp_instance': return [`${VI}  priority 100\n`, '}\n'];
    case 'virtual_server': return [VS, '}\n'];
    case 'virtual_server.real_server': return [RS, '  }\n}\n'];
    case 'global_defs': case 'SSL': case 'garp_group': return [`${block} {\n`, '}\n'];
  }
  if (block.startsWith('vrrp_instance.')) return [`${VI}  priority 100\n  ${block.slice('vrrp_instance.'.length)} {\n`, '  }\n}\n'];
  if (block.startsWith('virtual_server.real_server.')) {
    const inner = block.slice('virtual_server.real_server.'.length).split('.');
    return [RS + inner.map((name) => `${name} {\n`).join(''), `${'}\n'.repeat(inner.length)}  }\n}\n`];
  }
  return [`${block} f {\n`, '}\n'];
}

describe('each keyword, bare and with the argument 1', function () {
  this.timeout(60_000);

  withReference('ends a config test as keepalived 2.4.3 does', function () {
    const wrong: string[] = [];
    const probes = rows(reference('keyword-probe.tsv'));
    for (const [block = '', keyword = '', bare = '', one = ''] of probes) {
      const [before, after] = around(block);
      const ours = [keyword, `${keyword} 1`].map((text) => configTestExit(load(`${before}${text}\n${after}`).diagnostics));
      if (`${bare} ${one}` !== ours.join(' ') && PROBE[`${block} ${keyword}`] === undefined) wrong.push(`${block} ${keyword}: ${bare} ${one}, ours ${ours.join(' ')}`);
    }
    console.log(`      ${String(probes.length - wrong.length)} of ${String(probes.length)} agree`);
    expect(wrong).to.deep.equal([]);
  });
});

describe('each keyword with good arguments', () => {
  const good: Readonly<Record<string, readonly string[]>> = {
    '': ['use_pid_dir', 'net_namespace ns', 'net_namespace_ipvs', 'instance a', 'child_wait_time 3', 'track_group g {\n group {\n VI_1\n }\n}', 'track_file f {\n file /tmp/f\n weight 2 reverse\n init_file 3 overwrite\n}', 'track_group g {\n group {\n VI_1\n }\n}\nstatic_ipaddress {\n 192.0.2.5/24 dev eth0 track_group g\n}', 'static_routes {\n 198.51.100.0/24 via 192.0.2.1 dev eth0 table 7 mtu lock 1400 rtt 300ms\n}', 'static_rules {\n from 198.51.100.0/24 table 7 preference 100 sport 80-90\n}', 'garp_group {\n garp_interval 0.01\n interfaces {\n eth0 eth1\n }\n}', 'interface_up_down_delays {\n eth0 2 1\n}', 'linkbeat_interfaces {\n eth0 MII\n}', 'vrrp_track_process p {\n process "nginx -g x"\n quorum 2\n delay 0.5\n param_match initial\n}'],
    global_defs: ['router_id a', 'notification_email_from a@b', 'smtp_server 192.0.2.1 26', 'smtp_server mail.example.org', 'smtp_helo_name a', 'smtp_connect_timeout 5', 'notification_email {\n a@b c@d\n}', 'lvs_timeouts tcp 1 udp 2', 'lvs_flush_on_stop VS', 'vrrp_mcast_group4 224.0.0.19', 'vrrp_mcast_group6 ff02::13', 'vrrp_garp_extra_if all 10', 'umask 022', 'umask IWGRP|IWOTH', 'vrrp_rx_bufs_policy ADVERT', 'script_user nobody nogroup', 'include_check -read +match', 'dynamic_interfaces allow_if_changes', 'hooks /etc/hooks.ts', 'drain_time 30', 'notify_fifo /run/f nobody'],
    vrrp_instance: ['use_vmac vrrp.1 02:00:5e:00:02:01', 'unicast_peer {\n 192.0.2.2 min_ttl 2 max_ttl 3\n}\nunicast_src_ip 192.0.2.1', 'mcast_dst_ip 224.0.0.19', 'track_interface {\n eth1 weight -5 reverse\n}', 'virtual_routes {\n default via 192.0.2.1\n 198.51.100.0/24 nexthop via 192.0.2.1 weight 2 nexthop via 192.0.2.2 weight 1\n}', 'virtual_rules {\n not from 198.51.100.0/24 lookup 7 priority 5\n to 198.51.100.0/24 type goto 20 preference 10\n}', 'debug 2', 'garp_extra_if 0', 'smtp_alert off', 'auth_hmac {\n key 1 0123456789abcdef0123456789abcdef\n active_key 1\n mode permissive\n}'],
    virtual_server: ['lvs_method TUN type gue port 99 csum', 'persistence_timeout', 'persistence_granularity 255.255.255.0', 'sorry_server 192.0.2.7 80\nsorry_server_inhibit\nsorry_server_lvs_method DR', 'lvs_sched sh\nsh-port\nhashed', 'quorum 3', 'alpha', 'omega', 'ip_family inet', 'virtualhost a.b', 'protocol tcp'],
    'virtual_server.real_server': ['weight 3', 'lvs_method DR', 'TCP_CHECK {\n connect_port 81\n bindto 192.0.2.1\n retry 3\n}', 'HTTP_GET {\n url {\n path /\n status_code 200 301-399\n digest 9b3a0c85a887a256d6939da88aabd8cd\n }\n http_protocol 1.1\n}', 'MISC_CHECK {\n misc_path "/usr/bin/true a"\n misc_dynamic\n user nobody\n}', 'UDP_CHECK {\n payload 0102\n require_reply ff0x\n}', 'DNS_CHECK {\n type aaaa\n name a.b\n}', 'SMTP_CHECK {\n helo_name a\n host {\n connect_ip 192.0.2.3 26\n }\n}', 'PING_CHECK {\n}'],
  };
  for (const [block, lines] of Object.entries(good)) {
    for (const line of lines) {
      it(`${block} ${line.replaceAll('\n', ' ')}`.trim(), () => {
        const [before, after] = around(block);
        const rest = block === 'virtual_server' ? '  real_server 192.0.2.8 80 {\n weight 9\n }\n' : '';
        const { diagnostics } = load(`${block === '' ? `${VI}}\n` : 'global_defs {\nenable_script_security\nscript_user root\n}\n'}${before}${line}\n${rest}${after}`);
        expect(diagnostics.filter((d) => d.code !== 'not-in-effect').map((d) => d.message)).to.deep.equal([]);
      });
    }
  }

  const bad: readonly (readonly [block: string, line: string])[] = [
    ['global_defs', 'vrrp_version 4'], ['global_defs', 'umask 9999'], ['global_defs', 'vrrp_mcast_group4 192.0.2.1'], ['global_defs', 'vrrp_garp_interval 0'], ['global_defs', 'lvs_timeouts tcp -1'], ['global_defs', 'drain_time 86401'], ['global_defs', 'drain_time 0.5'],
    ['vrrp_instance', 'unicast_ttl 256'], ['vrrp_instance', 'preempt_delay 1001'], ['vrrp_instance', 'garp_master_delay 1.5'], ['vrrp_instance', 'advert_int 0'], ['vrrp_instance', 'down_timer_adverts 0'], ['vrrp_instance', 'smtp_alert maybe'],
    ['virtual_server', 'lvs_sched best'], ['virtual_server', 'lb_kind dr'], ['virtual_server', 'persistence_timeout 0'], ['virtual_server', 'hashed'], ['virtual_server', 'quorum 0'], ['virtual_server', 'sorry_server_inhibit'],
    ['virtual_server.real_server', 'weight -1'], ['virtual_server.real_server', 'HTTP_GET {\n}'], ['virtual_server.real_server', 'MISC_CHECK {\n}'], ['virtual_server.real_server', 'HTTP_GET {\n url {\n path /\n digest abc\n }\n}'],
  ];
  for (const [block, line] of bad) {
    it(`${block} ${line.replaceAll('\n', ' ')}: refused`, () => {
      const [before, after] = around(block);
      const rest = block === 'virtual_server' ? '  real_server 192.0.2.8 80 {\n weight 9\n }\n' : '';
      expect(configTestExit(load(`${before}${line}\n${rest}${after}`).diagnostics)).to.equal(5);
    });
  }
});
