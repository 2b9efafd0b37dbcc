import { expect } from 'chai';
import { assess, type Surroundings } from '../../lib/daemon/facts.ts';
import type { Link } from '../../lib/system/netlink-routes.ts';
import { ip } from '../../lib/util/ip.ts';
import type { TrackState } from '../../lib/vrrp/priority.ts';
import { configOf, instanceText } from '../sim/config-text.ts';
import { link } from './fakes.ts';

const SCRIPTS = `${['chk', 'chk2'].map((name) => `vrrp_script ${name} {\n script /bin/true\n}\n`).join('')}track_file tf {
 file /run/tf
}
vrrp_track_process web {
 process nginx
}
bfd_instance peer {
 neighbor_ip 10.0.0.9
}
`;

interface World {
  links?: readonly Link[];
  address?: string | null;
  socket?: boolean;
  /** Its unicast source is this machine's. */
  speaks?: boolean;
  scripts?: Readonly<Record<string, TrackState>>;
  files?: Readonly<Record<string, number>>;
  processes?: Readonly<Record<string, TrackState>>;
  /** Sessions that are up. */
  bfd?: readonly string[];
}

/** Faults, holds and the priority of one instance, in words. */
function facts(body: string, world: World = {}, group = ''): { faults: string[]; holds: string[]; priority: number; source: string | null } {
  const members = group === '' ? '' : `vrrp_sync_group G {\n group {\n VI_1\n VI_2\n }\n ${group}\n}\n${instanceText('', 'VI_2', 52, '10.0.0.101/24')}`;
  const config = configOf(`${SCRIPTS}${instanceText(body)}${members}`);
  const [instance] = config.instances;
  if (instance === undefined) throw new Error('no instance');
  const { links = [link(2, 'eth0'), link(3, 'eth1')], address = '10.0.0.1', socket = true, speaks = true, scripts = {}, files = {}, processes = {}, bfd = [] } = world;
  const around: Surroundings = {
    link: (name) => links.find((l) => l.name === name), isUp: (name) => links.some((l) => l.name === name && l.up && l.running), primaryAddress: () => (address === null ? null : ip(address)),
    hasAddress: (_, wanted) => wanted === address, canSpeakFrom: () => speaks, hasSocket: () => socket, objectLinks: () => new Set(), objectFaults: () => [],
    script: (name) => scripts[name] ?? 'unknown', file: (name) => files[name] ?? 0, process: (name) => processes[name] ?? 'unknown', bfd: (name) => (bfd.includes(name) ? 'up' : 'down'),
  };
  const { faults, holds, priority, source } = assess(instance, config.syncGroups[0], around);
  return { faults: [...faults], holds: [...holds], priority, source };
}

const DOWN = { links: [link(2, 'eth0', { running: false }), link(3, 'eth1')] };
const OTHER_DOWN = { links: [link(2, 'eth0'), link(3, 'eth1', { up: false })] };
const track = (ref: string): string => `track_script {\n ${ref}\n }`;
const file = (ref: string): string => `track_file {\n ${ref}\n }`;
const process = (ref: string): string => `track_process {\n ${ref}\n }`;
const bfd = (ref: string): string => `track_bfd {\n ${ref}\n }`;
const watch = (ref: string): string => `track_interface {\n ${ref}\n }`;

