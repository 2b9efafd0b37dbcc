import { expect } from 'chai';
import { Lab } from './lab.ts';
import { requireLab } from './needs.ts';
import { INTERVAL, masters, RATE, weather, type Weathered } from './storm.ts';

/** Ten seconds of it, if the machine keeps up. */
const COUNT = 50_000;
/** Forged packets in an interval of ours: the storm is the clock, whatever else the machine does. */
const PER_INTERVAL = (RATE * INTERVAL) / 1000;

describe(`netns: a storm of ${RATE} forged adverts a second`, function () {
  this.timeout(180_000);
  let lab: Lab<'a' | 'b'>;
  let storm: Weathered;

  before(async function () {
    requireLab(this);
    lab = await Lab.open({ nodes: { a: '192.0.2.1/24', b: '192.0.2.2/24' }, witness: 'tcpdump' });
    storm = await weather(lab, await masters(lab, 'ours'), COUNT);
  });
  after(() => lab?.close());

  it('our own adverts are not later than by one interval', () => {
    const late = storm.gaps.filter(({ forged }) => forged > 2 * PER_INTERVAL);
    const missed = late.reduce((sum, { forged }) => sum + Math.floor(forged / PER_INTERVAL) - 1, 0);
    expect(storm.gaps.length, 'adverts during the storm').to.be.greaterThan(0);
    // While the daemon was ready and had no processor, the storm did not hold it up.
    expect(missed * INTERVAL, `of ${storm.gaps.length} gaps, forged packets in the late ones: ${late.map(({ forged }) => forged).join(' ')}`).to.be.at.most(INTERVAL + storm.waited);
  });

  it('every forged packet is counted by its reason, or as lost in the receive buffer', () => {
    const total = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((sum, n) => sum + n, 0);
    expect(storm.sent).to.equal(COUNT);
    expect(total(storm.counted) + storm.lost, JSON.stringify({ counted: storm.counted, lost: storm.lost })).to.equal(storm.sent);
    for (const [name, due] of Object.entries(storm.due)) expect(storm.counted[name], name).to.be.at.most(due).and.at.least(due - storm.lost);
  });

  it('the master stays master', () => {
    expect(storm.lines.filter((line) => line.includes('Entering'))).to.deep.equal([]);
  });

  it('the log stays readable, and says how many lines it left out', () => {
    expect(storm.lines.length).to.be.lessThan(storm.sent / 50);
    expect(storm.lines.some((line) => /\(VI_3\) \d+ more lines about packets within a second were left out/.test(line)), storm.lines.slice(0, 30).join('\n')).to.equal(true);
  });

  it('a rival is answered, but announcements are not as many as somebody likes', () => {
    const answers = lab.witness.adverts.filter(({ mac, vrid }) => mac === lab.nodes.a.mac && vrid === 53).length;
    expect(answers).to.be.at.least(storm.counted['VI_3 received'] ?? Infinity);
    expect(storm.garps).to.be.greaterThan(0).and.lessThan(storm.sent / 50);
  });
});
