import type { OperationKind } from '../connectors/authorizer.ts';
import type { Tx } from '../db/db.ts';
import { assert, unprocessable } from '../errors.ts';
import type { Answer, Key } from '../http/idempotency.ts';
import { type Ids, processorReference } from '../ids.ts';
import { account, Books } from '../ledger/books.ts';
import { theMerchant } from '../merchants/merchants.ts';
import type { Minor } from '../money.ts';
import { type Authorization, lockAuthorizations, lockLapsed, remainder, storeAuthorizations } from './authorization.ts';
import { begun, mayOperate, type Operation, refuseDouble, storeOperations } from './operation.ts';
import { insertSubmissions, type NewSubmission } from './submission.ts';
import { noSuchTransaction, walletView } from './view.ts';

export interface OperateRequest {
  /** the id that the operation will have */
  id: string;
  authorizationId: string;
  kind: OperationKind;
  amount: Minor;
  key: Key | undefined;
  /** an equal one within ten minutes is meant, and no repetition */
  allowDuplicate: boolean;
}

/**
 * Accepts an operation: from here on its amount counts against the caps, and a worker carries it out. Whoever else wants a part
 * of the same authorization waits for its row.
 *
 * @throws {ApiError} 404, 409 for the state, 422 for the amount or, of a refund, the balance
 */
export async function acceptOperation(tx: Tx, request: OperateRequest, clock: Date, code: string): Promise<Answer> {
  const { authorizationId, kind, amount, key } = request;
  const [a] = await lockAuthorizations(tx, [authorizationId]);
  if (!a) throw noSuchTransaction();
  const now = a.updatedAt > clock ? a.updatedAt : clock;
  mayOperate(a, kind, amount, now);
  if (!key && !request.allowDuplicate) await refuseDouble(tx, a, kind, amount, now);
  const books = kind === 'refund' ? await reserve(tx, request, a, now) : undefined;
  const operation = newOperation(request.id, a, kind, amount, 'request', key?.key ?? null, now);
  await Promise.all([write(tx, [{ a, operation }], code, now), books?.write()]);
  return { status: 200, body: JSON.stringify(walletView(a, amount)), objectId: operation.id };
}

/** A refund is paid by the merchant: what it will cost is held until the processor has said. */
async function reserve(tx: Tx, { id, amount }: OperateRequest, { currency }: Authorization, now: Date): Promise<Books> {
  const [from, to] = [account('available', currency), account('held', currency)];
  const books = await Books.lock(tx, [from, to], now);
  if (books.balance(from) < amount) throw unprocessable('insufficient funds: the balance does not cover the refund');
  books.post({ objectId: id, kind: 'reserve', from, to, amount });
  return books;
}

/**
 * Lets go of what remains of authorizations that have expired: one cancel each, over exactly what nobody else has asked for.
 * What of it is captured at this moment holds the row, and is not let go.
 * @returns how many
 */
export async function expireDue(tx: Tx, clock: Date, ids: Ids, limit: number): Promise<number> {
  const [lapsed, { code }] = await Promise.all([lockLapsed(tx, clock, limit), theMerchant(tx)]);
  if (lapsed.length === 0) return 0;
  const now = lapsed.reduce((latest, { updatedAt }) => (updatedAt > latest ? updatedAt : latest), clock);
  const items = lapsed.map((a) => ({ a, operation: newOperation(ids.uuid(), a, 'cancel', remainder(a), 'expiry', null, now) }));
  await write(tx, items, code, now);
  return lapsed.length;
}

function newOperation(id: string, a: Authorization, kind: OperationKind, amount: Minor, cause: Operation['cause'], key: string | null, at: Date): Operation {
  return {
    ...{ id, authorizationId: a.id, kind, amount, state: 'pending', cause, idempotencyKey: key },
    ...{ retrievalReferenceNumber: null, errorCode: null, errorMessage: null, createdAt: at, finalAt: null },
  };
}

/** @param items each authorization once */
async function write(tx: Tx, items: { a: Authorization; operation: Operation }[], code: string, at: Date): Promise<void> {
  const changed = items.map(({ a, operation: { kind, amount } }) => ({ ...begun(a, kind, amount), version: a.version + 1, updatedAt: at }));
  const toSend = items.map(({ a, operation: { id, kind, amount } }): NewSubmission => {
    return { id, authorizationId: a.id, kind, amount, connector: a.connector, reference: processorReference(code, id) };
  });
  const [stored, operations, submitted] = await Promise.all([
    storeAuthorizations(tx, changed),
    storeOperations(
      tx,
      items.map(({ operation }) => operation),
    ),
    insertSubmissions(tx, toSend, at),
  ]);
  assert(stored === items.length && operations === items.length && submitted === items.length, 'every operation was written, with what is to be sent for it');
}