describe('assess', () => {
  for (const [name, body, world, faults] of [
    ['no interface', '', { links: [] }, ['interface eth0 does not exist']],
    ['an interface without carrier', '', DOWN, ['interface eth0 is down']],
    ['an interface that is not up', '', { links: [link(2, 'eth0', { up: false })] }, ['interface eth0 is down']],
    ['no address', '', { address: null }, ['interface eth0 has no IPv4 address']],
    ['no link-local address', 'version 3\n virtual_ipaddress {\n fe80::1\n }', { address: null }, ['interface eth0 has no link-local IPv6 address']],
    ['track_src_ip: a source address that is not there', 'mcast_src_ip 10.0.0.9\n track_src_ip', {}, ['source address 10.0.0.9 is missing from eth0']],
    ['a unicast source that is not of this machine', 'unicast_src_ip 10.0.0.9\n unicast_peer {\n 10.0.0.2\n }', { speaks: false }, ['unicast source 10.0.0.9 is no address of this machine']],
    ['no socket', '', { socket: false }, ['no VRRP socket on eth0']],
    ['all of them', '', { ...DOWN, address: null, socket: false }, ['interface eth0 is down', 'interface eth0 has no IPv4 address', 'no VRRP socket on eth0']],
    ['an interface of an address that is down', 'virtual_ipaddress {\n 10.1.0.9/24 dev eth1\n }', OTHER_DOWN, ['interface eth1 of a virtual address is down']],
    ['an interface of an excluded address that is not there', 'virtual_ipaddress_excluded {\n 10.1.0.9/24 dev eth1\n }\n dont_track_primary', { links: [link(2, 'eth0')] }, ['interface eth1 of a virtual address is down']],
    ['a tracked interface that is down', watch('eth1'), OTHER_DOWN, ['tracked interface eth1 is down']],
    ['a tracked interface that is not there', watch('eth1'), { links: [link(2, 'eth0')] }, ['tracked interface eth1 is down']],
    ['a script that failed', track('chk'), { scripts: { chk: 'down' } }, ['script chk']],
    ['two scripts that failed', track('chk\n chk2'), { scripts: { chk: 'down', chk2: 'down' } }, ['script chk', 'script chk2']],
    ['a reversed script that succeeded', track('chk weight 0 reverse'), { scripts: { chk: 'up' } }, ['script chk']],
    ['a file with a number other than 0, weight 0', file('tf weight 0'), { files: { tf: 1 } }, ['tracked file tf']],
    ['a file with 0, weight 0 reversed', file('tf weight 0 reverse'), {}, ['tracked file tf']],
    ['a file that takes 254', file('tf'), { files: { tf: -254 } }, ['tracked file tf']],
    ['a file that takes more by its weight', file('tf weight -26'), { files: { tf: 10 } }, ['tracked file tf']],
    ['a process without its quorum, weight 0', process('web weight 0'), { processes: { web: 'down' } }, ['tracked process web']],
    ['a process with its quorum, weight 0 reversed', process('web weight 0 reverse'), { processes: { web: 'up' } }, ['tracked process web']],
    ['a BFD session that is down', bfd('peer'), {}, ['BFD session peer is down']],
  ] as const) {
    it(`at fault: ${name}`, () => {
      const body6 = body.startsWith('version 3');
      if (body6) {
        const [instance] = configOf(instanceText(body, 'VI_1', 51, '')).instances;
        if (instance === undefined) throw new Error('no instance');
        const around = { link: () => link(2, 'eth0'), isUp: () => true, primaryAddress: () => null, hasAddress: () => false, canSpeakFrom: () => true, hasSocket: () => true, script: () => 'up' as const, file: () => 0, process: () => 'up' as const, bfd: () => 'up' as const, objectLinks: () => new Set<string>(), objectFaults: () => [] };
        expect([...assess(instance, undefined, around).faults]).to.deep.equal(faults);
      } else expect(facts(body, world).faults).to.deep.equal(faults);
    });
  }

  it('nothing is wrong', () => {
    expect(facts('priority 150')).to.deep.equal({ faults: [], holds: [], priority: 150, source: '10.0.0.1' });
  });

  it('an interface whose address is not tracked may be down', () => {
    expect(facts('virtual_ipaddress {\n 10.1.0.9/24 dev eth1 no_track\n }', OTHER_DOWN).faults).to.deep.equal([]);
  });

  it('an interface of an address that track_interface has with a weight counts as that says', () => {
    const { faults, priority } = facts(`virtual_ipaddress {\n 10.1.0.9/24 dev eth1\n }\n ${watch('eth1 weight -20')}`, OTHER_DOWN);
    expect({ faults, priority }).to.deep.equal({ faults: [], priority: 80 });
  });

  it('dont_track_primary: the own interface may be down', () => {
    expect(facts('dont_track_primary', DOWN).faults).to.deep.equal([]);
  });

  it('a configured source takes the place of the interface\'s address', () => {
    expect(facts('mcast_src_ip 10.0.0.9\n track_src_ip', { address: '10.0.0.9' }).faults).to.deep.equal([]);
    expect(facts('mcast_src_ip 10.0.0.9', { address: null })).to.deep.include({ faults: [], source: '10.0.0.9' });
  });

  it('a script of weight 0 that has not answered holds, one with a weight does not', () => {
    expect(facts(track('chk'))).to.deep.include({ faults: [], holds: ['script chk'] });
    expect(facts(track('chk weight 10'))).to.deep.include({ faults: [], holds: [] });
  });

  for (const [name, body, world, priority] of [
    ['a script, up', track('chk weight 20'), { scripts: { chk: 'up' } }, 120],
    ['a script, down', track('chk weight -20'), { scripts: { chk: 'down' } }, 80],
    ['a script, unknown', track('chk weight -20'), {}, 100],
    ['an interface, up', watch('eth1 weight 20'), {}, 120],
    ['an interface, down', watch('eth1 weight -20'), OTHER_DOWN, 80],
    ['a file, its number times its weight', file('tf weight 2'), { files: { tf: 5 } }, 110],
    ['a file that takes 253', file('tf'), { files: { tf: -253 } }, 1],
    ['a file of a large number', file('tf'), { files: { tf: 300 } }, 254],
    ['a file reversed', file('tf weight 3 reverse'), { files: { tf: 10 } }, 70],
    ['a process, up', process('web weight 20'), { processes: { web: 'up' } }, 120],
    ['a process, down, with all that a weight can take: no fault', process('web weight -254'), { processes: { web: 'down' } }, 1],
    ['a BFD session, up', bfd('peer weight 20'), { bfd: ['peer'] }, 120],
    ['a BFD session, down', bfd('peer weight -20'), {}, 80],
    ['both', `${watch('eth1 weight -20')}\n ${track('chk weight 30')}`, { ...OTHER_DOWN, scripts: { chk: 'up' } }, 110],
  ] as const) {
    it(`the priority with ${name}: ${priority}, and no fault`, () => {
      expect(facts(body, world)).to.deep.include({ priority, faults: [] });
    });
  }

  describe('of a sync group', () => {
    it('what it tracks with weight 0 is a fault of each member', () => {
      expect(facts('', { scripts: { chk: 'down' } }, track('chk')).faults).to.deep.equal(['script chk (group)']);
      expect(facts('', OTHER_DOWN, watch('eth1')).faults).to.deep.equal(['tracked interface eth1 is down (group)']);
      expect(facts('', {}, track('chk')).holds).to.deep.equal(['script chk (group)']);
    });

    // keepalived 2.2.7: they are the same for all members; sync_group_tracking_weight is about the members' own.
    it('its weights count for every member', () => {
      expect(facts('', { scripts: { chk: 'up' } }, track('chk weight 20')).priority).to.equal(120);
      expect(facts('', {}, watch('eth1 weight 7')).priority).to.equal(107);
      expect(facts('', { files: { tf: 5 } }, 'track_file {\n tf weight 2\n }').priority).to.equal(110);
      expect(facts('', { processes: { web: 'up' } }, 'track_process {\n web weight 30\n }').priority).to.equal(130);
    });

    it('a script that both track with weight 0 must clear for both', () => {
      expect(facts(track('chk'), { scripts: { chk: 'down' } }, track('chk')).faults).to.deep.equal(['script chk', 'script chk (group)']);
    });
  });
});
