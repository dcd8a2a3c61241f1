import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse } from '../../test/harness/house.ts';
import { verify } from '../audit/verify.ts';
import { sql } from '../db/sql.ts';
import { Sealer } from '../sealing.ts';
import { walletIdIn } from './view.ts';
import { Wallet } from './wallet.ts';

let th: TestHouse;
beforeAll(async () => {
  th = await openTestHouse();
});
afterAll(async () => {
  const broken = (await verify(th.url)).filter(({ violations }) => violations > 0); // whatever the tests did, the books hold
  await th.close();
  expect(broken).toEqual([]);
});

type M = Awaited<ReturnType<TestHouse['merchant']>>;
let keys = 0;
const customer = { phoneNumber: '+77012345678', iin: '880707300154' };
const authorize = (m: M, amount: unknown = 15000, more: object = {}, key = `k${++keys}`) =>
  th.post('/v1/wallet/authorize', m, { amount, ...customer, orderReference: 'ORDER-100045', currency: 'KZT', ...more }, { 'idempotency-key': key });
const authorised = async (m: M, amount = 15000, more: object = {}): Promise<string> => {
  const { body } = await authorize(m, amount, more);
  await th.work(m);
  return body.walletTransactionId as string;
};
const operate = (m: M, id: string, kind: 'capture' | 'cancel' | 'refund', amount: unknown, headers?: Record<string, string>, more: object = {}) =>
  th.post(`/v1/wallet/${id}/${kind}`, m, { amount, ...more }, headers);
const statusOf = async (m: M, id: string) => (await th.get(`/v1/wallet/transaction/${id}`, m)).body.walletTransactionStatus as string;

test('a customer agrees, the merchant captures and gives a part back', async () => {
  const m = await th.merchant();
  const { status, body } = await authorize(m);
  expect(status).toBe(201);
  expect(body).toEqual({
    walletTransactionId: expect.stringMatching(/^wt_[0-7][0-9A-HJKMNP-TV-Z]{25}$/),
    walletTransactionStatus: 'NEW',
    orderReference: 'ORDER-100045',
    amount: 15000,
    currency: 'KZT',
  });
  await th.work(m);
  const id = body.walletTransactionId;
  expect((await th.get(`/v1/wallet/transaction/${id}`, m)).body).toEqual({ ...body, walletTransactionStatus: 'SUCCESS' });
  expect(await operate(m, id, 'capture', 10000)).toMatchObject({ status: 200, body: { ...body, walletTransactionStatus: 'SUCCESS', amount: 10000 } });
  expect(await th.balances(m)).toEqual({ available: 0n, held: 0n });
  await th.work(m);
  expect(await th.balances(m)).toEqual({ available: 100_00n, held: 0n });
  expect(await operate(m, id, 'refund', 4000)).toMatchObject({ status: 200, body: { amount: 4000, walletTransactionStatus: 'SUCCESS' } });
  expect(await th.balances(m)).toEqual({ available: 60_00n, held: 40_00n });
  await th.work(m);
  expect(await th.balances(m)).toEqual({ available: 60_00n, held: 0n });
  expect(await operate(m, id, 'cancel', 5000)).toMatchObject({ status: 200, body: { amount: 5000 } });
  await th.work(m);
  const told = ['new', 'processing', 'success', 'captured', 'refunded', 'cancelled'].map((name) => `wallet_transaction.${name}`);
  expect(await th.told(m, walletIdIn(id))).toEqual(told);
  expect((await th.get(`/v1/wallet/transaction/${id}`, m)).body.amount).toBe(15000);
});

