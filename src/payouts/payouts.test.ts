import type { Connector } from '../connectors/connector.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse } from '../../test/harness/house.ts';
import { verify } from '../audit/verify.ts';
import { sql } from '../db/sql.ts';
import { processorReference } from '../ids.ts';

let th: TestHouse;
beforeAll(async () => {
  th = await openTestHouse();
});
afterAll(async () => {
  const broken = (await verify(th.url)).filter(({ violations }) => violations > 0); // whatever the tests did, the books hold
  await th.close();
  expect(broken).toEqual([]);
});
const payout = (m: { apiKey: string; cardToken: string }, amount: number, more: object = {}, headers?: Record<string, string>) =>
  th.post('/v1/payout', m, { tokenId: m.cardToken, amount, ...more }, headers);
const statusOf = async (m: { apiKey: string }, id: string) => (await th.get(`/v1/transactions/${id}`, m)).body.status as string;

test('a payout is held, sent once and settled; the merchant is told', async () => {
  const m = await th.merchant({ available: 500_00n });
  const { status, body } = await payout(m, 100.05);
  expect(status).toBe(201);
  expect(body).toMatchObject({ status: 'new', amount: 100.05, currency: 'KZT', type: 'unknown', last4: '1111' });
  expect(await th.balances(m)).toEqual({ available: 399_95n, held: 100_05n });
  await th.work(m);
  expect(await th.balances(m)).toEqual({ available: 399_95n, held: 0n });
  expect((await th.get(`/v1/transactions/${body.id}`, m)).body).toMatchObject({
    status: 'settled',
    retrievalReferenceNumber: expect.stringMatching(/^\d{12}$/),
    processedAmount: 100.05,
  });
  expect(await th.told(m, body.id)).toEqual(['transaction.new', 'transaction.processing', 'transaction.settled']);
  expect(th.bank.sent.filter(({ amount }) => amount === 100_05n)).toHaveLength(1);
});

test('a declined payout gives the money and the fee back', async () => {
  const m = await th.merchant({ available: 500_00n, terms: { feeFixed: 50_00n, feeBasisPoints: 100 } });
  th.bank.script.send = () => ({ kind: 'declined', code: '05', message: 'do not honour' });
  const { body } = await payout(m, 100);
  expect(await th.balances(m)).toEqual({ available: 349_00n, held: 151_00n });
  await th.work(m);
  expect(await th.balances(m)).toEqual({ available: 500_00n, held: 0n });
  expect((await th.get(`/v1/transactions/${body.id}`, m)).body).toMatchObject({
    status: 'rejected',
    errorCode: '05',
    error_code: '05',
    errorMessage: 'do not honour',
  });
  th.bank.script = {};
});

test('the fee of a settled payout is ours', async () => {
  const m = await th.merchant({ available: 500_00n, terms: { feeFixed: 50_00n } });
  await payout(m, 100);
  await th.work(m);
  const rows = await th.house.db.merchant(m.merchantId, (tx) =>
    tx.rows<{ id: string; balance: bigint }>(sql`select a.id, a.balance from account a where a.merchant_id = ${tx.merchantId} order by a.id`),
  );
  expect(Object.fromEntries(rows.map(({ id, balance }) => [id, balance]))).toEqual({
    'available/KZT': 350_00n,
    'clearing:processor/KZT': 100_00n,
    'fees/KZT': 50_00n,
    'held/KZT': 0n,
    'world/KZT': -500_00n,
  });
});

test('a technical code that proves nothing was paid ends as failed', async () => {
  const m = await th.merchant({ available: 500_00n });
  th.bank.script.send = () => ({ kind: 'declined', code: '96', message: 'system malfunction' });
  const { body } = await payout(m, 100);
  await th.work(m);
  expect(await statusOf(m, body.id)).toBe('failed');
  expect(await th.balances(m)).toEqual({ available: 500_00n, held: 0n });
  th.bank.script = {};
});

