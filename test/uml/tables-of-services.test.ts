import { describeTables } from './director/describe-tables.ts';
import { SERVICE_CASES } from './director/service-cases.ts';

describeTables('the IPVS table of services of all kinds, by keepalived and by ours', SERVICE_CASES);