test('a customer who says no, and one who takes his time', async () => {
  const m = await th.merchant();
  th.walletBank.script.authorize = () => ({ kind: 'declined', code: '05', message: 'the customer declined' });
  const no = await authorised(m);
  expect(await statusOf(m, no)).toBe('FAILED');
  expect(await operate(m, no, 'capture', 1)).toMatchObject({ status: 409, body: { code: 8, source: 'wallet', message: expect.stringContaining('FAILED') } });
  th.walletBank.script.authorize = () => ({ kind: 'pending' });
  const slow = await authorised(m);
  expect(await statusOf(m, slow)).toBe('PROCESSING');
  expect((await operate(m, slow, 'capture', 1)).status).toBe(409);
  th.walletBank.script = { inquireAuthorization: () => ({ kind: 'pending' }) };
  await th.later(3_600);
  await th.work(m);
  expect(await statusOf(m, slow)).toBe('PROCESSING'); // no timer ends it
  th.walletBank.script = { inquireAuthorization: () => ({ kind: 'authorized', rrn: '1', authCode: null }) };
  await th.later(3_600);
  await th.work(m);
  expect(await statusOf(m, slow)).toBe('SUCCESS');
  th.walletBank.script = {};
});

test('a transaction that is NEW cannot be captured', async () => {
  const m = await th.merchant();
  const { body } = await authorize(m);
  for (const kind of ['capture', 'cancel', 'refund'] as const) expect((await operate(m, body.walletTransactionId, kind, 1)).status).toBe(409);
});

test.each([
  ['amount 0', { amount: 0 }, 400],
  ['amount -1', { amount: -1 }, 400],
  ['amount 1.5', { amount: 1.5 }, 400],
  ['an amount in quotes', { amount: '100' }, 400],
  ['an amount past what a double holds', '{"amount":9007199254740993}', 400],
  ['more than can be moved at once', { amount: 1_000_000_000_000_000 }, 400],
  ['no amount', { amount: undefined }, 400],
  ['no phone', { phoneNumber: undefined }, 400],
  ['no personal number', { iin: undefined }, 400],
  ['no order reference', { orderReference: undefined }, 400],
  ['an empty order reference', { orderReference: '' }, 400],
  ['no currency', { currency: undefined }, 400],
  ['a currency that is none', { currency: 'ABC' }, 400],
  ['a field that is none', { status: 'SUCCESS' }, 400],
  ['a phone that cannot exist', { phoneNumber: '+7 702 999' }, 422],
  ['a phone that is none', { phoneNumber: 'call me' }, 422],
  ['eleven digits', { iin: '88070730015' }, 422],
  ['letters', { iin: '88070730015O' }, 422],
  ['a card number for a reference', { orderReference: 'card 4111 1111 1111 1111' }, 422],
])('authorize refuses %s', async (_, fields, status) => {
  const m = await th.merchant();
  const body = { amount: 100, ...customer, orderReference: 'o', currency: 'KZT', ...(typeof fields === 'string' ? {} : fields) };
  const text = typeof fields === 'string' ? JSON.stringify(body).replace('"amount":100', fields.slice(1, -1)) : body;
  const answer = await th.post('/v1/wallet/authorize', m, text, { 'idempotency-key': 'k' });
  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject({ code: status === 400 ? 3 : 5, source: 'wallet', type: status === 400 ? 'apiError' : 'validationError' });
  for (const secret of ['88070730015', '702 999', 'call me', '4111']) expect(answer.text).not.toContain(secret); // an error does not repeat what is personal
  expect((await th.get('/v1/wallet/transactions', m)).body.items).toEqual([]);
});

test('a wrong check digit is refused of a live merchant, and accepted of a test merchant', async () => {
  const wrong = { iin: '880707300155' };
  expect((await authorize(await th.merchant({ mode: 'live' }), 100, wrong)).body).toMatchObject({ code: 5, details: [{ field: 'iin' }] });
  expect((await authorize(await th.merchant({ mode: 'live' }), 100)).status).toBe(201);
  expect((await authorize(await th.merchant(), 100, wrong)).status).toBe(201);
});

test('authorize asks for an Idempotency-Key, and for a key of the merchant first', async () => {
  const m = await th.merchant();
  const body = { amount: 100, ...customer, orderReference: 'o', currency: 'KZT' };
  expect(await th.post('/v1/wallet/authorize', m, body)).toMatchObject({
    status: 400,
    body: { code: 3, source: 'wallet', message: expect.stringContaining('idempotency-key') },
  });
  expect((await th.post('/v1/wallet/authorize', m, body, { 'idempotency-key': 'with spaces' })).status).toBe(400);
  expect((await th.post('/v1/wallet/authorize', null, body)).status).toBe(401);
});

