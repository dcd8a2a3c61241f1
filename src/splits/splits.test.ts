import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../../test/harness/house.ts';
import { verify } from '../audit/verify.ts';

let th: TestHouse;
beforeAll(async () => {
  th = await openTestHouse();
});
afterAll(async () => {
  const broken = (await verify(th.url)).filter(({ violations }) => violations > 0); // whatever the tests did, the books hold
  await th.close();
  expect(broken).toEqual([]);
});

const PATH = '/v1/merchants/split-requests';
const PARTNERS = '/v1/merchants/payment-beneficiaries';
const account = { bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' };
const partner = async (m: TestMerchant, name = 'Partner', more: object = {}): Promise<string> =>
  (await th.post(PARTNERS, m, { name, ...account, ...more })).body.id;
const balanceOf = async (m: TestMerchant, id: string): Promise<number> => (await th.get(`${PARTNERS}/${id}`, m)).body.balance;
const split = (m: TestMerchant, body: object, headers?: Record<string, string>) => th.post(PATH, m, body, headers);
const read = async (m: TestMerchant, id: string) => (await th.get(`${PATH}/${id}`, m)).body;

let orders = 0;
const order = () => `ORDER-${++orders}`;
async function authorised(m: TestMerchant, amount: number, orderReference: string): Promise<string> {
  const asked = { amount, phoneNumber: '+77012345678', iin: '880707300154', orderReference, currency: 'KZT' };
  const { body } = await th.post('/v1/wallet/authorize', m, asked, { 'idempotency-key': orderReference + String(Math.random()) });
  await th.work(m);
  return body.walletTransactionId;
}
async function capture(m: TestMerchant, id: string, amount: number): Promise<void> {
  expect((await th.post(`/v1/wallet/${id}/capture`, m, { amount, allowDuplicate: true })).status).toBe(200);
  await th.work(m);
}

test('shares that were asked for before a payment are given in the moment that its money comes in', async () => {
  const m = await th.merchant();
  const [a, b] = [await partner(m, 'A'), await partner(m, 'B')];
  const orderReference = order();
  const made = await split(m, { orderReference, items: [{ beneficiaryId: a, amount: 3000 }, { beneficiaryId: b, percent: 12.5 }] }); // prettier-ignore
  expect(made).toMatchObject({ status: 201, body: { merchantId: m.merchantId, orderReference, transactionId: null, status: 'created', currency: 'KZT' } });
  expect(made.body.items).toEqual([
    { beneficiaryId: a, amount: 3000, given: null },
    { beneficiaryId: b, percent: 12.5, given: null },
  ]);
  const payment = await authorised(m, 10_001, orderReference);
  expect(await read(m, made.body.id)).toMatchObject({ status: 'created' }); // a consent is no money
  await capture(m, payment, 10_001);
  expect(await read(m, made.body.id)).toMatchObject({ status: 'processed', items: [{ given: 3000 }, { given: 1250 }] });
  expect([await balanceOf(m, a), await balanceOf(m, b)]).toEqual([3000, 1250]);
  expect(await th.balances(m)).toEqual({ available: 5751n, held: 0n });
  expect(await th.told(m, made.body.id)).toEqual(['split.created', 'split.processed']);
});

test('and after a payment at once, all of it by 100 percent', async () => {
  const m = await th.merchant();
  const partners = [await partner(m, 'A'), await partner(m, 'B'), await partner(m, 'C')];
  const payment = await authorised(m, 100, order());
  await capture(m, payment, 100);
  const percents = [33.33, 33.33, 33.34];
  const { status, body } = await split(m, { transactionId: payment, items: partners.map((beneficiaryId, i) => ({ beneficiaryId, percent: percents[i] })) });
  expect(status).toBe(201);
  expect(body).toMatchObject({ status: 'processed', transactionId: payment, items: [{ given: 33 }, { given: 33 }, { given: 34 }] });
  expect(await th.balances(m)).toEqual({ available: 0n, held: 0n });
  expect(await Promise.all(partners.map((id) => balanceOf(m, id)))).toEqual([33, 33, 34]);
});

test('a payment that comes in parts is shared when what came in covers the shares, and never beyond it', async () => {
  const m = await th.merchant();
  const a = await partner(m);
  const orderReference = order();
  const first = (await split(m, { orderReference, items: [{ beneficiaryId: a, amount: 6000 }] })).body.id;
  const payment = await authorised(m, 10_000, orderReference);
  await capture(m, payment, 4000);
  expect(await read(m, first)).toMatchObject({ status: 'created' });
  await capture(m, payment, 2500);
  expect(await read(m, first)).toMatchObject({ status: 'processed', items: [{ given: 6000 }] });
  const second = await split(m, { orderReference, items: [{ beneficiaryId: a, percent: 60 }] }); // of 6500, and 500 are left
  expect(second).toMatchObject({ status: 201, body: { status: 'created' } });
  expect(await balanceOf(m, a)).toBe(6000);
  await capture(m, payment, 3500); // 6000 and 60 percent of 10,000 are more than there is
  expect(await read(m, second.body.id)).toMatchObject({ status: 'created' });
  // A share of the payment counts against its order, too.
  expect((await split(m, { transactionId: payment, items: [{ beneficiaryId: a, amount: 4001 }] })).body).toMatchObject({ status: 'created' });
  expect((await split(m, { transactionId: payment, items: [{ beneficiaryId: a, amount: 4000 }] })).body).toMatchObject({ status: 'processed' });
  expect(await th.balances(m)).toEqual({ available: 0n, held: 0n });
});

test('while it waits it is changed or deleted; afterwards it is 409', async () => {
  const m = await th.merchant();
  const a = await partner(m);
  const orderReference = order();
  const one = (await split(m, { orderReference, items: [{ beneficiaryId: a, amount: 100 }] })).body.id;
  const two = (await split(m, { orderReference, items: [{ beneficiaryId: a, amount: 50 }] })).body.id;
  expect(await th.request('PATCH', `${PATH}/${one}`, m, { items: [{ beneficiaryId: a, amount: 200 }] })).toMatchObject({
    ...{ status: 200, body: { status: 'created', items: [{ amount: 200 }] } },
  });
  expect(await th.request('DELETE', `${PATH}/${two}`, m)).toMatchObject({ status: 204, text: '' });
  await capture(m, await authorised(m, 1000, orderReference), 1000);
  expect(await balanceOf(m, a)).toBe(200);
  for (const id of [one, two]) {
    expect(await th.request('PATCH', `${PATH}/${id}`, m, { items: [{ beneficiaryId: a, amount: 1 }] })).toMatchObject({ status: 409, body: { code: 8 } });
    expect((await th.request('DELETE', `${PATH}/${id}`, m)).status).toBe(409);
  }
  expect((await th.get(`${PATH}?status=deleted`, m)).body).toMatchObject({ total: 1, data: [{ id: two, status: 'deleted' }] });
  expect((await th.get(`${PATH}?orderReference=${orderReference}`, m)).body.total).toBe(2);
});

test('an inactive beneficiary is given nothing: the split fails, and the money stays', async () => {
  const m = await th.merchant();
  const a = await partner(m);
  const orderReference = order();
  const { id } = (await split(m, { orderReference, items: [{ beneficiaryId: a, percent: 50 }] })).body;
  expect((await th.request('PATCH', `${PARTNERS}/${a}`, m, { status: 'inactive' })).status).toBe(200);
  await capture(m, await authorised(m, 1000, orderReference), 1000);
  expect(await read(m, id)).toMatchObject({ status: 'failed', failureReason: `beneficiary ${a} is inactive`, items: [{ given: null }] });
  expect(await th.balances(m)).toEqual({ available: 1000n, held: 0n });
  expect((await split(m, { orderReference, items: [{ beneficiaryId: a, percent: 50 }] })).status).toBe(409);
});

test('what the merchant has spent meanwhile is not shared', async () => {
  const m = await th.merchant();
  const a = await partner(m);
  const payment = await authorised(m, 1000, order());
  await capture(m, payment, 1000);
  const body = { orderReference: order(), amount: 900, currency: 'KZT', recipient: { name: 'X', ...account }, paymentPurpose: 'x' };
  expect((await th.post('/v1/distributions', m, body)).status).toBe(201);
  expect(await split(m, { transactionId: payment, items: [{ beneficiaryId: a, amount: 101 }] })).toMatchObject({ status: 422, body: { source: 'splits' } });
  expect(await split(m, { transactionId: payment, items: [{ beneficiaryId: a, amount: 100 }] })).toMatchObject({ status: 201, body: { status: 'processed' } });
});

test('wrong shares are refused, with the field', async () => {
  const m = await th.merchant();
  const stranger = await partner(await th.merchant());
  const a = await partner(m);
  const inEuro = await partner(m, 'Euro', { currency: 'EUR' });
  const orderReference = order();
  const payment = await authorised(m, 1000, order());
  const refused = async (body: object, status: number, words: string) =>
    expect(await split(m, body)).toMatchObject({ status, body: { message: expect.stringContaining(words), source: 'splits' } });
  const one = { beneficiaryId: a, amount: 1 };
  await refused({ items: [one] }, 400, 'transactionId or orderReference');
  await refused({ orderReference, transactionId: payment, items: [one] }, 400, 'one of them alone');
  await refused({ orderReference, items: [] }, 400, 'items');
  await refused({ orderReference, items: [{ beneficiaryId: a }] }, 422, 'items.0 must have an amount or a percent');
  await refused({ orderReference, items: [{ ...one, percent: 1 }] }, 422, 'items.0 must have an amount or a percent');
  await refused({ orderReference, items: [one, one] }, 422, 'items.1.beneficiaryId is in this split already');
  for (const percent of [33.333, 12.500000001, 99.999999999, 0.001])
    await refused({ orderReference, items: [{ beneficiaryId: a, percent }] }, 422, 'items.0.percent must have at most two decimals');
  await refused({ orderReference, items: [{ beneficiaryId: a, percent: 60 }, { beneficiaryId: inEuro, percent: 40.01 }] }, 422, 'more than 100 percent'); // prettier-ignore
  await refused({ orderReference, items: [{ beneficiaryId: inEuro, amount: 1 }] }, 422, 'another currency');
  await refused({ orderReference, items: [{ beneficiaryId: stranger, amount: 1 }] }, 404, 'no beneficiary');
  await refused({ transactionId: payment, items: [{ beneficiaryId: a, amount: 1001 }] }, 422, 'more than the payment');
  await refused({ transactionId: `wt_${'0'.repeat(26)}`, items: [one] }, 404, 'no such payment');
  await refused({ transactionId: '4111111111111111', items: [one] }, 404, 'no such payment');
  await refused({ orderReference: '4111 1111 1111 1111', items: [one] }, 422, 'card number');
});

test('many captures and splits of one order at once: each share once, and none beyond what came in', async () => {
  const m = await th.merchant();
  const a = await partner(m);
  const orderReference = order();
  const payments = await Promise.all(Array.from({ length: 6 }, () => authorised(m, 1000, orderReference)));
  const splitting = Array.from({ length: 10 }, (_, i) =>
    split(m, { orderReference, items: [{ beneficiaryId: a, amount: 700 }] }, { 'idempotency-key': `s${i}` }),
  );
  const capturing = payments.map((id) => th.post(`/v1/wallet/${id}/capture`, m, { amount: 1000 }));
  const [made] = await Promise.all([Promise.all(splitting), Promise.all(capturing)]);
  await th.work(m);
  expect(made.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 201));
  const after = await Promise.all(made.map(({ body }) => read(m, body.id)));
  expect(after.filter(({ status }) => status === 'processed')).toHaveLength(8); // 5600 of 6000
  expect(after.filter(({ status }) => status === 'created')).toHaveLength(2);
  expect(await balanceOf(m, a)).toBe(5600);
  expect(await th.balances(m)).toEqual({ available: 400n, held: 0n });
});

test('no more than a hundred splits wait for one payment', async () => {
  const m = await th.merchant();
  const a = await partner(m);
  const orderReference = order();
  const ask = () => split(m, { orderReference, items: [{ beneficiaryId: a, amount: 1 }] });
  for (let i = 0; i < 100; i += 20) expect((await Promise.all(Array.from({ length: 20 }, ask))).every(({ status }) => status === 201)).toBe(true);
  expect(await ask()).toMatchObject({ status: 409, body: { message: expect.stringContaining('100 splits wait') } });
  await capture(m, await authorised(m, 100, orderReference), 100);
  expect(await balanceOf(m, a)).toBe(100);
  expect((await ask()).status).toBe(201);
});
