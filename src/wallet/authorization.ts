import type { Tx } from '../db/db.ts';
import { fragment, shape, sql, table } from '../db/sql.ts';
import type { Machine } from '../machine.ts';
import type { Minor } from '../money.ts';
import { walletEvent } from './view.ts';

export type AuthorizationState = 'new' | 'processing' | 'success' | 'failed';
export type AuthorizationMove = 'send' | 'approve' | 'refuse';

/**
 * A customer's consent to pay from a wallet, and how much of it is spoken for. Amounts in minor units of its currency. What is
 * underway (…ing) was accepted and counts against the caps, though nobody knows yet what the processor makes of it.
 */
export interface Authorization {
  id: string;
  state: AuthorizationState;
  /** of its last event */
  seq: number;
  /** of its last change, told or not */
  version: number;
  amount: Minor;
  currency: string;
  orderReference: string;
  connector: string;
  /** the processor's name for it */
  reference: string;
  /** sealed; null as soon as nobody has to be asked with it */
  person: Buffer | null;
  capturing: Minor;
  captured: Minor;
  cancelling: Minor;
  cancelled: Minor;
  refunding: Minor;
  refunded: Minor;
  retrievalReferenceNumber: string | null;
  authorizationCode: string | null;
  errorCode: string | null;
  errorMessage: string | null;
  createdAt: Date;
  updatedAt: Date;
  finalAt: Date | null;
  /** later than this nothing more is captured */
  expiresAt: Date | null;
  /** when what remains is to be cancelled; null where nothing remains */
  lapseAt: Date | null;
}

/** What may still be captured or cancelled. */
export const remainder = (a: Authorization): Minor => a.amount - a.capturing - a.captured - a.cancelling - a.cancelled;

/** What may become of a consent. What is done with it later changes sums, not the state. */
export const authorizationMachine: Machine<Authorization, AuthorizationState, AuthorizationMove> = {
  moves: { new: { send: 'processing' }, processing: { approve: 'success', refuse: 'failed' }, success: {}, failed: {} },
  event: (tx, row, at) => walletEvent(tx.merchantId, row.state, row, at),
  stamp: (row, at) => {
    const isFinal = row.state === 'success' || row.state === 'failed';
    return { ...row, version: row.version + 1, updatedAt: at, finalAt: isFinal ? at : null, person: isFinal ? null : row.person };
  },
  store: (tx, changes) =>
    storeAuthorizations(
      tx,
      changes.map(({ to }) => to),
    ),
};

const columns = fragment`a.id, a.state, a.seq, a.version, a.amount, a.currency, a.order_reference as "orderReference", a.connector, a.reference, a.person, a.capturing, a.captured, a.cancelling,
  a.cancelled, a.refunding, a.refunded, a.retrieval_reference_number as "retrievalReferenceNumber", a.authorization_code as "authorizationCode", a.error_code as "errorCode",
  a.error_message as "errorMessage", a.created_at as "createdAt", a.updated_at as "updatedAt", a.final_at as "finalAt", a.expires_at as "expiresAt", a.lapse_at as "lapseAt"`;

const authorizationShape = shape<Authorization>(
  ['id', 'uuid', 'id'],
  ['state', 'text', 'state'],
  ['seq', 'int', 'seq'],
  ['version', 'int', 'version'],
  ['amount', 'bigint', 'amount'],
  ['currency', 'text', 'currency'],
  ['order_reference', 'text', 'orderReference'],
  ['connector', 'text', 'connector'],
  ['reference', 'text', 'reference'],
  ['person', 'bytea', 'person'],
  ['capturing', 'bigint', 'capturing'],
  ['captured', 'bigint', 'captured'],
  ['cancelling', 'bigint', 'cancelling'],
  ['cancelled', 'bigint', 'cancelled'],
  ['refunding', 'bigint', 'refunding'],
  ['refunded', 'bigint', 'refunded'],
  ['retrieval_reference_number', 'text', 'retrievalReferenceNumber'],
  ['authorization_code', 'text', 'authorizationCode'],
  ['error_code', 'text', 'errorCode'],
  ['error_message', 'text', 'errorMessage'],
  ['created_at', 'timestamptz', 'createdAt'],
  ['updated_at', 'timestamptz', 'updatedAt'],
  ['final_at', 'timestamptz', 'finalAt'],
  ['expires_at', 'timestamptz', 'expiresAt'],
  ['lapse_at', 'timestamptz', 'lapseAt'],
);