test.each([
  ['too little money', { available: 99_99n }, '51'],
  ['less than the fee on top', { available: 100_00n, terms: { feeFixed: 1n } }, '51'],
  ['above the largest amount', { available: 500_00n, terms: { maxAmount: 99_99n } }, '61'],
  ['below the smallest amount', { available: 500_00n, terms: { minAmount: 100_01n } }, '13'],
  ['over the daily limit', { available: 500_00n, terms: { dailyLimit: 99_99n } }, '61'],
  ['over the daily limit of the card', { available: 500_00n, terms: { cardDailyLimit: 99_99n } }, '61'],
])('%s: made and rejected, nothing debited, nothing sent', async (_why, options, errorCode) => {
  const m = await th.merchant(options);
  const { status, body } = await payout(m, 100);
  expect(status).toBe(201);
  expect(body).toMatchObject({ status: 'rejected', errorCode });
  expect(await th.balances(m)).toEqual({ available: options.available, held: 0n });
  expect(await th.told(m, body.id)).toEqual(['transaction.new', 'transaction.rejected']);
  const sent = th.bank.sent.length;
  await th.work(m);
  expect(th.bank.sent).toHaveLength(sent);
});

test('limits hold for payouts that are asked for together, and a failed one no longer counts', async () => {
  const m = await th.merchant({ available: 1000_00n, terms: { dailyLimit: 250_00n } });
  const answers = await Promise.all([1, 2, 3, 4].map(() => payout(m, 100)));
  expect(answers.map(({ body }) => body.status).toSorted()).toEqual(['new', 'new', 'rejected', 'rejected']);
  th.bank.script.send = () => ({ kind: 'declined', code: '91', message: 'issuer unavailable' });
  await th.work(m);
  th.bank.script = {};
  expect((await payout(m, 100)).body.status).toBe('new');
});

test('an expired card is rejected by us', async () => {
  const m = await th.merchant({ available: 500_00n });
  await th.house.db.merchant(m.merchantId, (tx) =>
    tx.run(sql`update card_token as c set expiry_year = 2020 where c.merchant_id = ${tx.merchantId} and c.id = ${m.cardToken}::uuid`),
  );
  expect((await payout(m, 100)).body).toMatchObject({ status: 'rejected', errorCode: '54' });
});

test('a key stands for one payout, for ever, byte for byte; with another body it is refused and stays as it was', async () => {
  const m = await th.merchant({ available: 500_00n });
  const key = { 'idempotency-key': 'one' };
  const first = await payout(m, 100, {}, key);
  await th.work(m); // what it stands for is settled by now; the answer is the first one all the same
  const again = await th.request('POST', '/v1/payout', m, `{ "amount": 100, "tokenId": "${m.cardToken}" }`, key); // other order, same thing
  expect(again.text).toBe(first.text);
  expect(again.headers['idempotent-replayed']).toBe('true');
  const other = await payout(m, 101, {}, key);
  expect(other).toMatchObject({ status: 409, body: { code: 8, source: 'payouts' } });
  expect((await payout(m, 100, {}, key)).text).toBe(first.text);
  expect(await th.balances(m)).toEqual({ available: 400_00n, held: 0n });
});

test('two hundred identical requests at once make one payout', async () => {
  const m = await th.merchant({ available: 500_00n });
  const answers = await Promise.all(Array.from({ length: 200 }, () => payout(m, 1, {}, { 'idempotency-key': 'storm' })));
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  expect(answers.every(({ status }) => status === 201)).toBe(true);
  expect((await th.get('/v1/payout', m)).body.total).toBe(1);
});

test('requests at once never spend more than there is', async () => {
  const m = await th.merchant({ available: 10_00n });
  const answers = await Promise.all(Array.from({ length: 50 }, () => payout(m, 1)));
  expect(answers.filter(({ body }) => body.status === 'new')).toHaveLength(10);
  expect(answers.filter(({ body }) => body.errorCode === '51')).toHaveLength(40);
  expect(await th.balances(m)).toEqual({ available: 0n, held: 10_00n });
});

test('one unknown card among many spoils no other', async () => {
  const m = await th.merchant({ available: 500_00n });
  const stranger = await th.merchant();
  const answers = await Promise.all([payout(m, 1), payout(m, 1, { tokenId: stranger.cardToken }), payout(m, 1, { tokenId: 'nonsense' }), payout(m, 1)]);
  expect(answers.map(({ status }) => status)).toEqual([201, 404, 404, 201]);
});

test('an unknown outcome is asked about, never failed; a lost answer is found', async () => {
  const m = await th.merchant({ available: 500_00n });
  th.bank.script.send = (transfer) => (th.bank.execute(transfer.reference), { kind: 'unknown', why: 'no answer' });
  const { body } = await payout(m, 100);
  await th.work(m);
  expect(await statusOf(m, body.id)).toBe('processing');
  expect(await th.balances(m)).toEqual({ available: 400_00n, held: 100_00n });
  await th.later(2);
  await th.work(m);
  expect(await statusOf(m, body.id)).toBe('settled');
  th.bank.script = {};
});

