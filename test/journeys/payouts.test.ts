/**
 * The story of seeds/payouts.txt, as a merchant lives it: save a card, pay it, hear what became of it. Through the SDK, over
 * real HTTP, with the sandbox bank and a server of the merchant's that verifies every message.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Card, type CardSession, type Transaction, Tolem, TolemError, toMinor } from '../../sdk/src/index.ts';
import { verify } from '../../src/audit/verify.ts';
import { openTown, type Shop, type Town, until } from './town.ts';

let town: Town;
let shop: Shop;
beforeAll(async () => {
  vi.setConfig({ testTimeout: 60_000 }); // on a busy machine
  town = await openTown();
  shop = await town.shop();
});
afterAll(async () => {
  vi.resetConfig();
  const broken = (await verify(town.th.url)).filter(({ violations }) => violations > 0); // whatever happened, the books hold
  await town.close();
  expect(broken).toEqual([]);
});

const card = (number: string): Card => ({ number, expiryMonth: 12, expiryYear: 2031, holder: 'AIGERIM S' });
let users = 0;

/** Saves one of the bank's scenario cards. @returns its token */
async function tokenOf(number: string, { tolem }: Shop = shop): Promise<string> {
  const { cardTokenId } = await tolem.cards.save({ card: card(number), customer: { externalUserId: `user-${++users}` } });
  return cardTokenId as string;
}
/** A payout to a scenario card, and its final message. */
async function pay(number: string, name: string, more: { amount?: number } = {}, whose: Shop = shop) {
  const payout = await whose.tolem.payouts.create({ tokenId: await tokenOf(number, whose), amount: 100, ...more });
  const told = await whose.inbox.wait(name, payout.id);
  return { payout, told, now: await whose.tolem.transactions.get(payout.id) };
}
const balance = async ({ tolem }: Shop) => (await tolem.merchant.get()).balance.find(({ currency }) => currency === 'KZT');

/** The example of the seed, word for word. */
const seed = {
  name: 'transaction.settled',
  data: {
    ...{
      amount: 100,
      bin: null,
      brand: null,
      cardTokenId: null,
      createdAt: '2025-12-08T13:48:09.127968Z',
      currency: 'KZT',
      customerId: null,
      description: 'Payout For Alexander',
    },
    ...{
      id: '019ife38-3g27-3ebc-9ba8-3f9cd0defffb',
      last4: null,
      merchantReference: null,
      parentTransactionId: null,
      payerIp: null,
      paymentLinkId: null,
      paymentMethod: 'card',
    },
    ...{
      paymentSessionId: null,
      recurringType: null,
      retrievalReferenceNumber: '524947389757',
      secure3d: null,
      status: 'settled',
      storeId: '0b4fg5da-a0b5-4g05-9605-d8g61b302af3',
    },
    ...{ terminalId: 'aa825b14-524c-1750-9bf2-139eef7eb197', type: 'unknown', updatedAt: '2025-12-08T13:48:12.079754Z' },
  },
  postedAt: '2025-12-08T13:48:15.135728094Z',
};
/** What an earlier version of the API had in it too (contract, §2.3), and our own names of the same things. */
const EARLIER = ['balance', 'authedAt', 'confirmedAt', 'processedAt', 'processedAmount'];
const OURS = ['transactionId', 'paymentId', 'orderReference', 'errorCode', 'errorMessage', 'error_code', 'error_message'];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const MICROSECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

