import type { Db } from '../db/db.ts';
import { Groups, type Grouping } from '../groups.ts';
import { type Answer, type Key, once } from '../http/idempotency.ts';
import type { Ids } from '../ids.ts';
import type { Clock } from '../ports.ts';
import type { Way } from '../sending/submission.ts';
import { acceptDistributions, type DistributionRequest } from './accept.ts';
import { bulk } from './bulk.ts';

export interface DistributionsOptions {
  db: Db;
  clock: Clock;
  ids: Ids;
  /** which way they leave */
  way: (mode: 'test' | 'live') => Way;
  maxGroup?: number;
  grouping?: Grouping;
  onGroup?(size: number): void;
}

/** The distributions room: accepted in groups; what is accepted waits to be sent. */
export class Distributions {
  readonly accepted: Groups<DistributionRequest, Answer>;
  private readonly o: DistributionsOptions;

  constructor(o: DistributionsOptions) {
    this.o = o;
    this.accepted = new Groups({
      ...{ clock: o.clock, ...o.grouping, ...(o.maxGroup ? { maxGroup: o.maxGroup } : {}) },
      run: (merchantId, items) => o.db.merchant(merchantId, (tx) => acceptDistributions(tx, items, o.clock.now(), o.ids, o.way)),
      onGroup: (size) => o.onGroup?.(size),
    });
  }

  /** Which way what is accepted leaves. */
  way(mode: 'test' | 'live'): Way {
    return this.o.way(mode);
  }

  /** Accepts many at once, each with its own fate; all of it once for its key. @param read checks an item */
  acceptBulk(merchantId: string, items: unknown[], read: (item: unknown) => DistributionRequest, key: Key | undefined): Promise<Answer> {
    const { db, clock, ids, way } = this.o;
    const now = clock.now();
    return once(db, merchantId, key, now, async (tx) => {
      const summary = await bulk(tx, items, read, (_, requests) => acceptDistributions(tx, requests, now, ids, way, 'known'));
      return { status: 200, body: JSON.stringify(summary) };
    });
  }
}
