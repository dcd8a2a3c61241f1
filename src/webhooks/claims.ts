import type { Tx } from '../db/db.ts';
import { column, fragment, shape, sql, table, planned } from '../db/sql.ts';
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
/** Candidates that are looked at for those that may be taken, since some wait for an earlier one. */
const LOOK = { times: 2, more: 16 };

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
export async function claimDue(
  tx: Tx,
  now: Date,
  leaseMs: number,
  room: Room,
  limit: number,
  isInHand: (endpointId: string, eventNumber: bigint) => boolean,
): Promise<Claims> {
  const [targets, due, left] = await Promise.all([enabledTargets(tx), lockDue(tx, now, room), lockLeft(tx, now)]);
  const known = new Map(targets.map((target) => [target.id, target]));
  const candidates = due.filter(({ endpointId, eventNumber }) => known.has(endpointId) && !isInHand(endpointId, eventNumber));
  const earlier = candidates.length > 0 ? await earlierOnes(tx, candidates) : [];
  const { heads, waiting } = judge(candidates, earlier, limit, now, leaseMs);
  const disabled = left.map((row): Standing => ({ ...row, state: 'disabled', inFlight: false, nextAt: null })); // told while their endpoint was being disabled
  const [events] = await Promise.all([heads.length > 0 ? eventsOf(tx, heads) : [], storeLocked(tx, [...heads, ...waiting, ...disabled])]);
  const byNumber = new Map(events.map((event) => [event.number, event]));
  const claimed = heads.map((head): Claimed => {
    const event = byNumber.get(head.eventNumber);
    assert(event, 'a delivery has its event');
    return { ...head, eventId: event.id, type: event.type, body: event.body };
  });
  return { targets: known, claimed };
}

export const enabledTargets = (tx: Tx): Promise<Target[]> =>
  tx.rows(sql`
    select p.id, p.url, p.legacy_wrapped_ids as "legacyWrappedIds", p.secret, p.previous_secret as "previousSecret", p.previous_until as "previousUntil", m.webhook_token as "webhookToken"
    from endpoint p join merchant m on m.merchant_id = p.merchant_id
    where p.merchant_id = ${tx.merchantId} and m.merchant_id = ${tx.merchantId} and p.enabled`);

/** Where a delivery stands. */
export interface Standing extends Pick<Claimed, 'endpointId' | 'eventNumber' | 'objectId' | 'objectSeq' | 'tries' | 'failures'> {
  state: 'pending' | 'delivered' | 'parked' | 'disabled';
  inFlight: boolean;
  nextAt: Date | null;
}

interface Due extends Standing {
  /** how many may be taken of its endpoint */
  room: number;
}

export const standingColumns = fragment`d.endpoint_id as "endpointId", d.event_number as "eventNumber", d.object_id as "objectId", d.object_seq as "objectSeq", d.state, d.tries, d.failures, d.in_flight as "inFlight", d.next_at as "nextAt"`;
export const standingShape = shape<Standing>(
  ['endpoint_id', 'uuid', 'endpointId'],
  ['event_number', 'bigint', 'eventNumber'],
  ['object_id', 'uuid', 'objectId'],
  ['object_seq', 'int', 'objectSeq'],
  ['state', 'text', 'state'],
  ['tries', 'int', 'tries'],
  ['failures', 'int', 'failures'],
  ['in_flight', 'boolean', 'inFlight'],
  ['next_at', 'timestamptz', 'nextAt'],
);

/** Writes rows that this transaction has locked. An insert whose conflict is expected finds each by its key, whatever a planner believes. */
export async function storeLocked(tx: Tx, rows: Standing[]): Promise<void> {
  if (rows.length === 0) return;
  const stored = await tx.run(sql`
    insert into delivery as d (merchant_id, endpoint_id, event_number, object_id, object_seq, state, tries, failures, in_flight, next_at, created_at)
    select m.merchant_id, u.*, 'epoch' from merchant m, ${table(rows, standingShape)} where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, event_number, endpoint_id) do update set state = excluded.state, tries = excluded.tries, failures = excluded.failures, in_flight = excluded.in_flight, next_at = excluded.next_at`);
  assert(stored === rows.length, 'every delivery was stored');
}

