import type { Tx } from '../db/db.ts';
import { column, sql } from '../db/sql.ts';
import { assert } from '../errors.ts';
import type { Claimed } from './claims.ts';
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

/** Where a delivery stands after an attempt. */
interface Standing {
  endpointId: string;
  eventNumber: bigint;
  tries: number;
  state: 'pending' | 'delivered' | 'parked';
  failures: number;
  nextAt: Date | null;
  at: Date;
}

function standing(attempted: Attempted, now: Date, fraction: number): Standing {
  const { claim, at, askedMs } = attempted;
  const same = { endpointId: claim.endpointId, eventNumber: claim.eventNumber, tries: claim.tries, at };
  if (isAccepted(attempted)) return { ...same, state: 'delivered', failures: claim.failures, nextAt: null };
  const failures = claim.failures + 1;
  const delay = delayAfter(failures, fraction, askedMs);
  if (delay === undefined) return { ...same, state: 'parked', failures, nextAt: null };
  return { ...same, state: 'pending', failures, nextAt: new Date(now.getTime() + delay) };
}

/**
 * Writes what became of attempts, in one transaction: the journal, where each delivery stands, what may go next, and
 * endpoints that said they are gone. A try that somebody else has taken over meanwhile changes nothing, but is in the journal.
 *
 * @param again the same attempts may have been written already
 */
export async function recordAttempts(tx: Tx, attempted: Attempted[], now: Date, fraction: () => number, again: boolean): Promise<void> {
  const standings = attempted.map((one) => standing(one, now, fraction()));
  const accepted = attempted.filter(isAccepted).map(({ claim }) => claim);
  const gone = attempted.filter(({ status }) => status === GONE).map(({ claim, url }) => ({ id: claim.endpointId, url }));
  const [, written] = await Promise.all([
    storeStandings(tx, standings),
    insertAttempts(tx, attempted),
    accepted.length > 0 ? wakeNext(tx, accepted, now) : 0,
    gone.length > 0 ? disableGone(tx, gone, now) : 0,
    gone.length > 0 ? disableDeliveries(tx, column(gone, 'id')) : 0,
  ]);
  assert(again || written === attempted.length, 'every attempt was written');
}

const storeStandings = (tx: Tx, rows: Standing[]): Promise<number> =>
  tx.run(sql`
    update delivery as d set state = u.state, failures = u.failures, next_at = u.next_at, first_ok_at = case when u.state = 'delivered' then coalesce(d.first_ok_at, u.at) else d.first_ok_at end
    from unnest(${column(rows, 'endpointId')}::uuid[], ${column(rows, 'eventNumber')}::bigint[], ${column(rows, 'tries')}::int[], ${column(rows, 'state')}::text[], ${column(rows, 'failures')}::int[], ${column(rows, 'nextAt')}::timestamptz[], ${column(rows, 'at')}::timestamptz[])
      as u (endpoint_id, event_number, tries, state, failures, next_at, at)
    where d.merchant_id = ${tx.merchantId} and d.endpoint_id = u.endpoint_id and d.event_number = u.event_number and d.tries = u.tries
      and (d.state = 'pending' or (d.state = 'disabled' and u.state = 'delivered'))`);

const insertAttempts = (tx: Tx, attempted: Attempted[]): Promise<number> => {
  const rows = attempted.map(({ claim: { endpointId, eventNumber, tries }, ...rest }) => ({ ...rest, endpointId, eventNumber, tries }));
  return tx.run(sql`
    insert into attempt as a (merchant_id, endpoint_id, event_number, try, at, duration_ms, status, answer, error)
    select m.merchant_id, u.endpoint_id, u.event_number, u.try, u.at, u.duration_ms, u.status, u.answer, u.error
    from merchant m, unnest(${column(rows, 'endpointId')}::uuid[], ${column(rows, 'eventNumber')}::bigint[], ${column(rows, 'tries')}::int[], ${column(rows, 'at')}::timestamptz[], ${column(rows, 'durationMs')}::int[],
      ${column(rows, 'status')}::int[], ${column(rows, 'answer')}::text[], ${column(rows, 'error')}::text[]) as u (endpoint_id, event_number, try, at, duration_ms, status, answer, error)
    where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, endpoint_id, event_number, try) do nothing`);
};

/**
 * What waited behind a delivered one is due now, what was parked behind it (and has failed never itself) too. All that
 * follow are touched, due or not: one that is being put to sleep at this moment is waited for, and woken.
 */
const wakeNext = (tx: Tx, accepted: Claimed[], now: Date): Promise<number> =>
  tx.run(sql`
    update delivery as d set state = 'pending', next_at = least(d.next_at, ${now}::timestamptz)
    from unnest(${column(accepted, 'endpointId')}::uuid[], ${column(accepted, 'objectId')}::uuid[], ${column(accepted, 'objectSeq')}::int[]) as u (endpoint_id, object_id, object_seq)
    where d.merchant_id = ${tx.merchantId} and d.endpoint_id = u.endpoint_id and d.object_id = u.object_id and d.object_seq > u.object_seq
      and d.state <> 'delivered' and (d.state = 'pending' or (d.state = 'parked' and d.failures = 0))`);

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
