/** The driver itself: it plays what it says it plays, and what is wrong is found. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Tx } from '../../src/db/db.ts';
import { explore, type Limits, type Pair } from './explore.ts';
import { pairs } from './pairs.ts';
import { type Side, World } from './world.ts';

const every: Limits = { all: 1000, classes: 0, crashes: -1, seed: 1 };
const classes: Limits = { all: 0, classes: 1000, crashes: -1, seed: 1 };

/** A transaction of plain statements; $1 is the merchant. @returns the rows of each */
const run =
  (...texts: string[]) =>
  (side: Side, { merchantId }: { merchantId: string }) =>
    side.db.merchant(merchantId, async (tx) => {
      const answers: unknown[][] = [];
      for (const text of texts) answers.push(await ask(tx, text));
      return answers;
    });
const ask = (tx: Tx, text: string, ...values: unknown[]) => tx.rows({ text, name: text.slice(-60), values: [tx.merchantId, ...values] });
const byName = (name: string): Pair => {
  const found = pairs.find((pair) => pair.name === name);
  assert.ok(found, name);
  return found;
};

describe('over good statements', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open(inject('postgres'));
  });
  afterAll(() => world.close());

  const store = (name: string) => `update store set name = '${name}' where merchant_id = $1`;
  const customer = (name: string) => `update customer set first_name = '${name}' where merchant_id = $1`;

  test('two transactions of two statements and a commit have 6! / (3! · 3!) merges', async () => {
    const look = run(`select name from store where merchant_id = $1`, `select id from store where merchant_id = $1`);
    const report = await explore(world, { name: 'look ‖ look', still: [], a: look, b: look, judge: () => undefined }, every);
    expect(report).toMatchObject({ schedules: 20, kind: 'all', waits: 0, violations: [] });
  });

  test('of those that have nothing to do with each other, one is played', async () => {
    const pair: Pair = { name: 'store ‖ customer', a: run(store('a'), store('b')), b: run(customer('a'), customer('b')), still: [], judge: () => undefined };
    expect(await explore(world, pair, classes)).toMatchObject({ schedules: 1, kind: 'classes', violations: [] });
    expect(await explore(world, pair, every)).toMatchObject({ schedules: 20, kind: 'all', violations: [] });
  });

  test('who waits is seen to wait, and let go when the other ends', async () => {
    const pair: Pair = { name: 'store ‖ store', a: run(store('a')), b: run(store('b')), still: [], judge: () => undefined };
    const report = await explore(world, pair, every);
    // The second is begun before or after the first has ended; whoever is first.
    expect(report).toMatchObject({ schedules: 4, waits: 2, violations: [] });
  });

  test('two that wait for each other: PostgreSQL ends one, the product asks again, and both have happened', async () => {
    const add = (table: string) => `update ${table} set name = name || 'x' where merchant_id = $1`;
    let deadlocks = 0;
    const pair: Pair = {
      name: 'store, terminal ‖ terminal, store',
      ...{ still: [], a: run(add('store'), add('terminal')), b: run(add('terminal'), add('store')) },
      async judge({ rows, merchantId }, a, b, { ran }) {
        assert.ok(a.ok && b.ok);
        deadlocks += ran.filter(({ failed }) => failed === '40P01').length;
        const [row] = await rows<{ names: string }>(
          `select s.name || t.name as names from tolem.store s join tolem.terminal t using (merchant_id) where merchant_id = $1`,
          [merchantId],
        );
        assert.equal(row?.names, 'ShopxxAPIxx');
      },
    };
    const report = await explore(world, pair, every);
    expect(report.violations).toEqual([]);
    expect(deadlocks).toBeGreaterThan(0);
  });

  test('a balance that is read, and written without a lock: the lost money is found, and where', async () => {
    const spend =
      (amount: number) =>
      (side: Side, { merchantId }: { merchantId: string }) =>
        side.db.merchant(merchantId, async (tx) => {
          const [row] = (await ask(tx, `select fee_fixed as balance from terms where merchant_id = $1`)) as [{ balance: bigint }];
          await ask(tx, `update terms set fee_fixed = $2 where merchant_id = $1`, row.balance - BigInt(amount));
        });
    const pair: Pair = {
      name: 'spend ‖ spend',
      found: async (founder) => (await founder.terms({ feeFixed: 100n }), {}),
      ...{ still: [], a: spend(30), b: spend(20) },
      async judge({ rows, merchantId }) {
        assert.deepEqual(await rows(`select fee_fixed from tolem.terms where merchant_id = $1`, [merchantId]), [{ fee_fixed: '50' }]);
      },
    };
    for (const limits of [every, classes]) {
      const { violations, schedules } = await explore(world, pair, limits);
      expect(violations.length).toBeGreaterThan(0);
      expect(violations.length).toBeLessThan(schedules); // one after the other, it is right
      expect(violations[0]?.schedule).toMatch(/A select terms\n(?:.*\n)*B select terms\n(?:.*\n)*[AB] update terms/);
    }
  });

  test('money out of nothing breaks a rule of the books', async () => {
    const pair: Pair = {
      name: 'top-up ‖ forgery',
      found: async (founder) => (await founder.topUp(100n), {}),
      a: (side, { merchantId }) => side.post(merchantId, '/v1/sandbox/topup', { amount: 1, currency: 'KZT' }),
      b: run(`update account set balance = balance + 1 where merchant_id = $1 and id = 'available/KZT'`),
      judge: () => undefined,
    };
    const { violations } = await explore(world, pair, classes);
    expect(violations[0]?.why).toMatch(/INV-05 /);
  });

  test('a session that ends takes what it did with it; a commit whose answer is lost stays', async () => {
    const fates = new Set<string>();
    const pair: Pair = {
      name: 'crash',
      ...{ still: [], a: run(store('a')), b: run(customer('b')), again: async () => undefined },
      async judge({ rows, merchantId }, _, __, { crashed }) {
        const [row] = await rows<{ names: string }>(
          `select s.name || coalesce(c.first_name, '-') as names from tolem.store s join tolem.customer c using (merchant_id) where merchant_id = $1`,
          [merchantId],
        );
        if (crashed) fates.add(row?.names as string);
        else assert.equal(row?.names, 'ab');
      },
    };
    expect(await explore(world, pair, { ...every, crashes: 0 })).toMatchObject({ violations: [] });
    expect([...fates].toSorted()).toEqual(['Shopb', 'a-', 'ab']); // 'ab': all was done, but one was not told
  });
});

