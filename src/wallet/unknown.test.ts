/** What becomes of wallet payments when nobody knows, when time runs out, and when the processor says two things. */
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse } from '../../test/harness/house.ts';
import { verify } from '../audit/verify.ts';
import type { OperationKind } from '../connectors/authorizer.ts';
import { sql } from '../db/sql.ts';
import { walletIdIn } from './view.ts';
import type { WalletVerdict } from './decide.ts';

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
const noAnswer = { kind: 'unknown', why: 'no answer' } as const;
let keys = 0;
const authorize = async (m: M, amount = 100): Promise<string> => {
  const body = { amount, phoneNumber: '+77012345678', iin: '880707300154', orderReference: 'o', currency: 'KZT' };
  return (await th.post('/v1/wallet/authorize', m, body, { 'idempotency-key': `k${++keys}` })).body.walletTransactionId as string;
};
const authorised = async (m: M, amount = 100): Promise<string> => {
  const id = await authorize(m, amount);
  await th.work(m);
  return id;
};
const operate = (m: M, id: string, kind: OperationKind, amount: number) => th.post(`/v1/wallet/${id}/${kind}`, m, { amount });
const statusOf = async (m: M, id: string) => (await th.get(`/v1/wallet/transaction/${id}`, m)).body.walletTransactionStatus as string;
const told = async (m: M, id: string) => (await th.told(m, walletIdIn(id))).map((name) => name.replace('wallet_transaction.', ''));
const rounds = async (m: M, count: number, seconds: number) => {
  for (let i = 0; i < count; i++) {
    await th.later(seconds);
    await th.work(m);
  }
};
const incidents = (m: M) =>
  th.house.db.merchant(m.merchantId, (tx) => tx.rows<{ kind: string }>(sql`select i.kind from incident i where i.merchant_id = ${tx.merchantId}`));
const operationIds = (m: M) =>
  th.house.db.merchant(m.merchantId, (tx) =>
    tx.rows<{ id: string; kind: string; cause: string; state: string; amount: bigint }>(
      sql`select o.id, o.kind, o.cause, o.state, o.amount from wallet_operation o where o.merchant_id = ${tx.merchantId} order by o.id`,
    ),
  );
const suspense = async (m: M) =>
  (
    await th.house.db.merchant(m.merchantId, (tx) =>
      tx.maybe<{ balance: bigint }>(sql`select a.balance from account a where a.merchant_id = ${tx.merchantId} and a.id = 'suspense/KZT'`),
    )
  )?.balance ?? 0n;

