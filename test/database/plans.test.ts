/**
 * A planner that knows nothing yet: a plan that is made while a table is empty stays with its connection. On a database that is
 * new and was never analysed, thousands of payouts go through one connection; each is still found by its key.
 */
import pg from 'pg';
import { expect, test } from 'vitest';
import { withOwner } from '../../src/db/session.ts';
import { openTestHouse, type TestHouse, type TestMerchant } from '../harness/house.ts';

const EACH = 3_000;

interface Reads {
  name: string;
  reads: number;
}

const recipient = { name: 'TOO Credit Partner', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' };
const customer = { phoneNumber: '+77012345678', iin: '880707300154', currency: 'KZT' };
type Ask = (th: TestHouse, m: TestMerchant, n: string) => ReturnType<TestHouse['post']>;

/** What is asked for, and what each of it may cost: rows that are read by one index or in one table, where nothing is read in vain. */
const rooms: [what: string, key: string, each: number, ask: Ask][] = [
  ['payouts', 'payout_pkey', 10, (th, m, n) => th.post('/v1/payout', m, { tokenId: m.cardToken, amount: 1, orderReference: n }, { 'idempotency-key': n })],
  [
    'distributions',
    'distribution_pkey',
    10,
    (th, m, n) => th.post('/v1/distributions', m, { orderReference: n, amount: 1, currency: 'KZT', recipient, paymentPurpose: 'p' }, { 'idempotency-key': n }),
  ],
  [
    'wallet authorizations',
    'wallet_authorization_pkey',
    10,
    (th, m, n) => th.post('/v1/wallet/authorize', m, { ...customer, amount: 1, orderReference: n }, { 'idempotency-key': n }),
  ],
];

/**
 * Never analysed, a table is taken for one of ten pages; analysed while it is empty, for one of no rows, where any way to look is as
 * good; and analysed when there were other things in it, what is new (a route, for one) is taken for rare.
 */
const knowledge = ['never analysed', 'analysed while it was empty', 'analysed when it had other things'] as const;
const cases = rooms.flatMap(([what, ...room]) => knowledge.map((known) => [what, known, ...room] as const));

test.each(cases)(
  `${EACH} %s in a database that was %s, of one merchant, through one connection, read a few rows each`,
  async (_, known, key, each, ask) => {
    const th = await openTestHouse({ config: { poolSize: 1, groupSize: 64 } });
    let failed: unknown;
    try {
      const m = await th.merchant({ available: 1_000_000_00n, terms: { dailyLimit: 1_000_000_00n } });
      if (known === knowledge[2]) {
        const [other] = rooms.filter((room) => room[1] !== key) as [(typeof rooms)[number]];
        for (let n = 0; n < 600; n += 200) await Promise.all(Array.from({ length: 200 }, (_, i) => other[3](th, m, `other${n + i}`)));
        await th.work(m);
      }
      if (known !== knowledge[0]) await withOwner(th.url, (session) => session.exec('analyze'));
      for (let n = 0; n < EACH; n += 300) {
        const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => ask(th, m, `o${n + i}`)));
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
        await th.work(m);
      }
      for (let n = 0; n < 100; n++) await ask(th, m, `alone${n}`);
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
    // With an index on payout (merchant_id, created_at) and no n_distinct it is nine million.
    expect(indexes.filter(({ reads }) => reads > each * EACH)).toEqual([]);
    expect(tables.filter(({ reads }) => reads > each * EACH)).toEqual([]);
    expect(indexes.find(({ name }) => name === key)?.reads).toBeGreaterThanOrEqual(EACH);
  },
  120_000,
);
