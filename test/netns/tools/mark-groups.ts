/**
 * Puts the nf_tables rules of a configuration's nftables_ipvs into the kernel, or (`remove`) takes them away, as the checking
 * process does; a kernel for this needs no IPVS.
 *
 *     node mark-groups.js FILE JOURNAL [remove]
 */
import { readFileSync } from 'node:fs';
import { GroupMarker } from '../../../lib/daemon/balance/group-marker.ts';
import { linuxClock } from '../../../lib/linux/clock.ts';
import { linuxFiles } from '../../../lib/linux/files.ts';
import { linuxPacketFilter } from '../../../lib/linux/packet-filter.ts';
import { configOf } from '../../sim/config-text.ts';
import { RecordingLog } from '../../sim/recording-log.ts';

const [file = '', path = '', how] = process.argv.slice(2);
const [filter, files, log] = [linuxPacketFilter(), linuxFiles(), new RecordingLog()];
const marker = new GroupMarker({ filter, files, clock: linuxClock(), log, journal: { path, epoch: 'test' } });
const { virtualServers } = await marker.apply(configOf(readFileSync(file, 'utf8')).ipvs);
for (const { id, groupMarks = [] } of virtualServers) console.log(id, ...groupMarks.map(({ mark, family }) => `${mark} ${family}`));
await marker.stop(how !== 'remove');
for (const { text } of log.lines) console.error(text);
filter.close();
files.close();
process.exitCode = log.texts('error').length === 0 ? 0 : 1;
