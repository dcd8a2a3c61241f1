import type { Tx } from '../db/db.ts';
import { fragment, shape, sql, table, planned } from '../db/sql.ts';
import { account, beneficiaryAccount } from '../ledger/books.ts';
import type { Machine } from '../machine.ts';
import type { Minor } from '../money.ts';
import { isFinal, type Outgoing, type OutgoingMove, outgoingMoves, type OutgoingState } from '../sending/outgoing.ts';
import type { Recipient } from '../sending/recipient.ts';
import { orderEvent } from './order-view.ts';
import { distributionEvent } from './view.ts';

/**
 * Money from a balance to a partner's bank account: a distribution, or under another name a settlement order, which pays a
 * beneficiary. Amounts in minor units.
 */
export interface Distribution extends Outgoing, Recipient {
  kind: 'distribution' | 'order';
  /** of an order: whom it pays */
  beneficiaryId: string | null;
  /** whose balance it is taken from */
  source: 'merchant' | 'beneficiary';
  /** of an order its requestId, or what stands for none */
  orderReference: string;
  paymentPurpose: string;
  /** the balance before it was taken, and after: as if they came one by one */
  balanceBefore: Minor;
  balanceAfter: Minor;
}

export const distributionMachine: Machine<Distribution, OutgoingState, OutgoingMove> = {
  moves: outgoingMoves,
  event: (tx, one, at) => (one.kind === 'order' ? orderEvent(tx.merchantId, one) : distributionEvent(tx.merchantId, one, at)),
  stamp: (distribution, at) => ({ ...distribution, updatedAt: at, finalAt: isFinal(distribution.state) ? at : null }),
  store: (tx, changes) =>
    storeDistributions(
      tx,
      changes.map(({ to }) => to),
    ),
};

/** The account that it is taken from, and given back to. */
export const sourceOf = ({ source, beneficiaryId, currency }: Pick<Distribution, 'source' | 'beneficiaryId' | 'currency'>): string =>
  source === 'beneficiary' && beneficiaryId ? beneficiaryAccount(beneficiaryId, currency) : account('available', currency);

const columns = fragment`d.id, d.kind, d.beneficiary_id as "beneficiaryId", d.source, d.state, d.seq, d.amount, 0::bigint as fee, d.currency, d.payment_purpose as description, d.order_reference as "orderReference", d.recipient_name as name, d.recipient_bin as bin,
  d.recipient_iban as iban, d.recipient_bic as bic, d.recipient_kbe as kbe, d.recipient_knp as knp, d.payment_purpose as "paymentPurpose", d.balance_before as "balanceBefore", d.balance_after as "balanceAfter",
  d.retrieval_reference_number as "retrievalReferenceNumber", d.error_code as "errorCode", d.error_message as "errorMessage", d.created_at as "createdAt", d.updated_at as "updatedAt", d.final_at as "finalAt"`;

export const distributionsById = (tx: Tx, ids: string[]): Promise<Distribution[]> =>
  tx.rows(sql`select ${columns} from distribution d where d.merchant_id = ${tx.merchantId} and d.id = any(${ids}::uuid[])`);

/** One by one, each by its key: for a list of them, a plan that is made while the table is empty reads all rows of the merchant. */
export const distributionsByReference = (tx: Tx, references: string[]): Promise<Distribution[]> =>
  tx.rows(
    planned(sql`
    select ${columns} from unnest(${references}::text[]) as u (reference)
    cross join lateral (select * from distribution d where d.merchant_id = ${tx.merchantId} and d.kind = 'distribution' and d.order_reference = u.reference offset 0) d`),
  );

export const lockDistributions = (tx: Tx, ids: string[]): Promise<Distribution[]> =>
  tx.rows(sql`select ${columns} from distribution d where d.merchant_id = ${tx.merchantId} and d.id = any(${ids}::uuid[]) order by d.id for update`);

export const tryLockDistributions = (tx: Tx, ids: string[]): Promise<Distribution[]> =>
  tx.rows(sql`select ${columns} from distribution d where d.merchant_id = ${tx.merchantId} and d.id = any(${ids}::uuid[]) for update skip locked`);

const distributionShape = shape<Distribution>(
  ['id', 'uuid', 'id'],
  ['kind', 'text', 'kind'],
  ['beneficiary_id', 'uuid', 'beneficiaryId'],
  ['source', 'text', 'source'],
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

/**
 * Writes distributions, new ones and changed ones, each changed one only where it still stands one change before. An insert whose
 * conflict is expected finds each by its key.
 */
export const storeDistributions = (tx: Tx, rows: Distribution[]): Promise<number> =>
  tx.run(sql`
    insert into distribution as d (merchant_id, id, kind, beneficiary_id, source, state, seq, amount, currency, order_reference, recipient_name, recipient_bin, recipient_iban, recipient_bic, recipient_kbe, recipient_knp, payment_purpose,
      balance_before, balance_after, retrieval_reference_number, error_code, error_message, created_at, updated_at, final_at)
    select m.merchant_id, u.* from merchant m, ${table(rows, distributionShape)} where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, id) do update set state = excluded.state, seq = excluded.seq, retrieval_reference_number = excluded.retrieval_reference_number, error_code = excluded.error_code,
      error_message = excluded.error_message, updated_at = excluded.updated_at, final_at = excluded.final_at
    where d.seq = excluded.seq - 1`);

/** What a list is narrowed to; null does not narrow. */
export interface Filter {
  kind: Distribution['kind'];
  states: OutgoingState[] | null;
  orderReference: string | null;
  beneficiaryId: string | null;
}

const narrowed = fragment`d.kind = u.kind and (u.states is null or d.state = any(u.states)) and (u.order_reference is null or d.order_reference = u.order_reference) and (u.beneficiary_id is null or d.beneficiary_id = u.beneficiary_id)`;

/** @returns newest first */
export const listDistributions = (tx: Tx, { kind, states, orderReference, beneficiaryId }: Filter, limit: number, offset: number): Promise<Distribution[]> =>
  tx.rows(sql`
    select ${columns} from distribution d, (select ${kind}::text as kind, ${states}::text[] as states, ${orderReference}::text as order_reference, ${beneficiaryId}::uuid as beneficiary_id) u
    where d.merchant_id = ${tx.merchantId} and ${narrowed} order by d.id desc limit ${limit} offset ${offset}`);

export const countDistributions = (tx: Tx, { kind, states, orderReference, beneficiaryId }: Filter): Promise<{ total: bigint }> =>
  tx.one(sql`
    select count(*) as total from distribution d, (select ${kind}::text as kind, ${states}::text[] as states, ${orderReference}::text as order_reference, ${beneficiaryId}::uuid as beneficiary_id) u
    where d.merchant_id = ${tx.merchantId} and ${narrowed}`);