describe('over the product, spoilt', () => {
  const spoilt: [what: string, pair: string, spoil: (text: string) => string][] = [
    [
      'accounts are not locked',
      'payout ‖ payout on the last unit of balance',
      (text) => (text.includes('from account a') ? text.replace(/for update[^\n]*/, '') : text),
    ],
    ['a claim does not lock', 'claim ‖ claim: two workers', (text) => text.replace(/for update skip locked/, '')],
    [
      'a payout is not locked before it is resolved',
      'callback executed ‖ callback declined',
      (text) => (/from payout p\b/.test(text) ? text.replace(/for update/, '') : text),
    ],
    [
      'an authorization is not locked before a part of it is taken',
      'wallet: capture ‖ capture',
      (text) => (/from wallet_authorization a\b/.test(text) ? text.replace(/for update$/, '') : text),
    ],
    [
      'nor before a part of it is given back',
      'wallet: refund ‖ an equal refund, both without a key',
      (text) => (/from wallet_authorization a\b/.test(text) ? text.replace(/for update$/, '') : text),
    ],
    ['what was answered before is not looked up', 'payout ‖ payout of one key and body', (text) => text.replace(/\bi\.route = \$2/, 'i.route = $2 and false')],
    [
      'events are numbered from what is there',
      'accept ‖ accept in two currencies, with a reader of the feed',
      (text) =>
        text.replace(
          /update event_counter as c set next = c\.next \+ (\$\d+) where (.*?)\s+returning c\.merchant_id, c\.next - \$\d+ as first/s,
          'select c.merchant_id, 1 + (select count(*) from event n where n.merchant_id = c.merchant_id) + 0 * $1::int as first from event_counter c where $2',
        ),
    ],
  ];

  test.each(spoilt)('%s: found', async (_, name, spoil) => {
    const world = await World.open(inject('postgres'), spoil);
    try {
      const { violations } = await explore(world, byName(name), { all: 0, classes: 60, crashes: -1, seed: 1 });
      expect(violations.length).toBeGreaterThan(0);
    } finally {
      await world.close();
    }
  });
});