/** What another worker holds is not ours to wait for. */
const lockDue = (tx: Tx, now: Date, { endpoints, others, after }: Room): Promise<Due[]> =>
  tx.rows(
    planned(sql`
    select ${standingColumns}, p.room
    from (
      select p.id, coalesce(w.room, ${others}::int) as room
      from endpoint p left join unnest(${column(endpoints, 'id')}::uuid[], ${column(endpoints, 'room')}::int[]) as w (id, room) on w.id = p.id
      where p.merchant_id = ${tx.merchantId} and p.enabled and coalesce(w.room, ${others}::int) > 0
      order by (${after}::uuid is not null and p.id <= ${after}::uuid), p.id
      offset 0
    ) p cross join lateral (
      select * from delivery d
      where d.merchant_id = ${tx.merchantId} and d.endpoint_id = p.id and d.state = 'pending' and d.next_at <= ${now}
      order by d.next_at, d.event_number limit p.room * ${LOOK.times}::int + ${LOOK.more}::int
      for update skip locked
    ) d`),
  );

/** Of endpoints that are disabled: an event may have been told while that was being done. */
const lockLeft = (tx: Tx, now: Date): Promise<Standing[]> =>
  tx.rows(
    planned(sql`
    select ${standingColumns}
    from (select p.id from endpoint p where p.merchant_id = ${tx.merchantId} and not p.enabled offset 0) p cross join lateral (
      select * from delivery d
      where d.merchant_id = ${tx.merchantId} and d.endpoint_id = p.id and d.state = 'pending' and d.next_at <= ${now}
      limit 500
      for update skip locked
    ) d`),
  );

interface Earlier {
  /** which of the candidates it stands before, counted from 1 */
  n: number;
  state: 'pending' | 'parked' | 'disabled';
  inFlight: boolean;
  nextAt: Date | null;
}

/** For each candidate the first delivery of its object that has not arrived, where there is one before it. */
const earlierOnes = (tx: Tx, due: Due[]): Promise<Earlier[]> =>
  tx.rows(
    planned(sql`
    select u.n::int as n, b.state, b.in_flight as "inFlight", b.next_at as "nextAt"
    from unnest(${column(due, 'endpointId')}::uuid[], ${column(due, 'objectId')}::uuid[], ${column(due, 'objectSeq')}::int[]) with ordinality as u (endpoint_id, object_id, object_seq, n)
    cross join lateral (
      select b.state, b.in_flight, b.next_at from delivery b
      where b.merchant_id = ${tx.merchantId} and b.endpoint_id = u.endpoint_id and b.object_id = u.object_id and b.object_seq < u.object_seq and b.state <> 'delivered'
      order by b.object_seq limit 1
    ) b`),
  );

/**
 * Those at the head of their object are taken while there is room; the others go where they wait. What waits for one in
 * flight is only put off when it stands in the way of others: it will mostly be due in a moment.
 */
function judge(due: Due[], earlier: Earlier[], limit: number, now: Date, leaseMs: number): { heads: Standing[]; waiting: Standing[] } {
  const lease = new Date(now.getTime() + leaseMs);
  const soon = new Date(now.getTime() + SOON_MS);
  const before = new Map(earlier.map((one) => [one.n - 1, one]));
  const roomLeft = new Map(due.map(({ endpointId, room }) => [endpointId, room]));
  const heads: Standing[] = [];
  const waiting: Standing[] = [];
  const behindOneInFlight: Standing[] = [];
  for (const [i, { room: _, ...found }] of due.entries()) {
    const row: Standing = { ...found, inFlight: false };
    const one = before.get(i);
    const left = roomLeft.get(row.endpointId) ?? 0;
    if (one?.state === 'parked') waiting.push({ ...row, state: 'parked', nextAt: null });
    else if (one?.nextAt && one.nextAt > now && !one.inFlight) waiting.push({ ...row, nextAt: one.nextAt });
    else if (one) behindOneInFlight.push({ ...row, nextAt: soon });
    else if (left > 0 && heads.length < limit) {
      roomLeft.set(row.endpointId, left - 1);
      heads.push({ ...row, tries: row.tries + 1, inFlight: true, nextAt: lease });
    }
  }
  return { heads, waiting: [...waiting, ...behindOneInFlight.filter(({ endpointId }) => (roomLeft.get(endpointId) ?? 0) > 0)] };
}

const eventsOf = (tx: Tx, heads: Standing[]): Promise<{ number: bigint; id: string; type: string; body: string }[]> =>
  tx.rows(sql`
    select e.number, e.id, e.type, e.body from unnest(${[...new Set(column(heads, 'eventNumber'))]}::bigint[]) as u (number)
    cross join lateral (select * from event e where e.merchant_id = ${tx.merchantId} and e.number = u.number limit 1) e`);
