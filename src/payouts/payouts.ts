import type { Db } from '../db/db.ts';
import { Groups, type Grouping } from '../groups.ts';
import type { Answer } from '../http/idempotency.ts';
import type { Ids } from '../ids.ts';
import type { Clock } from '../ports.ts';
import { acceptGroup, type PayoutRequest } from './accept.ts';

export interface PayoutsOptions {
  db: Db;
  clock: Clock;
  ids: Ids;
  /** which processor they go to */
  connector: string;
  maxGroup?: number;
  grouping?: Grouping;
  onGroup?(size: number): void;
}

/** The payouts room: accepted in groups; what is accepted waits to be sent. */
export class Payouts {
  readonly accepted: Groups<PayoutRequest, Answer>;

  constructor(o: PayoutsOptions) {
    this.accepted = new Groups({
      ...{ clock: o.clock, ...o.grouping, ...(o.maxGroup ? { maxGroup: o.maxGroup } : {}) },
      run: (merchantId, items, again) => o.db.merchant(merchantId, (tx) => acceptGroup(tx, items, o.clock.now(), o.ids, o.connector, again)),
      onGroup: (size) => o.onGroup?.(size),
    });
  }
}
