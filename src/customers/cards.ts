import type { Tx } from '../db/db.ts';
import { column, fragment, sql } from '../db/sql.ts';
import { timestamp } from '../transactions/view.ts';
import type { CardFace } from '../vault/checked-card.ts';

export { isExpired } from '../vault/card-number.ts';

/** What is known of a saved card outside the vault: never its number. */
export interface CardToken extends CardFace {
  id: string;
  customerId: string;
  createdAt: Date;
}

const columns = fragment`c.id, c.customer_id as "customerId", c.brand, c.bin, c.last4, c.expiry_month as "expiryMonth", c.expiry_year as "expiryYear", c.created_at as "createdAt"`;

export const cardsById = (tx: Tx, ids: string[]): Promise<CardToken[]> =>
  tx.rows(sql`select ${columns} from card_token c where c.merchant_id = ${tx.merchantId} and c.id = any(${ids}::uuid[])`);

export const cardsOfCustomer = (tx: Tx, customerId: string): Promise<CardToken[]> =>
  tx.rows(sql`select ${columns} from card_token c where c.merchant_id = ${tx.merchantId} and c.customer_id = ${customerId}::uuid order by c.id`);

/** The vault has stored the card under this id before: a foreign key asks for it. */
export const insertCard = (tx: Tx, card: CardToken & { fingerprint: string }): Promise<number> =>
  tx.run(sql`
    insert into card_token as c (merchant_id, id, customer_id, brand, bin, last4, expiry_month, expiry_year, fingerprint, created_at)
    select m.merchant_id, ${card.id}::uuid, ${card.customerId}::uuid, ${card.brand}, ${card.bin}, ${card.last4}, ${card.expiryMonth}::smallint, ${card.expiryYear}::smallint, ${card.fingerprint}, ${card.createdAt}::timestamptz
    from merchant m where m.merchant_id = ${tx.merchantId}`);

/** Writes the fingerprints that the vault has made anew. @returns how many differed */
export const setFingerprints = (tx: Tx, cards: { tokenId: string; fingerprint: string }[]): Promise<number> =>
  tx.run(sql`
    update card_token as c set fingerprint = u.fingerprint
    from unnest(${column(cards, 'tokenId')}::uuid[], ${column(cards, 'fingerprint')}::text[]) as u (id, fingerprint)
    where c.merchant_id = ${tx.merchantId} and c.id = u.id and c.fingerprint <> u.fingerprint`);

export const cardView = ({ createdAt, ...card }: CardToken) => ({ ...card, createdAt: timestamp(createdAt) });