test('what the processor does not know is sent again under the same reference while it would remember it', async () => {
  const m = await th.merchant({ available: 500_00n });
  const [from] = [th.bank.sent.length];
  let lost = 2;
  th.bank.script.send = () => (lost-- > 0 ? { kind: 'unknown', why: 'no answer' } : (undefined as never));
  const { body } = await payout(m, 100);
  for (let i = 0; i < 8; i++) {
    await th.work(m);
    await th.later(20);
  }
  expect(await statusOf(m, body.id)).toBe('settled');
  expect(new Set(th.bank.sent.slice(from).map(({ reference }) => reference)).size).toBe(1);
  expect(th.bank.sent.slice(from)).toHaveLength(3);
  th.bank.script = {};
});

test('past the processor’s memory nothing is sent again: the reference is fenced, and only that proves failure', async () => {
  const m = await th.merchant({ available: 500_00n });
  th.bank.known = { retentionSeconds: 600, maxInFlightSeconds: 30 };
  th.bank.script = { send: () => ({ kind: 'unknown', why: 'no answer' }) };
  const from = th.bank.sent.length;
  const { body } = await payout(m, 100);
  await th.work(m);
  await th.later(545); // too late to send, and the processor still remembers
  await th.work(m);
  await th.later(10);
  await th.work(m); // fenced
  expect(await statusOf(m, body.id)).toBe('failed');
  expect(th.bank.sent).toHaveLength(from + 1);
  expect(await th.balances(m)).toEqual({ available: 500_00n, held: 0n });
  th.bank.script = {};
  th.bank.known = { retentionSeconds: 86_400, maxInFlightSeconds: 30 };
});

test('what never left is as if it had never been tried', async () => {
  const m = await th.merchant({ available: 500_00n });
  let down = 3;
  th.bank.script.send = () => (down-- > 0 ? { kind: 'unsent', why: 'refused' } : (undefined as never));
  const { body } = await payout(m, 100);
  for (let i = 0; i < 5; i++) {
    await th.work(m);
    await th.later(20);
  }
  expect(await statusOf(m, body.id)).toBe('settled');
  th.bank.script = {};
});

test('a processor that has not said its limits is sent nothing; payouts wait as new', async () => {
  const m = await th.merchant({ available: 500_00n });
  const bank: Connector = th.bank;
  bank.acquaint = async () => ({ kind: 'unsent', why: 'refused' });
  const { body } = await payout(m, 100);
  await th.work(m);
  expect(await statusOf(m, body.id)).toBe('new');
  bank.acquaint = async () => undefined;
  await th.work(m);
  expect(await statusOf(m, body.id)).toBe('settled');
});

test('a processor that is down is left alone: payouts wait as new, and nothing fails', async () => {
  const down = await openTestHouse();
  const m = await down.merchant({ available: 500_00n });
  down.bank.script.send = () => ({ kind: 'unsent', why: 'refused' });
  for (let i = 0; i < 30; i++) await down.post('/v1/payout', m, { tokenId: m.cardToken, amount: 1 });
  await Promise.all(await down.house.sending.queue.take(m.merchantId, 10));
  expect(down.house.sending.breaker.isOpen).toBe(true);
  expect(await down.house.sending.queue.take(m.merchantId, 100)).toHaveLength(0);
  const { body } = await down.get('/v1/payout?size=100', m);
  expect(body.data.filter(({ status }: { status: string }) => status === 'new')).toHaveLength(20);
  down.bank.script = {};
  await expect
    .poll(
      async () => {
        await down.later(60);
        await down.work(m);
        return (await down.get('/v1/payout?size=100&status=settled', m)).body.total;
      },
      { timeout: 10_000 },
    )
    .toBe(30);
  await down.close();
});

