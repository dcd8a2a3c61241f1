import type { Tx } from '../db/db.ts';
import { fragment, sql } from '../db/sql.ts';

/** What is known of a saved card outside the vault: never its number. */
export interface CardToken {
  id: string;
  customerId: string;
  brand: string;
  bin: string;
  last4: string;
  expiryMonth: number;
  expiryYear: number;
  createdAt: Date;
}

const columns = fragment`c.id, c.customer_id as "customerId", c.brand, c.bin, c.last4, c.expiry_month as "expiryMonth", c.expiry_year as "expiryYear", c.created_at as "createdAt"`;

export const cardsById = (tx: Tx, ids: string[]): Promise<CardToken[]> =>
  tx.rows(sql`select ${columns} from card_token c where c.merchant_id = ${tx.merchantId} and c.id = any(${ids}::uuid[])`);

export const cardsOfCustomer = (tx: Tx, customerId: string): Promise<CardToken[]> =>
  tx.rows(sql`select ${columns} from card_token c where c.merchant_id = ${tx.merchantId} and c.customer_id = ${customerId} order by c.id`);

export const insertCard = (tx: Tx, card: CardToken & { fingerprint: string }): Promise<number> =>
  tx.run(sql`
    insert into card_token as c (merchant_id, id, customer_id, brand, bin, last4, expiry_month, expiry_year, fingerprint, created_at)
    select m.merchant_id, ${card.id}::uuid, ${card.customerId}::uuid, ${card.brand}, ${card.bin}, ${card.last4}, ${card.expiryMonth}::smallint, ${card.expiryYear}::smallint, ${card.fingerprint}, ${card.createdAt}::timestamptz
    from merchant m where m.merchant_id = ${tx.merchantId}`);

/** A card is good through the last day of its month, anywhere on earth. @source ISO/IEC 7813 */
export const isExpired = (card: { expiryMonth: number; expiryYear: number }, now: Date): boolean =>
  Date.UTC(card.expiryYear, card.expiryMonth, 1) + 12 * 3_600_000 <= now.getTime();
