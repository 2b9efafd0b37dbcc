import { expect } from 'chai';
import { parseOptions, UsageError } from '../../lib/cli/options.ts';
import { type Settings, settingsOf } from '../../lib/cli/settings.ts';
import { parseFacility } from '../../lib/daemon/log/format.ts';

const settings = (...argv: string[]): Settings => settingsOf(parseOptions(argv), parseFacility);

describe('settingsOf', () => {
  for (const [name, argv, message] of [
    ['an option that is not built yet', ['--snmp'], "option '--snmp' is keepalived's, but not built yet in tskeepalived (SNMP agent)"],
    ['another one, though --help is there as well', ['-h', '-A', 'x'], "option '--snmp-agent-socket' is keepalived's, but not built yet"],
    ['a facility that is none', ['-S', 'local8'], "option '--log-facility': no facility 'local8'"],
    ['a level that is none', ['--log-level=loud'], "option '--log-level': 'loud' is none of error, warn, info, detail, debug"],
    ['a format that is none', ['--log-format=xml'], "option '--log-format': 'xml' is neither text nor json"],
    ['a umask in words', ['-u', 'none'], "option '--umask': 'none' is no number from 0 to 0777"],
    ['an empty umask', ['--umask='], "option '--umask': ''"],
    ['a umask with a digit that is not octal', ['-u', '089'], "option '--umask': '089'"],
    ['a umask above 0777', ['-u', '01000'], "option '--umask': '01000'"],
    ['a decimal umask above 0777', ['-u', '512'], "option '--umask': '512'"],
    ['a negative umask', ['--umask=-1'], "option '--umask': '-1'"],
  ] as const) {
    it(`refuses ${name}`, () => {
      expect(() => settings(...argv)).to.throw(UsageError, message);
    });
  }

  it("has keepalived's defaults", () => {
    expect(settings()).to.deep.equal({
      configFile: '/etc/keepalived/keepalived.conf', foreground: false, console: false, syslog: true, facility: 3, level: 'info', format: 'text',
      logFile: null, dumpConfig: false, releaseVips: false, keepAddresses: false, ignoreInterrupt: false, addressMonitoring: false,
      pidFile: '/run/keepalived.pid', vrrpPidFile: '/run/vrrp.pid', bfdPidFile: '/run/bfd.pid', bfd: true, checkersPidFile: '/run/checkers.pid', pidOptions: [], namespace: null, outside: null, coreDump: null,
      vrrp: true, checkers: true, everyPart: false, respawn: true, keepIpvs: false, fullnat: 'auto', configId: null, allConfigErrors: false, umask: null, hooks: null, task: { type: 'run' },
    });
  });

  for (const [argv, expected] of [
    [['-f', '/a'], { configFile: '/a' }],
    [['-f', '/a', '--use-file=/b'], { configFile: '/b' }],
    [['-n'], { foreground: true }],
    [['-l'], { console: true }],
    [['-G'], { syslog: false }],
    [['-D'], { level: 'detail' }],
    [['-D', '--log-level=debug'], { level: 'debug' }],
    [['-S', '0'], { facility: 16 }],
    [['-S', 'local7'], { facility: 23 }],
    [['-S', 'user'], { facility: 1 }],
    [['-S', 'daemon'], { facility: 3 }],
    [['--log-format=json'], { format: 'json' }],
    [['-g'], { logFile: '/tmp/keepalived.log' }],
    [['-g/var/log/ka'], { logFile: '/var/log/ka' }],
    [['-d'], { dumpConfig: true }],
    [['-X'], { releaseVips: true }],
    [['-V'], { keepAddresses: true }],
    [['--ignore-sigint'], { ignoreInterrupt: true }],
    [['-a'], { addressMonitoring: true }],
    [['-p', '/p', '-r', '/v'], { pidFile: '/p', vrrpPidFile: '/v', pidOptions: ['pidFile', 'vrrpPidFile'] }],
    [['-b', '/b', '-B'], { bfdPidFile: '/b', bfd: false, pidOptions: ['bfdPidFile'] }],
    [['-s', 'blue'], { namespace: 'blue' }],
    [['-m'], { coreDump: { pattern: null } }],
    [['-M'], { coreDump: { pattern: 'core' } }],
    [['-m', '-M/cores/%p'], { coreDump: { pattern: '/cores/%p' } }],
    [['-i', 'node2'], { configId: 'node2' }],
    [['-e'], { allConfigErrors: true }],
    [['-u', '022'], { umask: 0o22 }],
    [['-u', '0'], { umask: 0 }],
    [['-u', '18'], { umask: 18 }],
    [['-u', '0x1F'], { umask: 0x1f }],
    [['-u', '0777'], { umask: 0o777 }],
    [['--hooks', 'h.ts'], { hooks: 'h.ts' }],
    [['-h'], { task: { type: 'help' } }],
    [['-v'], { task: { type: 'version' } }],
    [['-v', '-h'], { task: { type: 'help' } }],
    [['--signum', 'DATA'], { task: { type: 'signum', name: 'DATA' } }],
    [['-t'], { task: { type: 'test', log: null } }],
    [['-t/log'], { task: { type: 'test', log: '/log' } }],
    [['-t', '-v'], { task: { type: 'version' } }],
    [['-P'], { checkers: false }],
    [['-C'], { vrrp: false, bfd: false }],
    [['--all'], { everyPart: true }],
    [['-P', '-C', '-R', '-I', '--flush-log-file', '-c', 'x'], { respawn: false, keepIpvs: true, checkersPidFile: 'x', pidOptions: ['checkersPidFile'] }],
  ] as const) {
    it(argv.join(' '), () => {
      expect(settings(...argv)).to.deep.equal({ ...settings(), ...expected });
    });
  }
});
