/**
 * A marketplace's day: a customer pays from a wallet, the partner gets its share in the same moment and is paid out to its bank
 * account, what was too much comes back, and a company pays an invoice. Through the SDK, over real HTTP, with the sandbox bank's files.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { verify } from '../../src/audit/verify.ts';
import { scenarios } from '../../src/sandbox/scenarios.ts';
import { openTown, type Shop, type Town, until } from './town.ts';

const events = ['split.created', 'split.processed', 'invoice.created', 'invoice.paid', 'wallet_transaction.success', 'wallet_transaction.captured'];
let town: Town;
let shop: Shop;
beforeAll(async () => {
  vi.setConfig({ testTimeout: 60_000 });
  town = await openTown({ files: true });
  shop = await town.shop(100_000n, events);
});
afterAll(async () => {
  vi.resetConfig();
  const broken = (await verify(town.th.url)).filter(({ violations }) => violations > 0);
  await town.close();
  expect(broken).toEqual([]);
});

const account = { name: 'TOO Partner', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' };
const ibanThat = (end: string): string => scenarios.find(({ iban, outcome }) => iban && outcome === end)?.iban as string;

test('a payment is shared as it comes in, and the partner is paid what it has earned', async () => {
  const { tolem, inbox } = shop;
  const partner = await tolem.beneficiaries.create({ ...account, description: 'Расчёт с партнёром' });
  const split = await tolem.splits.create({ orderReference: 'ORDER-7', items: [{ beneficiaryId: partner.id, percent: 85.5 }] });
  const payment = await tolem.wallet.authorize({
    amount: 15_001,
    phoneNumber: '+77012345678',
    iin: '880707300154',
    orderReference: 'ORDER-7',
    currency: 'KZT',
  });
  await until(async () => (await tolem.wallet.get(payment.walletTransactionId)).walletTransactionStatus === 'SUCCESS', 'consent');
  await tolem.wallet.capture(payment.walletTransactionId, 15_001);
  await inbox.wait('split.processed', split.id);
  expect(await tolem.splits.get(split.id)).toMatchObject({ status: 'processed', items: [{ given: 12_825 }] });
  expect(await tolem.beneficiaries.get(partner.id)).toMatchObject({ balance: 12_825 });

  const back = await tolem.beneficiaries.transfer(partner.id, { amount: 825, currency: 'KZT', requestId: 'back-1' });
  expect(back).toMatchObject({ balanceBefore: 12_825, balanceAfter: 12_000 });
  const settlement = await tolem.beneficiaries.settle(partner.id, { amount: 12_000, currency: 'KZT', requestId: 'pay-1' });
  expect(settlement).toMatchObject({ status: 'created', source: 'beneficiary', paymentPurpose: 'Расчёт с партнёром' });
  await inbox.wait('payment_order.paid', settlement.id);
  expect(inbox.about(settlement.id)).toEqual(['payment_order.created', 'payment_order.paid']);
  expect(await tolem.settlementOrders.get(settlement.id)).toMatchObject({ status: 'paid' });
  expect(await tolem.beneficiaries.get(partner.id)).toMatchObject({ balance: 0 });
  expect(inbox.faults).toEqual([]);
});

test('an order from the merchant’s own balance: once for its requestId; and one that the bank refuses', async () => {
  const { tolem, inbox } = shop;
  const partner = await tolem.beneficiaries.create(account);
  const before = (await tolem.distributions.balance()).balance;
  const order = { requestId: 'order-1', beneficiaryId: partner.id, amount: 10_000, currency: 'KZT' };
  const [made, again] = [await tolem.settlementOrders.create(order), await tolem.settlementOrders.create(order)];
  expect(again).toEqual(made);
  await inbox.wait('payment_order.paid', made.id);
  expect((await tolem.distributions.balance()).balance).toBe(before - 10_000);

  const closed = await tolem.beneficiaries.create({ ...account, iban: ibanThat('declined') });
  const refused = await tolem.settlementOrders.create({ ...order, requestId: 'order-2', beneficiaryId: closed.id });
  await inbox.wait('payment_order.failed', refused.id);
  expect(await tolem.settlementOrders.get(refused.id)).toMatchObject({ status: 'failed', failureReason: expect.stringMatching(/^[A-Z]{2}\d\d: /) });
  expect((await tolem.distributions.balance()).balance).toBe(before - 10_000);
  await expect(tolem.settlementOrders.create({ ...order, amount: 1 })).rejects.toMatchObject({ status: 409 });
});

test('a company pays an invoice: its number is found in the bank’s statement', async () => {
  const { tolem, inbox, m } = shop;
  const invoice = await tolem.invoices.create({ orderReference: 'INV-7', amount: 500_000, currency: 'KZT', payer: { name: 'TOO Buyer', bin: '123456789012' } });
  expect(await (await fetch(invoice.url.replace(town.th.house.config.publicUrl, town.url))).text()).toContain(invoice.payee.bic);
  const before = (await tolem.distributions.balance()).balance;
  expect((await town.th.post(`/v1/sandbox/bank-invoices/${invoice.id}/pay`, m, { amount: 499_999 })).status).toBe(202);
  expect((await town.th.post(`/v1/sandbox/bank-invoices/${invoice.id}/pay`, m, { purpose: `oplata scheta ${invoice.number}` })).status).toBe(202);
  await inbox.wait('invoice.paid', invoice.id);
  expect(await tolem.invoices.get(invoice.id)).toMatchObject({ status: 'paid' });
  expect((await tolem.distributions.balance()).balance).toBe(before + 500_000);
});