test('a phone however it is typed is asked as E.164, with the personal number; nothing of them is stored in the open or kept', async () => {
  const m = await th.merchant();
  const { body } = await authorize(m, 777, { phoneNumber: '8 (701) 234-56-78' });
  const stored = () =>
    th.house.db.merchant(m.merchantId, (tx) =>
      tx.one<{ person: Buffer | null; texts: string }>(sql`
        select a.person, to_jsonb(a)::text || (select string_agg(e.body, '') from event e where e.merchant_id = ${tx.merchantId}) || (select string_agg(i.body, '') from idempotency i where i.merchant_id = ${tx.merchantId}) as texts
        from wallet_authorization a where a.merchant_id = ${tx.merchantId}`),
    );
  const before = await stored();
  expect(before.person).not.toBeNull();
  for (const text of [before.texts, before.person?.toString('latin1')]) expect(text).not.toMatch(/2345678|234-56-78|880707300154/);
  await th.work(m);
  expect(th.walletBank.asked.at(-1)).toMatchObject({
    amount: 777n,
    instrument: { kind: 'wallet', phone: '+77012345678', iin: '880707300154' },
    initiator: 'customer',
  });
  expect((await stored()).person).toBeNull();
  expect(await statusOf(m, body.walletTransactionId)).toBe('SUCCESS');
});

test('when the master key is changed, who is still to be asked is sealed anew', async () => {
  const m = await th.merchant();
  const { body } = await authorize(m);
  const newKey = Buffer.alloc(32, 9);
  const later = new Wallet({
    ...th.house,
    sealer: new Sealer(newKey, 'wallet', th.house.random, th.house.config.masterKey),
    authorizer: th.walletBank,
    timeoutMs: 1_000,
  });
  expect(await later.reseal(m.merchantId)).toBe(1);
  const from = th.walletBank.asked.length;
  await th.work(m); // by a process that has the key of before: nothing leaves, and nothing fails
  expect(th.walletBank.asked).toHaveLength(from);
  await th.later(5);
  const last = new Wallet({ ...th.house, sealer: new Sealer(newKey, 'wallet', th.house.random), authorizer: th.walletBank, timeoutMs: 1_000 });
  await Promise.all(await last.queue.take(m.merchantId, 10));
  expect(await statusOf(m, body.walletTransactionId)).toBe('SUCCESS');
});

test('one key, one authorization, for ever, byte for byte; with another body or person it is refused', async () => {
  const m = await th.merchant();
  const first = await authorize(m, 15000, {}, 'one');
  await th.work(m);
  const again = await authorize(m, 15000, { phoneNumber: '+7 701 234 56 78' }, 'one'); // typed otherwise, the same phone
  expect(again.text).toBe(first.text);
  expect(again.headers['idempotent-replayed']).toBe('true');
  for (const other of [{ orderReference: 'other' }, { phoneNumber: '+77012345679' }, { iin: '900101300017' }])
    expect(await authorize(m, 15000, other, 'one')).toMatchObject({ status: 409, body: { code: 8 } });
  const answers = await Promise.all(Array.from({ length: 50 }, () => authorize(m, 1, {}, 'storm')));
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  expect((await th.get('/v1/wallet/transactions', m)).body.items).toHaveLength(2);
});

test('a key of an operation replays its answer and does nothing again', async () => {
  const m = await th.merchant();
  const id = await authorised(m);
  const key = { 'idempotency-key': 'capture-1' };
  const first = await operate(m, id, 'capture', 9000, key);
  const again = await operate(m, id, 'capture', 9000, key);
  expect([again.text, again.headers['idempotent-replayed']]).toEqual([first.text, 'true']);
  expect((await operate(m, id, 'capture', 1, key)).status).toBe(409);
  expect((await operate(m, id, 'cancel', 6000, key)).status).toBe(200); // a key means something within one path
  await th.work(m);
  expect(await th.balances(m)).toEqual({ available: 90_00n, held: 0n });
});

