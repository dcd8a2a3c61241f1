import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse } from '../../test/harness/house.ts';
import { verify } from '../audit/verify.ts';
import { sql } from '../db/sql.ts';
import { account, Books, clearing } from './books.ts';
import { balanceAsOf, statement } from './statement.ts';

let th: TestHouse;
beforeAll(async () => {
  th = await openTestHouse();
});
afterAll(async () => {
  const broken = (await verify(th.url)).filter(({ violations }) => violations > 0);
  await th.close();
  // These tests hold money without a payout, on purpose; that one rule sees it, and all others hold.
  expect(broken.map(({ check }) => check.id)).toEqual(['INV-06']);
});
const [world, available, held] = [account('world', 'KZT'), account('available', 'KZT'), account('held', 'KZT')];
const now = () => th.house.clock.now();
const inTx = <T>(m: { merchantId: string }, work: Parameters<typeof th.house.db.merchant<T>>[1]) => th.house.db.merchant(m.merchantId, work);

test('each entry has the exact balance after it, as if the postings had come one by one', async () => {
  const m = await th.merchant();
  await inTx(m, async (tx) => {
    const books = await Books.lock(tx, [world, available, held], now());
    books.post({ objectId: 'a', kind: 'topup', from: world, to: available, amount: 100n });
    books.post({ objectId: 'b', kind: 'reserve', from: available, to: held, amount: 30n });
    books.post({ objectId: 'c', kind: 'reserve', from: available, to: held, amount: 70n });
    expect(books.balance(available)).toBe(0n);
    await books.write();
  });
  const entries = await inTx(m, (tx) => statement(tx, available, now(), 10));
  expect(entries.map(({ entry, amount, balance }) => [entry, amount, balance])).toEqual([
    [3n, -70n, 0n],
    [2n, -30n, 70n],
    [1n, 100n, 100n],
  ]);
});

test('an account is never taken below its floor, and nothing of the transaction stays', async () => {
  const m = await th.merchant({ available: 50n });
  await expect(
    inTx(m, async (tx) => {
      const books = await Books.lock(tx, [available, held], now());
      books.post({ objectId: 'x', kind: 'reserve', from: available, to: held, amount: 20n });
      books.post({ objectId: 'y', kind: 'reserve', from: available, to: held, amount: 31n });
    }),
  ).rejects.toThrow('stays at or above its floor');
  expect(await th.balances(m)).toEqual({ available: 50n, held: 0n });
});

test('the database refuses what the program would forget: a floor, a second posting of a fact, an unlocked account', async () => {
  const m = await th.merchant({ available: 50n });
  const direct = (text: ReturnType<typeof sql>) => inTx(m, (tx) => tx.run(text));
  await expect(direct(sql`update account as a set balance = -1 where a.merchant_id = ${m.merchantId} and a.id = 'available/KZT'`)).rejects.toMatchObject({
    code: '23514',
  });
  const postOnce = () =>
    inTx(m, async (tx) => {
      const books = await Books.lock(tx, [available, held], now());
      books.post({ objectId: 'once', kind: 'reserve', from: available, to: held, amount: 1n });
      await books.write();
    });
  await postOnce();
  await expect(postOnce()).rejects.toMatchObject({ code: '23505' });
  await expect(
    inTx(m, async (tx) => (await Books.lock(tx, [available], now())).post({ objectId: 'z', kind: 'reserve', from: available, to: held, amount: 1n })),
  ).rejects.toThrow('is locked before it is used');
  await expect(direct(sql`update transfer as t set amount = 2 where t.merchant_id = ${m.merchantId}`)).rejects.toMatchObject({ code: '42501' });
  await expect(direct(sql`delete from transfer as t where t.merchant_id = ${m.merchantId}`)).rejects.toMatchObject({ code: '42501' });
});

test('time never goes back within an account, whatever the clocks of two processes say', async () => {
  const m = await th.merchant({ available: 50n });
  const early = new Date(now().getTime() - 3_600_000);
  await inTx(m, async (tx) => {
    const books = await Books.lock(tx, [available, held], early);
    expect(books.at.getTime()).toBeGreaterThan(early.getTime());
    books.post({ objectId: 'late', kind: 'reserve', from: available, to: held, amount: 1n });
    await books.write();
  });
  const entries = await inTx(m, (tx) => statement(tx, available, now(), 10));
  expect(entries[0]?.at.getTime()).toBeGreaterThanOrEqual(entries[1]?.at.getTime() as number);
});

test('the balance of an account as of a time is that of its last entry before it', async () => {
  const m = await th.merchant();
  const at = (hour: number) => new Date(Date.UTC(2030, 0, 1, hour));
  for (const [hour, amount] of [
    [1, 10n],
    [2, 20n],
    [3, 30n],
  ] as const) {
    await inTx(m, async (tx) => {
      const books = await Books.lock(tx, [world, available], at(hour));
      books.post({ objectId: `t${hour}`, kind: 'topup', from: world, to: available, amount });
      await books.write();
    });
  }
  expect(await inTx(m, (tx) => balanceAsOf(tx, available, at(0)))).toBe(0n);
  expect(await inTx(m, (tx) => balanceAsOf(tx, available, at(2)))).toBe(30n);
  expect(await inTx(m, (tx) => balanceAsOf(tx, available, new Date(at(3).getTime() - 1)))).toBe(30n);
  expect(await inTx(m, (tx) => balanceAsOf(tx, available, at(9)))).toBe(60n);
});

test('any sequence of postings leaves books that add up', async () => {
  const accounts = [world, available, held, clearing('processor', 'KZT'), account('fees', 'KZT'), account('suspense', 'KZT')];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(5), fc.nat(5), fc.bigInt({ min: 1n, max: 10n ** 15n })), { maxLength: 40 }), async (moves) => {
      const m = await th.merchant();
      const model = new Map(accounts.map((id) => [id, 0n]));
      await inTx(m, async (tx) => {
        const books = await Books.lock(tx, accounts, now());
        moves.forEach(([f, t, amount]) => {
          const [from, to] = [accounts[f] as string, accounts[t] as string];
          const after = (model.get(from) as bigint) - amount;
          if (from === to || ((from === available || from === held) && after < 0n)) return;
          books.post({ objectId: th.house.ids.uuid(), kind: 'topup', from, to, amount });
          model.set(from, after);
          model.set(to, (model.get(to) as bigint) + amount);
        });
        await books.write();
        for (const id of accounts) expect(books.balance(id)).toBe(model.get(id));
      });
      expect([...model.values()].reduce((sum, balance) => sum + balance, 0n)).toBe(0n);
    }),
    { numRuns: 15 },
  );
});
