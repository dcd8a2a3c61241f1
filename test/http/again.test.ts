/** The same request again, under the same Idempotency-Key: the same answer, byte for byte, and nothing done twice. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../harness/house.ts';
import { Conformance } from './conformance.ts';
import { operations } from './description.ts';
import { expectRefusal, rowsOf } from './refusals.ts';
import { openSandboxBank } from './sandbox-bank.ts';

let th: TestHouse;
let m: TestMerchant;
let sandbox: Awaited<ReturnType<typeof openSandboxBank>>;
beforeAll(async () => {
  sandbox = await openSandboxBank();
  th = await openTestHouse({ config: sandbox.config });
  (await Conformance.open()).watch(th);
  m = await th.merchant({ available: 1_000_000_00n });
});
afterAll(async () => {
  await th.close();
  sandbox.close();
});

const authorization = { amount: 1000, phoneNumber: '+77012345678', iin: '900101300123', orderReference: 'W-1', currency: 'KZT' };
const distribution = {
  ...{ orderReference: 'A-1', amount: 1, currency: 'KZT', paymentPurpose: 'by contract 123' },
  recipient: { name: 'TOO Credit Partner', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' },
};

interface Example {
  body?: unknown;
  /** what the same key must not be used for; unset where there is no body */
  other?: unknown;
}

