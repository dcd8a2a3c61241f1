import type { Tx } from '../db/db.ts';
import { column, type Sql, sql } from '../db/sql.ts';
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

/**
 * A statement that is planned each time. A queue is empty when it is first looked at and long when it matters; the plan that is
 * kept from the one is ruinous for the other. For the same reason no statement here has a join that could be turned round.
 */
export const planned = (query: Sql): Sql => ({ ...query, name: '' });

/** How soon a delivery is looked at again that waits for one in flight; its record usually wakes it before. */
const SOON_MS = 250;
/** Candidates that are looked at for each that may be taken, since some wait for an earlier one; and a few more. */
const LOOK = { times: 2, more: 8 };

/**
 * Takes deliveries that are due and commits it before anybody is called: the try is counted and the next one is due when
 * the lease ends, so a crash from here on makes it due again.
 *
 * Order is kept for each object and endpoint: what has an earlier one that is not delivered is not taken. It waits for the
 * earlier one's next try, and is parked behind one that is parked. Whoever delivers the earlier one wakes it. Locking and judging are
 * two statements on purpose: the second sees all that was committed before the rows were locked, so that a delivery is
 * never put to sleep behind one that has just been delivered.
 *
 * @param isInHand what this process is still working on, whose lease only seems to have ended: the clock was advanced
 */
export async function claimDue(tx: Tx, now: Date, leaseMs: number, room: Room, limit: number, isInHand: (endpointId: string, eventNumber: bigint) => boolean): Promise<Claims> {
  const [targets, due, left] = await Promise.all([enabledTargets(tx), lockDue(tx, now, room), lockLeft(tx, now)]);
  const known = new Map(targets.map((target) => [target.id, target]));
  const candidates = due.filter(({ endpointId, eventNumber }) => known.has(endpointId) && !isInHand(endpointId, eventNumber));
  const before = candidates.length > 0 ? await earlierOnes(tx, candidates) : [];
  const lease = new Date(now.getTime() + leaseMs);
  const { heads, ...waiting } = judge(candidates, before, limit, lease);
  const [claimed] = await Promise.all([
    heads.length > 0 ? take(tx, heads, lease) : [],
    putOff(tx, waiting.behindOneInFlight, new Date(now.getTime() + SOON_MS)),
    ...waiting.behindOneThatFailed.map((row) => putOff(tx, [row], row.until)),
    setAside(tx, waiting.behindOneParked, 'parked'),
    setAside(tx, left, 'disabled'), // told while their endpoint was being disabled
  ]);
  return { targets: known, claimed };
}

const enabledTargets = (tx: Tx): Promise<Target[]> =>
  tx.rows(sql`
    select p.id, p.url, p.legacy_wrapped_ids as "legacyWrappedIds", p.secret, p.previous_secret as "previousSecret", p.previous_until as "previousUntil", m.webhook_token as "webhookToken"
    from endpoint p join merchant m on m.merchant_id = p.merchant_id
    where p.merchant_id = ${tx.merchantId} and m.merchant_id = ${tx.merchantId} and p.enabled`);

/** A row that this transaction has locked, so that its place in the table stays what it is. */
interface Locked {
  place: string;
}

interface Due extends Locked, Pick<Claimed, 'endpointId' | 'eventNumber' | 'objectId' | 'objectSeq'> {
  /** how many may be taken of its endpoint */
  room: number;
}

/** What another worker holds is not ours to wait for. */
const lockDue = (tx: Tx, now: Date, { endpoints, others, after }: Room): Promise<Due[]> =>
  tx.rows(planned(sql`
    select d.place, d.endpoint_id as "endpointId", d.event_number as "eventNumber", d.object_id as "objectId", d.object_seq as "objectSeq", p.room
    from (
      select p.id, coalesce(w.room, ${others}::int) as room
      from endpoint p left join unnest(${column(endpoints, 'id')}::uuid[], ${column(endpoints, 'room')}::int[]) as w (id, room) on w.id = p.id
      where p.merchant_id = ${tx.merchantId} and p.enabled and coalesce(w.room, ${others}::int) > 0
      order by (${after}::uuid is not null and p.id <= ${after}::uuid), p.id
      offset 0
    ) p cross join lateral (
      select d.ctid::text as place, d.endpoint_id, d.event_number, d.object_id, d.object_seq from delivery d
      where d.merchant_id = ${tx.merchantId} and d.endpoint_id = p.id and d.state = 'pending' and d.next_at <= ${now}
      order by d.next_at, d.event_number limit p.room * ${LOOK.times}::int + ${LOOK.more}::int
      for update skip locked
    ) d`));

