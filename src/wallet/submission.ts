import type { OperationKind } from '../connectors/authorizer.ts';
import type { Tx } from '../db/db.ts';
import { fragment, shape, sql, table } from '../db/sql.ts';
import type { Minor } from '../money.ts';

export type SubmissionOutcome = 'pending' | 'accepted' | 'done' | 'declined' | 'not_executed' | 'unknown';
/** The only kinds of proof that nothing was executed. */
export type Evidence = 'decline' | 'voided' | 'absent_after_max_inflight';

/** What is asked of the processor for an authorization or an operation, and what is known of the answer. One reference for life. */
export interface Submission {
  /** of the authorization or the operation */
  id: string;
  authorizationId: string;
  kind: 'authorize' | OperationKind;
  amount: Minor;
  connector: string;
  reference: string;
  /** what is to be done next; a crash after sending finds `ask` there */
  action: 'send' | 'ask';
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

export type NewSubmission = Pick<Submission, 'id' | 'authorizationId' | 'kind' | 'amount' | 'connector' | 'reference'>;

const columns = fragment`s.id, s.authorization_id as "authorizationId", s.kind, s.amount, s.connector, s.reference, s.action, s.phase, s.outcome, s.evidence, s.prepared_at as "preparedAt",
  s.sent_at as "sentAt", s.resend_until as "resendUntil", s.absent_after as "absentAfter", s.resolved_at as "resolvedAt", s.tries, s.next_at as "nextAt", s.note`;

const newColumns = [
  ['id', 'uuid', 'id'],
  ['authorization_id', 'uuid', 'authorizationId'],
  ['kind', 'text', 'kind'],
  ['amount', 'bigint', 'amount'],
  ['connector', 'text', 'connector'],
  ['reference', 'text', 'reference'],
] as const;
const newShape = shape<NewSubmission>(...newColumns);
const submissionShape = shape<Submission>(
  ...newColumns,
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

export const insertSubmissions = (tx: Tx, rows: NewSubmission[], at: Date): Promise<number> =>
  tx.run(sql`
    insert into wallet_submission as s (merchant_id, id, authorization_id, kind, amount, connector, reference, prepared_at, next_at)
    select m.merchant_id, u.id, u.authorization_id, u.kind, u.amount, u.connector, u.reference, ${at}::timestamptz, ${at}::timestamptz
    from merchant m, ${table(rows, newShape)} where m.merchant_id = ${tx.merchantId}`);

/** Reads submissions whose authorizations the caller has locked. */
export const submissionsById = (tx: Tx, ids: string[]): Promise<Submission[]> =>
  tx.rows(sql`select ${columns} from wallet_submission s where s.merchant_id = ${tx.merchantId} and s.id = any(${ids}::uuid[])`);

/**
 * Locks submissions that are due; what another worker holds is not ours to wait for. The caller locks their authorizations
 * next, without waiting either: who resolves one holds its row first, so neither can wait for the other.
 */
export const lockDue = (tx: Tx, now: Date, limit: number): Promise<Submission[]> =>
  tx.rows(
    sql`select ${columns} from wallet_submission s where s.merchant_id = ${tx.merchantId} and s.next_at <= ${now} order by s.next_at limit ${limit} for update skip locked`,
  );

/** Writes submissions as they stand now. */
export const storeSubmissions = (tx: Tx, rows: Submission[]): Promise<number> =>
  tx.run(sql`
    insert into wallet_submission as s (merchant_id, id, authorization_id, kind, amount, connector, reference, action, phase, outcome, evidence, prepared_at, sent_at, resend_until, absent_after,
      resolved_at, tries, next_at, note)
    select m.merchant_id, u.* from merchant m, ${table(rows, submissionShape)} where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, id) do update set action = excluded.action, phase = excluded.phase, outcome = excluded.outcome, evidence = excluded.evidence, sent_at = excluded.sent_at,
      resend_until = excluded.resend_until, absent_after = excluded.absent_after, resolved_at = excluded.resolved_at, tries = excluded.tries, next_at = excluded.next_at, note = excluded.note`);
