import type { Tx } from '../db/db.ts';
import { column, sql, table, planned } from '../db/sql.ts';
import { assert } from '../errors.ts';
import { type Claimed, type Standing, standingColumns, standingShape, storeLocked } from './claims.ts';
import { delayAfter } from './schedule.ts';

/** What one attempt came to. */
export interface Attempted {
  claim: Claimed;
  url: string;
  /** platform's time at which it began */
  at: Date;
  durationMs: number;
  /** of the answer; null when there was none */
  status: number | null;
  /** the beginning of the answer, as text */
  answer: string | null;
  error: string | null;
  /** milliseconds that the receiver asked to be left alone for */
  askedMs: number;
}

export const isAccepted = ({ status }: Attempted): boolean => status !== null && status >= 200 && status < 300;

/** The receiver wants nothing more, ever. */
export const GONE = 410;

/**
 * Writes what became of attempts, in one transaction: the journal, where each delivery stands, what may go next, and
 * endpoints that said they are gone. A try that somebody else has taken over meanwhile changes nothing, but is in the journal.
 *
 * @param again the same attempts may have been written already
 */
export async function recordAttempts(tx: Tx, attempted: Attempted[], now: Date, fraction: () => number, again: boolean): Promise<void> {
  const gone = attempted.filter(({ status }) => status === GONE).map(({ claim, url }) => ({ id: claim.endpointId, url }));
  const [, written, woken] = await Promise.all([
    storeStandings(
      tx,
      attempted.map((one) => standing(one, now, fraction())),
      now,
    ),
    insertAttempts(tx, attempted),
    nextOnes(
      tx,
      attempted.filter(isAccepted).map(({ claim }) => claim),
    ),
    gone.length > 0 ? disableGone(tx, gone, now) : 0,
    gone.length > 0 ? disableDeliveries(tx, column(gone, 'id')) : 0,
  ]);
  assert(again || written === attempted.length, 'every attempt was written');
  const asleep = woken.filter(({ nextAt, inFlight }) => !inFlight && (nextAt === null || nextAt > now));
  await storeLocked(
    tx,
    asleep.map((row) => ({ ...row, state: 'pending', nextAt: now })),
  );
}

function standing(attempted: Attempted, now: Date, fraction: number): Standing {
  const { claim, askedMs } = attempted;
  if (isAccepted(attempted)) return { ...claim, state: 'delivered', inFlight: false, nextAt: null };
  const failures = claim.failures + 1;
  const delay = delayAfter(failures, fraction, askedMs);
  if (delay === undefined) return { ...claim, failures, state: 'parked', inFlight: false, nextAt: null };
  return { ...claim, failures, state: 'pending', inFlight: false, nextAt: new Date(now.getTime() + delay) };
}

/** By their keys, as in storeLocked; only while the try is still ours. What was disabled meanwhile stays so, unless it has arrived. */
const storeStandings = (tx: Tx, rows: Standing[], now: Date): Promise<number> =>
  tx.run(sql`
    insert into delivery as d (merchant_id, endpoint_id, event_number, object_id, object_seq, state, tries, failures, in_flight, next_at, first_ok_at, created_at)
    select m.merchant_id, u.*, case when u.state = 'delivered' then ${now}::timestamptz end, 'epoch' from merchant m, ${table(rows, standingShape)} where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, event_number, endpoint_id) do update set state = excluded.state, failures = excluded.failures, in_flight = false, next_at = excluded.next_at, first_ok_at = coalesce(d.first_ok_at, excluded.first_ok_at)
    where d.tries = excluded.tries and (d.state = 'pending' or (d.state = 'disabled' and excluded.state = 'delivered'))`);

/** What was taken at once and could not be tried, since what goes before it was not accepted: due again, and counted as if never taken. */
export async function giveBack(tx: Tx, claims: Claimed[], now: Date): Promise<void> {
  await tx.run(sql`
    insert into delivery as d (merchant_id, endpoint_id, event_number, object_id, object_seq, state, tries, failures, in_flight, next_at, created_at)
    select m.merchant_id, u.*, 'epoch' from merchant m, ${table(
      claims.map((claim): Standing => ({ ...claim, state: 'pending', inFlight: false, nextAt: now })),
      standingShape,
    )} where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, event_number, endpoint_id) do update set tries = d.tries - 1, in_flight = false, next_at = excluded.next_at
    where d.tries = excluded.tries and d.state = 'pending' and d.in_flight`);
}

const insertAttempts = (tx: Tx, attempted: Attempted[]): Promise<number> => {
  const rows = attempted.map(({ claim: { endpointId, eventNumber, tries }, ...rest }) => ({ ...rest, endpointId, eventNumber, tries }));
  return tx.run(sql`
    insert into attempt as a (merchant_id, endpoint_id, event_number, try, at, duration_ms, status, answer, error)
    select m.merchant_id, u.endpoint_id, u.event_number, u.try, u.at, u.duration_ms, u.status, u.answer, u.error
    from merchant m, unnest(${column(rows, 'endpointId')}::uuid[], ${column(rows, 'eventNumber')}::bigint[], ${column(rows, 'tries')}::int[], ${column(rows, 'at')}::timestamptz[], ${column(rows, 'durationMs')}::int[],
      ${column(rows, 'status')}::int[], ${column(rows, 'answer')}::text[], ${column(rows, 'error')}::text[]) as u (endpoint_id, event_number, try, at, duration_ms, status, answer, error)
    where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, event_number, endpoint_id, try) do nothing`);
};

/**
 * Locks what waited behind deliveries that have arrived, or was parked behind one (and has never failed itself). Due or not:
 * one that is being put to sleep at this moment is waited for, and woken.
 */
const nextOnes = async (tx: Tx, accepted: Claimed[]): Promise<Standing[]> =>
  accepted.length === 0
    ? []
    : tx.rows(
        planned(sql`
        select ${standingColumns}
        from unnest(${column(accepted, 'endpointId')}::uuid[], ${column(accepted, 'objectId')}::uuid[]) as u (endpoint_id, object_id)
        cross join lateral (
          select * from delivery d
          where d.merchant_id = ${tx.merchantId} and d.endpoint_id = u.endpoint_id and d.object_id = u.object_id and d.state <> 'delivered' and (d.state = 'pending' or (d.state = 'parked' and d.failures = 0))
          order by d.object_seq limit 3
          for update
        ) d`),
      );

/** Unless the merchant has given it another URL meanwhile. */
const disableGone = (tx: Tx, gone: { id: string; url: string }[], now: Date): Promise<number> =>
  tx.run(sql`
    update endpoint as p set enabled = false, disabled_reason = 'it answered 410 Gone', updated_at = ${now}::timestamptz
    from unnest(${column(gone, 'id')}::uuid[], ${column(gone, 'url')}::text[]) as u (id, url)
    where p.merchant_id = ${tx.merchantId} and p.id = u.id and p.url = u.url and p.enabled`);

/** Deliveries of disabled endpoints wait until the endpoint is enabled again. */
export const disableDeliveries = (tx: Tx, endpointIds: string[]): Promise<number> =>
  tx.run(sql`
    update delivery as d set state = 'disabled', in_flight = false, next_at = null
    from endpoint p
    where p.merchant_id = ${tx.merchantId} and p.id = any(${endpointIds}::uuid[]) and not p.enabled
      and d.merchant_id = ${tx.merchantId} and d.endpoint_id = p.id and d.state = 'pending'`);
