import { scan } from '../../lib/linux/scan.ts';

/** `tskeepalived scan`, for scan.test.ts: LINK text|json COUNT. */
const [, , link = '', form = '', count = ''] = process.argv;
process.exitCode = await scan(link, { json: form === 'json', count: count === '' ? null : Number(count) });