test('a card is saved, its token comes by webhook, it is paid, and the payout is settled', async () => {
  const session = await shop.tolem.cards.save({ card: card('4111 1111 1111 1111'), customer: { externalUserId: 'alexander', email: 'alexander@example.kz' } });
  expect(session).toMatchObject({ status: 'saved', url: null, cardTokenId: expect.stringMatching(UUID) });
  const saved = await shop.inbox.wait('card.saved', session.customerId);
  expect(saved.body.data).toEqual({
    cardTokenId: session.cardTokenId,
    customerId: session.customerId,
    externalUserId: 'alexander',
    brand: 'visa',
    bin: '411111',
    last4: '1111',
    expiryMonth: 12,
    expiryYear: 2031,
  });
  expect(await shop.tolem.customers.cards(session.customerId)).toMatchObject([{ id: session.cardTokenId, last4: '1111' }]);

  const before = await balance(shop);
  const payout = await shop.tolem.payouts.create({
    tokenId: saved.body.data.cardTokenId as string,
    amount: 100,
    currency: 'KZT',
    description: 'Payout For Alexander',
    merchantReference: 'order-1',
  });
  expect(payout).toMatchObject({ status: 'new', type: 'unknown', amount: 100, currency: 'KZT', retrievalReferenceNumber: null, errorCode: null });
  const settled = await shop.inbox.wait('transaction.settled', payout.id);
  expect(shop.inbox.about(payout.id)).toEqual(['transaction.processing', 'transaction.settled']);
  expect(await balance(shop)).toEqual({ currency: 'KZT', available: (before?.available as number) - toMinor(100, 'KZT'), pending: 0 });

  const { body } = settled;
  expect(Object.keys(body).sort()).toEqual(['data', 'merchantId', 'name', 'postedAt']);
  expect(Object.keys(body.data).sort()).toEqual([...Object.keys(seed.data), ...EARLIER, ...OURS].sort());
  for (const [field, example] of Object.entries(seed.data)) {
    if (example !== null) expect(typeof body.data[field], field).toBe(typeof example);
  }
  expect(body).toMatchObject({
    name: 'transaction.settled',
    merchantId: shop.m.merchantId,
    postedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/),
  });
  expect(body.data).toEqual({
    ...{ id: payout.id, transactionId: payout.id, paymentId: payout.id, status: 'settled', type: 'unknown', paymentMethod: 'card' },
    ...{
      amount: 100,
      currency: 'KZT',
      balance: null,
      processedAmount: 100,
      description: 'Payout For Alexander',
      merchantReference: 'order-1',
      orderReference: 'order-1',
    },
    ...{
      bin: '411111',
      brand: 'visa',
      last4: '1111',
      cardTokenId: session.cardTokenId,
      customerId: session.customerId,
      storeId: expect.stringMatching(UUID),
      terminalId: expect.stringMatching(UUID),
    },
    ...{ retrievalReferenceNumber: expect.stringMatching(/^\d{12}$/), errorCode: null, errorMessage: null, error_code: null, error_message: null },
    ...{ parentTransactionId: null, payerIp: null, paymentLinkId: null, paymentSessionId: null, recurringType: null, secure3d: null, authedAt: null },
    ...{
      createdAt: payout.createdAt,
      updatedAt: expect.stringMatching(MICROSECONDS),
      confirmedAt: expect.stringMatching(MICROSECONDS),
      processedAt: expect.stringMatching(MICROSECONDS),
    },
  });
  expect(payout.createdAt).toMatch(MICROSECONDS);
  expect(await shop.tolem.transactions.get(payout.id)).toEqual(body.data);
  expect(await shop.tolem.transactions.byReference('order-1')).toEqual(body.data);
  const { events } = await shop.tolem.transactions.history(payout.id);
  expect(events.map(({ name }) => name)).toEqual(['transaction.new', 'transaction.processing', 'transaction.settled']);
});

