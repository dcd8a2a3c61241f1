import type { BankAccount } from '../connectors/connector.ts';
import type { Tx } from '../db/db.ts';
import { fragment, shape, sql, table } from '../db/sql.ts';
import type { Machine } from '../machine.ts';
import type { Minor } from '../money.ts';
import { isFinal, type Outgoing, type OutgoingMove, outgoingMoves, type OutgoingState } from '../sending/outgoing.ts';
import { distributionEvent } from './view.ts';

/** Who is paid. The same as the bank's account, but that what it is for is the distribution's. */
export type Recipient = Omit<BankAccount, 'purpose'>;

/** Money from a merchant's balance to a partner's bank account. Amounts in minor units. */
export interface Distribution extends Outgoing, Recipient {
  orderReference: string;
  paymentPurpose: string;
  /** the merchant's balance before it was taken, and after: as if distributions came one by one */
  balanceBefore: Minor;
  balanceAfter: Minor;
}

export const distributionMachine: Machine<Distribution, OutgoingState, OutgoingMove> = {
  moves: outgoingMoves,
  event: (tx, distribution, at) => distributionEvent(tx.merchantId, distribution, at),
  stamp: (distribution, at) => ({ ...distribution, updatedAt: at, finalAt: isFinal(distribution.state) ? at : null }),
  store: (tx, changes) =>
    storeDistributions(
      tx,
      changes.map(({ to }) => to),
    ),
};

const columns = fragment`d.id, d.state, d.seq, d.amount, 0::bigint as fee, d.currency, d.payment_purpose as description, d.order_reference as "orderReference", d.recipient_name as name, d.recipient_bin as bin,
  d.recipient_iban as iban, d.recipient_bic as bic, d.recipient_kbe as kbe, d.recipient_knp as knp, d.payment_purpose as "paymentPurpose", d.balance_before as "balanceBefore", d.balance_after as "balanceAfter",
  d.retrieval_reference_number as "retrievalReferenceNumber", d.error_code as "errorCode", d.error_message as "errorMessage", d.created_at as "createdAt", d.updated_at as "updatedAt", d.final_at as "finalAt"`;

export const distributionsById = (tx: Tx, ids: string[]): Promise<Distribution[]> =>
  tx.rows(sql`select ${columns} from distribution d where d.merchant_id = ${tx.merchantId} and d.id = any(${ids}::uuid[])`);

export const distributionsByReference = (tx: Tx, references: string[]): Promise<Distribution[]> =>
  tx.rows(sql`select ${columns} from distribution d where d.merchant_id = ${tx.merchantId} and d.order_reference = any(${references}::text[])`);

export const lockDistributions = (tx: Tx, ids: string[]): Promise<Distribution[]> =>
  tx.rows(sql`select ${columns} from distribution d where d.merchant_id = ${tx.merchantId} and d.id = any(${ids}::uuid[]) order by d.id for update`);

export const tryLockDistributions = (tx: Tx, ids: string[]): Promise<Distribution[]> =>
  tx.rows(sql`select ${columns} from distribution d where d.merchant_id = ${tx.merchantId} and d.id = any(${ids}::uuid[]) for update skip locked`);

const distributionShape = shape<Distribution>(
  ['id', 'uuid', 'id'],
  ['state', 'text', 'state'],
  ['seq', 'int', 'seq'],
  ['amount', 'bigint', 'amount'],
  ['currency', 'text', 'currency'],
  ['order_reference', 'text', 'orderReference'],
  ['recipient_name', 'text', 'name'],
  ['recipient_bin', 'text', 'bin'],
  ['recipient_iban', 'text', 'iban'],
  ['recipient_bic', 'text', 'bic'],
  ['recipient_kbe', 'text', 'kbe'],
  ['recipient_knp', 'text', 'knp'],
  ['payment_purpose', 'text', 'paymentPurpose'],
  ['balance_before', 'bigint', 'balanceBefore'],
  ['balance_after', 'bigint', 'balanceAfter'],
  ['retrieval_reference_number', 'text', 'retrievalReferenceNumber'],
  ['error_code', 'text', 'errorCode'],
  ['error_message', 'text', 'errorMessage'],
  ['created_at', 'timestamptz', 'createdAt'],
  ['updated_at', 'timestamptz', 'updatedAt'],
  ['final_at', 'timestamptz', 'finalAt'],
);

export const insertDistributions = (tx: Tx, rows: Distribution[]): Promise<number> =>
  tx.run(sql`
    insert into distribution as d (merchant_id, id, state, seq, amount, currency, order_reference, recipient_name, recipient_bin, recipient_iban, recipient_bic, recipient_kbe, recipient_knp, payment_purpose,
      balance_before, balance_after, retrieval_reference_number, error_code, error_message, created_at, updated_at, final_at)
    select m.merchant_id, u.* from merchant m, ${table(rows, distributionShape)} where m.merchant_id = ${tx.merchantId}`);

/** Writes distributions in their new state, each only where it still stands one change before. An insert whose conflict is expected finds each by its key. */
const storeDistributions = (tx: Tx, rows: Distribution[]): Promise<number> =>
  tx.run(sql`
    insert into distribution as d (merchant_id, id, state, seq, amount, currency, order_reference, recipient_name, recipient_bin, recipient_iban, recipient_bic, recipient_kbe, recipient_knp, payment_purpose,
      balance_before, balance_after, retrieval_reference_number, error_code, error_message, created_at, updated_at, final_at)
    select m.merchant_id, u.* from merchant m, ${table(rows, distributionShape)} where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, id) do update set state = excluded.state, seq = excluded.seq, retrieval_reference_number = excluded.retrieval_reference_number, error_code = excluded.error_code,
      error_message = excluded.error_message, updated_at = excluded.updated_at, final_at = excluded.final_at
    where d.seq = excluded.seq - 1`);

/** What a list is narrowed to; null does not narrow. */
export interface Filter {
  states: OutgoingState[] | null;
  orderReference: string | null;
}

/** @returns newest first */
export const listDistributions = (tx: Tx, { states, orderReference }: Filter, limit: number, offset: number): Promise<Distribution[]> =>
  tx.rows(sql`
    select ${columns} from distribution d
    where d.merchant_id = ${tx.merchantId} and (${states}::text[] is null or d.state = any(${states}::text[])) and (${orderReference}::text is null or d.order_reference = ${orderReference}::text)
    order by d.created_at desc, d.id desc limit ${limit} offset ${offset}`);

export const countDistributions = (tx: Tx, { states, orderReference }: Filter): Promise<{ total: bigint }> =>
  tx.one(sql`
    select count(*) as total from distribution d
    where d.merchant_id = ${tx.merchantId} and (${states}::text[] is null or d.state = any(${states}::text[])) and (${orderReference}::text is null or d.order_reference = ${orderReference}::text)`);
