/**
 * The story of seeds/wallet.txt, as a merchant lives it: a customer's wallet is asked, charged, let go and paid back. Through the SDK, over
 * real HTTP, with the sandbox bank's wallets (the last two digits of a phone say what happens).
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { TolemError } from '../../sdk/src/index.ts';
import { verify } from '../../src/audit/verify.ts';
import { openTown, type Shop, type Town, until } from './town.ts';

const events = ['new', 'processing', 'success', 'failed', 'captured', 'cancelled', 'refunded', 'capture_failed', 'refund_failed'].map(
  (what) => `wallet_transaction.${what}`,
);
let town: Town;
let shop: Shop;
beforeAll(async () => {
  vi.setConfig({ testTimeout: 60_000 });
  town = await openTown();
  shop = await town.shop(0n, events);
});
afterAll(async () => {
  vi.resetConfig();
  const broken = (await verify(town.th.url)).filter(({ violations }) => violations > 0);
  await town.close();
  expect(broken).toEqual([]);
});

const payment = { amount: 15000, iin: '900101300123', orderReference: 'ORDER-100045', currency: 'KZT' };
const phoneThat = (digits: string) => `+770123456${digits}`;
const authorize = (digits = '78', more: object = {}) => shop.tolem.wallet.authorize({ ...payment, phoneNumber: phoneThat(digits), ...more });
const told = (name: string, id: string) =>
  until(() => shop.inbox.received.find(({ body }) => body.name === `wallet_transaction.${name}` && body.data.walletTransactionId === id), `${name} of ${id}`);
const available = async () => (await shop.tolem.merchant.get()).balance.find(({ currency }) => currency === 'KZT')?.available;

test('asked for, agreed to, captured in two parts, paid back in one', async () => {
  const asked = await authorize();
  expect(asked).toEqual({ walletTransactionId: expect.stringMatching(/^wt_[0-9A-HJKMNP-TV-Z]{26}$/), walletTransactionStatus: 'NEW', ...shown(15000) });
  const id = asked.walletTransactionId;
  await told('success', id);
  expect(await shop.tolem.wallet.get(id)).toEqual({ walletTransactionId: id, walletTransactionStatus: 'SUCCESS', ...shown(15000) });
  expect(await shop.tolem.wallet.capture(id, 10000)).toMatchObject({ walletTransactionStatus: 'SUCCESS', amount: 10000 });
  await told('captured', id);
  await shop.tolem.wallet.capture(id, 5000);
  await until(async () => (await available()) === 15000, 'both parts are in the balance');
  await expect(shop.tolem.wallet.capture(id, 1)).rejects.toMatchObject({ status: 422 });
  expect(await shop.tolem.wallet.refund(id, 5000)).toMatchObject({ amount: 5000 });
  await told('refunded', id);
  expect(await available()).toBe(10000);
  expect(shop.inbox.faults).toEqual([]);
});

const shown = (amount: number) => ({ orderReference: 'ORDER-100045', amount, currency: 'KZT' });

test('a customer who says no, and one who is asked but whose answer is lost', async () => {
  const [no, lost] = [(await authorize('00')).walletTransactionId, (await authorize('03')).walletTransactionId];
  expect((await told('failed', no)).body.data.errorCode).toBe('17');
  await told('success', lost);
  await expect(shop.tolem.wallet.capture(no, 1)).rejects.toMatchObject({ status: 409, code: 8 });
});

test('what is not captured is let go; a refusal to capture takes nothing', async () => {
  const one = (await authorize()).walletTransactionId;
  await told('success', one);
  expect(await shop.tolem.wallet.cancel(one, 15000)).toMatchObject({ amount: 15000 });
  await told('cancelled', one);
  await expect(shop.tolem.wallet.capture(one, 1)).rejects.toMatchObject({ status: 409 });
  const two = (await authorize('12')).walletTransactionId;
  await told('success', two);
  const before = await available();
  await shop.tolem.wallet.capture(two, 100);
  await told('capture_failed', two);
  expect(await available()).toBe(before);
});

test('the list goes on by its cursor, and a cursor that was edited does not', async () => {
  const first = await shop.tolem.wallet.list({ limit: 2 });
  expect(first.items).toHaveLength(2);
  const rest = await shop.tolem.wallet.list({ limit: 100, cursor: first.nextCursor as string });
  const ids = [...first.items, ...rest.items].map(({ walletTransactionId }) => walletTransactionId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(ids.toSorted().reverse());
  await expect(shop.tolem.wallet.list({ limit: 2, cursor: `${first.nextCursor?.slice(0, -2)}xx` })).rejects.toThrow(TolemError);
});

test('phones however they are typed; numbers that are none are named', async () => {
  expect((await authorize('78', { phoneNumber: '8 (701) 234-56-78' })).walletTransactionStatus).toBe('NEW');
  await expect(authorize('78', { phoneNumber: '123' })).rejects.toMatchObject({ status: 422, details: [{ field: 'phoneNumber' }] });
  await expect(authorize('78', { iin: '12345' })).rejects.toMatchObject({ status: 422, details: [{ field: 'iin' }] });
});
