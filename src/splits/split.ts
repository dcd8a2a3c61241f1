import type { Tx } from '../db/db.ts';
import { column, fragment, shape, sql, table, planned } from '../db/sql.ts';
import { notFound } from '../errors.ts';
import type { Machine } from '../machine.ts';
import type { Minor } from '../money.ts';
import type { Item } from './parts.ts';
import { splitEvent } from './view.ts';

export type SplitState = 'created' | 'processed' | 'failed' | 'deleted';
export type SplitMove = 'process' | 'fail' | 'delete';

/** Shares of a payment for beneficiaries, given to them as soon as the payment's money has come in. Amounts in minor units. */
export interface Split {
  id: string;
  state: SplitState;
  seq: number;
  /** whose income it shares: that of an order, or of one payment of it */
  source: string;
  orderReference: string;
  /** the payment, as the merchant knows it */
  transactionId: string | null;
  currency: string;
  items: Item[];
  /** what each of them was given */
  parts: Minor[] | null;
  failureReason: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** A split as it is stored: its items in JSON. */
type Row = Omit<Split, 'items'> & { items: string };

/** What is written of an item: amounts have at most fifteen digits, which JSON numbers hold exactly. */
type StoredItem = { beneficiaryId: string; amount?: number; basisPoints?: number };

export const orderSource = (orderReference: string): string => `order/${orderReference}`;
export const paymentSource = (paymentId: string): string => `payment/${paymentId}`;
/** The payment whose income it is; null: that of an order. */
export const paymentIn = (source: string): string | null => (source.startsWith('payment/') ? source.slice('payment/'.length) : null);

export const splitMachine: Machine<Split, SplitState, SplitMove> = {
  moves: { created: { process: 'processed', fail: 'failed', delete: 'deleted' }, processed: {}, failed: {}, deleted: {} },
  event: (tx, split, at) => splitEvent(tx.merchantId, split, at),
  stamp: (split, at) => ({ ...split, updatedAt: at }),
  store: (tx, changes) =>
    storeSplits(
      tx,
      changes.map(({ to }) => to),
    ),
};

const columns = fragment`s.id, s.state, s.seq, s.source, s.order_reference as "orderReference", s.transaction_id as "transactionId", s.currency, s.items::text as items, s.parts, s.failure_reason as "failureReason",
  s.created_at as "createdAt", s.updated_at as "updatedAt"`;

const splitShape = shape<Row & { partsText: string | null }>(
  ['id', 'uuid', 'id'],
  ['state', 'text', 'state'],
  ['seq', 'int', 'seq'],
  ['source', 'text', 'source'],
  ['currency', 'text', 'currency'],
  ['order_reference', 'text', 'orderReference'],
  ['transaction_id', 'text', 'transactionId'],
  ['items', 'jsonb', 'items'],
  ['parts', 'text', 'partsText'], // a list of lists cannot be a parameter: each is written as PostgreSQL writes a list
  ['failure_reason', 'text', 'failureReason'],
  ['created_at', 'timestamptz', 'createdAt'],
  ['updated_at', 'timestamptz', 'updatedAt'],
);

const toRow = (split: Split) => ({
  ...split,
  items: JSON.stringify(
    split.items.map(({ beneficiaryId, amount, basisPoints }) => ({ beneficiaryId, ...(amount === null ? { basisPoints } : { amount: Number(amount) }) })),
  ),
  partsText: split.parts && `{${split.parts.join(',')}}`,
});

function fromRow({ items, ...row }: Row): Split {
  const read = ({ beneficiaryId, amount, basisPoints }: StoredItem): Item => ({
    ...{ beneficiaryId, amount: amount === undefined ? null : BigInt(amount), basisPoints: basisPoints ?? null },
  });
  return { ...row, items: (JSON.parse(items) as StoredItem[]).map(read) };
}

/** Writes splits, new ones and changed ones: each of these only where it still stands one change before, or unchanged with other items. */
export const storeSplits = (tx: Tx, splits: Split[]): Promise<number> =>
  tx.run(sql`
    insert into split_request as s (merchant_id, id, state, seq, source, currency, order_reference, transaction_id, items, parts, failure_reason, created_at, updated_at)
    select m.merchant_id, u.id, u.state, u.seq, u.source, u.currency, u.order_reference, u.transaction_id, u.items, u.parts::bigint[], u.failure_reason, u.created_at, u.updated_at
    from merchant m, ${table(splits.map(toRow), splitShape)} where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, id) do update set state = excluded.state, seq = excluded.seq, items = excluded.items, parts = excluded.parts, failure_reason = excluded.failure_reason, updated_at = excluded.updated_at
    where s.state = 'created' and (s.seq = excluded.seq - 1 or (s.seq = excluded.seq and excluded.state = 'created'))`);

/** Locks the splits that wait for these incomes, all transactions in one order. Each is found by its income, whatever a planner believes of an empty table. */
export async function lockWaiting(tx: Tx, sources: string[]): Promise<Split[]> {
  const waiting = await tx.rows<{ id: string }>(
    planned(sql`
    select s.id from unnest(${sources}::text[]) as u (source) cross join lateral (select * from split_request s where s.merchant_id = ${tx.merchantId} and s.source = u.source and s.state = 'created' offset 0) s`),
  );
  if (waiting.length === 0) return [];
  const rows = await tx.rows<Row>(
    sql`select ${columns} from split_request s where s.merchant_id = ${tx.merchantId} and s.id = any(${column(waiting, 'id')}::uuid[]) and s.state = 'created' order by s.id for update`,
  );
  return rows.map(fromRow);
}

/** @throws {ApiError} 404 */
export async function lockSplit(tx: Tx, id: string): Promise<Split> {
  const found = await tx.maybe<Row>(sql`select ${columns} from split_request s where s.merchant_id = ${tx.merchantId} and s.id = ${id}::uuid for update`);
  if (!found) throw noSplit(id);
  return fromRow(found);
}

/** @throws {ApiError} 404 */
export async function splitById(tx: Tx, id: string): Promise<Split> {
  const found = await tx.maybe<Row>(sql`select ${columns} from split_request s where s.merchant_id = ${tx.merchantId} and s.id = ${id}::uuid`);
  if (!found) throw noSplit(id);
  return fromRow(found);
}

const noSplit = (id: string) => notFound(`no split request ${id}`);

/** What a list is narrowed to; null does not narrow. */
export interface SplitFilter {
  status: string | null;
  orderReference: string | null;
}

/** Newest first. */
export async function listSplits(tx: Tx, { status, orderReference }: SplitFilter, page: number, size: number): Promise<{ splits: Split[]; total: number }> {
  const [rows, { total }] = await Promise.all([
    tx.rows<Row>(sql`
      select ${columns} from split_request s
      where s.merchant_id = ${tx.merchantId} and (${status}::text is null or s.state = ${status}::text) and (${orderReference}::text is null or s.order_reference = ${orderReference}::text)
      order by s.id desc limit ${size} offset ${(page - 1) * size}`),
    tx.one<{ total: bigint }>(sql`
      select count(*) as total from split_request s
      where s.merchant_id = ${tx.merchantId} and (${status}::text is null or s.state = ${status}::text) and (${orderReference}::text is null or s.order_reference = ${orderReference}::text)`),
  ]);
  return { splits: rows.map(fromRow), total: Number(total) };
}