export const authorizationsById = (tx: Tx, ids: string[]): Promise<Authorization[]> =>
  tx.rows(sql`select ${columns} from wallet_authorization a where a.merchant_id = ${tx.merchantId} and a.id = any(${ids}::uuid[])`);

/** Locks authorizations: whoever changes one, its operations or what was submitted for them, holds its row first. */
export const lockAuthorizations = (tx: Tx, ids: string[]): Promise<Authorization[]> =>
  tx.rows(sql`select ${columns} from wallet_authorization a where a.merchant_id = ${tx.merchantId} and a.id = any(${ids}::uuid[]) order by a.id for update`);

/** Locks those that nobody else holds at this moment. */
export const tryLockAuthorizations = (tx: Tx, ids: string[]): Promise<Authorization[]> =>
  tx.rows(sql`select ${columns} from wallet_authorization a where a.merchant_id = ${tx.merchantId} and a.id = any(${ids}::uuid[]) for update skip locked`);

/** Locks those of which something is to be let go now; what another worker holds it lets go itself. */
export const lockLapsed = (tx: Tx, now: Date, limit: number): Promise<Authorization[]> =>
  tx.rows(
    sql`select ${columns} from wallet_authorization a where a.merchant_id = ${tx.merchantId} and a.lapse_at <= ${now} order by a.lapse_at limit ${limit} for update skip locked`,
  );

/**
 * Writes authorizations, new ones and changed ones, each changed one only if it stands one version before. As with payouts,
 * an insert whose conflict is expected finds rows by their key.
 */
export const storeAuthorizations = (tx: Tx, rows: Authorization[]): Promise<number> =>
  tx.run(sql`
    insert into wallet_authorization as a (merchant_id, id, state, seq, version, amount, currency, order_reference, connector, reference, person, capturing, captured, cancelling, cancelled, refunding,
      refunded, retrieval_reference_number, authorization_code, error_code, error_message, created_at, updated_at, final_at, expires_at, lapse_at)
    select m.merchant_id, u.* from merchant m, ${table(rows, authorizationShape)} where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, id) do update set state = excluded.state, seq = excluded.seq, version = excluded.version, person = excluded.person, capturing = excluded.capturing,
      captured = excluded.captured, cancelling = excluded.cancelling, cancelled = excluded.cancelled, refunding = excluded.refunding, refunded = excluded.refunded,
      retrieval_reference_number = excluded.retrieval_reference_number, authorization_code = excluded.authorization_code, error_code = excluded.error_code, error_message = excluded.error_message,
      updated_at = excluded.updated_at, final_at = excluded.final_at, expires_at = excluded.expires_at, lapse_at = excluded.lapse_at
    where a.version = excluded.version - 1`);

export interface AuthorizationFilter {
  /** undefined does not filter */
  orderReference: string | undefined;
  state: AuthorizationState | undefined;
}

/** Newest first. @param before the id of the last one that is known; null for the first page */
export const listAuthorizations = (tx: Tx, filter: AuthorizationFilter, before: string | null, limit: number): Promise<Authorization[]> =>
  tx.rows(sql`
    select ${columns} from wallet_authorization a
    where a.merchant_id = ${tx.merchantId} and (${filter.orderReference ?? null}::text is null or a.order_reference = ${filter.orderReference ?? null}::text)
      and (${filter.state ?? null}::text is null or a.state = ${filter.state ?? null}::text) and (${before}::uuid is null or a.id < ${before}::uuid)
    order by a.id desc limit ${limit}`);
