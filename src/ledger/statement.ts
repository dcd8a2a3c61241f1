import type { Tx } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import type { Minor } from '../money.ts';

export interface Balance {
  account: string;
  kind: string;
  currency: string;
  balance: Minor;
}

/** What a merchant's own accounts stand at, now; those of its beneficiaries, which may be many, are asked for one by one. */
export const balances = (tx: Tx): Promise<Balance[]> =>
  tx.rows(
    sql`select a.id as account, a.kind, a.currency, a.balance from account a where a.merchant_id = ${tx.merchantId} and a.kind <> 'beneficiary' order by a.currency, a.id`,
  );

/** What one account stands at, and since when; an account that nothing was posted to is at zero. */
export async function balanceOf(tx: Tx, account: string): Promise<{ balance: Minor; at: Date | null }> {
  const found = await tx.maybe<{ balance: Minor; at: Date }>(
    sql`select a.balance, a.last_at as at from account a where a.merchant_id = ${tx.merchantId} and a.id = ${account}`,
  );
  return found ?? { balance: 0n, at: null };
}

export interface Entry {
  entry: bigint;
  at: Date;
  objectId: string;
  kind: string;
  /** minor units; negative where money left the account */
  amount: Minor;
  /** after this entry */
  balance: Minor;
  counterparty: string;
}

/**
 * The statement of an account as of a time: its entries up to then, newest first, each with the balance after it.
 * @param before an entry number to go on from (exclusive)
 */
export const statement = (tx: Tx, account: string, asOf: Date, limit: number, before?: bigint): Promise<Entry[]> =>
  tx.rows(sql`
    select e.entry, e.at, e.object_id as "objectId", e.kind, e.amount, e.balance, e.counterparty from (
      (select t.from_entry as entry, t.at, t.object_id, t.kind, -t.amount as amount, t.from_balance as balance, t.to_account as counterparty
        from transfer t where t.merchant_id = ${tx.merchantId} and t.from_account = ${account} and t.at <= ${asOf} and (${before ?? null}::bigint is null or t.from_entry < ${before ?? null}::bigint)
        order by t.from_entry desc limit ${limit})
      union all
      (select t.to_entry, t.at, t.object_id, t.kind, t.amount, t.to_balance, t.from_account
        from transfer t where t.merchant_id = ${tx.merchantId} and t.to_account = ${account} and t.at <= ${asOf} and (${before ?? null}::bigint is null or t.to_entry < ${before ?? null}::bigint)
        order by t.to_entry desc limit ${limit})
    ) e order by e.entry desc limit ${limit}`);

/** The balance of an account as of a time: that of its last entry before it. */
export async function balanceAsOf(tx: Tx, account: string, asOf: Date): Promise<Minor> {
  const [last] = await statement(tx, account, asOf, 1);
  return last?.balance ?? 0n;
}