test('a return by the bank is a transaction of its own; the payout stays settled', async () => {
  const m = await th.merchant({ available: 500_00n });
  const { body } = await payout(m, 100);
  await th.work(m);
  const heard = { payoutId: body.id as string, verdict: { kind: 'returned', rrn: null, code: '14' }, source: 'callback' } as const;
  await th.house.sending.outcomes.submit(m.merchantId, heard);
  await th.house.sending.outcomes.submit(m.merchantId, heard);
  expect(await statusOf(m, body.id)).toBe('settled');
  expect(await th.balances(m)).toEqual({ available: 500_00n, held: 0n });
  const { body: list } = await th.get('/v1/transactions', m);
  expect(list.data.map(({ status }: { status: string }) => status)).toEqual(['TRANSACTION_STATUS_RETURNED', 'TRANSACTION_STATUS_SETTLED']);
  expect((await th.get(`/v1/transactions/${list.data[0].transactionId}`, m)).body).toMatchObject({
    type: 'return',
    status: 'returned',
    parentTransactionId: body.id,
    amount: 100,
  });
});

test('what contradicts a final state changes nothing of the merchant’s: one incident, one suspense posting', async () => {
  const m = await th.merchant({ available: 500_00n });
  th.bank.script.send = () => ({ kind: 'declined', code: '05', message: 'no' });
  const { body } = await payout(m, 100);
  await th.work(m);
  th.bank.script = {};
  for (let i = 0; i < 3; i++)
    await th.house.sending.outcomes.submit(m.merchantId, { payoutId: body.id, verdict: { kind: 'executed', rrn: '1', executedAt: null }, source: 'callback' });
  expect(await statusOf(m, body.id)).toBe('rejected');
  expect(await th.balances(m)).toEqual({ available: 500_00n, held: 0n });
  const { incidents, suspense } = await th.house.db.merchant(m.merchantId, (tx) =>
    tx.one<{ incidents: bigint; suspense: bigint }>(
      sql`select (select count(*) from incident i where i.merchant_id = ${tx.merchantId}) as incidents, (select a.balance from account a where a.merchant_id = ${tx.merchantId} and a.id = 'suspense/KZT') as suspense`,
    ),
  );
  expect({ incidents, suspense }).toEqual({ incidents: 1n, suspense: -100_00n });
});

test('the reference that the processor sees is the merchant’s code and the payout', async () => {
  const m = await th.merchant({ available: 500_00n });
  const { body } = await payout(m, 77);
  await th.work(m);
  const { code } = await th.house.db.merchant(m.merchantId, (tx) =>
    tx.one<{ code: string }>(sql`select m.code from merchant m where m.merchant_id = ${tx.merchantId}`),
  );
  expect(th.bank.sent.at(-1)).toMatchObject({
    reference: processorReference(code, body.id),
    destination: { pan: '4111111111111111', expiryMonth: 12, expiryYear: 2039 },
  });
});

test('lists are newest first, by page, and filter', async () => {
  const m = await th.merchant({ available: 500_00n });
  const made: string[] = [];
  for (let i = 1; i <= 3; i++) made.unshift((await payout(m, i, { merchantReference: `order-${i}` })).body.id);
  expect((await th.get('/v1/payout?page=1&size=2', m)).body).toMatchObject({ page: 1, size: 2, total: 3, data: [{ id: made[0] }, { id: made[1] }] });
  expect((await th.get('/v1/payout?page=2&size=2', m)).body.data).toHaveLength(1);
  expect((await th.get('/v1/payout?status=settled', m)).body.total).toBe(0);
  expect((await th.get('/v1/transactions/by-order-reference/order-2', m)).body.id).toBe(made[1]);
  expect((await th.get('/v1/payout?size=101', m)).status).toBe(400);
  expect((await th.get('/v1/payout?page=0', m)).status).toBe(400);
});

test('the history of a payout does not go back in time, whatever the clock of the process that hears of it says', async () => {
  const m = await th.merchant({ available: 500_00n });
  th.bank.script.send = () => ({ kind: 'pending' });
  const { body } = await payout(m, 100);
  await th.work(m);
  th.bank.script = {};
  await th.later(-3_600);
  await th.house.sending.outcomes.submit(m.merchantId, { payoutId: body.id, verdict: { kind: 'executed', rrn: '1', executedAt: null }, source: 'callback' });
  await th.later(3_600);
  const { body: history } = await th.get(`/v1/transactions/${body.id}/history`, m);
  const times = history.events.map(({ createdAt }: { createdAt: string }) => createdAt);
  expect(history.events.map(({ name }: { name: string }) => name)).toEqual(['transaction.new', 'transaction.processing', 'transaction.settled']);
  expect(times).toEqual(times.toSorted());
});
