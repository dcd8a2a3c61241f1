import type { Tx } from '../db/db.ts';
import { column, fragment, sql } from '../db/sql.ts';
import { assert } from '../errors.ts';
import type { Minor } from '../money.ts';

/** One file for the bank. Amounts in minor units. */
export interface Batch {
  id: string;
  /** the file's MsgId, and its name */
  messageId: string;
  state: 'open' | 'staged' | 'written';
  currency: string;
  payments: number;
  amount: Minor;
  /** YYYY-MM-DD */
  requestedOn: string;
  createdAt: Date;
  tries: number;
  token: string | null;
  folder: string | null;
}

export interface BatchItem {
  payoutId: string;
  /** EndToEndId */
  reference: string;
}

const columns = fragment`b.id, b.message_id as "messageId", b.state, b.currency, b.payments, b.amount, b.requested_on::text as "requestedOn", b.created_at as "createdAt", b.tries, b.token, b.folder`;

/** Makes a batch and fixes what is in it. */
export async function insertBatch(tx: Tx, batch: Batch, items: BatchItem[], dueAt: Date): Promise<void> {
  await tx.run(sql`
    insert into bank_batch as b (merchant_id, id, message_id, currency, payments, amount, requested_on, created_at, tries, next_at)
    select m.merchant_id, ${batch.id}::uuid, ${batch.messageId}, ${batch.currency}, ${batch.payments}::int, ${batch.amount}::bigint, ${batch.requestedOn}::date, ${batch.createdAt}::timestamptz, ${batch.tries}::int, ${dueAt}::timestamptz
    from merchant m where m.merchant_id = ${tx.merchantId}`);
  const written = await tx.run(sql`
    insert into bank_batch_item as i (merchant_id, batch_id, position, payout_id, reference)
    select m.merchant_id, ${batch.id}::uuid, u.position, u.payout_id, u.reference
    from merchant m, unnest(${column(items, 'payoutId')}::uuid[], ${column(items, 'reference')}::text[]) with ordinality as u (payout_id, reference, position)
    where m.merchant_id = ${tx.merchantId}`);
  assert(written === items.length, 'every payment of a batch was written');
}

/** Takes batches that were left unfinished, so that nobody else does: until the lease ends. */
export const takeUnfinished = (tx: Tx, now: Date, leaseUntil: Date, folder: string): Promise<Batch[]> =>
  tx.rows(sql`
    update bank_batch as b set tries = b.tries + 1, next_at = ${leaseUntil}::timestamptz
    from (
      select d.id from bank_batch d
      where d.merchant_id = ${tx.merchantId} and d.next_at <= ${now}::timestamptz and (d.folder is null or d.folder = ${folder})
      order by d.next_at limit 10 for update skip locked
    ) due
    where b.merchant_id = ${tx.merchantId} and b.id = due.id
    returning ${columns}`);

/** A finished file waits under a token. @returns false when somebody else has taken over */
export const setStaged = async (tx: Tx, { id, tries }: Batch, token: string, folder: string): Promise<boolean> =>
  (await tx.run(sql`
    update bank_batch as b set state = 'staged', token = ${token}, folder = ${folder}
    where b.merchant_id = ${tx.merchantId} and b.id = ${id}::uuid and b.state = 'open' and b.tries = ${tries}::int`)) === 1;

export const setWritten = (tx: Tx, id: string): Promise<number> =>
  tx.run(
    sql`update bank_batch as b set state = 'written', next_at = null where b.merchant_id = ${tx.merchantId} and b.id = ${id}::uuid and b.state = 'staged'`,
  );

/** A page of what is in a batch, in the order of the file. */
export const itemsOf = (tx: Tx, batchId: string, after: number, limit: number): Promise<(BatchItem & { position: number })[]> =>
  tx.rows(sql`
    select i.position, i.payout_id as "payoutId", i.reference from bank_batch_item i
    where i.merchant_id = ${tx.merchantId} and i.batch_id = ${batchId}::uuid and i.position > ${after}::int order by i.position limit ${limit}`);

/** Those of these references that are in a batch. */
export const itemsByReference = (tx: Tx, batchId: string, references: string[]): Promise<BatchItem[]> =>
  tx.rows(sql`
    select i.payout_id as "payoutId", i.reference from bank_batch_item i
    where i.merchant_id = ${tx.merchantId} and i.batch_id = ${batchId}::uuid and i.reference = any(${references}::text[])`);

export const batchByMessage = (tx: Tx, messageId: string): Promise<Batch | undefined> =>
  tx.maybe(sql`select ${columns} from bank_batch b where b.merchant_id = ${tx.merchantId} and b.message_id = ${messageId}`);

export const setBankStatus = (tx: Tx, id: string, status: string): Promise<number> =>
  tx.run(sql`update bank_batch as b set bank_status = ${status} where b.merchant_id = ${tx.merchantId} and b.id = ${id}::uuid`);