test('the same operation asked twenty times at once under one key is done once, and all hear the same', async () => {
  const m = await th.merchant();
  const id = await authorised(m);
  const answers = await Promise.all(Array.from({ length: 20 }, () => operate(m, id, 'capture', 15000, { 'idempotency-key': 'storm' })));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  await th.work(m);
  expect(await th.balances(m)).toEqual({ available: 150_00n, held: 0n });
});

test('a refund right after its capture waits until that is carried out', async () => {
  const m = await th.merchant();
  const id = await authorised(m);
  await operate(m, id, 'capture', 15000);
  const { clock } = th.house;
  const sleep = clock.sleep.bind(clock);
  let looks = 0;
  clock.sleep = (ms, signal) => (ms === 50 && looks++ === 1 ? th.work(m) : sleep(ms, signal)); // it is carried out while the refund waits
  expect((await operate(m, id, 'refund', 15000)).status).toBe(200);
  clock.sleep = sleep;
  expect(looks).toBe(2);
  await th.work(m);
  expect(await th.balances(m)).toEqual({ available: 0n, held: 0n });
});

test('what is captured, cancelled and refunded stays within its caps', async () => {
  const m = await th.merchant();
  const id = await authorised(m, 100);
  expect(await operate(m, id, 'capture', 101)).toMatchObject({ status: 422, body: { code: 5, type: 'validationError', details: [{ field: 'amount' }] } });
  expect((await operate(m, id, 'refund', 1)).status).toBe(422);
  expect((await operate(m, id, 'capture', 60)).status).toBe(200);
  expect(await operate(m, id, 'refund', 60)).toMatchObject({ status: 409, headers: { 'retry-after': '1' } }); // on its way
  expect((await operate(m, id, 'refund', 61)).status).toBe(422);
  expect((await operate(m, id, 'cancel', 41)).status).toBe(422);
  expect((await operate(m, id, 'cancel', 30)).status).toBe(200);
  expect((await operate(m, id, 'capture', 11)).status).toBe(422);
  expect((await operate(m, id, 'capture', 10)).status).toBe(200);
  expect((await operate(m, id, 'capture', 1)).status).toBe(422);
  await th.work(m);
  expect((await operate(m, id, 'refund', 50)).status).toBe(200);
  expect((await operate(m, id, 'refund', 21)).status).toBe(422);
  expect((await operate(m, id, 'refund', 20)).status).toBe(200);
  await th.work(m);
  expect((await operate(m, id, 'refund', 1)).status).toBe(422);
  expect(await th.balances(m)).toEqual({ available: 0n, held: 0n });
});

test('no capture after a cancel of everything, no cancel after a capture of everything', async () => {
  const m = await th.merchant();
  const [cancelled, captured] = [await authorised(m, 100), await authorised(m, 100)];
  await operate(m, cancelled, 'cancel', 100);
  await operate(m, captured, 'capture', 100);
  for (let i = 0; i < 2; i++) {
    expect((await operate(m, cancelled, 'capture', 1)).status).toBe(409);
    expect((await operate(m, cancelled, 'cancel', 1)).status).toBe(409);
    expect((await operate(m, captured, 'cancel', 1)).status).toBe(409);
    await th.work(m);
  }
});

test.each([0, -1, 1.5, '100', null, 1e15])('an operation of %j is refused', async (amount) => {
  const m = await th.merchant();
  const id = await authorised(m);
  for (const kind of ['capture', 'cancel', 'refund'] as const)
    expect(await operate(m, id, kind, amount)).toMatchObject({ status: 400, body: { code: 3, source: 'wallet' } });
});

