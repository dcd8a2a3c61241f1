import type { Tx } from '../db/db.ts';
import { column, fragment, sql } from '../db/sql.ts';
import type { Machine } from '../machine.ts';
import type { Minor } from '../money.ts';
import { type Transaction, transactionEvent } from '../transactions/view.ts';

export type PayoutState = 'new' | 'processing' | 'settled' | 'rejected' | 'failed';
export type PayoutMove = 'send' | 'settle' | 'reject' | 'fail';

/** Money out to a person's card. Amount and fee in minor units of its currency. */
export interface Payout {
  id: string;
  state: PayoutState;
  /** of its last change */
  seq: number;
  amount: Minor;
  fee: Minor;
  currency: string;
  cardTokenId: string;
  customerId: string;
  brand: string;
  bin: string;
  last4: string;
  orderReference: string | null;
  description: string | null;
  storeId: string;
  terminalId: string;
  retrievalReferenceNumber: string | null;
  errorCode: string | null;
  errorMessage: string | null;
  createdAt: Date;
  updatedAt: Date;
  finalAt: Date | null;
}

const isFinal = (state: PayoutState): boolean => state !== 'new' && state !== 'processing';

export const asTransaction = (payout: Payout): Transaction => ({ ...payout, type: 'unknown', parentTransactionId: null });

/** What a payout may become. A return by the bank is another transaction, never a change of this one. */
export const payoutMachine: Machine<Payout, PayoutState, PayoutMove> = {
  moves: {
    new: { send: 'processing', reject: 'rejected' },
    processing: { settle: 'settled', reject: 'rejected', fail: 'failed' },
    settled: {},
    rejected: {},
    failed: {},
  },
  event: (tx, payout, at) => transactionEvent(tx.merchantId, asTransaction(payout), at),
  stamp: (payout, at) => ({ ...payout, updatedAt: at, finalAt: isFinal(payout.state) ? at : null }),
  store(tx, changes, at) {
    const rows = changes.map(({ from, to }) => ({ ...to, fromState: from.state }));
    return tx.run(sql`
      update payout as p set state = u.state, seq = u.seq, retrieval_reference_number = u.rrn, error_code = u.error_code, error_message = u.error_message, updated_at = ${at}::timestamptz, final_at = u.final_at
      from unnest(${column(rows, 'id')}::uuid[], ${column(rows, 'fromState')}::text[], ${column(rows, 'state')}::text[], ${column(rows, 'seq')}::int[], ${column(rows, 'retrievalReferenceNumber')}::text[],
        ${column(rows, 'errorCode')}::text[], ${column(rows, 'errorMessage')}::text[], ${column(rows, 'finalAt')}::timestamptz[])
        as u (id, from_state, state, seq, rrn, error_code, error_message, final_at)
      where p.merchant_id = ${tx.merchantId} and p.id = u.id and p.state = u.from_state and p.seq = u.seq - 1`);
  },
};

const columns = fragment`p.id, p.state, p.seq, p.amount, p.fee, p.currency, p.card_token_id as "cardTokenId", p.customer_id as "customerId", p.brand, p.bin, p.last4,
  p.order_reference as "orderReference", p.description, p.store_id as "storeId", p.terminal_id as "terminalId", p.retrieval_reference_number as "retrievalReferenceNumber",
  p.error_code as "errorCode", p.error_message as "errorMessage", p.created_at as "createdAt", p.updated_at as "updatedAt", p.final_at as "finalAt"`;

export const payoutsById = (tx: Tx, ids: string[]): Promise<Payout[]> =>
  tx.rows(sql`select ${columns} from payout p where p.merchant_id = ${tx.merchantId} and p.id = any(${ids}::uuid[])`);

/** Locks payouts: whoever changes one, or what was submitted for it, holds its row first. */
export const lockPayouts = (tx: Tx, ids: string[]): Promise<Payout[]> =>
  tx.rows(sql`select ${columns} from payout p where p.merchant_id = ${tx.merchantId} and p.id = any(${ids}::uuid[]) order by p.id for update`);

