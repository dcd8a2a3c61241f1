import { Breaker } from '../connectors/breaker.ts';
import type { Connector, ProcessorLimits, Verdict } from '../connectors/connector.ts';
import type { Db } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import { assert } from '../errors.ts';
import { Groups, type Grouping } from '../groups.ts';
import type { Ids } from '../ids.ts';
import type { Clock, Random } from '../ports.ts';
import type { Telling } from '../webhooks/events.ts';
import type { Queue } from '../work/worker.ts';
import type { Heard } from './decide.ts';
import type { OutgoingKind } from './outgoing.ts';
import { type Effect, resolveGroup } from './resolve.ts';
import { Sender } from './send.ts';

/** For how long outcomes gather, so that the books are locked for many at once. */
const OUTCOMES_MS = 8;

export interface SendingOptions {
  db: Db;
  clock: Clock;
  random: Random;
  ids: Ids;
  connector: Connector;
  /** What is promised by ways of sending that are no calls, by their names. */
  otherLimits?: Record<string, ProcessorLimits>;
  /** whose money leaves */
  kinds: OutgoingKind[];
  /** longest wait for an answer of the processor, in milliseconds */
  timeoutMs: number;
  maxGroup?: number;
  grouping?: Grouping;
  onGroup?(size: number): void;
  onVerdict?(kind: Verdict['kind']): void;
}

/** Money on its way out, of whatever room: sent and asked about by a worker, closed in groups by what is heard of it. */
export class Sending {
  readonly outcomes: Groups<Heard, Effect>;
  readonly queue: Queue;
  readonly breaker: Breaker;
  /** A worker delivers what it tells of at once; who only writes leaves it to be claimed. */
  telling: Telling;

  constructor(o: SendingOptions) {
    const limits = (name: string): ProcessorLimits => {
      const known = name === o.connector.name ? o.connector.limits() : o.otherLimits?.[name];
      assert(known, `connector ${name} is configured`);
      return known;
    };
    this.telling = (merchantId, work) => o.db.merchant(merchantId, (tx) => work(tx));
    const telling: Telling = (merchantId, work) => this.telling(merchantId, work);
    this.outcomes = new Groups({
      ...{ gatherMs: OUTCOMES_MS, clock: o.clock, ...o.grouping, ...(o.maxGroup ? { maxGroup: o.maxGroup } : {}) },
      run: (merchantId, items) =>
        telling(merchantId, (tx, hand) => resolveGroup(tx, o.kinds, items, o.clock.now(), o.ids, limits, () => o.random.fraction(), hand)),
      onGroup: (size) => o.onGroup?.(size),
    });
    this.breaker = new Breaker(o.clock);
    const sender = new Sender({
      ...o,
      connectors: new Map([[o.connector.name, o.connector]]),
      outcomes: this.outcomes,
      leaseMs: o.timeoutMs * 2 + 10_000,
      telling,
    });
    this.queue = {
      name: 'sending',
      due: (now) => sql`
        select m.merchant_id as merchant from merchant m
        where exists (select 1 from submission s where s.merchant_id = m.merchant_id and s.next_at <= ${now} and s.action <> 'batch')`,
      allowance: () => this.breaker.allowance(),
      take: async (merchantId, limit) => {
        const allowed = Math.min(limit, this.breaker.allowance());
        if (allowed <= 0 || !(await this.isAcquainted(o.connector))) return [];
        const calls = await sender.takeDue(merchantId, allowed);
        return calls.map((call) => this.watch(call, o.onVerdict));
      },
    };
  }

  private async isAcquainted(connector: Connector): Promise<boolean> {
    const silence = await connector.acquaint?.();
    if (!silence) return true;
    this.breaker.began();
    this.breaker.heard(silence);
    return false;
  }

  private async watch(call: Promise<Verdict>, onVerdict?: (kind: Verdict['kind']) => void): Promise<void> {
    this.breaker.began();
    try {
      const verdict = await call;
      this.breaker.heard(verdict);
      onVerdict?.(verdict.kind);
    } catch (error) {
      this.breaker.heard({ kind: 'unknown' });
      throw error;
    }
  }
}