/** Of endpoints that are disabled: an event may have been told while that was being done. */
const lockLeft = (tx: Tx, now: Date): Promise<Locked[]> =>
  tx.rows(planned(sql`
    select d.place
    from (select p.id from endpoint p where p.merchant_id = ${tx.merchantId} and not p.enabled offset 0) p cross join lateral (
      select d.ctid::text as place from delivery d
      where d.merchant_id = ${tx.merchantId} and d.endpoint_id = p.id and d.state = 'pending' and d.next_at <= ${now}
      limit 500
      for update skip locked
    ) d`));

interface Earlier {
  /** which of the candidates it stands before, counted from 1 */
  n: number;
  state: 'pending' | 'parked' | 'disabled';
  nextAt: Date | null;
}

/** For each candidate the first delivery of its object that has not arrived, where there is one before it. */
const earlierOnes = (tx: Tx, due: Due[]): Promise<Earlier[]> =>
  tx.rows(planned(sql`
    select u.n::int as n, b.state, b.next_at as "nextAt"
    from unnest(${column(due, 'endpointId')}::uuid[], ${column(due, 'objectId')}::uuid[], ${column(due, 'objectSeq')}::int[]) with ordinality as u (endpoint_id, object_id, object_seq, n)
    cross join lateral (
      select b.state, b.next_at from delivery b
      where b.merchant_id = ${tx.merchantId} and b.endpoint_id = u.endpoint_id and b.object_id = u.object_id and b.object_seq < u.object_seq and b.state <> 'delivered'
      order by b.object_seq limit 1
    ) b`));

/** Those at the head of their object are taken while there is room; the others go where they wait. */
function judge(due: Due[], earlier: Earlier[], limit: number, lease: Date) {
  const before = new Map(earlier.map((one) => [one.n - 1, one]));
  const taken = new Map<string, number>();
  const heads = due.filter(({ endpointId, room }, i) => {
    const already = taken.get(endpointId) ?? 0;
    if (before.has(i) || already >= room) return false;
    taken.set(endpointId, already + 1);
    return true;
  });
  const behind = due.flatMap((row, i) => {
    const one = before.get(i);
    return one ? [{ ...row, ...one }] : [];
  });
  const failed = behind.filter(({ nextAt }) => nextAt !== null && nextAt > lease);
  return {
    heads: heads.slice(0, limit),
    behindOneParked: behind.filter(({ state }) => state === 'parked'),
    behindOneThatFailed: failed.map((row) => ({ ...row, until: row.nextAt as Date })),
    behindOneInFlight: behind.filter((row) => row.state !== 'parked' && !(row.nextAt !== null && row.nextAt > lease)),
  };
}

async function take(tx: Tx, heads: Due[], lease: Date): Promise<Claimed[]> {
  const [rows, events] = await Promise.all([
    tx.rows<Omit<Claimed, 'eventId' | 'type' | 'body'>>(sql`
      update delivery as d set tries = d.tries + 1, next_at = ${lease}::timestamptz
      where d.merchant_id = ${tx.merchantId} and d.ctid = any(${column(heads, 'place')}::tid[])
      returning d.endpoint_id as "endpointId", d.event_number as "eventNumber", d.object_id as "objectId", d.object_seq as "objectSeq", d.tries, d.failures`),
    tx.rows<{ number: bigint; id: string; type: string; body: string }>(planned(sql`
      select e.number, e.id, e.type, e.body from event e where e.merchant_id = ${tx.merchantId} and e.number = any(${[...new Set(column(heads, 'eventNumber'))]}::bigint[])`)),
  ]);
  assert(rows.length === heads.length, 'what is locked is where it was');
  const byNumber = new Map(events.map((event) => [event.number, event]));
  const claimed = rows.map((row): Claimed => {
    const event = byNumber.get(row.eventNumber);
    assert(event, 'a delivery has its event');
    return { ...row, eventId: event.id, type: event.type, body: event.body };
  });
  return claimed.sort((a, b) => (a.eventNumber < b.eventNumber ? -1 : 1));
}

const putOff = async (tx: Tx, rows: Locked[], until: Date): Promise<number> =>
  rows.length === 0 ? 0 : tx.run(sql`update delivery as d set next_at = ${until}::timestamptz where d.merchant_id = ${tx.merchantId} and d.ctid = any(${column(rows, 'place')}::tid[])`);

const setAside = async (tx: Tx, rows: Locked[], state: 'parked' | 'disabled'): Promise<number> =>
  rows.length === 0 ? 0 : tx.run(sql`update delivery as d set state = ${state}, next_at = null where d.merchant_id = ${tx.merchantId} and d.ctid = any(${column(rows, 'place')}::tid[])`);
