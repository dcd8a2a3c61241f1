import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../../test/harness/house.ts';
import { verify } from '../audit/verify.ts';

let th: TestHouse;
beforeAll(async () => {
  th = await openTestHouse();
});
afterEach(() => {
  th.bank.script = {};
});
afterAll(async () => {
  const broken = (await verify(th.url)).filter(({ violations }) => violations > 0); // whatever the tests did, the books hold
  await th.close();
  expect(broken).toEqual([]);
});

/** The documentation's own example. */
const recipient = { name: 'TOO Credit Partner', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' };
const example = { orderReference: 'DIST-100001', amount: 150000, currency: 'KZT', recipient, paymentPurpose: 'Распределение средств по договору 123' };
const send = (m: TestMerchant, more: object = {}, headers?: Record<string, string>) => th.post('/v1/distributions', m, { ...example, ...more }, headers);
const detail = async (m: TestMerchant, id: string) => (await th.get(`/v1/distributions/${id}`, m)).body;

test('the documentation’s example is answered as it is written there', async () => {
  const m = await th.merchant({ available: 500000n });
  const { status, body, text } = await send(m);
  expect(status).toBe(201);
  expect(Object.keys(body)).toEqual([
    'id',
    'orderReference',
    'amount',
    'currency',
    'status',
    'recipient',
    'paymentPurpose',
    'balanceBefore',
    'balanceAfter',
    'createdAt',
    'updatedAt',
  ]);
  expect(body).toMatchObject({ ...example, status: 'created', balanceBefore: 500000, balanceAfter: 350000 });
  expect(text).toMatch(/"createdAt":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/);
});

test('it is sent once to the account, and completed; who asked for it is told', async () => {
  const m = await th.merchant({ available: 500000n });
  const { body } = await send(m);
  expect(await th.balances(m)).toEqual({ available: 350000n, held: 150000n });
  await th.work(m);
  expect(await th.balances(m)).toEqual({ available: 350000n, held: 0n });
  expect(await detail(m, body.id)).toMatchObject({ status: 'completed', failureReason: null, balanceBefore: 500000, balanceAfter: 350000 });
  expect(await th.told(m, body.id)).toEqual(['distribution.created', 'distribution.processing', 'distribution.completed']);
  expect(th.bank.sent.filter((sent) => sent.kind === 'bank' && sent.destination.purpose === example.paymentPurpose)).toMatchObject([
    { kind: 'bank', amount: 150000n, currency: 'KZT', destination: { ...recipient, purpose: example.paymentPurpose } },
  ]);
});

test('what the bank refuses fails with its reason, and the money is back', async () => {
  const m = await th.merchant({ available: 500000n });
  th.bank.script.send = () => ({ kind: 'declined', code: 'AC01', message: 'the account does not exist' });
  const { body } = await send(m);
  await th.work(m);
  expect(await detail(m, body.id)).toMatchObject({ status: 'failed', failureReason: 'AC01: the account does not exist' });
  expect(await th.balances(m)).toEqual({ available: 500000n, held: 0n });
});

test('an outcome that nobody knows is asked about, and nothing is sent twice', async () => {
  const m = await th.merchant({ available: 500000n });
  th.bank.script.send = ({ reference }) => (th.bank.execute(reference), { kind: 'unknown', why: 'time-out' });
  const { body } = await send(m);
  await th.work(m);
  expect(await detail(m, body.id)).toMatchObject({ status: 'processing' });
  await th.later(5);
  await th.work(m);
  expect(await detail(m, body.id)).toMatchObject({ status: 'completed' });
});

test('money that the bank gives back is an object of its own, and in the balance once', async () => {
  const m = await th.merchant({ available: 500000n });
  const { body } = await send(m);
  await th.work(m);
  const returned = (dedupeKey: string) =>
    th.house.sending.outcomes.submit(m.merchantId, {
      ...{ payoutId: body.id, verdict: { kind: 'returned', rrn: null, code: 'AC04' }, source: 'callback' },
      callback: { processor: 'processor', dedupeKey },
    });
  await returned('a');
  await returned('b');
  expect(await th.balances(m)).toEqual({ available: 500000n, held: 0n });
  expect(await detail(m, body.id)).toMatchObject({ status: 'completed' });
  const { body: feed } = await th.get('/v1/events', m);
  const events = (feed.data ?? feed.items ?? feed.events) as { name?: string; type?: string; data?: { data?: { distributionId: string } } }[];
  expect(JSON.stringify(events)).toContain('distribution.returned');
  expect(JSON.stringify(events)).toContain(body.id);
});

test('balances before and after are exact, however many arrive at once', async () => {
  const m = await th.merchant({ available: 1_000_000n });
  const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => send(m, { orderReference: `N-${i}`, amount: 1000 + i })));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
  let balance = 1_000_000;
  for (const { body } of answers.toSorted((a, b) => b.body.balanceBefore - a.body.balanceBefore)) {
    expect([body.balanceBefore, body.balanceAfter]).toEqual([balance, balance - body.amount]);
    balance = body.balanceAfter;
  }
  expect((await th.get('/v1/distributions/balance', m)).body).toMatchObject({ balance, currency: 'KZT', updatedAt: expect.stringMatching(/Z$/) });
});

