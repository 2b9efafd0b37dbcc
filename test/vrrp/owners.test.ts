import { expect } from 'chai';
import { Stepper } from './stepper.ts';

const owner = (): Stepper => new Stepper('version 3\n priority 255').master();

describe("two owners of the addresses on a link, keepalived's own", () => {
  it('the one with the lower address yields', () => {
    expect(owner().hear(255, '10.0.0.2').state.name).to.equal('Backup');
  });

  it('the other answers twice, then is 254 and Backup until the rogue is gone, and owner again after it', () => {
    const r = owner();
    for (let i = 0; i < 2; i++) expect(r.hear(255, '10.0.0.0').did).to.deep.equal(['advertise 255']);
    r.hear(255, '10.0.0.0');
    expect(r.state.name).to.equal('Backup');
    expect(r.router.priority).to.equal(254);
    expect(r.event({ type: 'priority', value: 255 }).router.priority, 'no tracker makes it owner').to.equal(254);
    expect(r.hear(255, '10.0.0.0').state.name).to.equal('Backup');
    expect(r.fire().state.name).to.equal('Master');
    expect(r.did).to.include('advertise 255');
  });

  it('says so once', () => {
    const r = owner().hear(255, '10.0.0.0');
    expect(r.said).to.deep.equal(['(VI_1) CONFIGURATION ERROR: local instance and 10.0.0.0 are both configured as address owner, please resolve']);
    expect(r.hear(255, '10.0.0.0').said).to.deep.equal([]);
  });
});
