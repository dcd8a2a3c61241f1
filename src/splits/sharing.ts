import { holdBeneficiaries } from '../beneficiaries/beneficiary.ts';
import type { Tx } from '../db/db.ts';
import { column, sql } from '../db/sql.ts';
import { assert, conflict } from '../errors.ts';
import type { Ids } from '../ids.ts';
import { account, beneficiaryAccount, type Books } from '../ledger/books.ts';
import { advance, type Change, eventOf } from '../machine.ts';
import type { Minor } from '../money.ts';
import { type Hand, tell } from '../webhooks/events.ts';
import { partsOf, sumOf } from './parts.ts';
import { lockWaiting, orderSource, paymentSource, type Split, splitMachine, type SplitMove, storeSplits } from './split.ts';

/** Money that a payment brings, or none: then what has come in before is only looked at. */
export interface Incoming {
  orderReference: string;
  /** our own id of the payment; null: no payment of it is known */
  paymentId: string | null;
  currency: string;
  amount: Minor;
}

interface Income {
  source: string;
  currency: string;
  /** all that came in */
  amount: Minor;
  /** what of it was split */
  split: Minor;
}

const nameOf = ({ source, currency }: Pick<Income, 'source' | 'currency'>): string => `${source} ${currency}`;

/** Splits that may wait for one income: each of them is looked at with every payment. */
const MOST_WAITING = 100;

function isCovered(split: Split, income: Income | undefined): boolean {
  return income !== undefined && income.amount > 0n && income.split + sumOf(partsOf(income.amount, split.items)) <= income.amount;
}

/** A split that is being made, or changed while it waits. */
export interface Fresh {
  split: Split;
  isNew: boolean;
}

/**
 * Shares what comes in, in the transaction that brings it. Who brings money and who wants it split lock the same row, so that neither
 * misses the other, and what is shared was never the merchant's to spend. Open it before the books are locked, with its accounts among
 * them; then share; then write.
 */
export class Sharing {
  /** The accounts to lock. */
  readonly accounts: string[];
  private readonly changes: Change<Split, SplitMove>[] = [];

  private constructor(
    private readonly tx: Tx,
    private readonly incomes: Map<string, Income>,
    /** splits that what came in covers, the oldest first */
    private readonly waiting: Split[],
    private readonly fresh: Fresh | undefined,
    /** who may be given something */
    private readonly active: Set<string>,
  ) {
    this.accounts = waiting.flatMap(({ currency, items }) => [
      account('available', currency),
      ...items.map(({ beneficiaryId }) => beneficiaryAccount(beneficiaryId, currency)),
    ]);
  }

  /** @param fresh looked at like those that wait already. @throws {ApiError} 409 when it was to be changed and does not wait any more */
  static async open(tx: Tx, incoming: Incoming[], fresh?: Fresh): Promise<Sharing | undefined> {
    if (incoming.length === 0) return undefined;
    const incomes = await receive(tx, incoming);
    const known = await lockWaiting(tx, [...new Set(column([...incomes.values()], 'source'))]);
    if (fresh && !fresh.isNew && !known.some(({ id }) => id === fresh.split.id)) throw conflict('the split is not waiting any more');
    if (fresh?.isNew && known.length >= MOST_WAITING) throw conflict(`${MOST_WAITING} splits wait for this payment already`);
    const waiting = [...known.filter(({ id }) => id !== fresh?.split.id), ...(fresh ? [fresh.split] : [])]
      .filter((split) => isCovered(split, incomes.get(nameOf(split)))) // by itself: those before it may take what it needs
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const wanted = [...new Set(waiting.flatMap(({ items }) => column(items, 'beneficiaryId')))];
    const beneficiaries = wanted.length > 0 ? await holdBeneficiaries(tx, wanted) : [];
    return new Sharing(tx, incomes, waiting, fresh, new Set(beneficiaries.filter(({ status }) => status === 'active').map(({ id }) => id)));
  }

