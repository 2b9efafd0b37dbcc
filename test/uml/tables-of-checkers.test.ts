import { CHECKER_CASES } from './director/checker-cases.ts';
import { describeTables } from './director/describe-tables.ts';

describeTables('the IPVS table as checkers change it, by keepalived and by ours', CHECKER_CASES);
