import type { Tx } from '../db/db.ts';
import { fragment, sql } from '../db/sql.ts';
import type { Transaction } from './view.ts';

const columns = fragment`t.id, t.type, t.state, t.amount, t.currency, t.order_reference as "orderReference", t.description, t.parent_transaction_id as "parentTransactionId", t.card_token_id as "cardTokenId",
  t.customer_id as "customerId", t.brand, t.bin, t.last4, t.store_id as "storeId", t.terminal_id as "terminalId", t.retrieval_reference_number as "retrievalReferenceNumber",
  t.error_code as "errorCode", t.error_message as "errorMessage", t.created_at as "createdAt", t.updated_at as "updatedAt", t.final_at as "finalAt"`;

export const transactionById = (tx: Tx, id: string): Promise<Transaction | undefined> =>
  tx.maybe(sql`select ${columns} from transaction t where t.merchant_id = ${tx.merchantId} and t.id = ${id}::uuid`);

/** The newest transaction that the merchant gave this reference. */
export const transactionByReference = (tx: Tx, orderReference: string): Promise<Transaction | undefined> =>
  tx.maybe(
    sql`select ${columns} from transaction t where t.merchant_id = ${tx.merchantId} and t.order_reference = ${orderReference} order by t.id desc limit 1`,
  );

/** Newest first. @param customerId null: of all customers */
export async function listTransactions(tx: Tx, customerId: string | null, page: number, size: number): Promise<{ transactions: Transaction[]; total: number }> {
  const [transactions, { total }] = await Promise.all([
    tx.rows<Transaction>(sql`
      select ${columns} from transaction t where t.merchant_id = ${tx.merchantId} and (${customerId}::uuid is null or t.customer_id = ${customerId}::uuid)
      order by t.id desc limit ${size} offset ${(page - 1) * size}`),
    tx.one<{ total: bigint }>(
      sql`select count(*) as total from transaction t where t.merchant_id = ${tx.merchantId} and (${customerId}::uuid is null or t.customer_id = ${customerId}::uuid)`,
    ),
  ]);
  return { transactions, total: Number(total) };
}

export interface HistoryRow {
  id: string;
  type: string;
  toState: string;
  at: Date;
  body: string;
}

/** Everything that happened to an object, oldest first. */
export const historyOf = (tx: Tx, objectId: string): Promise<HistoryRow[]> =>
  tx.rows(
    sql`select e.id, e.type, e.to_state as "toState", e.at, e.body from event e where e.merchant_id = ${tx.merchantId} and e.object_id = ${objectId}::uuid order by e.object_seq`,
  );
