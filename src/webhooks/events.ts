import type { Tx } from '../db/db.ts';
import { column, fragment, sql } from '../db/sql.ts';
import { assert } from '../errors.ts';

/** One change of state of one object, and the event that tells of it. */
export interface NewEvent {
  id: string;
  objectId: string;
  /** the object's own count of its changes, from 1 */
  objectSeq: number;
  type: string;
  fromState: string | null;
  toState: string;
  /** what brought it about: request, send, call, callback, inquiry, cancel, operator, form */
  cause: string;
  /** the webhook's body, as it will be sent on every attempt */
  body: string;
}

/** Sent to every endpoint; all other types only to those that asked for them. A payout's `new` is in the feed alone. */
const isForAll = (type: string): boolean => (type.startsWith('transaction.') && type !== 'transaction.new') || type === 'card.saved';

/** The same, of a row of `event e`. */
export const isForAllSql = fragment`(e.type = 'card.saved' or (e.type like 'transaction.%' and e.type <> 'transaction.new'))`;

/**
 * Writes changes with their events and a delivery for each endpoint that is to hear of them. The numbers come from the
 * merchant's counter, whose row stays locked until commit: the feed is in the order of commits and has no gaps. Call it
 * last in a transaction.
 */
export async function tell(tx: Tx, events: NewEvent[], at: Date): Promise<void> {
  if (events.length === 0) return;
  const forAll = events.map(({ type }) => isForAll(type));
  const { written } = await tx.one<{ written: bigint }>(sql`
    with counter as (
      update event_counter as c set next = c.next + ${events.length} where c.merchant_id = ${tx.merchantId}
      returning c.merchant_id, c.next - ${events.length} as first
    ), told as (
      insert into event as e (merchant_id, number, id, object_id, object_seq, type, from_state, to_state, cause, body, at)
      select c.merchant_id, c.first + u.n - 1, u.id, u.object_id, u.object_seq, u.type, u.from_state, u.to_state, u.cause, u.body, ${at}::timestamptz
      from counter c, unnest(${column(events, 'id')}::uuid[], ${column(events, 'objectId')}::uuid[], ${column(events, 'objectSeq')}::int[], ${column(events, 'type')}::text[],
        ${column(events, 'fromState')}::text[], ${column(events, 'toState')}::text[], ${column(events, 'cause')}::text[], ${column(events, 'body')}::text[])
        with ordinality as u (id, object_id, object_seq, type, from_state, to_state, cause, body, n)
      returning e.merchant_id, e.number, e.object_id, e.object_seq, e.type
    ), sent as (
      insert into delivery as d (merchant_id, endpoint_id, event_number, object_id, object_seq, next_at, created_at)
      select p.merchant_id, p.id, t.number, t.object_id, t.object_seq, ${at}::timestamptz, ${at}::timestamptz
      from endpoint p, told t
      where p.merchant_id = ${tx.merchantId} and p.enabled
        and (t.type = any(p.events) or t.type = any(${[...new Set(events.filter((_, i) => forAll[i]).map(({ type }) => type))]}::text[]))
    )
    select count(*) as written from told`);
  assert(written === BigInt(events.length), 'every event was written');
}
