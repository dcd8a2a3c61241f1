/**
 * A planner that knows nothing yet: a plan that is made while a table is empty stays with its connection. On a database that is
 * new and was never analysed, thousands of payouts go through one connection; each is still found by its key.
 */
import pg from 'pg';
import { expect, test } from 'vitest';
import { openTestHouse } from '../harness/house.ts';

const PAYOUTS = 3_000;

interface Reads {
  name: string;
  reads: number;
}

test(`${PAYOUTS} payouts of one merchant, accepted, sent and settled through one connection, read a few rows each`, async () => {
  const th = await openTestHouse({ config: { poolSize: 1, groupSize: 64 } });
  let failed: unknown;
  try {
    const m = await th.merchant({ available: 1_000_000_00n, terms: { dailyLimit: 1_000_000_00n } });
    for (let n = 0; n < PAYOUTS; n += 300) {
      const answers = await Promise.all(
        Array.from({ length: 300 }, (_, i) =>
          th.post('/v1/payout', m, { tokenId: m.cardToken, amount: 1, orderReference: `o${n + i}` }, { 'idempotency-key': `k${n + i}` }),
        ),
      );
      expect(new Set(answers.map(({ body }) => body.status))).toEqual(new Set(['new']));
      await th.work(m);
    }
    for (let n = 0; n < 100; n++) await th.post('/v1/payout', m, { tokenId: m.cardToken, amount: 1 }, { 'idempotency-key': `alone${n}` });
  } catch (error) {
    failed = error;
  }
  await th.close(); // a connection that ends leaves its figures behind
  if (failed) throw failed;

  const owner = new pg.Client({ connectionString: th.url });
  await owner.connect();
  const { rows: indexes } = await owner.query<Reads>(
    `select indexrelname as name, idx_tup_read::int as reads from pg_stat_user_indexes where schemaname in ('tolem', 'vault') order by 2 desc`,
  );
  const { rows: tables } = await owner.query<Reads>(
    `select relname as name, seq_tup_read::int as reads from pg_stat_user_tables where schemaname in ('tolem', 'vault') order by 2 desc`,
  );
  await owner.end();
  // Six for each payout is what it takes. With an index on payout (merchant_id, created_at) and no n_distinct it is nine million.
  const most = 10 * PAYOUTS;
  expect(indexes.filter(({ reads }) => reads > most)).toEqual([]);
  expect(tables.filter(({ reads }) => reads > most)).toEqual([]);
  expect(indexes.find(({ name }) => name === 'payout_pkey')?.reads).toBeGreaterThanOrEqual(PAYOUTS);
}, 120_000);
