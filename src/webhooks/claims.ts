import type { Tx } from '../db/db.ts';
import { column, sql } from '../db/sql.ts';
import { assert } from '../errors.ts';

/** An endpoint as a delivery needs it. Secrets are sealed. */
export interface Target {
  id: string;
  url: string;
  legacyWrappedIds: boolean;
  secret: Buffer;
  previousSecret: Buffer | null;
  previousUntil: Date | null;
  webhookToken: Buffer;
}

/** A delivery that this process took, with the event it tells of. */
export interface Claimed {
  endpointId: string;
  eventNumber: bigint;
  objectId: string;
  objectSeq: number;
  /** which try this is, counted from 1; who records it must still hold it */
  tries: number;
  failures: number;
  eventId: string;
  type: string;
  body: string;
}

export interface Claims {
  targets: Map<string, Target>;
  claimed: Claimed[];
}

/** What a claim may take: for each endpoint that has a number of its own, and for all others. */
export interface Room {
  endpoints: { id: string; room: number }[];
  others: number;
  /** the endpoint that was served last: the next one comes first now, so that none is always the last */
  after: string | null;
}

/** How soon a delivery is looked at again that waits for one in flight; its record usually wakes it before. */
const SOON_MS = 250;

/**
 * Takes deliveries that are due and commits it before anybody is called: the try is counted and the next one is due when
 * the lease ends, so a crash from here on makes it due again.
 *
 * Order is kept for each object and endpoint: what has an earlier one that is not delivered is not taken. It waits for the
 * earlier one's next try, and is parked behind one that is parked. Whoever delivers the earlier one wakes it. Taking works in two
 * statements on purpose: the second sees all that was committed before its rows were locked, so that a delivery is
 * never put to sleep behind one that has just been delivered.
 *
 * @param isInHand what this process is still working on, whose lease only seems to have ended: the clock was advanced
 */
export async function claimDue(tx: Tx, now: Date, leaseMs: number, room: Room, limit: number, isInHand: (endpointId: string, eventNumber: bigint) => boolean): Promise<Claims> {
  const [targets, due] = await Promise.all([enabledTargets(tx), lockDue(tx, now, room, limit), disableLeft(tx, now)]);
  const known = new Map(targets.map((target) => [target.id, target]));
  const taken = due.filter(({ endpointId, eventNumber }) => known.has(endpointId) && !isInHand(endpointId, eventNumber));
  if (taken.length === 0) return { targets: known, claimed: [] };
  const judged = await judge(tx, taken, now, leaseMs);
  assert(judged.length === taken.length, 'every delivery that was locked has its event');
  return { targets: known, claimed: judged.filter(({ waits }) => !waits) };
}

const enabledTargets = (tx: Tx): Promise<Target[]> =>
  tx.rows(sql`
    select p.id, p.url, p.legacy_wrapped_ids as "legacyWrappedIds", p.secret, p.previous_secret as "previousSecret", p.previous_until as "previousUntil", m.webhook_token as "webhookToken"
    from endpoint p join merchant m on m.merchant_id = p.merchant_id
    where p.merchant_id = ${tx.merchantId} and m.merchant_id = ${tx.merchantId} and p.enabled`);

type Due = Pick<Claimed, 'endpointId' | 'eventNumber' | 'objectId' | 'objectSeq'>;

/** What another worker holds is not ours to wait for. */
const lockDue = (tx: Tx, now: Date, { endpoints, others, after }: Room, limit: number): Promise<Due[]> =>
  tx.rows(sql`
    select d.endpoint_id as "endpointId", d.event_number as "eventNumber", d.object_id as "objectId", d.object_seq as "objectSeq"
    from (
      select p.id, coalesce(w.room, ${others}::int) as room
      from endpoint p left join unnest(${column(endpoints, 'id')}::uuid[], ${column(endpoints, 'room')}::int[]) as w (id, room) on w.id = p.id
      where p.merchant_id = ${tx.merchantId} and p.enabled
      order by (${after}::uuid is not null and p.id <= ${after}::uuid), p.id
      offset 0
    ) p cross join lateral (
      select d.endpoint_id, d.event_number, d.object_id, d.object_seq from delivery d
      where d.merchant_id = ${tx.merchantId} and d.endpoint_id = p.id and d.state = 'pending' and d.next_at <= ${now}
      order by d.next_at, d.event_number limit p.room
      for update skip locked
    ) d
    limit ${limit}`);

/** An event may have been told while its endpoint was being disabled; what came of it is disabled too. */
const disableLeft = (tx: Tx, now: Date): Promise<number> =>
  tx.run(sql`
    update delivery as d set state = 'disabled', next_at = null
    from (
      select l.endpoint_id, l.event_number from endpoint p join delivery l on l.merchant_id = p.merchant_id and l.endpoint_id = p.id
      where p.merchant_id = ${tx.merchantId} and not p.enabled and l.merchant_id = ${tx.merchantId} and l.state = 'pending' and l.next_at <= ${now}
      limit 1000
      for update of l skip locked
    ) x
    where d.merchant_id = ${tx.merchantId} and d.endpoint_id = x.endpoint_id and d.event_number = x.event_number`);

/** Of the locked ones: those at the head of their object are taken, the others put where they wait. */
function judge(tx: Tx, due: Due[], now: Date, leaseMs: number): Promise<(Claimed & { waits: boolean })[]> {
  const lease = new Date(now.getTime() + leaseMs);
  const soon = new Date(now.getTime() + SOON_MS);
  return tx.rows(sql`
    with judged as (
      select u.endpoint_id, u.number, b.state as before, b.next_at as before_at
      from unnest(${column(due, 'endpointId')}::uuid[], ${column(due, 'eventNumber')}::bigint[], ${column(due, 'objectId')}::uuid[], ${column(due, 'objectSeq')}::int[]) as u (endpoint_id, number, object_id, object_seq)
      left join lateral (
        select b.state, b.next_at from delivery b
        where b.merchant_id = ${tx.merchantId} and b.endpoint_id = u.endpoint_id and b.object_id = u.object_id and b.object_seq < u.object_seq and b.state <> 'delivered'
        order by b.object_seq limit 1
      ) b on true
    )
    update delivery as d set
      state = case when j.before = 'parked' then 'parked' else 'pending' end,
      tries = case when j.before is null then d.tries + 1 else d.tries end,
      next_at = case when j.before is null then ${lease}::timestamptz when j.before = 'parked' then null when j.before_at > ${lease}::timestamptz then j.before_at else ${soon}::timestamptz end
    from judged j, event e
    where d.merchant_id = ${tx.merchantId} and d.endpoint_id = j.endpoint_id and d.event_number = j.number and e.merchant_id = ${tx.merchantId} and e.number = j.number
    returning d.endpoint_id as "endpointId", d.event_number as "eventNumber", d.object_id as "objectId", d.object_seq as "objectSeq", d.tries, d.failures,
      e.id as "eventId", e.type, e.body, j.before is not null as waits`);
}
