import { expect } from 'chai';
import { receiveShare } from '../../lib/daemon/receive-buffers.ts';
import { configOf, instanceText } from '../sim/config-text.ts';

describe('receiveShare', () => {
  for (const [name, head, body, expected] of [
    ['nobody asks', '', '', 0],
    ['MTU', 'vrrp_rx_bufs_policy MTU', '', 4500],
    ['MTU, another multiplier', 'vrrp_rx_bufs_policy MTU\n vrrp_rx_bufs_multiplier 5', '', 7500],
    ['ADVERT, version 2', 'vrrp_rx_bufs_policy ADVERT', '', 3 * (20 + 8 + 4 + 8)],
    ['ADVERT, version 3', 'vrrp_rx_bufs_policy ADVERT', 'version 3', 3 * (20 + 8 + 4)],
    ['a number', 'vrrp_rx_bufs_policy 10000', '', 10000],
    ['the instance\'s own', 'vrrp_rx_bufs_policy MTU', 'kernel_rx_buf_size 5000', 5000],
  ] as const) {
    it(`${name}: ${expected}`, () => {
      const config = configOf(`global_defs {\n ${head}\n}\n${instanceText(body)}`);
      const [instance] = config.instances;
      if (instance === undefined) throw new Error('no instance');
      expect(receiveShare(instance, config.settings, 1500)).to.equal(expected);
    });
  }
});
