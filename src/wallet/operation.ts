import type { OperationKind } from '../connectors/authorizer.ts';
import type { Tx } from '../db/db.ts';
import { fragment, shape, sql, table } from '../db/sql.ts';
import { ApiError, conflict, unprocessable } from '../errors.ts';
import { toBase32 } from '../ids.ts';
import { type Minor, toDecimal } from '../money.ts';
import { type Authorization, remainder } from './authorization.ts';

/** A part of an authorization that is captured, cancelled or given back. Amount in minor units of the authorization's currency. */
export interface Operation {
  id: string;
  authorizationId: string;
  kind: OperationKind;
  amount: Minor;
  state: 'pending' | 'done' | 'failed';
  cause: 'request' | 'expiry';
  idempotencyKey: string | null;
  retrievalReferenceNumber: string | null;
  errorCode: string | null;
  errorMessage: string | null;
  createdAt: Date;
  finalAt: Date | null;
}

/** The sums of an authorization that an operation is counted in: while it is underway, and once it was carried out. */
const sums = {
  capture: { underway: 'capturing', done: 'captured' },
  cancel: { underway: 'cancelling', done: 'cancelled' },
  refund: { underway: 'refunding', done: 'refunded' },
} as const;

/** An authorization of which an operation has begun. */
export function begun(a: Authorization, kind: OperationKind, amount: Minor): Authorization {
  const { underway } = sums[kind];
  return withLapse({ ...a, [underway]: a[underway] + amount });
}

/** An authorization of which an operation has ended; declined, its part is free again. */
export function ended(a: Authorization, { kind, amount }: Operation, isDone: boolean): Authorization {
  const { underway, done } = sums[kind];
  return withLapse({ ...a, [underway]: a[underway] - amount, ...(isDone ? { [done]: a[done] + amount } : {}) });
}

/** What remains lapses one day; where nothing remains nothing does. */
const withLapse = (a: Authorization): Authorization => ({ ...a, lapseAt: remainder(a) === 0n ? null : (a.lapseAt ?? a.expiresAt) });

/**
 * Says no to what the authorization, which the caller has locked, does not allow now.
 * @throws {ApiError} 409 for its state, 422 for the amount
 */
export function mayOperate(a: Authorization, kind: OperationKind, amount: Minor, now: Date): void {
  if (a.state !== 'success') throw conflict(`the transaction is ${a.state.toUpperCase()}; only what is SUCCESS can be captured, cancelled or refunded`);
  if (kind === 'refund') return mayRefund(a, amount);
  if (kind === 'capture' && a.expiresAt && now >= a.expiresAt) throw conflict('the authorization has expired');
  if (kind === 'capture' && a.cancelling + a.cancelled === a.amount) throw conflict('the authorization was cancelled');
  if (kind === 'cancel' && a.capturing + a.captured === a.amount) throw conflict('all of it was captured; refund it instead');
  if (kind === 'cancel' && a.cancelling + a.cancelled === a.amount) throw conflict('all of it was cancelled before');
  if (amount > remainder(a)) throw tooMuch(`${amountOf(remainder(a), a)} of ${amountOf(a.amount, a)} can still be ${kind}${kind === 'cancel' ? 'led' : 'd'}`);
}

/** What would be given back is being captured at this moment. */
export class CaptureUnderway extends ApiError {
  constructor() {
    super(8, 'the capture is still being carried out; ask again shortly', { retryAfter: 1 });
  }
}

function mayRefund(a: Authorization, amount: Minor): void {
  const refundable = a.captured - a.refunding - a.refunded;
  if (amount <= refundable) return;
  if (amount <= refundable + a.capturing) throw new CaptureUnderway();
  throw tooMuch(`${amountOf(refundable, a)} can still be refunded: ${amountOf(a.captured, a)} were captured`);
}

const amountOf = (amount: Minor, { currency }: Authorization): string => `${toDecimal(amount, currency)} ${currency}`;
const tooMuch = (message: string): ApiError => unprocessable(`amount: ${message}`, [{ field: 'amount', message }]);

/** How long two equal operations without a key are taken for one that was asked for twice. */
const DOUBLE_MS = 600_000;

/** The operation that one without a key may be a blind repetition of. @source invariants, §1.9 */
export async function refuseDouble(tx: Tx, a: Authorization, kind: OperationKind, amount: Minor, now: Date): Promise<void> {
  const first = await tx.maybe<{ id: string; createdAt: Date }>(sql`
    select o.id, o.created_at as "createdAt" from wallet_operation o
    where o.merchant_id = ${tx.merchantId} and o.authorization_id = ${a.id}::uuid and o.kind = ${kind} and o.amount = ${amount}::bigint and o.state <> 'failed'
      and o.idempotency_key is null and o.cause = 'request' and o.created_at > ${new Date(now.getTime() - DOUBLE_MS)}
    order by o.created_at limit 1`);
  if (!first) return;
  throw conflict(
    `${kind} ${operationId(first.id)} of the same amount was accepted at ${first.createdAt.toISOString()}; if another one is meant, send it with an Idempotency-Key of its own or allowDuplicate`,
  );
}

/** How an operation is called where it has to be named. */
export const operationId = (id: string): string => `wo_${toBase32(id).toUpperCase()}`;

const columns = fragment`o.id, o.authorization_id as "authorizationId", o.kind, o.amount, o.state, o.cause, o.idempotency_key as "idempotencyKey",
  o.retrieval_reference_number as "retrievalReferenceNumber", o.error_code as "errorCode", o.error_message as "errorMessage", o.created_at as "createdAt", o.final_at as "finalAt"`;

const operationShape = shape<Operation>(
  ['id', 'uuid', 'id'],
  ['authorization_id', 'uuid', 'authorizationId'],
  ['kind', 'text', 'kind'],
  ['amount', 'bigint', 'amount'],
  ['state', 'text', 'state'],
  ['cause', 'text', 'cause'],
  ['idempotency_key', 'text', 'idempotencyKey'],
  ['retrieval_reference_number', 'text', 'retrievalReferenceNumber'],
  ['error_code', 'text', 'errorCode'],
  ['error_message', 'text', 'errorMessage'],
  ['created_at', 'timestamptz', 'createdAt'],
  ['final_at', 'timestamptz', 'finalAt'],
);

/** Reads operations whose authorizations the caller has locked. */
export const operationsById = (tx: Tx, ids: string[]): Promise<Operation[]> =>
  tx.rows(sql`select ${columns} from wallet_operation o where o.merchant_id = ${tx.merchantId} and o.id = any(${ids}::uuid[])`);

/** Writes operations, new ones and those that have ended; an end is written once. */
export const storeOperations = (tx: Tx, rows: Operation[]): Promise<number> =>
  tx.run(sql`
    insert into wallet_operation as o (merchant_id, id, authorization_id, kind, amount, state, cause, idempotency_key, retrieval_reference_number, error_code, error_message, created_at, final_at)
    select m.merchant_id, u.* from merchant m, ${table(rows, operationShape)} where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, id) do update set state = excluded.state, retrieval_reference_number = excluded.retrieval_reference_number, error_code = excluded.error_code,
      error_message = excluded.error_message, final_at = excluded.final_at
    where o.state = 'pending'`);