test('what is another merchant’s, or cannot be, is not found', async () => {
  const [m, stranger] = [await th.merchant(), await th.merchant()];
  const id = await authorised(m);
  for (const other of [id.replace('wt_', ''), id.slice(0, -1), `${id}0`, 'wt_81JDM3Z7V8H8Q2X9K0R1ABCD12', 'wt_01JDM3Z7V8H8Q2X9K0R1ABCD12', 'nonsense']) {
    expect((await th.get(`/v1/wallet/transaction/${other}`, m)).status).toBe(404);
    expect((await operate(m, other, 'capture', 1)).status).toBe(404);
  }
  expect(await th.get(`/v1/wallet/transaction/${id}`, stranger)).toMatchObject({ status: 404, body: { code: 4, source: 'wallet' } });
  for (const kind of ['capture', 'cancel', 'refund'] as const) expect((await operate(stranger, id, kind, 1)).status).toBe(404);
  expect((await operate(m, id.toLowerCase(), 'capture', 1)).status).toBe(200); // letters of both sizes are read
});

test('fifty captures at once never exceed what was authorised', async () => {
  const m = await th.merchant();
  const id = await authorised(m, 1000);
  const answers = await Promise.all(Array.from({ length: 50 }, () => operate(m, id, 'capture', 100, {}, { allowDuplicate: true })));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array.from({ length: 10 }, () => 200), ...Array.from({ length: 40 }, () => 422)]);
  await th.work(m);
  expect(await th.balances(m)).toEqual({ available: 1000n, held: 0n });
});

test.each(['capture', 'cancel'] as const)('a %s that is asked for twice without a key is done once', async (kind) => {
  const m = await th.merchant();
  const id = await authorised(m, 100);
  expect((await operate(m, id, kind, 40)).status).toBe(200);
  const again = await operate(m, id, kind, 40);
  expect([again.status, again.body.code]).toEqual([409, 8]);
  expect(again.body.message).toMatch(new RegExp(`${kind} wo_[0-9A-Z]{26} of the same amount`));
  expect((await operate(m, id, kind, 40, { 'idempotency-key': 'meant' })).status).toBe(200);
  expect((await operate(m, id, kind, 20)).status).toBe(200);
});

test('two equal refunds without a key are taken for one', async () => {
  const m = await th.merchant();
  const id = await authorised(m, 100);
  await operate(m, id, 'capture', 100);
  await th.work(m);
  expect((await operate(m, id, 'refund', 10)).status).toBe(200);
  expect(await operate(m, id, 'refund', 10)).toMatchObject({ status: 409, body: { code: 8, message: expect.stringMatching(/wo_[0-9A-Z]{26}/) } });
  expect((await operate(m, id, 'refund', 11)).status).toBe(200); // of another amount
  expect((await operate(m, id, 'refund', 10, { 'idempotency-key': 'meant' })).status).toBe(200);
  expect((await operate(m, id, 'refund', 10, {}, { allowDuplicate: true })).status).toBe(200);
  await th.later(601);
  expect((await operate(m, id, 'refund', 10)).status).toBe(200);
  await th.work(m);
  expect(await th.balances(m)).toEqual({ available: 49n, held: 0n });
});

test('a refund needs the balance', async () => {
  const m = await th.merchant();
  const id = await authorised(m, 100_00);
  await operate(m, id, 'capture', 100_00);
  await th.work(m);
  await th.post('/v1/payout', m, { tokenId: m.cardToken, amount: 60 });
  expect(await operate(m, id, 'refund', 50_00)).toMatchObject({ status: 422, body: { code: 5, message: expect.stringContaining('insufficient funds') } });
  expect((await operate(m, id, 'refund', 40_00)).status).toBe(200);
  await th.work(m);
  expect(await th.balances(m)).toEqual({ available: 0n, held: 0n });
});

