import type { Tx } from '../db/db.ts';
import { column, sql } from '../db/sql.ts';
import { assert } from '../errors.ts';
import { type Claimed, planned } from './claims.ts';
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

const GONE = 410;

/**
 * Writes what became of attempts, in one transaction: the journal, where each delivery stands, what may go next, and
 * endpoints that said they are gone. A try that somebody else has taken over meanwhile changes nothing, but is in the journal.
 *
 * @param again the same attempts may have been written already
 */
export async function recordAttempts(tx: Tx, attempted: Attempted[], now: Date, fraction: () => number, again: boolean): Promise<void> {
  const written = insertAttempts(tx, attempted);
  const work: Promise<unknown>[] = [written];
  for (const endpointId of new Set(attempted.map(({ claim }) => claim.endpointId))) {
    const own = attempted.filter(({ claim }) => claim.endpointId === endpointId).sort((a, b) => (a.claim.eventNumber < b.claim.eventNumber ? -1 : 1));
    const [accepted, failed] = [own.filter(isAccepted), own.filter((one) => !isAccepted(one))];
    if (accepted.length > 0) work.push(storeAccepted(tx, endpointId, column(accepted, 'claim'), now), wakeNext(tx, endpointId, accepted.map(({ claim }) => claim.objectId), now));
    if (failed.length > 0) work.push(storeFailed(tx, endpointId, failed, now, fraction));
  }
  const gone = attempted.filter(({ status }) => status === GONE).map(({ claim, url }) => ({ id: claim.endpointId, url }));
  if (gone.length > 0) work.push(disableGone(tx, gone, now), disableDeliveries(tx, column(gone, 'id')));
  await Promise.all(work);
  assert(again || (await written) === attempted.length, 'every attempt was written');
}

// A row is found by its whole primary key, with nothing in the condition that a smaller index could serve, and without a join
// that could be planned in two ways. What belongs to it stands in the arrays where its number stands among the sorted ones.

const storeAccepted = (tx: Tx, endpointId: string, claims: Claimed[], now: Date): Promise<number> =>
  tx.run(planned(sql`
    update delivery as d set state = 'delivered', next_at = null, first_ok_at = coalesce(d.first_ok_at, ${now}::timestamptz)
    from (select ${column(claims, 'eventNumber')}::bigint[] as numbers, ${column(claims, 'tries')}::int[] as tries) v
    where d.merchant_id = ${tx.merchantId} and d.endpoint_id = ${endpointId}::uuid and d.event_number = any(v.numbers)
      and d.tries = v.tries[width_bucket(d.event_number, v.numbers)]`));

/** Due again after its delay, or parked when there is none; what was disabled meanwhile stays so. */
function storeFailed(tx: Tx, endpointId: string, failed: Attempted[], now: Date, fraction: () => number): Promise<number> {
  const claims = column(failed, 'claim');
  const nextAt = failed.map(({ claim, askedMs }) => {
    const delay = delayAfter(claim.failures + 1, fraction(), askedMs);
    return delay === undefined ? null : new Date(now.getTime() + delay);
  });
  return tx.run(planned(sql`
    update delivery as d set
      failures = v.failures[width_bucket(d.event_number, v.numbers)] + 1,
      state = case when d.state <> 'pending' then d.state when v.next_at[width_bucket(d.event_number, v.numbers)] is null then 'parked' else 'pending' end,
      next_at = case when d.state <> 'pending' then d.next_at else v.next_at[width_bucket(d.event_number, v.numbers)] end
    from (select ${column(claims, 'eventNumber')}::bigint[] as numbers, ${column(claims, 'tries')}::int[] as tries, ${column(claims, 'failures')}::int[] as failures, ${nextAt}::timestamptz[] as next_at) v
    where d.merchant_id = ${tx.merchantId} and d.endpoint_id = ${endpointId}::uuid and d.event_number = any(v.numbers)
      and d.tries = v.tries[width_bucket(d.event_number, v.numbers)]`));
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
 * What waited behind a delivered one is due now, and what was parked behind it (and has never failed itself) too. All that
 * has not arrived is touched, due or not: one that is being put to sleep at this moment is waited for, and woken.
 */
const wakeNext = (tx: Tx, endpointId: string, objectIds: string[], now: Date): Promise<number> =>
  tx.run(planned(sql`
    update delivery as d set state = 'pending', next_at = least(d.next_at, ${now}::timestamptz)
    where d.merchant_id = ${tx.merchantId} and d.endpoint_id = ${endpointId}::uuid and d.object_id = any(${objectIds}::uuid[])
      and d.state <> 'delivered' and (d.state = 'pending' or (d.state = 'parked' and d.failures = 0))`));

/** Unless the merchant has given it another URL meanwhile. */
const disableGone = (tx: Tx, gone: { id: string; url: string }[], now: Date): Promise<number> =>
  tx.run(sql`
    update endpoint as p set enabled = false, disabled_reason = 'it answered 410 Gone', updated_at = ${now}::timestamptz
    from unnest(${column(gone, 'id')}::uuid[], ${column(gone, 'url')}::text[]) as u (id, url)
    where p.merchant_id = ${tx.merchantId} and p.id = u.id and p.url = u.url and p.enabled`);

/** Deliveries of disabled endpoints wait until the endpoint is enabled again. */
export const disableDeliveries = (tx: Tx, endpointIds: string[]): Promise<number> =>
  tx.run(sql`
    update delivery as d set state = 'disabled', next_at = null
    from endpoint p
    where p.merchant_id = ${tx.merchantId} and p.id = any(${endpointIds}::uuid[]) and not p.enabled
      and d.merchant_id = ${tx.merchantId} and d.endpoint_id = p.id and d.state = 'pending'`);
