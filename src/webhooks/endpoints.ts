import type { Tx } from '../db/db.ts';
import { fragment, sql } from '../db/sql.ts';
import { assert, invalid, notFound, unprocessable } from '../errors.ts';
import { webhookTokenOwner } from '../merchants/open.ts';
import { IN_THE_FEED_ALONE } from './events.ts';
import { disableDeliveries } from './outcomes.ts';
import { secretOwner } from './secrets.ts';

/** Where a merchant wants to hear of events. */
export interface Endpoint {
  id: string;
  url: string;
  description: string;
  /** types beyond those that everybody is told of */
  events: string[];
  legacyWrappedIds: boolean;
  enabled: boolean;
  disabledReason: string | null;
  previousUntil: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

export type Settings = Pick<Endpoint, 'url' | 'description' | 'events' | 'legacyWrappedIds'>;

const MAX_ENDPOINTS = 16;
export const TEST_EVENT = 'webhook.test';

const columns = fragment`p.id, p.url, p.description, p.events, p.legacy_wrapped_ids as "legacyWrappedIds", p.enabled, p.disabled_reason as "disabledReason",
  p.previous_until as "previousUntil", p.created_at as "createdAt", p.updated_at as "updatedAt"`;

export const listEndpoints = (tx: Tx): Promise<Endpoint[]> =>
  tx.rows(sql`select ${columns} from endpoint p where p.merchant_id = ${tx.merchantId} order by p.id`);

/** @throws {ApiError} 404 */
export async function endpointById(tx: Tx, id: string): Promise<Endpoint> {
  const found = await tx.maybe<Endpoint>(sql`select ${columns} from endpoint p where p.merchant_id = ${tx.merchantId} and p.id = ${id}::uuid`);
  if (!found) throw notFound(`no webhook endpoint ${id}`);
  return found;
}

/** @throws {ApiError} 404 */
async function lockEndpoint(tx: Tx, id: string): Promise<Endpoint & { secret: Buffer }> {
  const found = await tx.maybe<Endpoint & { secret: Buffer }>(
    sql`select ${columns}, p.secret from endpoint p where p.merchant_id = ${tx.merchantId} and p.id = ${id}::uuid for update`,
  );
  if (!found) throw notFound(`no webhook endpoint ${id}`);
  return found;
}

/** @throws {ApiError} 400 when a type cannot be asked for */
export function checkEvents(events: string[]): void {
  const wrong = events.find((type) => !/^[a-z][a-z_0-9]*\.[a-z][a-z_0-9]*$/.test(type) || type === TEST_EVENT || IN_THE_FEED_ALONE.has(type));
  if (wrong !== undefined && IN_THE_FEED_ALONE.has(wrong)) throw invalid(`events: ${wrong} is in the feed (GET /v1/events) alone`);
  if (wrong !== undefined) throw invalid(`events: "${wrong}" is not a type of event that can be asked for`);
}

/** @throws {ApiError} 422 when the merchant has as many as may be */
export async function insertEndpoint(tx: Tx, id: string, secret: Buffer, settings: Settings, at: Date): Promise<Endpoint> {
  const { count } = await tx.one<{ count: bigint }>(sql`select count(*) as count from endpoint p where p.merchant_id = ${tx.merchantId}`);
  if (count >= BigInt(MAX_ENDPOINTS)) throw unprocessable(`a merchant has at most ${MAX_ENDPOINTS} webhook endpoints; change or enable one of them`);
  const written = await tx.run(sql`
    insert into endpoint as p (merchant_id, id, url, description, events, legacy_wrapped_ids, secret, created_at, updated_at)
    select m.merchant_id, ${id}::uuid, ${settings.url}, ${settings.description}, ${settings.events}::text[], ${settings.legacyWrappedIds}::boolean, ${secret}::bytea, ${at}::timestamptz, ${at}::timestamptz
    from merchant m where m.merchant_id = ${tx.merchantId}`);
  assert(written === 1, 'the endpoint was written');
  return endpointById(tx, id);
}

/** Changes an endpoint; what is told from now on, and what is still to be delivered, goes by the new settings. */
export async function changeEndpoint(tx: Tx, id: string, change: Partial<Settings> & { enabled?: boolean }, at: Date): Promise<Endpoint> {
  const before = await lockEndpoint(tx, id);
  const { url, description, events, legacyWrappedIds, enabled } = { ...before, ...change };
  const reason = enabled ? null : before.enabled ? 'disabled by the merchant' : before.disabledReason;
  await tx.run(sql`
    update endpoint as p set url = ${url}, description = ${description}, events = ${events}::text[], legacy_wrapped_ids = ${legacyWrappedIds}::boolean, enabled = ${enabled}::boolean, disabled_reason = ${reason}, updated_at = ${at}::timestamptz
    where p.merchant_id = ${tx.merchantId} and p.id = ${id}::uuid`);
  if (before.enabled && !enabled) await disableDeliveries(tx, [id]);
  if (!before.enabled && enabled) await enableDeliveries(tx, id, at);
  return endpointById(tx, id);
}

/** What was waiting when the endpoint was disabled goes on where it stopped, in order. */
const enableDeliveries = (tx: Tx, id: string, at: Date): Promise<number> =>
  tx.run(sql`
    update delivery as d set state = 'pending', failures = 0, in_flight = false, next_at = ${at}::timestamptz
    where d.merchant_id = ${tx.merchantId} and d.endpoint_id = ${id}::uuid and d.state = 'disabled'`);

/**
 * Gives an endpoint a new secret.
 * @param until the one before signs too until then; null: it stops at once
 */
export async function rollSecret(tx: Tx, id: string, secret: Buffer, until: Date | null, at: Date): Promise<Endpoint> {
  const before = await lockEndpoint(tx, id);
  const previous = until ? before.secret : null;
  await tx.run(sql`
    update endpoint as p set secret = ${secret}::bytea, previous_secret = ${previous}::bytea, previous_until = ${until}::timestamptz, updated_at = ${at}::timestamptz
    where p.merchant_id = ${tx.merchantId} and p.id = ${id}::uuid`);
  return endpointById(tx, id);
}

/** Puts the merchant's secrets under the present master key. @returns how many */
export async function resealSecrets(tx: Tx, reseal: (sealed: Buffer, of: string) => Buffer): Promise<number> {
  const [endpoints, { webhookToken }] = await Promise.all([
    tx.rows<{ id: string; secret: Buffer; previousSecret: Buffer | null }>(
      sql`select p.id, p.secret, p.previous_secret as "previousSecret" from endpoint p where p.merchant_id = ${tx.merchantId} order by p.id for update`,
    ),
    tx.one<{ webhookToken: Buffer }>(sql`select m.webhook_token as "webhookToken" from merchant m where m.merchant_id = ${tx.merchantId} for update`),
  ]);
  await tx.run(sql`update merchant as m set webhook_token = ${reseal(webhookToken, webhookTokenOwner(tx.merchantId))} where m.merchant_id = ${tx.merchantId}`);
  for (const { id, secret, previousSecret } of endpoints) {
    const of = secretOwner(id);
    await tx.run(
      sql`update endpoint as p set secret = ${reseal(secret, of)}, previous_secret = ${previousSecret && reseal(previousSecret, of)}::bytea where p.merchant_id = ${tx.merchantId} and p.id = ${id}::uuid`,
    );
  }
  return endpoints.length + 1;
}
