import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../../test/harness/house.ts';
import { Ids } from '../ids.ts';
import { systemClock, systemRandom } from '../clock.ts';
import { newSecret, SCOPES } from './keys.ts';

let h: TestHouse;
let m: TestMerchant;
beforeAll(async () => {
  h = await openTestHouse();
});
beforeEach(async () => {
  m = await h.merchant({ available: 100_000n });
});
afterAll(() => h.close());

const create = async (body: Record<string, unknown>, by: { apiKey: string } = m) =>
  (await h.post('/v1/api-keys', by, body)).body as { id: string; secret: string; [name: string]: unknown };
const list = async () => (await h.get('/v1/api-keys', m)).body.data as { id: string; kind: string; [name: string]: unknown }[];
/** Whether a key opens anything now. */
const status = async (apiKey: string, house = h) => (await house.get('/v1/payout', { apiKey })).status;
const firstKey = async () => (await list()).find(({ kind }) => kind === 'key')?.id as string;

/** All that the database holds, in every schema of ours, as text. */
async function dump(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows: tables } = await client.query<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`,
  );
  const texts: string[] = [];
  for (const { name } of tables) texts.push(...(await client.query<{ row: string }>(`select t::text as row from ${name} t`)).rows.map(({ row }) => row));
  await client.end();
  return texts.join('\n');
}

test('a secret is shown once and stored only as its hash', async () => {
  const made = await create({ name: 'CI', scopes: ['payouts', 'read'] });
  const rolled = (await h.post(`/v1/api-keys/${made.id}/roll`, m, {})).body as { secret: string };
  const secrets = [m.apiKey, m.token, m.clientKey, m.webhookToken, made.secret, rolled.secret];
  const stored = await dump(h.url);
  for (const secret of secrets) {
    expect(stored).not.toContain(secret);
    expect(stored).not.toContain(secret.slice(8, -6)); // nor most of it
    expect(stored).not.toContain(Buffer.from(secret).toString('hex'));
    expect(stored).not.toContain(Buffer.from(secret).toString('base64').replace(/=+$/, ''));
  }
  expect(stored).toContain(createHash('sha256').update(made.secret).digest('hex'));
  const shown = JSON.stringify(await list());
  expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
  expect((await list()).find(({ id }) => id === made.id)).toMatchObject({
    kind: 'key',
    name: 'CI',
    prefix: 'pr_test_',
    last4: made.secret.slice(-4),
    scopes: ['payouts', 'read'],
    expiresAt: expect.any(String),
    revokedAt: null,
  });
});

test('a secret says what it is, and has 154 random bits', () => {
  const ids = new Ids(systemClock(), systemRandom());
  for (const mode of ['test', 'live'] as const) {
    expect(newSecret(ids, 'key', mode)).toMatch(new RegExp(`^pr_${mode}_[0-9A-Za-z]{32}$`));
    expect(newSecret(ids, 'token', mode)).toMatch(new RegExp(`^tk_${mode}_[0-9A-Za-z]{32}$`));
    expect(newSecret(ids, 'client', mode)).toMatch(new RegExp(`^${mode}_[0-9A-Z]{32}$`));
  }
  expect(new Set(Array.from({ length: 1000 }, () => newSecret(ids, 'key', 'test'))).size).toBe(1000);
});

test('a key does what its scopes say and nothing else', async () => {
  const asks: Record<string, (by: { apiKey: string }) => Promise<{ status: number }>> = {
    payouts: (by) => h.post('/v1/payout', by, { tokenId: m.cardToken, amount: 10, currency: 'KZT' }),
    read: (by) => h.get('/v1/payout', by),
    keys: (by) => h.get('/v1/api-keys', by),
    sandbox: (by) => h.post('/v1/sandbox/topup', by, { amount: 1, currency: 'KZT' }),
    webhooks: (by) => h.post('/v1/webhook-endpoints', by, { url: 'http://127.0.0.1:9/hook' }),
    cards: (by) => h.post('/v1/cards', by, { customer: { externalUserId: 'user-1' } }),
  };
  for (const scope of SCOPES) {
    const key = { apiKey: (await create({ scopes: [scope] })).secret };
    for (const [needed, ask] of Object.entries(asks)) {
      const answer = await ask(key);
      expect([scope, needed, answer.status === 403]).toEqual([scope, needed, scope !== needed]);
      if (scope === needed) expect(answer.status).toBeLessThan(300);
    }
  }
});

test('a key gives no more than it has', async () => {
  const small = { apiKey: (await create({ scopes: ['keys', 'read'] })).secret };
  const refused = await h.post('/v1/api-keys', small, { scopes: ['read', 'payouts'] });
  expect([refused.status, refused.body.message]).toEqual([403, 'forbidden: a key cannot give what it does not have: payouts']);
  expect((await h.post('/v1/api-keys', small, { scopes: ['read'] })).status).toBe(201);
  expect((await h.post('/v1/api-keys', m, { scopes: ['everything'] })).status).toBe(400);
  expect((await h.post('/v1/api-keys', m, { kind: 'client', scopes: [] })).status).toBe(400);
});

test('a key with less than another does not get its rights by rolling it', async () => {
  const small = { apiKey: (await create({ scopes: ['keys'] })).secret };
  const answer = await h.post(`/v1/api-keys/${await firstKey()}/roll`, small, { overlapSeconds: 0 });
  expect(answer.status).toBe(403);
  expect(await status(m.apiKey)).toBe(200);
});

test('a key that expires does so at the second', async () => {
  const { secret } = await create({ scopes: ['read'], expiresInSeconds: 100 });
  await h.later(98);
  expect(await status(secret)).toBe(200);
  await h.later(3);
  expect(await status(secret)).toBe(401);
});

test('a rolled key works on for the overlap; the new one has its scopes', async () => {
  const old = await create({ name: 'server', scopes: ['read', 'keys'] });
  const rolled = await h.post(`/v1/api-keys/${old.id}/roll`, m, { overlapSeconds: 60 });
  expect([rolled.status, rolled.body]).toMatchObject([
    201,
    { name: 'server', scopes: ['read', 'keys'], expiresAt: null, secret: expect.stringMatching(/^pr_test_/) },
  ]);
  expect(rolled.body.secret).not.toBe(old.secret);
  expect([await status(old.secret), await status(rolled.body.secret)]).toEqual([200, 200]);
  await h.later(58);
  expect(await status(old.secret)).toBe(200);
  await h.later(3);
  expect([await status(old.secret), await status(rolled.body.secret)]).toEqual([401, 200]);
  expect((await h.post(`/v1/api-keys/${old.id}/roll`, m, {})).status).toBe(409);
});

test('a roll without overlap ends the old key within a second, and none makes it live longer', async () => {
  const brief = await create({ scopes: ['read'], expiresInSeconds: 10 });
  await h.post(`/v1/api-keys/${brief.id}/roll`, m, { overlapSeconds: 1000 });
  const now = await create({ scopes: ['read'] });
  expect(await status(now.secret)).toBe(200);
  await h.post(`/v1/api-keys/${now.id}/roll`, m, { overlapSeconds: 0 });
  await sleep(600);
  expect(await status(now.secret)).toBe(401);
  await h.later(11);
  expect(await status(brief.secret)).toBe(401);
});

test('a token is rolled to a token', async () => {
  const token = await create({ kind: 'token', scopes: ['read'] });
  expect(token.secret).toMatch(/^tk_test_/);
  const rolled = await h.post(`/v1/api-keys/${token.id}/roll`, m, {});
  expect(rolled.body).toMatchObject({ kind: 'token', prefix: 'tk_test_', secret: expect.stringMatching(/^tk_test_/) });
});

test('two rolls at the same time leave no key that works for ever by mistake', async () => {
  const old = await create({ scopes: ['read'] });
  const rolls = await Promise.all([1, 2].map(() => h.post(`/v1/api-keys/${old.id}/roll`, m, { overlapSeconds: 0 })));
  await sleep(600);
  expect(await status(old.secret)).toBe(401);
  // Each caller was told a key; whoever got none was told so.
  for (const { status: code, body } of rolls) expect(code === 201 ? await status(body.secret) : code).toBe(code === 201 ? 200 : 409);
});

test('a revoked key stops within a second, in another process on the same database as well', async () => {
  const other = await openTestHouse({ url: h.url });
  const { id, secret } = await create({ scopes: ['read', 'keys'] });
  expect([await status(secret), await status(secret, other)]).toEqual([200, 200]);
  const revoked = await h.post(`/v1/api-keys/${id}/revoke`, m, undefined);
  expect([revoked.status, revoked.body]).toMatchObject([200, { revokedAt: expect.any(String) }]);
  const since = performance.now();
  for (const house of [h, other]) while ((await status(secret, house)) !== 401) expect(performance.now() - since).toBeLessThan(1_000);
  const again = await h.post(`/v1/api-keys/${id}/revoke`, m, undefined);
  expect([again.status, again.body.revokedAt]).toEqual([200, revoked.body.revokedAt]); // the first time stays
  expect((await h.post(`/v1/api-keys/${id}/roll`, m, {})).status).toBe(409);
  await other.close();
});

test('keys of others are not there', async () => {
  const theirs = await h.merchant();
  const { data } = (await h.get('/v1/api-keys', theirs)).body as { data: { id: string }[] };
  for (const what of ['roll', 'revoke']) {
    const answer = await h.post(`/v1/api-keys/${data[0]?.id}/${what}`, m, what === 'roll' ? {} : undefined);
    expect([what, answer.status]).toEqual([what, 404]);
  }
  expect(await status(theirs.apiKey)).toBe(200);
});