/** A request for each operation that takes a key. */
async function examples(): Promise<Map<string, Example & { path: string }>> {
  const endpoint = (await th.post('/v1/webhook-endpoints', m, { url: 'http://127.0.0.1:9/first' })).body as { id: string };
  await th.saveCard(m, '5555555555554444');
  const { body } = await th.post('/v1/wallet/authorize', m, authorization, { 'idempotency-key': 'of-the-examples' });
  const wallet = body.walletTransactionId as string;
  await th.work(m);
  await th.post(`/v1/wallet/${wallet}/capture`, m, { amount: 100 });
  await th.work(m);
  const apiKey = (await th.post('/v1/api-keys', m, { scopes: ['read'] })).body as { id: string };
  const { data } = (await th.get(`/v1/webhook-endpoints/deliveries?endpointId=${endpoint.id}`, m)).body as { data: { eventId: string }[] };
  const partner = { name: 'TOO Partner', bin: '123456789012', iban: 'KZ86125KZT5004100100', bic: 'KCJBKZKX', kbe: '17', knp: '119' };
  const beneficiary = (await th.post('/v1/merchants/payment-beneficiaries', m, partner)).body.id as string;
  const shares = { orderReference: authorization.orderReference, items: [{ beneficiaryId: beneficiary, amount: 50 }] };
  expect((await th.post('/v1/merchants/split-requests', m, shares)).body.status).toBe('processed'); // so that there is something to settle
  const money = { amount: 1, currency: 'KZT' };
  const invoice = { orderReference: 'A-3', amount: 1, currency: 'KZT', payer: { name: 'TOO Payer', bin: partner.bin } };
  const bill = (await th.post('/v1/bank-invoices', m, invoice)).body.id as string;
  const all: Record<string, Example> = {
    'POST /v1/merchants/payment-beneficiaries': { body: partner, other: { ...partner, name: 'x' } },
    'POST /v1/merchants/payment-beneficiaries/{id}/transfer': { body: money, other: { ...money, amount: 2 } },
    'POST /v1/merchants/payment-beneficiaries/{id}/settlements': { body: money, other: { ...money, amount: 2 } },
    'POST /v1/merchants/split-requests': { body: { ...shares, orderReference: 'A-4' }, other: { ...shares, orderReference: 'A-5' } },
    'POST /v1/merchants/settlement-payment-orders': {
      ...{ body: { ...money, requestId: 'A-6', beneficiaryId: beneficiary }, other: { ...money, requestId: 'A-7', beneficiaryId: beneficiary } },
    },
    'POST /v1/bank-invoices': { body: invoice, other: { ...invoice, amount: 2 } },
    'POST /v1/sandbox/bank-invoices/{id}/pay': { body: { amount: 1 }, other: { amount: 2 } },
    'POST /v1/bank-invoices/{id}/cancel': {},
    'POST /v1/payout': { body: { tokenId: m.cardToken, amount: 1 }, other: { tokenId: m.cardToken, amount: 2 } },
    'POST /v1/distributions': { body: distribution, other: { ...distribution, amount: 2 } },
    'POST /v1/wallet/authorize': { body: { ...authorization, orderReference: 'A-1' }, other: { ...authorization, amount: 2 } },
    'POST /v1/wallet/{id}/capture': { body: { amount: 1 }, other: { amount: 2 } },
    'POST /v1/wallet/{id}/cancel': { body: { amount: 1 }, other: { amount: 2 } },
    'POST /v1/wallet/{id}/refund': { body: { amount: 1 }, other: { amount: 2 } },
    'POST /v1/distributions/bulk': { body: { items: [{ ...distribution, orderReference: 'A-2' }] }, other: { items: [distribution] } },
    'POST /v1/cards': { body: { customer: { externalUserId: 'again' } }, other: { customer: { externalUserId: 'another' } } },
    'POST /v1/customers': { body: { externalUserId: 'again-2', email: 'a@example.kz' }, other: { externalUserId: 'again-2', email: 'b@example.kz' } },
    'POST /v1/sandbox/topup': { body: { amount: 5, currency: 'KZT' }, other: { amount: 5, currency: 'USD' } },
    'POST /v1/webhook-endpoints': { body: { url: 'http://127.0.0.1:9/a' }, other: { url: 'http://127.0.0.1:9/b' } },
    'POST /v1/webhook-endpoints/{id}/roll-secret': { body: { overlapSeconds: 5 }, other: {} },
    'POST /v1/webhook-endpoints/{id}/replay': { body: { from: '2020-01-01T00:00:00Z' }, other: { from: '2021-01-01T00:00:00Z' } },
    'POST /v1/webhook-endpoints/{id}/test': {},
    'POST /v1/webhook-endpoints/{id}/disable': {},
    'POST /v1/webhook-endpoints/{id}/enable': {},
    'POST /v1/api-keys': { body: { scopes: ['read'] }, other: { scopes: ['payouts'] } },
    'POST /v1/api-keys/{id}/roll': { body: { overlapSeconds: 60 }, other: { overlapSeconds: 61 } },
    'POST /v1/api-keys/{id}/revoke': {},
    'POST /v1/sandbox/clock': { body: { advanceSeconds: 1 }, other: { advanceSeconds: 2 } },
    'POST /v1/webhook-endpoints/{id}/deliveries/{eventId}/resend': {},
  };
  const ids = [['api-keys', apiKey.id], ['wallet', wallet], ['beneficiaries', beneficiary], ['invoices', bill]] as const; // prettier-ignore
  const idFor = (name: string) => ids.find(([room]) => name.includes(room))?.[1] ?? endpoint.id;
  return new Map(
    Object.entries(all).map(([name, example]) => [
      name,
      {
        ...example,
        path: name
          .slice('POST '.length)
          .replace('{id}', idFor(name))
          .replace('{eventId}', data[0]?.eventId as string),
      },
    ]),
  );
}

test('every POST takes an Idempotency-Key', async () => {
  const takesKey = (operation: { parameters?: { name: string }[] }) => operation.parameters?.some(({ name }) => name === 'idempotency-key') ?? false;
  const posts = (await operations()).filter(({ method }) => method === 'POST');
  expect(posts.filter(({ operation }) => !takesKey(operation)).map(({ path }) => path)).toEqual([]);
  expect(posts.map(({ path }) => `POST ${path}`).sort()).toEqual([...(await examples()).keys()].sort());
});

test('the same key gives the same bytes, and for another body a refusal', async () => {
  for (const [name, { path, body, other }] of await examples()) {
    const key = { 'idempotency-key': `k-${name.replaceAll(/[^a-z]/g, '')}` };
    const first = await th.post(path, m, body, key);
    expect([200, 201, 202], `${name} ${first.text}`).toContain(first.status);
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    const before = await rowsOf(th);
    const again = await th.post(path, m, body, key);
    expect([again.status, again.text, again.headers['idempotent-replayed']], name).toEqual([first.status, first.text, 'true']);
    if (other !== undefined) expectRefusal(await th.post(path, m, other, key), 409, 'this Idempotency-Key was used for a request with another body');
    expect(await rowsOf(th)).toEqual(before);
  }
});

