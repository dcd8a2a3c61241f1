import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../harness/house.ts';
import { databaseUrl } from '../harness/template.ts';

let th: TestHouse;
let [a, b] = [] as unknown as [TestMerchant, TestMerchant];
beforeAll(async () => {
  th = await openTestHouse();
  [a, b] = [await th.merchant({ available: 100_00n }), await th.merchant({ available: 100_00n })];
  for (const m of [a, b]) await th.post('/v1/payout', m, { tokenId: m.cardToken, amount: 1 });
});
afterAll(() => th.close());

/** Runs statements as a role, in one transaction that is undone, with or without a merchant named. */
async function as<T = Record<string, unknown>>(role: string, merchantId: string | null, ...statements: string[]): Promise<T[]> {
  const client = new pg.Client({ connectionString: databaseUrl(th.url, new URL(th.url).pathname.slice(1), role) });
  await client.connect();
  try {
    await client.query('begin; set local search_path = tolem');
    if (merchantId) await client.query(`set local tolem.merchant = '${merchantId}'`);
    let rows: T[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows as T[];
    return rows;
  } finally {
    await client.end();
  }
}
const tables = [
  'merchant',
  'account',
  'transfer',
  'payout',
  'submission',
  'event',
  'card_token',
  'customer',
  'api_key',
  'idempotency',
  'store',
  'terminal',
  'event_counter',
];

test.each(tables)('%s: nothing is seen without a merchant, and only its own rows with one', async (table) => {
  expect(await as('tolem_app', null, `select * from ${table}`)).toEqual([]);
  const rows = await as<{ merchant_id: string }>('tolem_app', a.merchantId, `select merchant_id from ${table}`);
  expect(new Set(rows.map((row) => row.merchant_id))).toEqual(table === 'idempotency' ? new Set() : new Set([a.merchantId]));
});

test('a row of another merchant cannot be written, changed or moved', async () => {
  await expect(
    as('tolem_app', a.merchantId, `insert into store (merchant_id, id, name, created_at) values ('${b.merchantId}', 'x', 'x', '2026-01-01')`),
  ).rejects.toMatchObject({ code: '42501' });
  expect(await as('tolem_app', a.merchantId, `update payout set description = 'x' where merchant_id = '${b.merchantId}' returning id`)).toEqual([]);
  await expect(as('tolem_app', a.merchantId, `update payout set merchant_id = '${b.merchantId}'`)).rejects.toThrow();
});

test('the trigger stands where the policy does not: with row-level security off, another merchant’s row is still refused', async () => {
  const client = new pg.Client({ connectionString: th.url });
  await client.connect();
  await client.query('begin; alter table tolem.store disable row level security; set local role tolem_app');
  await client.query(`set local tolem.merchant = '${a.merchantId}'`);
  await expect(client.query(`insert into tolem.store (merchant_id, id, name, created_at) values ('${b.merchantId}', 'x', 'x', '2026-01-01')`)).rejects.toThrow(
    /may not write a row of merchant/,
  );
  await client.end();
});

test('…and the policy where the trigger does not', async () => {
  const client = new pg.Client({ connectionString: th.url });
  await client.connect();
  await client.query('begin; alter table tolem.store disable trigger own_merchant; set local role tolem_app');
  await client.query(`set local tolem.merchant = '${a.merchantId}'`);
  await expect(client.query(`insert into tolem.store (merchant_id, id, name, created_at) values ('${b.merchantId}', 'x', 'x', '2026-01-01')`)).rejects.toThrow(
    /violates row-level security policy/,
  );
  await client.end();
});

test.each(['transfer', 'event', 'attempt', 'idempotency', 'callback'])('%s only grows', async (journal) => {
  for (const statement of [`update ${journal} set merchant_id = merchant_id`, `delete from ${journal}`, `truncate ${journal} cascade`])
    await expect(as('tolem_app', a.merchantId, statement)).rejects.toMatchObject({ code: '42501' });
  const client = new pg.Client({ connectionString: th.url });
  await client.connect();
  await expect(client.query(`truncate tolem.${journal} cascade`)).rejects.toThrow(/only grows/); // not even its owner, by mistake
  await client.end();
});

test('the application cannot read the vault, the scanner sees no amounts, the auditor no secrets', async () => {
  for (const statement of ['select * from vault.card', 'select * from vault.data_key', 'select * from vault.transport_key'])
    await expect(as('tolem_app', a.merchantId, statement)).rejects.toMatchObject({ code: '42501' });
  await expect(as('tolem_app', a.merchantId, 'set local role tolem_scan', 'select amount from payout')).rejects.toMatchObject({ code: '42501' });
  await expect(as('tolem_vault', a.merchantId, 'select * from payout')).rejects.toMatchObject({ code: '42501' });
  expect((await as('tolem_vault', a.merchantId, 'select * from vault.card')).length).toBe(1);
  for (const statement of [
    'select ciphertext from vault.card',
    'select secret from endpoint',
    'select webhook_token from merchant',
    'select body from idempotency',
  ])
    await expect(as('auditor', null, statement)).rejects.toMatchObject({ code: '42501' });
  await expect(as('auditor', null, `update account set balance = 0`)).rejects.toMatchObject({ code: '42501' });
  expect((await as('auditor', null, 'select distinct merchant_id from audit_v1.payout')).length).toBe(2);
});

test('the application’s role owns nothing, and is no superuser', async () => {
  const [role] = await as<{ rolsuper: boolean; rolbypassrls: boolean; rolcreaterole: boolean; owned: number }>(
    'tolem_app',
    null,
    `select r.rolsuper, r.rolbypassrls, r.rolcreaterole, (select count(*)::int from pg_class c where c.relowner = r.oid) as owned from pg_roles r where r.rolname = current_user`,
  );
  expect(role).toEqual({ rolsuper: false, rolbypassrls: false, rolcreaterole: false, owned: 0 });
});
