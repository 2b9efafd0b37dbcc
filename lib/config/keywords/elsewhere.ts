/** Keywords of other products' keepalived, which have no effect here: whose they are, and what to do instead. */
import type { Keyword } from '../keyword.ts';

type Elsewhere = Required<Pick<Keyword, 'since' | 'elsewhere' | 'notYet'>>;

/** What DPVS has, and no kernel's IPVS. */
export function dpvs(instead: string): Elsewhere {
  return { since: 'fullnat', elsewhere: 'DPVS', notYet: instead };
}

/** What alibaba's keepalived and its kin read. */
export function fork(instead: string): Elsewhere {
  return { since: 'fullnat', elsewhere: "keepalived's FULLNAT forks", notYet: instead };
}