  /** Posts the shares of each split that what came in covers. The others wait: more may come. */
  share(books: Books): void {
    for (const split of this.waiting) {
      const [own, ...around] = this.incomesOf(split);
      const parts = partsOf(own.amount, split.items);
      const sum = sumOf(parts);
      if ([own, ...around].some((income) => income.split + sum > income.amount)) continue;
      const inactive = split.items.find(({ beneficiaryId }) => !this.active.has(beneficiaryId));
      const available = account('available', split.currency);
      if (inactive) this.fail(split, `beneficiary ${inactive.beneficiaryId} is inactive`);
      else if (books.balance(available) < sum) this.fail(split, 'the balance does not cover the shares');
      else {
        for (const [i, { beneficiaryId }] of split.items.entries()) {
          const [to, amount] = [beneficiaryAccount(beneficiaryId, split.currency), parts[i] as Minor];
          if (amount > 0n) books.post({ objectId: split.id, kind: 'split', line: i + 1, from: available, to, amount });
        }
        for (const income of [own, ...around]) income.split += sum;
        this.changes.push({ row: split, move: 'process', cause: 'payment', patch: { parts } });
      }
    }
  }

  /** Why the fresh one cannot be carried out now, where it is its turn. */
  get refusal(): string | undefined {
    return this.changes.find(({ row, move }) => move === 'fail' && row.id === this.fresh?.split.id)?.patch?.failureReason ?? undefined;
  }

  /** @returns the fresh one, as it is now */
  async write(at: Date, ids: Ids, hand?: Hand): Promise<Split | undefined> {
    const { tx, fresh, changes } = this;
    if (fresh) assert((await storeSplits(tx, [fresh.split])) === 1, 'the split was written');
    if (fresh?.isNew) await tell(tx, [eventOf(tx, splitMachine, null, fresh.split, 'request', at, ids)], at);
    const [moved] = await Promise.all([advance(tx, splitMachine, changes, at, ids, hand), this.storeIncomes()]);
    return moved.find(({ id }) => id === fresh?.split.id) ?? fresh?.split;
  }

  private fail(row: Split, failureReason: string): void {
    this.changes.push({ row, move: 'fail', cause: 'payment', patch: { failureReason } });
  }

  /** That of the payment, where it is one's, and that of its order. */
  private incomesOf(split: Split): [Income, ...Income[]] {
    const sources = [...new Set([split.source, orderSource(split.orderReference)])];
    const found = sources.map((source) => this.incomes.get(nameOf({ source, currency: split.currency })));
    assert(
      found.every((income) => income !== undefined),
      'who comes with a payment comes with its order',
    );
    return found as [Income, ...Income[]];
  }

  private async storeIncomes(): Promise<void> {
    if (this.changes.every(({ move }) => move !== 'process')) return;
    const rows = [...this.incomes.values()];
    const written = await this.tx.run(sql`
      insert into income as i (merchant_id, source, currency, amount, split)
      select m.merchant_id, u.source, u.currency, u.amount, u.split
      from merchant m, unnest(${column(rows, 'source')}::text[], ${column(rows, 'currency')}::text[], ${column(rows, 'amount')}::bigint[], ${column(rows, 'split')}::bigint[]) as u (source, currency, amount, split)
      where m.merchant_id = ${this.tx.merchantId}
      on conflict (merchant_id, source, currency) do update set split = excluded.split`);
    assert(written === rows.length, 'every income was written');
  }
}

/** Adds what comes in, and locks the rows of it: all transactions in one order. */
async function receive(tx: Tx, incoming: Incoming[]): Promise<Map<string, Income>> {
  const sums = new Map<string, { source: string; currency: string; amount: Minor }>();
  for (const { orderReference, paymentId, currency, amount } of incoming) {
    for (const source of [orderSource(orderReference), ...(paymentId === null ? [] : [paymentSource(paymentId)])]) {
      const name = nameOf({ source, currency });
      sums.set(name, { source, currency, amount: (sums.get(name)?.amount ?? 0n) + amount });
    }
  }
  const rows = [...sums.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  const incomes = await tx.rows<Income>(sql`
    insert into income as i (merchant_id, source, currency, amount)
    select m.merchant_id, u.source, u.currency, u.amount
    from merchant m, unnest(${column(rows, 'source')}::text[], ${column(rows, 'currency')}::text[], ${column(rows, 'amount')}::bigint[]) as u (source, currency, amount)
    where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, source, currency) do update set amount = i.amount + excluded.amount
    returning i.source, i.currency, i.amount, i.split`);
  assert(incomes.length === rows.length, 'every income was written');
  return new Map(incomes.map((income) => [nameOf(income), income]));
}
