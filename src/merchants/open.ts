import type { Db } from '../db/db.ts';
import { sql } from '../db/sql.ts';
import type { Ids } from '../ids.ts';
import type { Sealer } from '../sealing.ts';
import { type ApiKey, claimSecret, insertKey, type KeyKind, newSecret, type Scope, SCOPES } from './keys.ts';
import type { Merchant } from './merchants.ts';

/** What a new merchant needs to begin. The secrets are shown once and are nowhere afterwards. */
export interface NewMerchant {
  merchantId: string;
  organisationId: string;
  apiKey: string;
  token: string;
  clientKey: string;
  webhookToken: string;
}

/** What the webhook token of a merchant is sealed under. */
export const webhookTokenOwner = (merchantId: string): string => `webhook-token/${merchantId}`;

/**
 * Opens a merchant with a store, a terminal and its first keys. The look-ups come first: a crash in between leaves
 * look-ups of a merchant that is not there, which find nothing.
 *
 * @param bin business number
 * @param organisationId of an organisation that has a merchant already: test and live are two merchants of one
 */
export async function openMerchant(
  db: Db,
  ids: Ids,
  sealer: Sealer,
  { name, mode, bin = null, organisationId, now }: { name: string; mode: 'test' | 'live'; bin?: string | null; organisationId?: string; now: Date },
): Promise<NewMerchant> {
  const merchantId = ids.uuid();
  const merchant: Merchant = {
    ...{ id: merchantId, organisationId: organisationId ?? ids.uuid(), mode, name, bin, code: ids.code(8), timeZone: 'Asia/Almaty' },
    ...{ storeId: ids.uuid(), terminalId: ids.uuid(), requestsPerSecond: null, createdAt: now },
  };
  const webhookToken = `whk_${ids.secret(32)}`;
  const keys = (['key', 'token', 'client'] as const).map((kind) => firstKey(ids, kind, mode, now));
  await db.lookup(async (q) => {
    if (!organisationId)
      await q.run(sql`insert into organisation as o (id, name, created_at) values (${merchant.organisationId}, ${name}, ${now}::timestamptz)`);
    await q.run(sql`insert into merchant_code as c (code, merchant) values (${merchant.code}, ${merchantId})`);
  });
  for (const { secret, key } of keys) await claimSecret(db, secret, merchantId, key.id);
  await db.merchant(merchantId, async (tx) => {
    await tx.run(sql`
      insert into merchant as m (merchant_id, organisation_id, mode, name, bin, code, time_zone, store_id, terminal_id, webhook_token, created_at)
      values (${merchantId}, ${merchant.organisationId}, ${mode}, ${name}, ${bin}, ${merchant.code}, ${merchant.timeZone}, ${merchant.storeId}, ${merchant.terminalId}, ${sealer.seal(Buffer.from(webhookToken), webhookTokenOwner(merchantId))}, ${now}::timestamptz)`);
    await tx.run(sql`insert into store as s (merchant_id, id, name, created_at) values (${merchantId}, ${merchant.storeId}, ${name}, ${now}::timestamptz)`);
    await tx.run(
      sql`insert into terminal as t (merchant_id, id, store_id, name, created_at) values (${merchantId}, ${merchant.terminalId}, ${merchant.storeId}, 'API', ${now}::timestamptz)`,
    );
    await tx.run(sql`insert into event_counter as c (merchant_id) values (${merchantId})`);
    for (const { secret, key } of keys) await insertKey(tx, key, secret);
  });
  const secretOf = (kind: KeyKind) => keys.find(({ key }) => key.kind === kind)?.secret as string;
  return {
    merchantId,
    organisationId: merchant.organisationId,
    apiKey: secretOf('key'),
    token: secretOf('token'),
    clientKey: secretOf('client'),
    webhookToken,
  };
}

const FIRST_SCOPES: Record<KeyKind, readonly Scope[]> = { key: SCOPES, token: ['payouts', 'wallet', 'read', 'cards', 'customers'], client: [] };

function firstKey(ids: Ids, kind: KeyKind, mode: 'test' | 'live', now: Date): { secret: string; key: ApiKey } {
  const secret = newSecret(ids, kind, mode);
  const prefix = secret.slice(0, secret.lastIndexOf('_') + 1);
  return {
    secret,
    key: {
      id: ids.uuid(),
      kind,
      name: 'first',
      prefix,
      last4: secret.slice(-4),
      scopes: [...FIRST_SCOPES[kind]],
      createdAt: now,
      expiresAt: null,
      revokedAt: null,
    },
  };
}
