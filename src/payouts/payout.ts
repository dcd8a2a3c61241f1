import type { Tx } from '../db/db.ts';
import { fragment, shape, sql, table } from '../db/sql.ts';
import { account, Books } from '../ledger/books.ts';
import type { Machine } from '../machine.ts';
import { dayIn, startOfDay, theMerchant } from '../merchants/merchants.ts';
import type { Minor } from '../money.ts';
import { isFinal, type Outgoing, type OutgoingMove, outgoingMoves, type OutgoingState } from '../sending/outgoing.ts';
import { transactionEvent, transactionView } from '../transactions/view.ts';

/** Money out to a person's card. Amount and fee in minor units of its currency. */
export interface Payout extends Outgoing {
  cardTokenId: string;
  customerId: string;
  brand: string;
  bin: string;
  last4: string;
  orderReference: string | null;
  storeId: string;
  terminalId: string;
}

const written = new WeakMap<Payout, string>();

/** What a merchant sees of a payout, in JSON. Written once for each change: the answer and the event say the same. */
export function payoutText(payout: Payout): string {
  let text = written.get(payout);
  if (text === undefined) written.set(payout, (text = JSON.stringify(transactionView(payout))));
  return text;
}

export const payoutMachine: Machine<Payout, OutgoingState, OutgoingMove> = {
  moves: outgoingMoves,
  event: (tx, payout, at) => transactionEvent(tx.merchantId, payout.state, payoutText(payout), at),
  stamp: (payout, at) => ({ ...payout, updatedAt: at, finalAt: isFinal(payout.state) ? at : null }),
  store: (tx, changes) =>
    storePayouts(
      tx,
      changes.map(({ to }) => to),
    ),
};

const columns = fragment`p.id, p.state, p.seq, p.amount, p.fee, p.currency, p.card_token_id as "cardTokenId", p.customer_id as "customerId", p.brand, p.bin, p.last4,
  p.order_reference as "orderReference", p.description, p.store_id as "storeId", p.terminal_id as "terminalId", p.retrieval_reference_number as "retrievalReferenceNumber",
  p.error_code as "errorCode", p.error_message as "errorMessage", p.created_at as "createdAt", p.updated_at as "updatedAt", p.final_at as "finalAt"`;

export const payoutsById = (tx: Tx, ids: string[]): Promise<Payout[]> =>
  tx.rows(sql`select ${columns} from payout p where p.merchant_id = ${tx.merchantId} and p.id = any(${ids}::uuid[])`);

/** Locks payouts: whoever changes one, or what was submitted for it, holds its row first. */
export const lockPayouts = (tx: Tx, ids: string[]): Promise<Payout[]> =>
  tx.rows(sql`select ${columns} from payout p where p.merchant_id = ${tx.merchantId} and p.id = any(${ids}::uuid[]) order by p.id for update`);

/** Locks those that nobody else holds at this moment. */
export const tryLockPayouts = (tx: Tx, ids: string[]): Promise<Payout[]> =>
  tx.rows(sql`select ${columns} from payout p where p.merchant_id = ${tx.merchantId} and p.id = any(${ids}::uuid[]) for update skip locked`);

const payoutShape = shape<Payout>(
  ['id', 'uuid', 'id'],
  ['state', 'text', 'state'],
  ['seq', 'int', 'seq'],
  ['amount', 'bigint', 'amount'],
  ['fee', 'bigint', 'fee'],
  ['currency', 'text', 'currency'],
  ['card_token_id', 'uuid', 'cardTokenId'],
  ['customer_id', 'uuid', 'customerId'],
  ['brand', 'text', 'brand'],
  ['bin', 'text', 'bin'],
  ['last4', 'text', 'last4'],
  ['order_reference', 'text', 'orderReference'],
  ['description', 'text', 'description'],
  ['store_id', 'text', 'storeId'],
  ['terminal_id', 'text', 'terminalId'],
  ['retrieval_reference_number', 'text', 'retrievalReferenceNumber'],
  ['error_code', 'text', 'errorCode'],
  ['error_message', 'text', 'errorMessage'],
  ['created_at', 'timestamptz', 'createdAt'],
  ['updated_at', 'timestamptz', 'updatedAt'],
  ['final_at', 'timestamptz', 'finalAt'],
);