/** As the processor signs what it tells. */
const signed = (body: string) => {
  const [id, at] = [`msg_${++keys}`, new Date()];
  const signature = new Webhook(th.house.config.processorSecret).sign(id, at, body);
  return { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': String(Math.floor(at.getTime() / 1000)), 'webhook-signature': signature };
};

test('a lost answer to authorize is asked for and found; the customer is asked once', async () => {
  const m = await th.merchant();
  const from = th.walletBank.asked.length;
  th.walletBank.script.authorize = (request) => (th.walletBank.consent(request), noAnswer);
  const id = await authorised(m);
  expect(await statusOf(m, id)).toBe('PROCESSING');
  th.walletBank.script = {};
  await rounds(m, 1, 2);
  expect(await statusOf(m, id)).toBe('SUCCESS');
  expect(th.walletBank.asked.length).toBe(from + 1);
});

test('an authorization that the processor does not know is sent again under the same reference', async () => {
  const m = await th.merchant();
  const from = th.walletBank.asked.length;
  let lost = 2;
  th.walletBank.script.authorize = () => (lost-- > 0 ? noAnswer : undefined);
  const id = await authorised(m);
  await rounds(m, 6, 20);
  expect(await statusOf(m, id)).toBe('SUCCESS');
  const sent = th.walletBank.asked.slice(from);
  expect([sent.length, new Set(sent.map(({ reference }) => reference)).size]).toEqual([3, 1]);
  th.walletBank.script = {};
});

test.each(['capture', 'cancel', 'refund'] as const)('a lost answer to %s counts against the caps, is asked for and found, and done once', async (kind) => {
  const m = await th.merchant();
  const id = await authorised(m);
  if (kind === 'refund') {
    await operate(m, id, 'capture', 100);
    await th.work(m);
  }
  const from = th.walletBank.operated.length;
  th.walletBank.script.operate = (operation) => (th.walletBank.carryOut(operation), noAnswer);
  await operate(m, id, kind, 70);
  await th.work(m);
  th.walletBank.script = {};
  expect((await operate(m, id, kind, 31)).status).toBe(422);
  await rounds(m, 1, 2);
  expect((await told(m, id)).at(-1)).toBe({ capture: 'captured', cancel: 'cancelled', refund: 'refunded' }[kind]);
  expect(await th.balances(m)).toEqual({ available: { capture: 70n, cancel: 0n, refund: 30n }[kind], held: 0n });
  expect(th.walletBank.operated.length).toBe(from + 1);
});

test('an operation that was lost on its way is sent again under its reference, and done once', async () => {
  const m = await th.merchant();
  const id = await authorised(m);
  const from = th.walletBank.operated.length;
  let lost = 2;
  th.walletBank.script.operate = () => (lost-- > 0 ? noAnswer : undefined);
  await operate(m, id, 'capture', 100);
  await th.work(m);
  await rounds(m, 6, 20);
  const sent = th.walletBank.operated.slice(from);
  expect([sent.length, new Set(sent.map(({ reference }) => reference)).size]).toEqual([3, 1]);
  expect(await th.balances(m)).toEqual({ available: 100n, held: 0n });
  th.walletBank.script = {};
});

test('shortly before the processor forgets nothing is sent again: absence is then the proof that nothing arrived', async () => {
  const m = await th.merchant();
  th.walletBank.known = { retentionSeconds: 600, maxInFlightSeconds: 30 };
  const id = await authorised(m);
  th.walletBank.script.operate = () => noAnswer;
  await operate(m, id, 'capture', 100);
  const from = th.walletBank.operated.length;
  await th.work(m);
  await th.later(545); // too late to send, and the processor still remembers
  await th.work(m);
  expect(th.walletBank.operated.length).toBe(from + 1);
  expect((await told(m, id)).at(-1)).toBe('capture_failed');
  th.walletBank.script = {};
  th.walletBank.known = { retentionSeconds: 86_400, maxInFlightSeconds: 30 };
  expect((await operate(m, id, 'capture', 100)).status).toBe(200);
  await th.work(m);
});

test('what the processor may have forgotten is neither sent again nor failed: a person is called', async () => {
  const m = await th.merchant();
  th.walletBank.known = { retentionSeconds: 600, maxInFlightSeconds: 30 };
  const id = await authorised(m);
  th.walletBank.script.operate = () => noAnswer;
  await operate(m, id, 'capture', 100);
  await th.work(m);
  const from = th.walletBank.operated.length;
  await th.later(3_600);
  await th.work(m);
  await rounds(m, 3, 3_600);
  expect(th.walletBank.operated.length).toBe(from);
  expect(await incidents(m)).toEqual([{ kind: 'reference_forgotten' }]);
  expect((await operate(m, id, 'capture', 1)).status).toBe(422); // it still counts
  th.walletBank.script = {};
  th.walletBank.known = { retentionSeconds: 86_400, maxInFlightSeconds: 30 };
});

test('what never left is as if it had not been tried; what is pending is asked about until it is known', async () => {
  const m = await th.merchant();
  const id = await authorised(m);
  let down = 2;
  th.walletBank.script = {
    operate: () => (down-- > 0 ? { kind: 'unsent', why: 'refused' } : { kind: 'pending' }),
    inquireOperation: () => ({ kind: 'pending' }),
  };
  await operate(m, id, 'capture', 100);
  await th.work(m);
  await rounds(m, 5, 30);
  expect(await th.balances(m)).toEqual({ available: 0n, held: 0n });
  th.walletBank.script = { inquireOperation: () => ({ kind: 'done', rrn: '1' }) };
  await rounds(m, 1, 600);
  expect(await th.balances(m)).toEqual({ available: 100n, held: 0n });
  th.walletBank.script = {};
});

test('a worker that wakes up too late disturbs nobody, but its proof counts', async () => {
  const m = await th.merchant();
  th.walletBank.script = { authorize: () => noAnswer, inquireAuthorization: () => noAnswer as never };
  const id = walletIdIn(await authorised(m));
  await rounds(m, 1, 5);
  const say = (verdict: WalletVerdict, tries: number, first: boolean) =>
    th.house.wallet.outcomes.submit(m.merchantId, { id, authorizationId: id, verdict, source: 'call', tries, first });
  expect(await say({ kind: 'unsent', why: 'refused' }, 1, true)).toEqual({ changed: false });
  expect(await say({ kind: 'authorized', rrn: '1', authCode: null }, 1, true)).toEqual({ changed: true });
  th.walletBank.script = {};
});

test('what is not captured in seven days is let go, once', async () => {
  const m = await th.merchant();
  const id = await authorised(m);
  await operate(m, id, 'capture', 40);
  await th.work(m);
  await th.later(7 * 86_400 - 60);
  await th.work(m);
  expect((await told(m, id)).at(-1)).toBe('captured');
  await th.later(61);
  expect(await operate(m, id, 'capture', 1)).toMatchObject({ status: 409, body: { message: expect.stringContaining('expired') } }); // also before a worker has looked
  await th.work(m);
  await rounds(m, 3, 86_400);
  expect((await told(m, id)).slice(3)).toEqual(['captured', 'cancelled']);
  expect((await operationIds(m)).map(({ kind, cause, amount }) => [kind, cause, amount])).toEqual([
    ['capture', 'request', 40n],
    ['cancel', 'expiry', 60n],
  ]);
  expect((await operate(m, id, 'refund', 40)).status).toBe(200); // money back has no such limit
  await th.work(m);
});

test('a capture that fails after the end frees what is let go then', async () => {
  const m = await th.merchant();
  const id = await authorised(m);
  th.walletBank.script = { operate: ({ kind }) => (kind === 'capture' ? { kind: 'pending' } : undefined), inquireOperation: () => ({ kind: 'pending' }) };
  await operate(m, id, 'capture', 100);
  await th.work(m);
  await rounds(m, 2, 8 * 86_400);
  expect(await operationIds(m)).toHaveLength(1);
  th.walletBank.script = { inquireOperation: () => ({ kind: 'declined', code: '57', message: 'expired' }) };
  await rounds(m, 1, 86_400);
  th.walletBank.script = {};
  await th.work(m);
  expect((await told(m, id)).slice(3)).toEqual(['capture_failed', 'cancelled']);
});

test('an expiry that the processor declines calls a person, and is tried again a day later', async () => {
  const m = await th.merchant();
  const id = await authorised(m);
  th.walletBank.script.operate = () => ({ kind: 'declined', code: '57', message: 'not now' });
  await rounds(m, 1, 8 * 86_400);
  expect((await operationIds(m)).map(({ state }) => state)).toEqual(['failed']);
  expect(await incidents(m)).toEqual([{ kind: 'expiry_declined' }]);
  th.walletBank.script = {};
  await rounds(m, 2, 86_400);
  expect((await told(m, id)).slice(3)).toEqual(['cancel_failed', 'cancelled']);
});

test('what the processor let go of by itself before we asked is let go', async () => {
  const m = await th.merchant();
  const id = await authorised(m);
  th.walletBank.script.operate = () => ({ kind: 'declined', code: '54', message: 'expired' });
  await rounds(m, 2, 8 * 86_400);
  th.walletBank.script = {};
  expect((await told(m, id)).slice(3)).toEqual(['cancelled']);
  expect(await incidents(m)).toEqual([]);
});

test('what the processor says is void is captured no more, and let go here, too', async () => {
  const m = await th.merchant();
  const id = await authorised(m);
  await th.house.wallet.callback(m.merchantId, walletIdIn(id), { status: 'cancelled', code: null, rrn: null });
  expect((await operate(m, id, 'capture', 1)).status).toBe(409);
  await th.work(m);
  expect((await told(m, id)).slice(3)).toEqual(['cancelled']);
  expect(await incidents(m)).toEqual([]);
});

test('the processor tells by callback: of a consent, and of what was done with it', async () => {
  const m = await th.merchant();
  th.walletBank.script = { authorize: () => ({ kind: 'pending' }), operate: () => ({ kind: 'pending' }) };
  const id = await authorised(m);
  const reference = th.walletBank.asked.at(-1)?.reference as string;
  const tell = (ref: string, status: string) => {
    const body = JSON.stringify({ ref, status, rrn: '600000000001' });
    return th.app.inject({ method: 'POST', url: '/callbacks/processor', headers: signed(body), payload: body });
  };
  expect((await tell(reference, 'authorized')).json()).toEqual({ received: true, changed: true });
  expect((await tell(reference, 'authorized')).json()).toEqual({ received: true, changed: false });
  expect(await statusOf(m, id)).toBe('SUCCESS');
  await operate(m, id, 'capture', 60);
  await th.work(m);
  expect((await tell(th.walletBank.operated.at(-1)?.reference as string, 'executed')).json()).toEqual({ received: true, changed: true });
  expect(await th.balances(m)).toEqual({ available: 60n, held: 0n });
  expect((await tell(reference, 'returned')).statusCode).toBe(404);
  expect((await tell(`${reference.slice(0, -1)}${reference.endsWith('0') ? '1' : '0'}`, 'executed')).statusCode).toBe(404);
  th.walletBank.script = {};
});

test('what contradicts an end changes nothing of the merchant’s: one incident, one suspense posting', async () => {
  const m = await th.merchant();
  const id = await authorised(m);
  th.walletBank.script.operate = () => ({ kind: 'declined', code: '57', message: 'no' });
  await operate(m, id, 'capture', 40);
  await th.work(m);
  th.walletBank.script = {};
  await operate(m, id, 'capture', 60);
  await th.work(m);
  const [failed, done] = await operationIds(m);
  const hear = (which: string | undefined, verdict: WalletVerdict) => th.house.wallet.hear(m.merchantId, which as string, verdict, 'callback');
  for (let i = 0; i < 3; i++) await hear(failed?.id, { kind: 'done', rrn: '9' });
  expect(await suspense(m)).toBe(40n);
  for (let i = 0; i < 3; i++) await hear(done?.id, { kind: 'declined', code: '05', message: 'no' });
  expect(await suspense(m)).toBe(-20n);
  expect((await incidents(m)).map(({ kind }) => kind).toSorted()).toEqual(['declined_after_settlement', 'executed_after_refusal']);
  expect(await th.balances(m)).toEqual({ available: 60n, held: 0n });
  expect(await hear('019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb', { kind: 'pending' })).toBeUndefined();
});

test('the processor is left alone while it does not answer; what waits is NEW and nothing fails', async () => {
  const m = await th.merchant();
  th.walletBank.script.authorize = () => ({ kind: 'unsent', why: 'refused' });
  const ids = await Promise.all(Array.from({ length: 20 }, () => authorize(m)));
  await Promise.all(await th.house.wallet.queue.take(m.merchantId, 10));
  expect(th.house.wallet.breaker.isOpen).toBe(true);
  expect(await th.house.wallet.queue.take(m.merchantId, 100)).toHaveLength(0);
  expect((await Promise.all(ids.map((id) => statusOf(m, id)))).filter((status) => status === 'NEW')).toHaveLength(10);
  th.walletBank.script = {};
  await expect
    .poll(
      async () => {
        await th.later(60);
        await th.work(m);
        return (await th.get('/v1/wallet/transactions/?limit=100&status=SUCCESS', m)).body.items.length;
      },
      { timeout: 10_000 },
    )
    .toBe(20);
});

test('a history does not go back in time, whatever the clock of the process that hears of it says', async () => {
  const m = await th.merchant();
  th.walletBank.script.authorize = () => ({ kind: 'pending' });
  const id = walletIdIn(await authorised(m));
  th.walletBank.script = {};
  await th.later(-3_600);
  await th.house.wallet.hear(m.merchantId, id, { kind: 'authorized', rrn: '1', authCode: null }, 'callback');
  await th.later(3_600);
  const { body } = await th.get('/v1/events', m);
  const times = body.data.filter(({ objectId }: { objectId: string }) => objectId === id).map(({ createdAt }: { createdAt: string }) => createdAt);
  expect(times).toHaveLength(3);
  expect(times).toEqual(times.toSorted());
});

test('webhooks tell of it to those who asked', async () => {
  const m = await th.merchant();
  const hook = (events?: string[]) => th.post('/v1/webhook-endpoints', m, { url: 'https://shop.example/hook', ...(events ? { events } : {}) });
  const [quiet, keen] = [(await hook()).body.id, (await hook(['wallet_transaction.success', 'wallet_transaction.captured'])).body.id];
  const id = await authorize(m);
  const deliveries = async (endpoint: string) => (await th.get(`/v1/webhook-endpoints/deliveries?endpointId=${endpoint}`, m)).body.data;
  await Promise.all(await th.house.wallet.queue.take(m.merchantId, 10));
  await operate(m, id, 'capture', 40);
  await Promise.all(await th.house.wallet.queue.take(m.merchantId, 10));
  expect(await deliveries(quiet)).toEqual([]);
  const bodies = (await deliveries(keen)).map(({ body }: { body: string }) => JSON.parse(body));
  expect(bodies.map(({ name }: { name: string }) => name)).toEqual(['wallet_transaction.captured', 'wallet_transaction.success']);
  const shown = { walletTransactionId: id, walletTransactionStatus: 'SUCCESS', orderReference: 'o', amount: 100, currency: 'KZT' };
  expect(bodies.map(({ data }: { data: unknown }) => data)).toEqual([{ ...shown, operationAmount: 40 }, shown]);
});
