import type { Tx } from '../db/db.ts';
import { column, fragment, sql, planned } from '../db/sql.ts';
import { assert } from '../errors.ts';
import type { Claimed, Room } from './claims.ts';

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

/** Endpoints hear of a payout from `processing` on, and of an order when it is made and when it has ended. */
export const IN_THE_FEED_ALONE: ReadonlySet<string> = new Set(['transaction.new', 'payment_order.processing']);

/** Sent to every endpoint; all other types only to those that asked for them. */
const isForAll = (type: string): boolean => type === 'card.saved' || (/^(transaction|payment_order)\./.test(type) && !IN_THE_FEED_ALONE.has(type));

/** The same, of a row of `event e`. */
export const isForAllSql = fragment`(e.type = 'card.saved' or ((e.type like 'transaction.%' or e.type like 'payment_order.%') and e.type not in ('transaction.new', 'payment_order.processing')))`;

/** Where deliveries go that the process which tells of an event makes itself: they are born taken, and need no claim. */
export interface Hand {
  readonly room: Room;
  /** when what was taken is due again, for anybody */
  readonly lease: Date;
  /** What it holds of these objects already: what follows in order may be taken as well. */
  holds(objectIds: string[]): { endpointId: string; eventNumber: bigint }[];
  take(claimed: Claimed[]): void;
}

/** A transaction of a merchant, and a hand for the events that are told in it: what it takes is delivered once they are committed. */
export type Telling = <T>(merchantId: string, work: (tx: Tx, hand?: Hand) => Promise<T>) => Promise<T>;

const nothing: Pick<Hand, 'room' | 'lease'> = { room: { endpoints: [], others: 0, after: null }, lease: new Date(0) };

/**
 * Writes changes with their events and a delivery for each endpoint that is to hear of them. The numbers come from the
 * merchant's counter, whose row stays locked until commit: the feed is in the order of commits and has no gaps. Call it
 * last in a transaction.
 *
 * @param hand takes what it has room for and what no earlier event of the same object stands before; without one all wait to be claimed
 */
export async function tell(tx: Tx, events: NewEvent[], at: Date, hand?: Hand): Promise<void> {
  if (events.length === 0) return;
  const forAll = events.map(({ type }) => isForAll(type));
  const { room, lease } = hand ?? nothing;
  const seen = new Set<string>();
  const firstOfItsObject = events.map(({ objectId }) => !seen.has(objectId) && seen.add(objectId).has(objectId));
  const behind = hand ? await queuesBehind(tx, [...seen], hand.holds([...seen])) : [];
  const rows = await tx.rows<{ written: bigint; endpointId: string | null; eventNumber: bigint; n: number }>(sql`
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
    ), meant as (
      select p.merchant_id, p.id, t.number, t.object_id, t.object_seq, row_number() over (partition by p.id order by t.number) as place, coalesce(w.room, ${room.others}::int) as room
      from told t cross join endpoint p left join unnest(${column(room.endpoints, 'id')}::uuid[], ${column(room.endpoints, 'room')}::int[]) as w (id, room) on w.id = p.id
      where p.merchant_id = ${tx.merchantId} and p.enabled
        and (t.type = any(p.events) or t.type = any(${[...new Set(events.filter((_, i) => forAll[i]).map(({ type }) => type))]}::text[]))
    ), sent as (
      insert into delivery as d (merchant_id, endpoint_id, event_number, object_id, object_seq, tries, in_flight, next_at, created_at)
      select m.merchant_id, m.id, m.number, m.object_id, m.object_seq, b.taken::int, b.taken, case when b.taken then ${lease}::timestamptz else ${at}::timestamptz end, ${at}::timestamptz
      from meant m cross join lateral (
        select m.place <= m.room and (${firstOfItsObject}::boolean[])[m.number - (select c.first from counter c) + 1] and not exists (
          select 1 from unnest(${column(behind, 'endpointId')}::uuid[], ${column(behind, 'objectId')}::uuid[]) as h (endpoint_id, object_id) where h.endpoint_id = m.id and h.object_id = m.object_id
        ) as taken
      ) b
      returning d.endpoint_id, d.event_number, d.in_flight
    )
    select count.written, s.endpoint_id as "endpointId", s.event_number as "eventNumber", (s.event_number - (select c.first from counter c))::int as n
    from (select count(*) as written from told) count left join sent s on s.in_flight`);
  assert(rows[0]?.written === BigInt(events.length), 'every event was written');
  hand?.take(rows.flatMap(({ endpointId, eventNumber, n }) => (endpointId === null ? [] : [taken(events[n] as NewEvent, endpointId, eventNumber)])));
}

/** Where something of these objects has not arrived that the teller does not hold. Who tells holds the lock of the object, so nothing is added meanwhile. */
const queuesBehind = (tx: Tx, objectIds: string[], held: { endpointId: string; eventNumber: bigint }[]): Promise<{ endpointId: string; objectId: string }[]> =>
  tx.rows(
    planned(sql`
    select p.id as "endpointId", u.object_id as "objectId"
    from (select p.id from endpoint p where p.merchant_id = ${tx.merchantId} offset 0) p cross join unnest(${objectIds}::uuid[]) as u (object_id)
    cross join lateral (
      select 1 from delivery b
      where b.merchant_id = ${tx.merchantId} and b.endpoint_id = p.id and b.object_id = u.object_id and b.state <> 'delivered'
        and not exists (select 1 from unnest(${column(held, 'endpointId')}::uuid[], ${column(held, 'eventNumber')}::bigint[]) as h (id, number) where h.id = b.endpoint_id and h.number = b.event_number)
      limit 1
    ) b`),
  );

const taken = ({ id, objectId, objectSeq, type, body }: NewEvent, endpointId: string, eventNumber: bigint): Claimed => ({
  ...{ endpointId, eventNumber, objectId, objectSeq, tries: 1, failures: 0 },
  ...{ eventId: id, type, body },
});