test('the order of fields and the spelling of text make no other request; what is said does', async () => {
  const key = { 'idempotency-key': 'spelling' };
  const { text } = await th.post('/v1/payout', m, `{"tokenId":"${m.cardToken}","amount":10.50,"description":"a\\u0062c"}`, key);
  for (const same of [
    `{"description":"abc","amount":10.5,"tokenId":"${m.cardToken}"}`,
    ` {"amount" : 10.500, "tokenId":"${m.cardToken}", "description":"abc"}\n`,
  ]) {
    expect((await th.post('/v1/payout', m, same, key)).text).toBe(text);
  }
  for (const other of [{ currency: 'KZT' }, { description: 'abc ' }, { description: null }, { amount: 10.51 }]) {
    expectRefusal(await th.post('/v1/payout', m, { tokenId: m.cardToken, amount: 10.5, description: 'abc', ...other }, key), 409);
  }
});

test('a key belongs to one merchant and one route', async () => {
  const other = await th.merchant({ available: 1_000_00n });
  const key = { 'idempotency-key': 'common' };
  const [one, two] = [
    await th.post('/v1/payout', m, { tokenId: m.cardToken, amount: 1 }, key),
    await th.post('/v1/payout', other, { tokenId: other.cardToken, amount: 2 }, key),
  ];
  expect([one.status, two.status, one.body.id === two.body.id]).toEqual([201, 201, false]);
  expect((await th.post('/v1/customers', m, { externalUserId: 'x' }, key)).status).toBe(201);
  expect((await th.post('/v1//payout/', m, { tokenId: m.cardToken, amount: 1 }, key)).text).toBe(one.text); // another spelling of one route
  expect((await th.post('/v1/payout', { apiKey: `Bearer ${m.token}` }, { tokenId: m.cardToken, amount: 1 }, key)).text).toBe(one.text); // another key of one merchant
});

test('the key may stand in the body, as requestId', async () => {
  const body = { tokenId: m.cardToken, amount: 3, requestId: 'in-the-body' };
  const first = await th.post('/v1/payout', m, body);
  expect((await th.post('/v1/payout', m, body)).text).toBe(first.text);
  expect((await th.post('/v1/payout', m, body, { 'idempotency-key': 'in-the-body' })).text).toBe(first.text);
});

test('many at once, under one key, are one', async () => {
  const asked = { tokenId: m.cardToken, amount: 4 };
  const heard = await Promise.all(Array.from({ length: 30 }, () => th.post('/v1/payout', m, asked, { 'idempotency-key': 'crowd' })));
  expect(new Set(heard.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
  const made = await Promise.all(Array.from({ length: 10 }, () => th.post('/v1/customers', m, { externalUserId: 'crowd' }, { 'idempotency-key': 'crowd' })));
  for (const one of made) {
    if (one.status === 409) expectRefusal(one, 409, 'still being worked on');
    else expect(one.body.externalUserId).toBe('crowd');
  }
  expect(new Set(made.filter(({ status }) => status !== 409).map(({ text }) => text)).size).toBe(1);
});

test('a refusal is not kept: the key is free for the request as it should have been', async () => {
  const key = { 'idempotency-key': 'at-last' };
  expectRefusal(await th.post('/v1/payout', m, { tokenId: m.cardToken, amount: '5' }, key), 400);
  expectRefusal(await th.post('/v1/payout', m, { tokenId: '019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb', amount: 5 }, key), 404);
  expect((await th.post('/v1/payout', m, { tokenId: m.cardToken, amount: 5 }, key)).status).toBe(201);
});

test('a payout that was rejected is an answer like any other, and is kept', async () => {
  const poor = await th.merchant();
  const key = { 'idempotency-key': 'poor' };
  const ask = () => th.post('/v1/payout', poor, { tokenId: poor.cardToken, amount: 5 }, key);
  const first = await ask();
  expect(first.body).toMatchObject({ status: 'rejected', errorCode: '51' });
  await th.post('/v1/sandbox/topup', poor, { amount: 1_000_00, currency: 'KZT' });
  expect((await ask()).text).toBe(first.text);
});
