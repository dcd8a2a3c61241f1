import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../../test/harness/house.ts';
import { verify } from '../audit/verify.ts';
import { account, beneficiaryAccount, Books } from '../ledger/books.ts';

let th: TestHouse;
beforeAll(async () => {
  th = await openTestHouse();
});
afterAll(async () => {
  const broken = (await verify(th.url)).filter(({ violations }) => violations > 0); // whatever the tests did, the books hold
  await th.close();
  expect(broken).toEqual([]);
});

const PATH = '/v1/merchants/payment-beneficiaries';
const example = { name: 'TOO Credit Partner', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' };
const make = (m: TestMerchant, more: object = {}, headers?: Record<string, string>) => th.post(PATH, m, { ...example, ...more }, headers);

/** As if a share of something had come in. */
async function given(m: TestMerchant, id: string, amount: bigint): Promise<void> {
  await th.house.db.merchant(m.merchantId, async (tx) => {
    const [from, to] = [account('world', 'KZT'), beneficiaryAccount(id, 'KZT')];
    const books = await Books.lock(tx, [from, to], th.house.clock.now());
    books.post({ objectId: th.house.ids.uuid(), kind: 'topup', from, to, amount });
    await books.write();
  });
}

test('made, read, listed, changed', async () => {
  const m = await th.merchant();
  const { status, body } = await make(m, { iban: 'kz86 125k zt50 0410 0100', bic: 'kcjbkzkx', description: 'Курьерская служба' });
  expect(status).toBe(201);
  const when = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  expect(body).toEqual({
    ...{ id: expect.any(String), merchantId: m.merchantId, status: 'active', ...example, description: 'Курьерская служба', currency: 'KZT', balance: 0 },
    ...{ createdAt: when, updatedAt: when },
  });
  expect((await th.get(`${PATH}/${body.id}`, m)).body).toEqual(body);
  const changed = await th.request('PATCH', `${PATH}/${body.id}`, m, { name: 'TOO Other', knp: '859', status: 'inactive' });
  expect(changed).toMatchObject({ status: 200, body: { ...body, name: 'TOO Other', knp: '859', status: 'inactive', updatedAt: when } });
  const second = await make(m, { name: 'Second' });
  expect((await th.get(PATH, m)).body).toMatchObject({ page: 1, size: 20, total: 2, data: [{ id: second.body.id }, { id: body.id }] });
  expect((await th.get(`${PATH}?status=active`, m)).body).toMatchObject({ total: 1, data: [{ name: 'Second' }] });
  expect((await th.get(`${PATH}/${body.id}`, await th.merchant())).status).toBe(404);
});

test('the same request under one key makes one', async () => {
  const m = await th.merchant();
  const [first, again] = [await make(m, {}, { 'idempotency-key': 'b1' }), await make(m, {}, { 'idempotency-key': 'b1' })];
  expect(again.text).toBe(first.text);
  expect((await th.get(PATH, m)).body.total).toBe(1);
});

test('wrong numbers are refused with each field, when it is made and when it is changed', async () => {
  const m = await th.merchant();
  const { body } = await make(m);
  const wrong = { iban: 'KZ86125KZT5004100101', bic: 'KCJ', bin: '12345', kbe: '07', knp: '19' };
  const expected = {
    status: 422,
    body: { code: 5, source: 'beneficiaries', details: Object.keys(wrong).map((field) => ({ field, message: expect.any(String) })) },
  };
  const sorted = (answer: Awaited<ReturnType<typeof make>>) => ({
    ...answer,
    body: {
      ...answer.body,
      details: answer.body.details.toSorted(
        (x: { field: string }, y: { field: string }) => Object.keys(wrong).indexOf(x.field) - Object.keys(wrong).indexOf(y.field),
      ),
    },
  });
  expect(sorted(await make(m, wrong))).toMatchObject(expected);
  expect(sorted(await th.request('PATCH', `${PATH}/${body.id}`, m, wrong))).toMatchObject(expected);
  expect(await make(m, { name: '4111 1111 1111 1111' })).toMatchObject({ status: 422 });
  expect(await make(m, { currency: 'XXX' })).toMatchObject({ status: 400 });
  expect((await th.get(`${PATH}/${body.id}`, m)).body).toEqual(body);
});

test('what it has goes back to the merchant, once for a requestId, and no more than it has', async () => {
  const m = await th.merchant();
  const { id } = (await make(m)).body;
  await given(m, id, 1000n);
  const back = (amount: number, more: object = {}) => th.post(`${PATH}/${id}/transfer`, m, { amount, currency: 'KZT', ...more });
  const first = await back(300, { requestId: 'r-1' });
  expect(first).toMatchObject({ status: 201, body: { beneficiaryId: id, amount: 300, currency: 'KZT', balanceBefore: 1000, balanceAfter: 700 } });
  const again = await back(300, { requestId: 'r-1' });
  expect(again.text).toBe(first.text);
  expect(again.headers['idempotent-replayed']).toBe('true');
  expect(await back(301, { requestId: 'r-1' })).toMatchObject({ status: 409, body: { message: expect.stringContaining('requestId') } });
  expect(await back(701)).toMatchObject({ status: 422, body: { code: 5, source: 'beneficiaries' } });
  expect(await back(1, { currency: 'USD' })).toMatchObject({ status: 422 });
  expect(await th.balances(m)).toEqual({ available: 300n, held: 0n });
  const all = await Promise.all(Array.from({ length: 10 }, () => back(100)));
  expect(all.filter(({ status }) => status === 201)).toHaveLength(7);
  expect(await th.balances(m)).toEqual({ available: 1000n, held: 0n });
});

const ORDERS = '/v1/merchants/settlement-payment-orders';

test('an order pays a beneficiary from the merchant’s balance; who asked for it is told in the words of the documentation', async () => {
  const m = await th.merchant({ available: 50_000n });
  const beneficiary = (await make(m)).body.id;
  const asked = { requestId: 'req-1', beneficiaryId: beneficiary, amount: 10_000, currency: 'KZT', paymentPurpose: 'Расчёт за ноябрь' };
  const made = await th.post(ORDERS, m, asked);
  expect(made).toMatchObject({
    status: 201,
    body: { ...asked, status: 'created', source: 'merchant', balanceBefore: 50_000, balanceAfter: 40_000, paidAt: null },
  });
  expect(await th.balances(m)).toEqual({ available: 40_000n, held: 10_000n });
  await th.work(m);
  expect((await th.get(`${ORDERS}/${made.body.id}`, m)).body).toMatchObject({ status: 'paid', failureReason: null, paidAt: expect.any(String) });
  expect(th.bank.sent.at(-1)).toMatchObject({ kind: 'bank', amount: 10_000n, destination: { ...example, purpose: 'Расчёт за ноябрь' } });
  expect(await th.told(m, made.body.id)).toEqual(['payment_order.created', 'payment_order.processing', 'payment_order.paid']);
  const { data } = (await th.get('/v1/events', m)).body;
  const created = data.find(({ name }: { name: string }) => name === 'payment_order.created');
  expect(created.body).toEqual({
    name: 'payment_order.created',
    merchant_id: m.merchantId,
    data: { amount: 10_000, status: 'created', currency: 'KZT', merchant_id: m.merchantId, beneficiary_id: beneficiary, payment_order_id: made.body.id },
  });
  expect((await th.post(ORDERS, m, asked)).text).toBe(made.text); // once for a requestId, whatever became of it
  expect(await th.post(ORDERS, m, { ...asked, amount: 9_999 })).toMatchObject({ status: 409, body: { source: 'settlements' } });
  expect((await th.get(`/v1/distributions/${made.body.id}`, m)).status).toBe(404); // it is an order, and no distribution
  expect((await th.get('/v1/distributions', m)).body.total).toBe(0);
});

test('a manual settlement pays what the beneficiary has earned, and what the bank refuses goes back there', async () => {
  const m = await th.merchant({ available: 5n });
  const id = (await make(m, { description: 'Выплата партнёру' })).body.id;
  await given(m, id, 1000n);
  const settle = (amount: number, more: object = {}) => th.post(`${PATH}/${id}/settlements`, m, { amount, currency: 'KZT', ...more });
  const first = await settle(400);
  expect(first).toMatchObject({ status: 201, body: { requestId: null, beneficiaryId: id, source: 'beneficiary', balanceBefore: 1000, balanceAfter: 600 } });
  expect(first.body.paymentPurpose).toBe('Выплата партнёру');
  await th.work(m);
  th.bank.script.send = () => ({ kind: 'declined', code: 'AC04', message: 'the account is closed' });
  const refused = await settle(600, { requestId: 's-2' });
  await th.work(m);
  th.bank.script = {};
  expect((await th.get(`${ORDERS}/${refused.body.id}`, m)).body).toMatchObject({ status: 'failed', failureReason: 'AC04: the account is closed' });
  expect((await th.get(`${PATH}/${id}`, m)).body.balance).toBe(600);
  expect(await th.balances(m)).toEqual({ available: 5n, held: 0n });
  // Returned by the bank after it was paid: to where it was taken from.
  await th.house.sending.outcomes.submit(m.merchantId, {
    ...{ payoutId: first.body.id, source: 'callback', verdict: { kind: 'returned', rrn: null, code: 'AC04' } },
    callback: { processor: 'processor', dedupeKey: 'return-1' },
  });
  expect((await th.get(`${PATH}/${id}`, m)).body.balance).toBe(1000);
  expect((await th.get(`${ORDERS}?beneficiaryId=${id}`, m)).body).toMatchObject({ total: 2, data: [{ id: refused.body.id }, { id: first.body.id }] });
  expect((await th.get(`${ORDERS}?status=failed`, m)).body.total).toBe(1);
  expect(await settle(1001)).toMatchObject({ status: 422, body: { source: 'settlements' } });
});

test('what cannot be paid is refused when it is asked for', async () => {
  const m = await th.merchant({ available: 1000n });
  const bare = (await make(m, { kbe: undefined, knp: undefined })).body.id;
  const asked = { requestId: 'x', beneficiaryId: bare, amount: 1, currency: 'KZT' };
  expect(await th.post(ORDERS, m, asked)).toMatchObject({ status: 422, body: { message: expect.stringContaining('no kbe or knp') } });
  await th.request('PATCH', `${PATH}/${bare}`, m, { kbe: '17', knp: '119', status: 'inactive' });
  expect(await th.post(ORDERS, m, asked)).toMatchObject({ status: 409 });
  await th.request('PATCH', `${PATH}/${bare}`, m, { status: 'active' });
  expect(await th.post(ORDERS, m, { ...asked, currency: 'USD' })).toMatchObject({ status: 422 });
  expect(await th.post(ORDERS, m, { ...asked, paymentPurpose: 'card 4111111111111111' })).toMatchObject({ status: 422 });
  expect(await th.post(ORDERS, m, { ...asked, paymentPurpose: 'a\u0007b' })).toMatchObject({ status: 422 });
  expect(await th.post(ORDERS, m, { ...asked, amount: 1001 })).toMatchObject({ status: 422 });
  expect(await th.post(ORDERS, m, { ...asked, beneficiaryId: m.merchantId })).toMatchObject({ status: 404 });
  expect(await th.balances(m)).toEqual({ available: 1000n, held: 0n });
  expect((await th.post(ORDERS, m, asked)).status).toBe(201); // nothing of what was refused stands under the requestId
});

test('ten requests with one requestId at once make one order', async () => {
  const m = await th.merchant({ available: 1000n });
  const beneficiaryId = (await make(m)).body.id;
  const answers = await Promise.all(Array.from({ length: 10 }, () => th.post(ORDERS, m, { requestId: 'one', beneficiaryId, amount: 100, currency: 'KZT' })));
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  expect(await th.balances(m)).toEqual({ available: 900n, held: 100n });
});

test('an order under two names is the same under each of them, for ever; and an own id is no requestId of another', async () => {
  const m = await th.merchant({ available: 1000n });
  const beneficiaryId = (await make(m)).body.id;
  const order = { requestId: 'q1', beneficiaryId, amount: 100, currency: 'KZT' };
  const under = (key: string, more: object = {}) => th.post(ORDERS, m, { ...order, ...more }, { 'idempotency-key': key });
  const first = await under('k1');
  expect((await under('k2')).text).toBe(first.text);
  expect(await under('k2', { requestId: 'q2', amount: 200 })).toMatchObject({ status: 409 });
  expect((await under('k2')).text).toBe(first.text);
  expect(await th.balances(m)).toEqual({ available: 900n, held: 100n });
  await given(m, beneficiaryId, 10n);
  const { id } = (await th.post(`${PATH}/${beneficiaryId}/settlements`, m, { amount: 10, currency: 'KZT' })).body;
  expect(await th.post(ORDERS, m, { ...order, requestId: id })).toMatchObject({ status: 201, body: { requestId: id } });
  for (const requestId of ['4111111111111111']) {
    expect(await th.post(ORDERS, m, { ...order, requestId })).toMatchObject({ status: 422, body: { details: [{ field: 'requestId' }] } });
    expect(await th.post(`${PATH}/${beneficiaryId}/transfer`, m, { amount: 1, currency: 'KZT', requestId })).toMatchObject({ status: 422 });
  }
});
