import { column, sql } from '../db/sql.ts';
import type { Tx } from '../db/db.ts';
import { assert } from '../errors.ts';
import type { Ids } from '../ids.ts';
import { account } from '../ledger/books.ts';
import { dayIn, theMerchant } from '../merchants/merchants.ts';
import type { Minor } from '../money.ts';
import type { OpenDestination, OutgoingKind, Return } from '../sending/outgoing.ts';
import { type Transaction, transactionEvent, transactionView } from '../transactions/view.ts';
import type { OpenCard } from '../vault/vault.ts';
import type { NewEvent } from '../webhooks/events.ts';
import { giveBackUsage, lockPayouts, type Payout, payoutMachine, payoutsById, tryLockPayouts } from './payout.ts';

/** Payouts as money on its way out. */
export const payoutKind = (openCards: (merchantId: string, tokenIds: string[]) => Promise<Map<string, OpenCard>>): OutgoingKind<Payout> => ({
  machine: payoutMachine,
  source: ({ currency }) => account('available', currency),
  byId: payoutsById,
  standing: payoutsById,
  lock: lockPayouts,
  tryLock: tryLockPayouts,
  async destinations(merchantId, payouts) {
    const cards = await openCards(merchantId, [...new Set(column(payouts, 'cardTokenId'))]);
    return new Map(payouts.flatMap(({ id, cardTokenId }): [string, OpenDestination][] => onto(id, cards.get(cardTokenId))));
  },
  released: giveBack,
  async returned(tx, payoutIds) {
    const known = await tx.rows<{ payoutId: string }>(
      sql`select r.payout_id as "payoutId" from payout_return r where r.merchant_id = ${tx.merchantId} and r.payout_id = any(${payoutIds}::uuid[])`,
    );
    return column(known, 'payoutId');
  },
  insertReturns,
  returnEvent,
});

const onto = (id: string, card: OpenCard | undefined): [string, OpenDestination][] =>
  card ? [[id, (use) => card.use((destination) => use({ kind: 'card', destination }))]] : [];

/** What failed or was rejected no longer counts in the day that had accepted it. */
async function giveBack(tx: Tx, released: Payout[]): Promise<void> {
  const { timeZone } = await theMerchant(tx);
  const sums = new Map<string, Minor>();
  for (const { createdAt, currency, amount } of released) {
    const day = `${dayIn(timeZone, createdAt)} ${currency}`;
    sums.set(day, (sums.get(day) ?? 0n) + amount);
  }
  for (const [day, amount] of [...sums].sort()) {
    const [date, currency] = day.split(' ') as [string, string];
    await giveBackUsage(tx, date, currency, amount);
  }
}

async function insertReturns(tx: Tx, returns: Return<Payout>[], at: Date): Promise<void> {
  const rows = returns.map(({ id, payout, code }) => ({ id, payoutId: payout.id, amount: payout.amount, currency: payout.currency, code }));
  const written = await tx.run(sql`
    insert into payout_return as r (merchant_id, id, payout_id, amount, currency, code, created_at)
    select m.merchant_id, u.id, u.payout_id, u.amount, u.currency, u.code, ${at}::timestamptz
    from merchant m, unnest(${column(rows, 'id')}::uuid[], ${column(rows, 'payoutId')}::uuid[], ${column(rows, 'amount')}::bigint[], ${column(rows, 'currency')}::text[], ${column(rows, 'code')}::text[]) as u (id, payout_id, amount, currency, code)
    where m.merchant_id = ${tx.merchantId}`);
  assert(written === returns.length, 'every return was written');
}

/** A return is a transaction of its own, with the payout as its parent. */
const returnTransaction = (id: string, payout: Payout, code: string | null, at: Date): Transaction => ({
  ...payout,
  ...{ id, type: 'return', state: 'returned', parentTransactionId: payout.id, errorCode: code, errorMessage: code ? 'returned by the bank' : null },
  ...{ createdAt: at, updatedAt: at, finalAt: at },
});

const returnEvent = (tx: Tx, { id, payout, code }: Return<Payout>, at: Date, ids: Ids): NewEvent => ({
  ...{ id: ids.uuid(), objectId: id, objectSeq: 1, fromState: null, toState: 'returned', cause: 'callback' },
  ...transactionEvent(tx.merchantId, 'returned', JSON.stringify(transactionView(returnTransaction(id, payout, code, at))), at),
});
