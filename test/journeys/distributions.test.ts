/**
 * The story of seeds/distributions.txt, as a merchant lives it: money goes from the balance to partners' bank accounts. Through the
 * SDK, over real HTTP; the payments leave in pain.001 files, and the sandbox bank answers in pain.002 and statements.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { TolemError } from '../../sdk/src/index.ts';
import { verify } from '../../src/audit/verify.ts';
import { scenarios } from '../../src/sandbox/scenarios.ts';
import { openTown, type Shop, type Town } from './town.ts';

const events = ['created', 'processing', 'completed', 'failed', 'returned'].map((status) => `distribution.${status}`);
let town: Town;
let shop: Shop;
beforeAll(async () => {
  vi.setConfig({ testTimeout: 60_000 });
  town = await openTown({ files: true });
  shop = await town.shop(500000n, events);
});
afterAll(async () => {
  vi.resetConfig();
  const broken = (await verify(town.th.url)).filter(({ violations }) => violations > 0);
  await town.close();
  expect(broken).toEqual([]);
});

/** The request of the seed, word for word. */
const seed = {
  orderReference: 'DIST-100001',
  amount: 150000,
  currency: 'KZT',
  recipient: { name: 'TOO Credit Partner', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' },
  paymentPurpose: 'Распределение средств по договору 123',
};
const ibanThat = (end: string): string => scenarios.find(({ iban, outcome }) => iban && outcome === end)?.iban as string;

test('the seed’s own example: asked for, on its way in a file, completed by the bank’s statement', async () => {
  const made = await shop.tolem.distributions.create(seed);
  expect(made).toMatchObject({ ...seed, status: 'created', balanceBefore: 500000, balanceAfter: 350000 });
  await shop.inbox.wait('distribution.completed', made.id);
  expect(shop.inbox.about(made.id)).toEqual(['distribution.created', 'distribution.processing', 'distribution.completed']);
  expect(await shop.tolem.distributions.get(made.id)).toMatchObject({ status: 'completed', failureReason: null });
  expect(await shop.tolem.distributions.balance()).toMatchObject({ balance: 350000, currency: 'KZT' });
  expect(shop.inbox.faults).toEqual([]);
});

test('an account that the bank refuses: it fails with the reason, and the money is back', async () => {
  const made = await shop.tolem.distributions.create({ ...seed, orderReference: 'DIST-R', recipient: { ...seed.recipient, iban: ibanThat('declined') } });
  const { body } = await shop.inbox.wait('distribution.failed', made.id);
  expect(body.data.failureReason).toMatch(/^[A-Z]{2}\d\d: /);
  expect(await shop.tolem.distributions.balance()).toMatchObject({ balance: 350000 });
});

test('money that comes back after it was paid is told as an object of its own', async () => {
  const made = await shop.tolem.distributions.create({
    ...seed,
    orderReference: 'DIST-B',
    amount: 50000,
    recipient: { ...seed.recipient, iban: ibanThat('returned') },
  });
  await shop.inbox.wait('distribution.completed', made.id);
  const { body } = await shop.inbox.wait('distribution.returned');
  expect(body.data).toMatchObject({ distributionId: made.id, amount: 50000, status: 'returned' });
  expect(await shop.tolem.distributions.get(made.id)).toMatchObject({ status: 'completed' });
  expect(await shop.tolem.distributions.balance()).toMatchObject({ balance: 350000 });
});

test('many at once, each with its own fate; the list and its order', async () => {
  const [one, two] = [
    { ...seed, orderReference: 'DIST-M1', amount: 1000 },
    { ...seed, orderReference: 'DIST-M2', amount: 2000, recipient: { ...seed.recipient, bic: 'NOBANK' } },
  ];
  const fates = await shop.tolem.distributions.createMany([one, two, one]);
  expect(fates).toMatchObject({ total: 3, created: 1, known: 1, refused: 1 });
  expect(fates.items[1]?.error).toMatchObject({ code: 5, details: [{ field: 'recipient.bic' }] });
  const all = [];
  for await (const row of shop.tolem.distributions.all()) all.push(row.orderReference);
  expect(all).toEqual(['DIST-M1', 'DIST-B', 'DIST-R', 'DIST-100001']);
});

test('what cannot be asked for is refused in words', async () => {
  await expect(shop.tolem.distributions.create({ ...seed, amount: 2 })).rejects.toThrow(TolemError);
  await expect(shop.tolem.distributions.create({ ...seed, orderReference: 'X', amount: 999_999_999 })).rejects.toMatchObject({ status: 422, code: 5 });
});
