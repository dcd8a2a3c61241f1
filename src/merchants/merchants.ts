import type { Tx } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import type { Minor } from '../money.ts';

export interface Merchant {
  id: string;
  organisationId: string;
  mode: 'test' | 'live';
  name: string;
  /** business number, where it is known */
  bin: string | null;
  code: string;
  timeZone: string;
  storeId: string;
  terminalId: string;
  requestsPerSecond: number | null;
  createdAt: Date;
}

export const theMerchant = (tx: Tx): Promise<Merchant> =>
  tx.one(sql`
    select m.merchant_id as id, m.organisation_id as "organisationId", m.mode, m.name, m.bin, m.code, m.time_zone as "timeZone", m.store_id as "storeId", m.terminal_id as "terminalId",
      m.requests_per_second as "requestsPerSecond", m.created_at as "createdAt"
    from merchant m where m.merchant_id = ${tx.merchantId}`);

/** What a merchant may do in a currency and what it costs. Amounts in minor units; null means no limit. */
export interface Terms {
  currency: string;
  minAmount: Minor;
  maxAmount: Minor | null;
  dailyLimit: Minor | null;
  cardDailyLimit: Minor | null;
  feeFixed: Minor;
  feeBasisPoints: number;
}

export const noTerms = (currency: string): Terms => ({
  currency,
  minAmount: 1n,
  maxAmount: null,
  dailyLimit: null,
  cardDailyLimit: null,
  feeFixed: 0n,
  feeBasisPoints: 0,
});

export const termsOf = (tx: Tx): Promise<Terms[]> =>
  tx.rows(sql`
    select t.currency, t.min_amount as "minAmount", t.max_amount as "maxAmount", t.daily_limit as "dailyLimit", t.card_daily_limit as "cardDailyLimit", t.fee_fixed as "feeFixed", t.fee_basis_points as "feeBasisPoints"
    from terms t where t.merchant_id = ${tx.merchantId}`);

export const setTerms = (tx: Tx, terms: Terms): Promise<number> =>
  tx.run(sql`
    insert into terms as t (merchant_id, currency, min_amount, max_amount, daily_limit, card_daily_limit, fee_fixed, fee_basis_points)
    select m.merchant_id, ${terms.currency}, ${terms.minAmount}::bigint, ${terms.maxAmount}::bigint, ${terms.dailyLimit}::bigint, ${terms.cardDailyLimit}::bigint, ${terms.feeFixed}::bigint, ${terms.feeBasisPoints}::int
    from merchant m where m.merchant_id = ${tx.merchantId}
    on conflict (merchant_id, currency) do update set min_amount = excluded.min_amount, max_amount = excluded.max_amount, daily_limit = excluded.daily_limit,
      card_daily_limit = excluded.card_daily_limit, fee_fixed = excluded.fee_fixed, fee_basis_points = excluded.fee_basis_points`);

const formatters = new Map<string, Intl.DateTimeFormat>();

/** The day that a moment belongs to in a time zone, as YYYY-MM-DD. */
export function dayIn(timeZone: string, at: Date): string {
  let format = formatters.get(timeZone);
  if (!format) formatters.set(timeZone, (format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })));
  return format.format(at);
}

/** The first moment of the day that `at` belongs to in a time zone. */
export function startOfDay(timeZone: string, at: Date): Date {
  const day = dayIn(timeZone, at);
  let [early, late] = [at.getTime() - 26 * 3_600_000, at.getTime()]; // the day begins in between
  while (late - early > 1) {
    const middle = Math.floor((early + late) / 2);
    if (dayIn(timeZone, new Date(middle)) === day) late = middle;
    else early = middle;
  }
  return new Date(late);
}
