import { expect } from 'chai';
import { readDirectors, statusText } from '../../lib/ipvs/fullnat/toa-status.ts';
import { printPrefix } from '../../lib/util/ip.ts';

describe('toa of a real server', () => {
  for (const [name, words, said] of [
    ['nothing', [], /no director is named/u],
    ['commas alone', [',,'], /no director is named/u],
    ['a name', ['lvs1'], /'lvs1' is no address and no network/u],
    ['a length that there is not', ['10.0.0.0/33'], /'10\.0\.0\.0\/33' is no address/u],
    ['one wrong among right ones', ['10.0.0.1', '10.0.0.2,x'], /'x' is no address/u],
    ['IPv6', ['2001:db8::1'], /2001:db8::1: the option carries IPv4/u],
    ['everybody', ['0.0.0.0/0'], /would believe everybody/u],
  ] as const) {
    it(`directors, ${name}: refused`, () => expect(readDirectors(words)).to.match(said));
  }

  it('directors: addresses and networks, by comma and by word, each once and without the bits of hosts', () => {
    const read = readDirectors(['10.0.0.21, 10.0.0.37/28', '10.0.0.33/28', '10.0.0.21']);
    expect(typeof read === 'string' ? read : read.map(printPrefix)).to.deep.equal(['10.0.0.21/32', '10.0.0.32/28']);
  });

  it('status: not installed, with the remedy', () => {
    expect(statusText({ installed: false, directors: [] })).to.match(/^not installed: .*tskeepalived toa install/u);
  });

  it('status: counted, with the limits, and a hint for a director that writes no address', () => {
    const text = statusText({ installed: true, directors: [
      { director: '10.0.0.21/32', connections: 12, withAddress: 10 }, { director: '10.0.0.22/32', connections: 3, withAddress: 0 }, { director: '10.0.0.23/32', connections: 0, withAddress: 0 },
    ] });
    expect(text.split('\n').slice(0, 6)).to.deep.equal([
      'installed (nftables table ip tsk_toa)',
      "director      connections  with the client's address",
      '10.0.0.21/32  12           10',
      '10.0.0.22/32  3            0',
      '10.0.0.23/32  0            0',
      "10.0.0.22/32 has sent no client's address: is 'toa on' in the director's virtual_server?",
    ]);
    expect(text).to.include('no TCP timestamps').and.not.include('10.0.0.23/32 has sent');
  });
});
