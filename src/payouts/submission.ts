import type { Tx } from '../db/db.ts';
import { column, fragment, sql } from '../db/sql.ts';

/** What whoever looks after a submission next has to do. A crash after sending finds `ask` there. */
export type Action = 'send' | 'ask' | 'cancel';
export type SubmissionOutcome = 'pending' | 'accepted' | 'settled' | 'declined' | 'not_executed' | 'unknown';
/** The only kinds of proof that nothing was executed. */
export type Evidence = 'decline' | 'cancel_ack' | 'absent_after_max_inflight' | 'statement' | 'two_person';

/** What was asked of a processor for a payout, and what is known of the answer. One reference for life. */
export interface Submission {
  payoutId: string;
  attempt: number;
  connector: string;
  reference: string;
  action: Action;
  phase: 'prepared' | 'sent';
  outcome: SubmissionOutcome;
  evidence: Evidence | null;
  preparedAt: Date;
  /** of the last time it was sent */
  sentAt: Date | null;
  resendUntil: Date | null;
  absentAfter: Date | null;
  resolvedAt: Date | null;
  /** how often it was taken; also the fence against a worker that woke up too late */
  tries: number;
  nextAt: Date | null;
  note: string | null;
}

const columns = fragment`s.payout_id as "payoutId", s.attempt, s.connector, s.reference, s.action, s.phase, s.outcome, s.evidence, s.prepared_at as "preparedAt", s.sent_at as "sentAt",
  s.resend_until as "resendUntil", s.absent_after as "absentAfter", s.resolved_at as "resolvedAt", s.tries, s.next_at as "nextAt", s.note`;

export const insertSubmissions = (tx: Tx, rows: Pick<Submission, 'payoutId' | 'connector' | 'reference'>[], at: Date): Promise<number> =>
  tx.run(sql`
    insert into submission as s (merchant_id, payout_id, connector, reference, prepared_at, next_at)
    select m.merchant_id, u.payout_id, u.connector, u.reference, ${at}::timestamptz, ${at}::timestamptz
    from merchant m, unnest(${column(rows, 'payoutId')}::uuid[], ${column(rows, 'connector')}::text[], ${column(rows, 'reference')}::text[]) as u (payout_id, connector, reference)
    where m.merchant_id = ${tx.merchantId}`);

/** Reads submissions whose payouts the caller has locked. */
export const submissionsOf = (tx: Tx, payoutIds: string[]): Promise<Submission[]> =>
  tx.rows(sql`select ${columns} from submission s where s.merchant_id = ${tx.merchantId} and s.payout_id = any(${payoutIds}::uuid[]) order by s.payout_id, s.attempt`);

/** Locks the payouts whose submissions are due; what another worker holds is not ours to wait for. */
export const claimDue = (tx: Tx, now: Date, limit: number, withSends: boolean): Promise<Submission[]> =>
  tx.rows(sql`
    select ${columns} from submission s join payout p on p.merchant_id = s.merchant_id and p.id = s.payout_id
    where s.merchant_id = ${tx.merchantId} and p.merchant_id = ${tx.merchantId} and s.next_at <= ${now} and (${withSends}::boolean or s.action <> 'send')
    order by s.next_at limit ${limit}
    for update of p, s skip locked`);

export const storeSubmissions = (tx: Tx, rows: Submission[]): Promise<number> =>
  tx.run(sql`
    update submission as s set action = u.action, phase = u.phase, outcome = u.outcome, evidence = u.evidence, sent_at = u.sent_at, resend_until = u.resend_until, absent_after = u.absent_after,
      resolved_at = u.resolved_at, tries = u.tries, next_at = u.next_at, note = u.note
    from unnest(${column(rows, 'payoutId')}::uuid[], ${column(rows, 'attempt')}::smallint[], ${column(rows, 'action')}::text[], ${column(rows, 'phase')}::text[], ${column(rows, 'outcome')}::text[], ${column(rows, 'evidence')}::text[],
      ${column(rows, 'sentAt')}::timestamptz[], ${column(rows, 'resendUntil')}::timestamptz[], ${column(rows, 'absentAfter')}::timestamptz[], ${column(rows, 'resolvedAt')}::timestamptz[],
      ${column(rows, 'tries')}::int[], ${column(rows, 'nextAt')}::timestamptz[], ${column(rows, 'note')}::text[])
      as u (payout_id, attempt, action, phase, outcome, evidence, sent_at, resend_until, absent_after, resolved_at, tries, next_at, note)
    where s.merchant_id = ${tx.merchantId} and s.payout_id = u.payout_id and s.attempt = u.attempt`);