test('too little money refuses that one alone, and takes nothing', async () => {
  const m = await th.merchant({ available: 200000n });
  const answers = await Promise.all([send(m, { orderReference: 'A' }), send(m, { orderReference: 'B' }), send(m, { orderReference: 'C', amount: 50000 })]);
  expect(answers.map(({ status }) => status)).toEqual([201, 422, 201]);
  expect(answers[1]?.body).toMatchObject({ code: 5, source: 'distributions', type: 'validationError', details: [{ field: 'amount' }] });
  expect(await th.balances(m)).toEqual({ available: 0n, held: 200000n });
});

test('an orderReference is one distribution, for ever; a key gives the same answer, byte for byte', async () => {
  const m = await th.merchant({ available: 500000n });
  const first = await send(m, {}, { 'idempotency-key': 'k1' });
  const again = await send(m, {}, { 'idempotency-key': 'k1' });
  expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([201, first.text, 'true']);
  const other = await send(m);
  expect([other.status, other.body.code]).toEqual([409, 8]);
  expect(other.body.message).toContain(first.body.id);
  const race = await Promise.all(Array.from({ length: 8 }, () => send(m, { orderReference: 'RACE' })));
  expect(race.map(({ status }) => status).toSorted()).toEqual([201, ...Array(7).fill(409)]);
  expect((await th.post('/v1/distributions', m, { ...example, amount: 1 }, { 'idempotency-key': 'k1' })).status).toBe(409);
});

test('an orderReference in two currencies at once is one distribution, too', async () => {
  const m = await th.merchant({ available: 500000n });
  await th.post('/v1/sandbox/topup', m, { amount: 500000, currency: 'USD' });
  const race = await Promise.all(['KZT', 'USD', 'KZT', 'USD'].map((currency) => send(m, { orderReference: 'TWO', currency })));
  expect(race.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409]);
});

test('each wrong field is named, and no value is repeated', async () => {
  const m = await th.merchant({ available: 500000n });
  const { status, body, text } = await send(m, {
    recipient: { ...recipient, iban: 'KZ86125KZT5004100101', bic: 'KCJB', kbe: '97', knp: '11', bin: '12345678901' },
  });
  expect([status, body.code, body.source]).toEqual([422, 5, 'distributions']);
  expect(body.details.map(({ field }: { field: string }) => field).toSorted()).toEqual([
    'recipient.bic',
    'recipient.bin',
    'recipient.iban',
    'recipient.kbe',
    'recipient.knp',
  ]);
  expect(text).not.toContain('5004100101');
});

test.each([
  ['amount', 0],
  ['amount', -1],
  ['amount', 1.5],
  ['amount', '100'],
  ['amount', 2 ** 53],
  ['currency', 'KZ'],
  ['currency', 'XXX'],
  ['orderReference', ''],
  ['recipient', {}],
  ['surprise', 1],
])('%s: %j is refused', async (field, value) => {
  const m = await th.merchant({ available: 500000n });
  const { status, text } = await send(m, { [field]: value });
  expect(status).toBe(400);
  expect(text).toContain(field);
  expect(await th.balances(m)).toEqual({ available: 500000n, held: 0n });
});

