import type { Tx } from '../db/db.ts';
import { column, sql } from '../db/sql.ts';
import type { SealedCard } from './cipher.ts';

/** A stored card: what it is sealed with, and the sealed thing. */
export interface Ciphertext extends SealedCard {
  tokenId: string;
  dataKeyId: string;
}

export const insertCiphertext = (tx: Tx, card: Ciphertext, at: Date): Promise<number> =>
  tx.run(sql`
    insert into vault.card as c (merchant_id, token_id, data_key_id, nonce, ciphertext, created_at)
    select m.merchant_id, ${card.tokenId}::uuid, ${card.dataKeyId}::uuid, ${card.nonce}::bytea, ${card.ciphertext}::bytea, ${at}::timestamptz
    from merchant m where m.merchant_id = ${tx.merchantId}`);

export const ciphertextsOf = (tx: Tx, tokenIds: string[]): Promise<Ciphertext[]> =>
  tx.rows(sql`
    select c.token_id as "tokenId", c.data_key_id as "dataKeyId", c.nonce, c.ciphertext from vault.card c
    where c.merchant_id = ${tx.merchantId} and c.token_id = any(${tokenIds}::uuid[])`);

/** Some that are sealed with one key, in the order of their tokens. */
export const ciphertextsUnder = (tx: Tx, dataKeyId: string, limit: number): Promise<Ciphertext[]> =>
  tx.rows(sql`
    select c.token_id as "tokenId", c.data_key_id as "dataKeyId", c.nonce, c.ciphertext from vault.card c
    where c.merchant_id = ${tx.merchantId} and c.data_key_id = ${dataKeyId}::uuid order by c.token_id limit ${limit}`);

/** Puts cards under another key, each only if nobody else did so meanwhile. */
export const replaceCiphertexts = (tx: Tx, changes: { from: Ciphertext; to: Ciphertext }[]): Promise<number> =>
  tx.run(sql`
    update vault.card as c set data_key_id = u.data_key_id, nonce = u.nonce, ciphertext = u.ciphertext
    from unnest(${changes.map(({ from }) => from.tokenId)}::uuid[], ${changes.map(({ from }) => from.dataKeyId)}::uuid[],
      ${column(
        changes.map(({ to }) => to),
        'dataKeyId',
      )}::uuid[], ${column(
        changes.map(({ to }) => to),
        'nonce',
      )}::bytea[], ${column(
        changes.map(({ to }) => to),
        'ciphertext',
      )}::bytea[])
      as u (token_id, from_key_id, data_key_id, nonce, ciphertext)
    where c.merchant_id = ${tx.merchantId} and c.token_id = u.token_id and c.data_key_id = u.from_key_id`);

/** Deletes a ciphertext that got no token. Under a token, its foreign key forbids it. */
export const deleteCiphertext = (tx: Tx, tokenId: string): Promise<number> =>
  tx.run(sql`
    delete from vault.card as c where c.merchant_id = ${tx.merchantId} and c.token_id = ${tokenId}::uuid
      and not exists (select from card_token t where t.merchant_id = ${tx.merchantId} and t.id = ${tokenId}::uuid)`);

/** Deletes what was stored before a time and has no token: whoever was saving it then is gone. */
export const deleteOrphans = (tx: Tx, before: Date): Promise<number> =>
  tx.run(sql`
    delete from vault.card as c where c.merchant_id = ${tx.merchantId} and c.created_at < ${before}
      and not exists (select from card_token t where t.merchant_id = ${tx.merchantId} and t.id = c.token_id)`);