test('a customer enters the card on a page of ours', async () => {
  const session = await shop.tolem.cards.save({ customer: { externalUserId: 'page-user' }, successUrl: 'https://shop.example/done' });
  expect(session).toMatchObject({ status: 'new', cardTokenId: null, expiresAt: expect.stringMatching(MICROSECONDS) } satisfies Partial<
    Record<keyof CardSession, unknown>
  >);
  const page = `${town.url}${new URL(session.url as string).pathname}`;
  const shown = await fetch(page);
  expect([shown.status, shown.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  const send = (fields: Record<string, string>) => fetch(page, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
  const refused = await send({ number: '4111111111111112', expiry: '12/31', holder: 'AIGERIM S' });
  expect(refused.status).toBe(422);
  const done = await send({ number: '4242 4242 4242 4242', expiry: '12/31', holder: 'AIGERIM S' });
  expect([done.status, done.headers.get('location')]).toEqual([303, 'https://shop.example/done']);
  const { body } = await shop.inbox.wait('card.saved', session.customerId);
  expect(body.data).toMatchObject({ externalUserId: 'page-user', last4: '4242', expiryYear: 2031 });
  const payout = await shop.tolem.payouts.create({ tokenId: body.data.cardTokenId as string, amount: 12.34 });
  expect((await shop.inbox.wait('transaction.settled', payout.id)).body.data).toMatchObject({ amount: 12.34, processedAmount: 12.34, last4: '4242' });
});

test.each([
  ['insufficient funds of the bank', '4000000000009995', 'rejected', '51'],
  ['a lost card', '4000000000009987', 'rejected', '41'],
  ['a card that is not honoured', '4000000000000002', 'rejected', '05'],
  ['a number that the bank does not know', '5105105105105100', 'rejected', '14'],
  ['a malfunction of the system', '4000000000000119', 'failed', '96'],
])('%s: nothing is debited, and the merchant is told why', async (_, number, status, code) => {
  const before = await balance(shop);
  const { payout, now } = await pay(number, `transaction.${status}`);
  expect(now).toMatchObject({
    status,
    errorCode: code,
    error_code: code,
    errorMessage: expect.any(String),
    retrievalReferenceNumber: null,
    processedAmount: null,
    confirmedAt: null,
  });
  expect(shop.inbox.about(payout.id)).toEqual(['transaction.processing', `transaction.${status}`]);
  expect(await balance(shop)).toEqual(before);
});

test('an amount that asks for a response code gets it, with any card', async () => {
  expect((await pay('4242424242424242', 'transaction.rejected', { amount: 205.1 })).now).toMatchObject({ errorCode: '51' });
  expect((await pay('4242424242424242', 'transaction.failed', { amount: 209.6 })).now).toMatchObject({ errorCode: '96' });
});

test('more than the balance has is rejected at once, with code 51, and no bank is asked', async () => {
  const poor = await town.shop(100_00n);
  const { payout, now } = await pay('4111111111111111', 'transaction.rejected', { amount: 100.01 }, poor);
  expect(payout).toMatchObject({ status: 'rejected', errorCode: '51' });
  expect(now).toMatchObject({ status: 'rejected', errorCode: '51' });
  expect(poor.inbox.about(payout.id)).toEqual(['transaction.rejected']);
  expect(await balance(poor)).toEqual({ currency: 'KZT', available: 100_00, pending: 0 });
  expect((await pay('4111111111111111', 'transaction.settled', { amount: 100 }, poor)).now.status).toBe('settled'); // to the last tiyn
});

test('what the bank has and will say later is held, then paid, then told', async () => {
  const before = await balance(shop);
  const payout = await shop.tolem.payouts.create({ tokenId: await tokenOf('4000001234560126'), amount: 7 }); // pending until cancelled
  await shop.inbox.wait('transaction.processing', payout.id);
  expect(await balance(shop)).toEqual({ currency: 'KZT', available: (before?.available as number) - 7_00, pending: 7_00 });
  expect((await pay('4000001234560100', 'transaction.settled')).now.status).toBe('settled'); // a callback says so
  expect((await pay('4000001234560118', 'transaction.rejected')).now.errorCode).toBe('51');
  const many = await pay('4000001234560720', 'transaction.settled'); // twenty callbacks
  expect(shop.inbox.about(many.payout.id)).toEqual(['transaction.processing', 'transaction.settled']);
});

test('an answer that never came: the bank is asked, and the payout is paid once', async () => {
  const before = await balance(shop);
  const outcomes = await Promise.all(
    ['4000001234560217', '4000001234560209', '4000001234560316', '4000001234560431'].map((number) => pay(number, 'transaction.settled', { amount: 10 })),
  );
  for (const { payout, now } of outcomes) {
    expect(now).toMatchObject({ status: 'settled', retrievalReferenceNumber: expect.stringMatching(/^\d{12}$/) });
    expect(shop.inbox.about(payout.id)).toEqual(['transaction.processing', 'transaction.settled']);
  }
  expect((await balance(shop))?.available).toBe((before?.available as number) - 4 * 10_00);
});

test('what the bank gives back later is a transaction of its own', async () => {
  const before = await balance(shop);
  const { payout, now } = await pay('4000001234560803', 'transaction.settled', { amount: 55.5 });
  const returned = await until(
    () => shop.inbox.received.find(({ body }) => body.name === 'transaction.returned' && body.data.parentTransactionId === payout.id),
    'the return',
  );
  expect(returned.body.data).toMatchObject({
    status: 'returned',
    type: 'return',
    amount: 55.5,
    currency: 'KZT',
    parentTransactionId: payout.id,
    cardTokenId: payout.cardTokenId,
  });
  expect(await shop.tolem.transactions.get(returned.body.data.id as string)).toEqual(returned.body.data);
  expect(await shop.tolem.transactions.get(payout.id)).toEqual(now); // final is final
  expect(await balance(shop)).toEqual(before);
});

test('asked again, it is not done again: byte for byte, and through the SDK after a lost answer', async () => {
  const tokenId = await tokenOf('4111111111111111');
  const ask = (body: object) =>
    town.conformance.fetch(`${town.url}/v1/payout`, {
      method: 'POST',
      headers: { authorization: shop.m.apiKey, 'content-type': 'application/json', 'idempotency-key': 'order-77' },
      body: JSON.stringify(body),
    });
  const first = await ask({ tokenId, amount: 1 });
  const text = await first.text();
  await shop.inbox.wait('transaction.settled', (JSON.parse(text) as Transaction).id);
  const again = await ask({ tokenId, amount: 1 });
  expect([again.status, await again.text(), again.headers.get('idempotent-replayed'), first.headers.get('idempotent-replayed')]).toEqual([
    201,
    text,
    'true',
    null,
  ]);
  expect((await ask({ tokenId, amount: 2 })).status).toBe(409);

  let lost = 0;
  const answers: boolean[] = [];
  const deaf = new Tolem({
    ...{ apiKey: shop.m.apiKey, baseUrl: town.url },
    onAnswer: ({ replayed }) => void answers.push(replayed),
    fetch: async (input, init) => {
      const response = await town.conformance.fetch(input, init);
      if (lost++ > 0) return response;
      throw new TypeError('fetch failed', { cause: new Error('other side closed') }); // the work is done, the answer lost
    },
  });
  const { total: before } = await shop.tolem.payouts.list();
  const payout = await deaf.payouts.create({ tokenId, amount: 3 });
  expect([lost, answers]).toEqual([2, [true]]);
  expect((await shop.tolem.payouts.list()).total).toBe(before + 1);
  await shop.inbox.wait('transaction.settled', payout.id);
  await expect(shop.tolem.payouts.create({ tokenId, amount: 4 }, { idempotencyKey: 'order-77' })).rejects.toMatchObject({
    status: 409,
    code: 8,
    source: 'payouts',
  });
});

test('an unknown card is an error, and says what it is', async () => {
  const error = await shop.tolem.payouts
    .create({ tokenId: '019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb', amount: 1 })
    .catch((reason: unknown) => reason as TolemError);
  expect(error).toBeInstanceOf(TolemError);
  expect(error).toMatchObject({
    status: 404,
    code: 4,
    type: 'apiError',
    source: 'payouts',
    requestId: expect.stringMatching(UUID),
    idempotencyKey: expect.any(String),
  });
});

test('the feed has everything that a webhook had, in the order in which it happened', async () => {
  const inFlight = async () => (await shop.tolem.webhookEndpoints.deliveries({ state: 'pending' })).data.length === 0 || undefined;
  await until(inFlight, 'the last delivery');
  const events = [];
  for await (const event of shop.tolem.events.all({ limit: 7 })) events.push(event);
  const told = new Map(shop.inbox.received.map((one) => [one.id, one]));
  expect(told.size).toBeGreaterThan(30);
  for (const { id, body, raw } of told.values()) {
    const event = events.find((one) => one.id === id);
    expect(event?.body).toEqual(body);
    expect(JSON.stringify(event?.body)).toBe(raw);
  }
  const untold = events.filter(({ id }) => !told.has(id));
  expect(new Set(untold.map(({ name, createdAt }) => (createdAt < (shop.inbox.received[0]?.body.postedAt as string) ? 'before the endpoint' : name)))).toEqual(
    new Set(['before the endpoint', 'transaction.new']),
  );
  for (const objectId of new Set(events.map((one) => one.objectId))) {
    const seqs = events.filter((one) => one.objectId === objectId).map(({ objectSeq }) => objectSeq);
    expect(seqs).toEqual(seqs.map((_, i) => i + 1));
  }
  expect(shop.inbox.faults).toEqual([]);
});

test('a message that was refused is sent again, with the same id and the same bytes; and once more on request', async () => {
  const hard = await town.shop();
  hard.inbox.answer = 503;
  const payout = await hard.tolem.payouts.create({ tokenId: await tokenOf('4111111111111111', hard), amount: 1 });
  await hard.inbox.wait('card.saved');
  const stuck = await until(
    async () => (await hard.tolem.webhookEndpoints.deliveries({ objectId: payout.id })).data.find(({ attempts }) => attempts.length > 0),
    'an attempt',
  );
  expect(stuck).toMatchObject({ state: 'pending', name: 'transaction.processing', tries: 1, attempts: [{ try: 1, status: 503, error: 'answered 503' }] });
  expect(hard.inbox.about(payout.id)).toEqual(['transaction.processing']); // what follows does not overtake it
  hard.inbox.answer = 204;
  expect(await hard.tolem.webhookEndpoints.resend(hard.endpoint.id, stuck.eventId)).toEqual({ opened: 1 });
  await hard.inbox.wait('transaction.settled', payout.id);
  expect(hard.inbox.about(payout.id)).toEqual(['transaction.processing', 'transaction.processing', 'transaction.settled']);
  const [first, second] = hard.inbox.received.filter(({ id }) => id === stuck.eventId);
  expect([first?.attempt, second?.attempt, second?.raw === first?.raw, first?.raw === stuck.body]).toEqual([1, 2, true, true]);

  await until(
    async () => (await hard.tolem.webhookEndpoints.deliveries({ objectId: payout.id, state: 'delivered' })).data.length === 2 || undefined,
    'both delivered',
  );
  await hard.tolem.webhookEndpoints.resend(hard.endpoint.id, stuck.eventId);
  await until(() => hard.inbox.received.filter(({ id }) => id === stuck.eventId).length === 3 || undefined, 'the third time');
  const { eventId } = await hard.tolem.webhookEndpoints.test(hard.endpoint.id);
  const trial = await hard.inbox.wait('webhook.test');
  expect([trial.id, trial.body.data.endpointId]).toEqual([eventId, hard.endpoint.id]);
  const log = [];
  for await (const delivery of hard.tolem.webhookEndpoints.allDeliveries({ objectId: payout.id })) log.push(delivery);
  expect(log.map(({ name, attempts }) => [name, attempts.map(({ status }) => status)])).toEqual([
    ['transaction.settled', [204]],
    ['transaction.processing', [503, 204, 204]],
  ]);
});

test('while a secret is being rolled, both the old and the new one verify', async () => {
  const other = await town.shop();
  const { secret } = await other.tolem.webhookEndpoints.rollSecret(other.endpoint.id);
  await other.tolem.cards.save({ card: card('4242424242424242'), customer: { externalUserId: 'old secret' } });
  const old = await other.inbox.wait('card.saved');
  expect(String(old.headers['webhook-signature']).split(' ')).toHaveLength(2);
  other.inbox.secret = secret as string;
  const { customerId } = await other.tolem.cards.save({ card: card('4242424242424242'), customer: { externalUserId: 'new secret' } });
  await other.inbox.wait('card.saved', customerId);
  expect(other.inbox.faults).toEqual([]);
});
