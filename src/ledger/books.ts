import type { Tx } from '../db/db.ts';
import { column, shape, sql, table } from '../db/sql.ts';
import { assert } from '../errors.ts';
import type { Minor } from '../money.ts';

/**
 * The chart: the accounts that a merchant has in a currency. Credit is positive: `available` is what we owe the merchant
 * and may pay out, `held` is on its way, `clearing` went to a processor, `fees` is ours, `suspense` awaits a person,
 * `world` is everybody else. `beneficiary` is what we owe a partner of the merchant.
 */
export type AccountKind = 'available' | 'held' | 'clearing' | 'fees' | 'suspense' | 'world' | 'beneficiary';
export const account = (kind: Exclude<AccountKind, 'clearing' | 'beneficiary'>, currency: string): string => `${kind}/${currency}`;
export const clearing = (connector: string, currency: string): string => `clearing:${connector}/${currency}`;
export const beneficiaryAccount = (id: string, currency: string): string => `beneficiary:${id}/${currency}`;

/** Money of a merchant and its partners never goes below zero; the other side of it may. */
const floorOf = (kind: AccountKind): Minor | null => (kind === 'available' || kind === 'held' || kind === 'beneficiary' ? 0n : null);

export interface Posting {
  /** what caused it; with kind, ordinal and line it is posted once, whoever tries again */
  objectId: string;
  kind: 'reserve' | 'settle' | 'release' | 'capture' | 'topup' | 'return' | 'suspense' | 'split' | 'recall' | 'receive';
  line?: number;
  from: string;
  to: string;
  amount: Minor;
}

interface AccountRow {
  id: string;
  kind: AccountKind;
  currency: string;
  balance: Minor;
  entries: bigint;
  floor: Minor | null;
  last_at: Date;
}

interface TransferRow {
  object_id: string;
  kind: string;
  line: number;
  currency: string;
  amount: Minor;
  from_account: string;
  from_entry: bigint;
  from_balance: Minor;
  to_account: string;
  to_entry: bigint;
  to_balance: Minor;
}

const transferShape = shape<TransferRow>(
  ['object_id', 'text', 'object_id'],
  ['kind', 'text', 'kind'],
  ['line', 'smallint', 'line'],
  ['currency', 'text', 'currency'],
  ['amount', 'bigint', 'amount'],
  ['from_account', 'text', 'from_account'],
  ['from_entry', 'bigint', 'from_entry'],
  ['from_balance', 'bigint', 'from_balance'],
  ['to_account', 'text', 'to_account'],
  ['to_entry', 'bigint', 'to_entry'],
  ['to_balance', 'bigint', 'to_balance'],
);

/**
 * The locked accounts of one transaction: lock, decide, post in memory, write once. Balances are exact for each posting,
 * as if they had come one by one.
 */
export class Books {
  /** The time of what is posted: never before an account's last entry, whatever the clocks of the processes say. */
  readonly at: Date;
  private readonly tx: Tx;
  private readonly accounts: Map<string, AccountRow>;
  private readonly transfers: TransferRow[] = [];

  private constructor(tx: Tx, rows: AccountRow[], now: Date) {
    this.tx = tx;
    this.accounts = new Map(rows.map((row) => [row.id, row]));
    this.at = rows.reduce((latest, { last_at }) => (last_at > latest ? last_at : latest), now);
  }

  /** Locks accounts in the order of their ids, opening those that are not there yet. */
  static async lock(tx: Tx, ids: string[], now: Date): Promise<Books> {
    const wanted = [...new Set(ids)].sort();
    let rows = await lockRows(tx, wanted);
    if (rows.length < wanted.length) {
      await openAccounts(tx, wanted, now);
      rows = await lockRows(tx, wanted);
    }
    assert(rows.length === wanted.length, 'every account is there after it was opened');
    return new Books(tx, rows, now);
  }

  balance(id: string): Minor {
    return this.row(id).balance;
  }

  /** @throws {AssertionError} when an account would fall below its floor: who posts has looked before */
  post({ objectId, kind, line = 1, from, to, amount }: Posting): void {
    const [source, target] = [this.row(from), this.row(to)];
    assert(amount > 0n, 'a transfer moves something');
    assert(source.currency === target.currency, 'a transfer has one currency');
    assert(source.floor === null || source.balance - amount >= source.floor, `${from} stays at or above its floor`);
    source.balance -= amount;
    target.balance += amount;
    this.transfers.push({
      object_id: objectId,
      kind,
      line,
      currency: source.currency,
      amount,
      from_account: from,
      from_entry: (source.entries += 1n),
      from_balance: source.balance,
      to_account: to,
      to_entry: (target.entries += 1n),
      to_balance: target.balance,
    });
  }

  /** Writes what was posted: the transfers and the new balances, in one go each. */
  async write(): Promise<void> {
    const rows = this.transfers.splice(0);
    if (rows.length === 0) return;
    const touched = [...new Set(rows.flatMap((row) => [row.from_account, row.to_account]))].map((id) => this.row(id));
    const { transfers, balances } = await this.tx.one<{ transfers: bigint; balances: bigint }>(sql`
      with posted as (
        insert into transfer as t (merchant_id, object_id, kind, line, currency, amount, from_account, from_entry, from_balance, to_account, to_entry, to_balance, at)
        select m.merchant_id, u.*, ${this.at}::timestamptz from merchant m, ${table(rows, transferShape)} where m.merchant_id = ${this.tx.merchantId}
        returning 1
      ), moved as (
        update account as a set balance = b.balance, entries = b.entries, last_at = ${this.at}::timestamptz
        from unnest(${column(touched, 'id')}::text[], ${column(touched, 'balance')}::bigint[], ${column(touched, 'entries')}::bigint[]) as b (id, balance, entries)
        where a.merchant_id = ${this.tx.merchantId} and a.id = b.id
        returning 1
      )
      select (select count(*) from posted) as transfers, (select count(*) from moved) as balances`);
    assert(transfers === BigInt(rows.length), 'every transfer was written');
    assert(balances === BigInt(touched.length), 'every balance was written');
  }

  private row(id: string): AccountRow {
    const row = this.accounts.get(id);
    assert(row, `account ${id} is locked before it is used`);
    return row;
  }
}

const lockRows = (tx: Tx, ids: string[]) =>
  tx.rows<AccountRow>(sql`
    select a.id, a.kind, a.currency, a.balance, a.entries, a.floor, a.last_at from account a
    where a.merchant_id = ${tx.merchantId} and a.id = any(${ids}::text[])
    order by a.id
    for update -- in the order of ids, so that two transactions never wait for each other`);

async function openAccounts(tx: Tx, ids: string[], now: Date): Promise<void> {
  const rows = ids.map((id) => {
    const [, kind, currency] = /^([a-z]+)(?::[^/]+)?\/([A-Z]{3})$/.exec(id) ?? [];
    assert(kind && currency, `${id} is an account of the chart`);
    return { id, kind, currency, floor: floorOf(kind as AccountKind) };
  });
  await tx.run(sql`
    insert into account as a (merchant_id, id, kind, currency, floor, last_at)
    select m.merchant_id, u.id, u.kind, u.currency, u.floor, ${now}::timestamptz
    from merchant m, unnest(${column(rows, 'id')}::text[], ${column(rows, 'kind')}::text[], ${column(rows, 'currency')}::text[], ${column(rows, 'floor')}::bigint[]) as u (id, kind, currency, floor)
    where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, id) do nothing`);
}
