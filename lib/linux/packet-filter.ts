import { DecodeError } from '../codec/decode-error.ts';
import type { NetlinkMessage } from '../codec/netlink.ts';
import { decodeRule, encodeGetRules, type CountingRule } from '../codec/nft-rules.ts';
import {
  decodeLoss, decodeTable, encodeBatchMark, encodeFilterOp, encodeGetTables, type FilterMessage, type FilterOp, type FilterTable, NFNL_MSG_BATCH_BEGIN,
  NFNL_MSG_BATCH_END, NFNLGRP_NFTABLES,
} from '../codec/nftables.ts';
import { SystemError } from '../system/error.ts';
import type { PacketFilter } from '../system/packet-filter.ts';
import type { Family } from '../util/ip.ts';
import { inNetworkNamespace } from './namespace.ts';
import { NetlinkMonitor } from './netlink-monitor.ts';
import { NetlinkRequests, type NetlinkRequest } from './netlink-requests.ts';

const NETLINK_NETFILTER = 12;

export interface LinuxPacketFilter extends PacketFilter {
  /** The rules of one table, with what they counted; null when there is no such table. Rejects with SystemError. */
  rules(family: Family, table: string): Promise<readonly CountingRule[] | null>;
  close(): void;
}

/** nf_tables over netlink(7), on one socket for requests and one for notifications; of the network namespace whose file is given, or of this process' own. */
export function linuxPacketFilter(namespace: string | null = null): LinuxPacketFilter {
  let opened: NetlinkRequests | null = null;
  const there = <T>(open: () => T): T => (namespace === null ? open() : inNetworkNamespace(namespace, open));
  const requests = (): NetlinkRequests => (opened ??= there(() => new NetlinkRequests(NETLINK_NETFILTER, 'nf_tables request socket')));
  const monitors = new Set<{ close(): void }>();
  return {
    async apply(operations) {
      const messages = operations.flatMap((op) => encodeFilterOp(op).map((message) => request(message, VERBS[op.op], nameOf(op))));
      await requests().transaction(BEGIN, messages, END);
    },
    async tables() {
      const messages = await requests().dump(request(encodeGetTables(), 'list', 'nf_tables tables'));
      return messages.flatMap(({ payload }) => {
        const table = decodeTable(payload);
        if (table instanceof DecodeError) throw new SystemError('decode', 'the kernel\'s nf_tables tables', 'EBADMSG', table);
        return table === null ? [] : [table];
      });
    },
    async rules(family, table) {
      // The dump of a table that is not there may be empty, or refused: whether it is there is a question of its own.
      if (!(await this.tables()).some((one) => one.family === family && one.name === table)) return null;
      const messages = await requests().dump(request(encodeGetRules(family, table), 'list', `rules of nftables table ${table}`));
      return messages.flatMap(({ type, payload }) => {
        const rule = decodeRule(type, payload);
        if (rule instanceof DecodeError) throw new SystemError('decode', `rules of nftables table ${table}`, 'EBADMSG', rule);
        // Kernels that do not look at what is asked for send the rules of all tables.
        return rule === null || rule.table !== table ? [] : [rule];
      });
    },
    watch(damaged, failed) {
      const own = requests().port;
      const monitor = there(() => new NetlinkMonitor<Damage>({
        protocol: NETLINK_NETFILTER,
        name: 'nf_tables monitor socket',
        groups: [NFNLGRP_NFTABLES],
        toEvent: (message) => damageOf(message, own),
        tell: (event) => { damaged(event.type === 'lost' ? null : event.table); },
        failed,
        buffer: null,
      }));
      monitors.add(monitor);
      return () => {
        if (monitors.delete(monitor)) monitor.close();
      };
    },
    close() {
      for (const monitor of monitors) monitor.close();
      monitors.clear();
      opened?.close();
      opened = null;
    },
  };
}

interface Damage {
  readonly type: 'damage';
  readonly table: FilterTable;
}

const VERBS: Readonly<Record<FilterOp['op'], string>> = {
  'add-table': 'add nftables table', 'delete-table': 'delete nftables table', 'add-chain': 'add nftables chain', 'flush-chain': 'flush nftables chain', 'delete-chain': 'delete nftables chain', 'add-set': 'add nftables set', 'add-rule': 'add nftables rule to',
  'flush-set': 'flush nftables set', 'delete-set': 'delete nftables set', 'add-elements': 'add elements to nftables set', 'delete-elements': 'delete elements of nftables set',
};

const BEGIN = request(encodeBatchMark(NFNL_MSG_BATCH_BEGIN), 'begin', 'an nf_tables batch');
const END = request(encodeBatchMark(NFNL_MSG_BATCH_END), 'end', 'an nf_tables batch');

function request(message: FilterMessage, operation: string, object: string): NetlinkRequest {
  return { ...message, operation, object };
}

function nameOf(op: FilterOp): string {
  const inside = 'chain' in op ? ` ${op.chain}` : 'set' in op ? ` ${op.set}` : '';
  return `${op.family === 'inet' ? 'ip' : 'ip6'} ${op.table}${inside}`;
}

/** What we did ourselves is no damage. */
function damageOf({ type, port, payload }: NetlinkMessage, own: number): Damage | null {
  if (port === own) return null;
  const table = decodeLoss(type, payload);
  return table === null || table instanceof DecodeError ? null : { type: 'damage', table };
}
