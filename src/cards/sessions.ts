import type { Queries, Tx } from '../db/db.ts';
import { fragment, sql } from '../db/sql.ts';
import { assert } from '../errors.ts';
import type { Ids } from '../ids.ts';
import { sha256 } from '../sealing.ts';

/** One wish to save a card: fulfilled with the request, or on a page. */
export interface CardSession {
  id: string;
  customerId: string;
  status: 'new' | 'saved' | 'failed';
  cardTokenId: string | null;
  successUrl: string | null;
  failureUrl: string | null;
  tries: number;
  createdAt: Date;
  expiresAt: Date;
}

/** What a visitor's page can be. */
export type PageState = 'open' | 'saved' | 'failed' | 'expired';

export const MAX_TRIES = 10;
export const SESSION_MS = 24 * 3_600_000;

const columns = fragment`s.id, s.customer_id as "customerId", s.status, s.card_token_id as "cardTokenId", s.success_url as "successUrl", s.failure_url as "failureUrl", s.tries, s.created_at as "createdAt", s.expires_at as "expiresAt"`;

export function stateOf({ status, tries, expiresAt }: CardSession, now: Date): PageState {
  if (status !== 'new') return status;
  return expiresAt <= now ? 'expired' : tries >= MAX_TRIES ? 'failed' : 'open';
}

/** What opens a page: 28 characters of base 62 are 166 bits. */
export const newPageId = (ids: Ids): string => ids.secret(28);

/** All that is stored of a page's id. @returns undefined for what cannot be one */
export const hashOf = (pageId: string): string | undefined => (/^[0-9A-Za-z]{22,64}$/.test(pageId) ? sha256(pageId).toString('hex') : undefined);

/** Whose page this will be: written and committed before the merchant's own rows, so that no page is lost. */
export async function claimPage(queries: Queries, hash: string, merchantId: string): Promise<void> {
  const written = await queries.run(sql`insert into page_owner as o (hash, merchant) values (${hash}, ${merchantId})`);
  assert(written === 1, 'the page has its owner');
}

export const pageOwner = async (queries: Queries, hash: string): Promise<string | undefined> =>
  (await queries.maybe<{ merchant: string }>(sql`select o.merchant from page_owner o where o.hash = ${hash}`))?.merchant;

/** @param hash null: the card came with the request, and there is no page */
export async function insertSession(tx: Tx, s: CardSession, hash: string | null): Promise<void> {
  const written = await tx.run(sql`
    insert into card_session as s (merchant_id, id, hash, customer_id, status, card_token_id, success_url, failure_url, tries, created_at, updated_at, expires_at)
    select m.merchant_id, ${s.id}::uuid, ${hash}, ${s.customerId}::uuid, ${s.status}, ${s.cardTokenId}::uuid, ${s.successUrl}, ${s.failureUrl}, ${s.tries}::int, ${s.createdAt}::timestamptz, ${s.createdAt}::timestamptz, ${s.expiresAt}::timestamptz
    from merchant m where m.merchant_id = ${tx.merchantId}`);
  assert(written === 1, 'the session was written');
}

export const sessionOfPage = (tx: Tx, hash: string): Promise<CardSession | undefined> =>
  tx.maybe(sql`select ${columns} from card_session s where s.merchant_id = ${tx.merchantId} and s.hash = ${hash}`);

/** The same, locked: what is sent twice at once is done once. */
export const lockSession = (tx: Tx, id: string): Promise<CardSession> =>
  tx.one(sql`select ${columns} from card_session s where s.merchant_id = ${tx.merchantId} and s.id = ${id}::uuid for update`);

/** Takes one of the session's tries, before anything is done with what was sent. @returns the session, or undefined when it has none left or is no longer open */
export const takeTry = (tx: Tx, id: string, now: Date): Promise<CardSession | undefined> =>
  tx.maybe(sql`
    update card_session as s set tries = s.tries + 1, updated_at = ${now}::timestamptz
    where s.merchant_id = ${tx.merchantId} and s.id = ${id}::uuid and s.status = 'new' and s.tries < ${MAX_TRIES}::int and s.expires_at > ${now}
    returning ${columns}`);

export async function endSession(tx: Tx, id: string, status: 'saved' | 'failed', cardTokenId: string | null, now: Date): Promise<void> {
  const written = await tx.run(sql`
    update card_session as s set status = ${status}, card_token_id = ${cardTokenId}::uuid, updated_at = ${now}::timestamptz
    where s.merchant_id = ${tx.merchantId} and s.id = ${id}::uuid and s.status = 'new'`);
  assert(written === 1, 'a session ends once');
}
