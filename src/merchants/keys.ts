import { createHash } from 'node:crypto';
import type { Db, Tx } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import { notFound } from '../errors.ts';
import type { Ids } from '../ids.ts';
import { sha256 } from '../sealing.ts';

/** What a key may do. None is implied by another. */
export const SCOPES = ['payouts', 'wallet', 'read', 'cards', 'customers', 'webhooks', 'keys', 'sandbox'] as const;
export type Scope = (typeof SCOPES)[number];

/** `key`: raw in Authorization, for servers. `token`: as a Bearer. `client`: in a browser, where it can do next to nothing. */
export type KeyKind = 'key' | 'token' | 'client';

export interface ApiKey {
  id: string;
  kind: KeyKind;
  name: string;
  prefix: string;
  last4: string;
  scopes: Scope[];
  createdAt: Date;
  expiresAt: Date | null;
  revokedAt: Date | null;
}

const PREFIX: Record<KeyKind, (mode: 'test' | 'live') => string> = {
  key: (mode) => `pr_${mode}_`,
  token: (mode) => `tk_${mode}_`,
  client: (mode) => `${mode}_`,
};

/** What is stored of a secret: it is random enough that one round of SHA-256 cannot be undone by guessing. */
export const verifierOf = (secret: string): string => sha256(secret).toString('hex');

/** A new secret: its kind and mode, 26 random characters (154 bits) and six that tell a typing error from a stolen key. */
export function newSecret(ids: Ids, kind: KeyKind, mode: 'test' | 'live'): string {
  const prefix = PREFIX[kind](mode);
  const random = kind === 'client' ? ids.secret(32).toUpperCase() : ids.secret(26);
  return kind === 'client' ? `${prefix}${random}` : `${prefix}${random}${checksum(prefix + random)}`;
}

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
function checksum(text: string): string {
  const hash = createHash('sha256').update(text).digest();
  return Array.from({ length: 6 }, (_, i) => DIGITS[(hash[i] as number) % 62]).join('');
}

/** A key and its secret, of which nothing is written yet. */
export function newKey(
  ids: Ids,
  { now, mode, ...key }: Pick<ApiKey, 'kind' | 'name' | 'scopes' | 'expiresAt'> & { mode: 'test' | 'live'; now: Date },
): { secret: string; key: ApiKey } {
  const secret = newSecret(ids, key.kind, mode);
  return { secret, key: { ...key, id: ids.uuid(), prefix: PREFIX[key.kind](mode), last4: secret.slice(-4), createdAt: now, revokedAt: null } };
}

/** Writes the look-up from a secret's hash to its merchant: before the key itself, so that a crash in between leaves a key that nobody has. */
export const claimSecret = (db: Db, secret: string, merchantId: string, keyId: string): Promise<number> =>
  db.lookup((q) =>
    q.run(
      sql`insert into key_owner as o (verifier, merchant, key_id, is_live) values (${verifierOf(secret)}, ${merchantId}, ${keyId}::uuid, ${/^(?:pr_|tk_)?live_/.test(secret)})`,
    ),
  );

export const insertKey = (tx: Tx, key: ApiKey, secret: string): Promise<number> =>
  tx.run(sql`
    insert into api_key as k (merchant_id, id, kind, name, prefix, last4, verifier, scopes, created_at, expires_at)
    select m.merchant_id, ${key.id}::uuid, ${key.kind}, ${key.name}, ${key.prefix}, ${key.last4}, ${verifierOf(secret)}, ${key.scopes}::text[], ${key.createdAt}::timestamptz, ${key.expiresAt}::timestamptz
    from merchant m where m.merchant_id = ${tx.merchantId}`);

export const listKeys = (tx: Tx): Promise<ApiKey[]> =>
  tx.rows(sql`
    select k.id, k.kind, k.name, k.prefix, k.last4, k.scopes, k.created_at as "createdAt", k.expires_at as "expiresAt", k.revoked_at as "revokedAt"
    from api_key k where k.merchant_id = ${tx.merchantId} order by k.id`);

export async function lockKey(tx: Tx, id: string): Promise<ApiKey> {
  const key = await tx.maybe<ApiKey>(sql`
    select k.id, k.kind, k.name, k.prefix, k.last4, k.scopes, k.created_at as "createdAt", k.expires_at as "expiresAt", k.revoked_at as "revokedAt"
    from api_key k where k.merchant_id = ${tx.merchantId} and k.id = ${id}::uuid for update`);
  if (!key) throw notFound(`no key ${id}`);
  return key;
}

/** A key that was rolled works until `at`; never longer than it would have. */
export const expireKey = (tx: Tx, id: string, at: Date): Promise<number> =>
  tx.run(sql`update api_key as k set expires_at = least(k.expires_at, ${at}::timestamptz) where k.merchant_id = ${tx.merchantId} and k.id = ${id}::uuid`);

export const revokeKey = (tx: Tx, id: string, at: Date): Promise<number> =>
  tx.run(sql`update api_key as k set revoked_at = ${at}::timestamptz where k.merchant_id = ${tx.merchantId} and k.id = ${id}::uuid and k.revoked_at is null`);