export const insertPayouts = (tx: Tx, rows: Payout[]): Promise<number> =>
  tx.run(sql`
    insert into payout as p (merchant_id, id, state, seq, amount, fee, currency, card_token_id, customer_id, brand, bin, last4, order_reference, description, store_id, terminal_id,
      retrieval_reference_number, error_code, error_message, created_at, updated_at, final_at)
    select m.merchant_id, u.* from merchant m, ${table(rows, payoutShape)} where m.merchant_id = ${tx.merchantId}`);

/**
 * Changes payouts, each only if it stands one change before. Written as an insert whose conflict is expected: the rows are
 * found by their key, whatever a planner believes of how many rows a merchant has.
 */
const storePayouts = (tx: Tx, rows: Payout[]): Promise<number> =>
  tx.run(sql`
    insert into payout as p (merchant_id, id, state, seq, amount, fee, currency, card_token_id, customer_id, brand, bin, last4, order_reference, description, store_id, terminal_id,
      retrieval_reference_number, error_code, error_message, created_at, updated_at, final_at)
    select m.merchant_id, u.* from merchant m, ${table(rows, payoutShape)} where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, id) do update set state = excluded.state, seq = excluded.seq, retrieval_reference_number = excluded.retrieval_reference_number, error_code = excluded.error_code,
      error_message = excluded.error_message, updated_at = excluded.updated_at, final_at = excluded.final_at
    where p.seq = excluded.seq - 1`);

/**
 * What was accepted on a day and not given back, in each of these currencies; read under the lock of the merchant's balance.
 * A day that nobody has counted yet is added up from its payouts.
 */
export async function usageOf(tx: Tx, currencies: string[], day: string, since: Date): Promise<Map<string, Minor>> {
  if (currencies.length === 0) return new Map();
  const counted = await tx.rows<{ currency: string; amount: Minor }>(
    sql`select u.currency, u.amount from usage u where u.merchant_id = ${tx.merchantId} and u.day = ${day}::date`,
  );
  const usage = new Map(counted.map(({ currency, amount }) => [currency, amount]));
  for (const currency of currencies.filter((one) => !usage.has(one))) usage.set(currency, await acceptedSince(tx, currency, since));
  return usage;
}

export const acceptedSince = async (tx: Tx, currency: string, since: Date): Promise<Minor> =>
  (
    await tx.one<{ amount: Minor }>(sql`
      select coalesce(sum(p.amount), 0)::bigint as amount from payout p
      where p.merchant_id = ${tx.merchantId} and p.currency = ${currency} and p.created_at >= ${since} and p.state not in ('rejected', 'failed')`)
  ).amount;

export const setUsage = (tx: Tx, day: string, currency: string, amount: Minor): Promise<number> =>
  tx.run(sql`
    insert into usage as u (merchant_id, currency, day, amount)
    select m.merchant_id, ${currency}, ${day}::date, ${amount}::bigint from merchant m where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, currency, day) do update set amount = excluded.amount`);

/** Counts the present day anew, under the lock of the balance: limits that were just set begin with what was accepted before. */
export async function recount(tx: Tx, currency: string, now: Date): Promise<void> {
  const { timeZone } = await theMerchant(tx);
  const books = await Books.lock(tx, [account('available', currency), account('held', currency)], now);
  await setUsage(tx, dayIn(timeZone, books.at), currency, await acceptedSince(tx, currency, startOfDay(timeZone, books.at)));
}

/** A payout that failed no longer counts in the day that accepted it. A day that was not counted to its end, since there was no limit, stays at zero. */
export const giveBackUsage = (tx: Tx, day: string, currency: string, amount: Minor): Promise<number> =>
  tx.run(
    sql`update usage as u set amount = greatest(u.amount - ${amount}::bigint, 0) where u.merchant_id = ${tx.merchantId} and u.currency = ${currency} and u.day = ${day}::date`,
  );

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
