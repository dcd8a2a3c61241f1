import type { Tx } from '../db/db.ts';
import { column, fragment, shape, sql, table } from '../db/sql.ts';

/** What whoever looks after a submission next has to do. A crash after sending finds `ask` there. */
export type Action = 'send' | 'ask' | 'cancel' | 'batch';

/** How money leaves: each payment by a call to a processor, or many together in a file that is made after a while. */
export interface Way {
  connector: string;
  action: 'send' | 'batch';
  waitMs: number;
}
export const byCall = (connector: string): Way => ({ connector, action: 'send', waitMs: 0 });
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

const submissionShape = shape<Submission>(
  ['payout_id', 'uuid', 'payoutId'],
  ['attempt', 'smallint', 'attempt'],
  ['connector', 'text', 'connector'],
  ['reference', 'text', 'reference'],
  ['action', 'text', 'action'],
  ['phase', 'text', 'phase'],
  ['outcome', 'text', 'outcome'],
  ['evidence', 'text', 'evidence'],
  ['prepared_at', 'timestamptz', 'preparedAt'],
  ['sent_at', 'timestamptz', 'sentAt'],
  ['resend_until', 'timestamptz', 'resendUntil'],
  ['absent_after', 'timestamptz', 'absentAfter'],
  ['resolved_at', 'timestamptz', 'resolvedAt'],
  ['tries', 'int', 'tries'],
  ['next_at', 'timestamptz', 'nextAt'],
  ['note', 'text', 'note'],
);
const newShape = shape<Pick<Submission, 'payoutId' | 'reference'>>(['payout_id', 'uuid', 'payoutId'], ['reference', 'text', 'reference']);

export const insertSubmissions = (tx: Tx, rows: Pick<Submission, 'payoutId' | 'reference'>[], { connector, action, waitMs }: Way, at: Date): Promise<number> =>
  tx.run(sql`
    insert into submission as s (merchant_id, payout_id, connector, reference, action, prepared_at, next_at)
    select m.merchant_id, u.payout_id, ${connector}, u.reference, ${action}, ${at}::timestamptz, ${new Date(at.getTime() + waitMs)}::timestamptz
    from merchant m, ${table(rows, newShape)} where m.merchant_id = ${tx.merchantId}`);

/** Reads submissions whose payouts the caller has locked. */
export const submissionsOf = (tx: Tx, payoutIds: string[]): Promise<Submission[]> =>
  tx.rows(
    sql`select ${columns} from submission s where s.merchant_id = ${tx.merchantId} and s.payout_id = any(${payoutIds}::uuid[]) order by s.payout_id, s.attempt`,
  );

/** Those of these that went this way. */
export const sentBy = async (tx: Tx, connector: string, payoutIds: string[]): Promise<Set<string>> =>
  new Set(
    column(
      await tx.rows<{ id: string }>(
        sql`select s.payout_id as id from submission s where s.merchant_id = ${tx.merchantId} and s.payout_id = any(${payoutIds}::uuid[]) and s.connector = ${connector}`,
      ),
      'id',
    ),
  );

/**
 * Locks submissions that are due; what another worker holds is not ours to wait for. The caller locks their payouts next,
 * without waiting either: who resolves a payout holds its row first, so neither can wait for the other.
 */
export const lockDue = (tx: Tx, now: Date, limit: number): Promise<Submission[]> =>
  tx.rows(
    sql`select ${columns} from submission s where s.merchant_id = ${tx.merchantId} and s.next_at <= ${now} and s.action <> 'batch' order by s.next_at limit ${limit} for update skip locked`,
  );

/** Locks submissions that wait to be put into a file, as soon as one of them is due: the others go with it. */
export const lockWaiting = (tx: Tx, connector: string, limit: number): Promise<Submission[]> =>
  tx.rows(
    sql`select ${columns} from submission s where s.merchant_id = ${tx.merchantId} and s.action = 'batch' and s.next_at is not null and s.connector = ${connector} order by s.next_at limit ${limit} for update skip locked`,
  );

/** Writes submissions as they stand now; as with payouts, an insert whose conflict is expected finds them by their key. */
export const storeSubmissions = (tx: Tx, rows: Submission[]): Promise<number> =>
  tx.run(sql`
    insert into submission as s (merchant_id, payout_id, attempt, connector, reference, action, phase, outcome, evidence, prepared_at, sent_at, resend_until, absent_after, resolved_at, tries, next_at, note)
    select m.merchant_id, u.* from merchant m, ${table(rows, submissionShape)} where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, payout_id, attempt) do update set action = excluded.action, phase = excluded.phase, outcome = excluded.outcome, evidence = excluded.evidence, sent_at = excluded.sent_at,
      resend_until = excluded.resend_until, absent_after = excluded.absent_after, resolved_at = excluded.resolved_at, tries = excluded.tries, next_at = excluded.next_at, note = excluded.note`);