export const insertPayouts = (tx: Tx, rows: Payout[]): Promise<number> =>
  tx.run(sql`
    insert into payout as p (merchant_id, id, state, seq, amount, fee, currency, card_token_id, customer_id, brand, bin, last4, order_reference, description, store_id, terminal_id, error_code, error_message, created_at, updated_at, final_at)
    select m.merchant_id, u.id, u.state, u.seq, u.amount, u.fee, u.currency, u.card_token_id, u.customer_id, u.brand, u.bin, u.last4, u.order_reference, u.description, u.store_id, u.terminal_id, u.error_code, u.error_message, u.created_at, u.created_at, u.final_at
    from merchant m, unnest(${column(rows, 'id')}::uuid[], ${column(rows, 'state')}::text[], ${column(rows, 'seq')}::int[], ${column(rows, 'amount')}::bigint[], ${column(rows, 'fee')}::bigint[], ${column(rows, 'currency')}::text[],
      ${column(rows, 'cardTokenId')}::uuid[], ${column(rows, 'customerId')}::uuid[], ${column(rows, 'brand')}::text[], ${column(rows, 'bin')}::text[], ${column(rows, 'last4')}::text[],
      ${column(rows, 'orderReference')}::text[], ${column(rows, 'description')}::text[], ${column(rows, 'storeId')}::text[], ${column(rows, 'terminalId')}::text[],
      ${column(rows, 'errorCode')}::text[], ${column(rows, 'errorMessage')}::text[], ${column(rows, 'createdAt')}::timestamptz[], ${column(rows, 'finalAt')}::timestamptz[])
      as u (id, state, seq, amount, fee, currency, card_token_id, customer_id, brand, bin, last4, order_reference, description, store_id, terminal_id, error_code, error_message, created_at, final_at)
    where m.merchant_id = ${tx.merchantId}`);

/** What was accepted on a day and not given back, by currency; read under the lock of the merchant's accounts. */
export const usageOn = (tx: Tx, day: string): Promise<{ currency: string; amount: Minor }[]> =>
  tx.rows(sql`select u.currency, u.amount from usage u where u.merchant_id = ${tx.merchantId} and u.day = ${day}::date`);

export const addUsage = (tx: Tx, day: string, currency: string, amount: Minor): Promise<number> =>
  tx.run(sql`
    insert into usage as u (merchant_id, currency, day, amount)
    select m.merchant_id, ${currency}, ${day}::date, ${amount}::bigint from merchant m where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, currency, day) do update set amount = u.amount + excluded.amount`);

/** A payout that failed no longer counts in the day that accepted it. */
export const giveBackUsage = (tx: Tx, day: string, currency: string, amount: Minor): Promise<number> =>
  tx.run(sql`update usage as u set amount = u.amount - ${amount}::bigint where u.merchant_id = ${tx.merchantId} and u.currency = ${currency} and u.day = ${day}::date`);

/** What went, or is on its way, to each of these cards since a moment. */
export const cardUsageSince = (tx: Tx, cardTokenIds: string[], since: Date): Promise<{ cardTokenId: string; currency: string; amount: Minor }[]> =>
  tx.rows(sql`
    select p.card_token_id as "cardTokenId", p.currency, sum(p.amount)::bigint as amount from payout p
    where p.merchant_id = ${tx.merchantId} and p.card_token_id = any(${cardTokenIds}::uuid[]) and p.created_at >= ${since} and p.state not in ('rejected', 'failed')
    group by p.card_token_id, p.currency`);

/** @param filter a field that is null does not filter; @returns newest first */
export const listPayouts = (tx: Tx, filter: { status: string | null; from: Date | null; to: Date | null }, limit: number, offset: number): Promise<Payout[]> =>
  tx.rows(sql`
    select ${columns} from payout p
    where p.merchant_id = ${tx.merchantId} and (${filter.status}::text is null or p.state = ${filter.status}::text)
      and (${filter.from}::timestamptz is null or p.created_at >= ${filter.from}::timestamptz) and (${filter.to}::timestamptz is null or p.created_at < ${filter.to}::timestamptz)
    order by p.id desc limit ${limit} offset ${offset}`);

export const countPayouts = (tx: Tx, filter: { status: string | null; from: Date | null; to: Date | null }): Promise<{ total: bigint }> =>
  tx.one(sql`
    select count(*) as total from payout p
    where p.merchant_id = ${tx.merchantId} and (${filter.status}::text is null or p.state = ${filter.status}::text)
      and (${filter.from}::timestamptz is null or p.created_at >= ${filter.from}::timestamptz) and (${filter.to}::timestamptz is null or p.created_at < ${filter.to}::timestamptz)`);
