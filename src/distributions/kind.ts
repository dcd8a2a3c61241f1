import type { Tx } from '../db/db.ts';
import { column, sql } from '../db/sql.ts';
import { assert } from '../errors.ts';
import type { Ids } from '../ids.ts';
import type { OpenDestination, OutgoingKind, Return } from '../sending/outgoing.ts';
import type { NewEvent } from '../webhooks/events.ts';
import { type Distribution, distributionMachine, distributionsById, lockDistributions, sourceOf, tryLockDistributions } from './distribution.ts';
import { orderReturnedEvent } from './order-view.ts';
import { returnedEvent } from './view.ts';

/** Distributions, and orders, as money on its way out. */
export const distributionKind: OutgoingKind<Distribution> = {
  machine: distributionMachine,
  source: sourceOf,
  byId: distributionsById,
  standing: (tx, ids) =>
    tx.rows(sql`select d.id, d.state, d.amount, d.currency from distribution d where d.merchant_id = ${tx.merchantId} and d.id = any(${ids}::uuid[])`),
  lock: lockDistributions,
  tryLock: tryLockDistributions,
  destinations: async (_merchantId, distributions) => new Map(distributions.map((distribution) => [distribution.id, accountOf(distribution)])),
  released: async () => undefined,
  async returned(tx, ids) {
    const known = await tx.rows<{ id: string }>(
      sql`select r.distribution_id as id from distribution_return r where r.merchant_id = ${tx.merchantId} and r.distribution_id = any(${ids}::uuid[])`,
    );
    return column(known, 'id');
  },
  insertReturns,
  returnEvent,
};

const accountOf =
  ({ name, bin, iban, bic, kbe, knp, paymentPurpose }: Distribution): OpenDestination =>
  (use) =>
    use({ kind: 'bank', destination: { iban, bic, name, bin, kbe, knp, purpose: paymentPurpose } });

async function insertReturns(tx: Tx, returns: Return<Distribution>[], at: Date): Promise<void> {
  const rows = returns.map(({ id, payout, code }) => ({ id, distributionId: payout.id, amount: payout.amount, currency: payout.currency, code }));
  const written = await tx.run(sql`
    insert into distribution_return as r (merchant_id, id, distribution_id, amount, currency, code, created_at)
    select m.merchant_id, u.id, u.distribution_id, u.amount, u.currency, u.code, ${at}::timestamptz
    from merchant m, unnest(${column(rows, 'id')}::uuid[], ${column(rows, 'distributionId')}::uuid[], ${column(rows, 'amount')}::bigint[], ${column(rows, 'currency')}::text[], ${column(rows, 'code')}::text[]) as u (id, distribution_id, amount, currency, code)
    where m.merchant_id = ${tx.merchantId}`);
  assert(written === returns.length, 'every return was written');
}

function returnEvent(tx: Tx, { id, payout, code }: Return<Distribution>, at: Date, ids: Ids): NewEvent {
  return {
    ...{ id: ids.uuid(), objectId: id, objectSeq: 1, fromState: null, toState: 'returned', cause: 'callback' },
    ...(payout.kind === 'order' ? orderReturnedEvent(tx.merchantId, id, payout) : returnedEvent(tx.merchantId, id, payout, code, at)),
  };
}