test('an operation that the processor declines frees its part and is told', async () => {
  const m = await th.merchant();
  const id = await authorised(m, 100);
  th.walletBank.script.operate = () => ({ kind: 'declined', code: '57', message: 'not now' });
  expect((await operate(m, id, 'capture', 100)).status).toBe(200);
  expect((await operate(m, id, 'capture', 1)).status).toBe(422);
  await th.work(m);
  expect(await th.balances(m)).toEqual({ available: 0n, held: 0n });
  th.walletBank.script = {};
  expect((await operate(m, id, 'capture', 100)).status).toBe(200);
  await th.work(m);
  th.walletBank.script.operate = () => ({ kind: 'declined', code: '57', message: 'not now' });
  await operate(m, id, 'refund', 100);
  expect(await th.balances(m)).toEqual({ available: 0n, held: 100n });
  await th.work(m);
  th.walletBank.script = {};
  expect(await th.balances(m)).toEqual({ available: 100n, held: 0n });
  expect((await operate(m, id, 'refund', 100)).status).toBe(200); // a refund that failed was none
  await th.work(m);
  expect((await th.told(m, walletIdIn(id))).slice(3)).toEqual(
    ['capture_failed', 'captured', 'refund_failed', 'refunded'].map((name) => `wallet_transaction.${name}`),
  );
  const { body: feed } = await th.get('/v1/events', m);
  const failed = feed.data.find(({ name }: { name: string }) => name === 'wallet_transaction.capture_failed');
  expect(failed?.body.data).toEqual({
    ...{ walletTransactionId: id, walletTransactionStatus: 'SUCCESS', orderReference: 'ORDER-100045', amount: 100, currency: 'KZT' },
    ...{ operationAmount: 100, errorCode: '57', errorMessage: 'not now' },
  });
});

test('lists are newest first, by cursor, and filter; with and without the slash', async () => {
  const m = await th.merchant();
  const made: string[] = [];
  for (let i = 1; i <= 5; i++) made.unshift((await authorize(m, i, { orderReference: i % 2 ? 'odd' : 'even' })).body.walletTransactionId);
  const ids = ({ body }: { body: any }) => body.items.map(({ walletTransactionId }: { walletTransactionId: string }) => walletTransactionId);
  const first = await th.get('/v1/wallet/transactions/?limit=2', m);
  expect(ids(first)).toEqual(made.slice(0, 2));
  const second = await th.get(`/v1/wallet/transactions?limit=2&cursor=${first.body.nextCursor}`, m);
  expect(ids(second)).toEqual(made.slice(2, 4));
  const third = await th.get(`/v1/wallet/transactions/?limit=2&cursor=${second.body.nextCursor}`, m);
  expect([ids(third), third.body.nextCursor]).toEqual([made.slice(4), null]);
  expect(ids(await th.get('/v1/wallet/transactions/?orderReference=even', m))).toEqual([made[1], made[3]]);
  expect(ids(await th.get('/v1/wallet/transactions/?status=NEW', m))).toEqual(made);
  expect(await th.get('/v1/wallet/transactions/?status=SUCCESS', m)).toMatchObject({ body: { items: [], nextCursor: null } });
  await th.work(m);
  expect(ids(await th.get('/v1/wallet/transactions/?status=SUCCESS&orderReference=odd', m))).toHaveLength(3);
});

test('a cursor that was changed, or given for another list or to another merchant, is refused', async () => {
  const [m, stranger] = [await th.merchant(), await th.merchant()];
  for (let i = 0; i < 3; i++) await authorize(m, 1);
  const { nextCursor } = (await th.get('/v1/wallet/transactions/?limit=1', m)).body;
  const refused = async (query: string, who = m) =>
    expect(await th.get(`/v1/wallet/transactions/?limit=1&${query}`, who)).toMatchObject({ status: 400, body: { code: 3, source: 'wallet' } });
  const changed = `${nextCursor.slice(0, -2)}${nextCursor.endsWith('AA') ? 'BB' : 'AA'}`;
  for (const cursor of [changed, 'eyJvZmZzZXQiOjJ9', '', `${nextCursor}A`]) await refused(`cursor=${cursor}`);
  await refused(`cursor=${nextCursor}&status=NEW`);
  await refused(`cursor=${nextCursor}`, stranger);
  for (const query of ['limit=0', 'limit=101', 'limit=x', 'status=success', 'status=DONE'])
    expect((await th.get(`/v1/wallet/transactions/?${query}`, m)).status).toBe(400);
});