test('what a bank’s file cannot hold is refused when it is asked for', async () => {
  const m = await th.merchant({ available: 500000n });
  for (const paymentPurpose of ['a\u0001b', 'x\ud800', 'x'.repeat(125)])
    expect((await send(m, { paymentPurpose })).status, paymentPurpose).toBeGreaterThanOrEqual(400);
  expect((await send(m, { recipient: { ...recipient, name: 'a\u0007' } })).body.details[0].field).toBe('paymentPurpose');
  expect(await th.balances(m)).toEqual({ available: 500000n, held: 0n });
});

test('an IBAN in small letters with spaces is taken, and written as banks do', async () => {
  const m = await th.merchant({ available: 500000n });
  const { status, body } = await send(m, { recipient: { ...recipient, iban: 'kz86 125k zt50 0410 0100', bic: 'kcjbkzkx' } });
  expect([status, body.recipient.iban, body.recipient.bic]).toEqual([201, 'KZ86125KZT5004100100', 'KCJBKZKX']);
});

test('a live merchant’s numbers have the right check digits', async () => {
  const m = await th.merchant({ mode: 'live' });
  const { status, body } = await send(m);
  expect([status, body.details[0].field]).toEqual([422, 'recipient.bin']);
});

test('the list is narrowed by status and reference; a foreign one is not found', async () => {
  const [m, other] = [await th.merchant({ available: 500000n }), await th.merchant()];
  const { body } = await send(m);
  await th.work(m);
  await send(m, { orderReference: 'DIST-2', amount: 1 });
  const page = (query: string) => th.get(`/v1/distributions${query}`, m);
  expect((await page('')).body).toMatchObject({ page: 1, size: 20, total: 2 });
  expect((await page('?status=completed')).body.data).toMatchObject([{ id: body.id, status: 'completed' }]);
  expect(Object.keys((await page('?orderReference=DIST-2')).body.data[0])).toEqual([
    'id',
    'orderReference',
    'amount',
    'currency',
    'status',
    'recipient',
    'paymentPurpose',
    'createdAt',
    'updatedAt',
  ]);
  expect((await page('?status=paid')).status).toBe(400);
  expect((await th.get(`/v1/distributions/${body.id}`, other)).status).toBe(404);
  expect((await th.get('/v1/distributions/nonsense', m)).status).toBe(404);
});

test('of many at once each has its own fate, and a repetition pays nothing', async () => {
  const m = await th.merchant({ available: 400000n });
  const items = [
    { ...example, orderReference: 'B-1' },
    { ...example, orderReference: 'B-2', recipient: { ...recipient, iban: 'KZ00' } },
    { ...example, orderReference: 'B-1', amount: 7 },
    { nonsense: true },
    { ...example, orderReference: 'B-3', amount: 300000 },
    { ...example, orderReference: 'B-4', amount: 250000 },
  ];
  const first = await th.post('/v1/distributions/bulk', m, { items }, { 'idempotency-key': 'bulk-1' });
  expect(first.status).toBe(200);
  expect(first.body).toMatchObject({ total: 6, created: 2, known: 0, refused: 4 });
  expect(first.body.items.map(({ result, error }: { result: string; error: { code: number } | null }) => [result, error?.code])).toEqual([
    ['created', undefined],
    ['refused', 5],
    ['refused', 8],
    ['refused', 3],
    ['refused', 5],
    ['created', undefined],
  ]);
  expect((await th.post('/v1/distributions/bulk', m, { items }, { 'idempotency-key': 'bulk-1' })).text).toBe(first.text);
  expect((await th.post('/v1/distributions/bulk', m, { items })).body).toMatchObject({ total: 6, created: 0, known: 2, refused: 4 });
  expect(await th.balances(m)).toEqual({ available: 0n, held: 400000n });
});
