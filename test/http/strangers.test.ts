/** Who is let in, to what, and how often: without a key, with one that is no good, with one that may not, and with one of somebody else. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withOwner } from '../../src/db/session.ts';
import { SCOPES } from '../../src/merchants/keys.ts';
import { openTestHouse, type TestHouse, type TestMerchant } from '../harness/house.ts';
import { Conformance } from './conformance.ts';
import { operations } from './description.ts';
import { expectRefusal, type Heard, rowsOf } from './refusals.ts';

let th: TestHouse;
let m: TestMerchant;
beforeAll(async () => {
  th = await openTestHouse();
  (await Conformance.open()).watch(th);
  m = await th.merchant({ available: 1_000_00n });
  await th.get('/v1/keys', m); // makes the platform's key, once
});
afterAll(() => th.close());

const NOBODY = '019ac9a1-2f2b-7c11-a2d4-3f9cd0defffb';
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE'] as const;
let addresses = 0;

/** Each from an address of its own: strangers of one address are slowed down. */
async function ask(method: string, url: string, authorization?: string, body?: unknown): Promise<Heard> {
  const address = `10.${(++addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`;
  const answer = await th.app.inject({
    method: method as 'GET',
    url,
    remoteAddress: address,
    headers: { ...(authorization === undefined ? {} : { authorization }), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, text: answer.body, headers: answer.headers, body: undefined };
}
const filled = (path: string, id = NOBODY) => path.replaceAll(/\{\w+\}/g, id);

test('without a key nothing is told or done, by any method, on any route', async () => {
  const before = await rowsOf(th);
  const all = await operations();
  for (const path of new Set(all.map((one) => one.path))) {
    for (const method of METHODS) {
      const known = all.some((one) => one.method === method && new RegExp(`^${filled(one.path, '[^/]+')}$`).test(filled(path)));
      const heard = await ask(method, filled(path), undefined, method === 'POST' || method === 'PATCH' ? {} : undefined);
      if (method !== 'HEAD') expectRefusal(heard, known ? 401 : 405);
      else expect(heard.status).toBe(405);
    }
  }
  expect(await rowsOf(th)).toEqual(before);
}, 60_000);

test('every route of the server asks for a key, but for those that are made for strangers', async () => {
  const { routeTable } = th.app as unknown as { routeTable: { methods: string[]; pattern: RegExp }[] };
  const described = (await operations()).map(({ method, path }) => `${method} ${filled(path, 'x')}`);
  const strange = routeTable.flatMap(({ methods, pattern }) =>
    methods
      .filter((method) => !described.some((one) => one.startsWith(`${method} `) && pattern.test(one.slice(method.length + 1))))
      .map((method) => `${method} ${pattern.source.replaceAll('\\/', '/').replaceAll('\\', '')}`),
  );
  expect(strange.filter((route) => !/^(GET|HEAD) \^\/(docs|openapi)/.test(route)).sort()).toEqual([
    'GET ^/cards/[^/]+/?$',
    'GET ^/invoices/[^/]+/[^/]+/?$',
    'POST ^/callbacks/processor/?$',
    'POST ^/cards/[^/]+/?$',
  ]);
});

test('a key that is no good is refused, whatever is wrong with it', async () => {
  const make = async (more: object) => (await th.post('/v1/api-keys', m, { scopes: ['read'], ...more })).body as { id: string; secret: string };
  const revoked = await make({});
  const expired = await make({ expiresInSeconds: 1 });
  await th.post(`/v1/api-keys/${revoked.id}/revoke`, m, undefined);
  await sleep(1_050); // a key may work for a moment after it was revoked, and for its whole second
  const wrong = `${m.apiKey.slice(0, -1)}${m.apiKey.endsWith('x') ? 'y' : 'x'}`;
  const alike = await Promise.all(
    [wrong, revoked.secret, expired.secret, m.apiKey.toLowerCase(), m.apiKey.slice(0, -1), `${m.apiKey}x`, `Bearer ${m.token}x`].map((key) =>
      ask('GET', '/v1/merchants/me', key),
    ),
  );
  for (const heard of alike) expectRefusal(heard, 401, 'the key is unknown, expired or revoked');
  expect(new Set(alike.map(({ text }) => text)).size).toBe(1);
  for (const [key, says] of [
    [undefined, 'send the key in the header Authorization'],
    ['', 'send the key in the header Authorization'],
    [`Bearer ${m.apiKey}`, 'send the raw key, without "Bearer'],
    [`bearer ${m.apiKey}`, 'send the raw key, without "Bearer'],
    [m.token, 'keys go raw into Authorization, tokens after "Bearer "'],
    [`Basic ${Buffer.from(`${m.apiKey}:`).toString('base64')}`, 'this is not a key'],
    ['Bearer', 'this is not a key'],
    [`${m.apiKey} ${m.apiKey}`, 'this is not a key'],
    ["' or 1=1 --", 'this is not a key'],
    ['x'.repeat(5000), 'this is not a key'],
    [m.clientKey, 'a client key is for browsers'],
    [m.webhookToken, 'the key is unknown'],
  ] as const) {
    expectRefusal(await ask('GET', '/v1/merchants/me', key), 401, says);
  }
  expect((await ask('GET', '/v1/merchants/me', m.apiKey)).status).toBe(200);
  expect((await ask('GET', '/v1/merchants/me', `Bearer ${m.token}`)).status).toBe(200);
});

test('a key may do what its scopes say, and nothing else: every route, every scope', async () => {
  const keys = new Map<string, string>();
  for (const scope of SCOPES) keys.set(scope, (await th.post('/v1/api-keys', m, { scopes: [scope] })).body.secret as string);
  const none = (await th.post('/v1/api-keys', m, { scopes: [] })).body.secret as string;
  const before = await rowsOf(th);
  for (const { method, path, scope: needed } of await operations()) {
    const body = method === 'GET' ? undefined : { nonsense: true }; // who is let in is told that this is none
    for (const [scope, key] of [...keys, ['', none] as const]) {
      const heard = await ask(method, filled(path), key, body);
      const isLetIn = needed === undefined || needed === scope;
      if (!isLetIn) expectRefusal(heard, 403, `the key lacks the scope "${needed}"`);
      else expect([200, 400, 404], `${method} ${path} with ${scope}: ${heard.text}`).toContain(heard.status);
    }
  }
  expect(await rowsOf(th)).toEqual(before);
}, 60_000);

test('a key gives no more than it has', async () => {
  const { secret } = (await th.post('/v1/api-keys', m, { scopes: ['keys', 'read'] })).body as { secret: string };
  expectRefusal(await ask('POST', '/v1/api-keys', secret, { scopes: ['read', 'payouts'] }), 403, 'a key cannot give what it does not have: payouts');
  expect((await ask('POST', '/v1/api-keys', secret, { scopes: ['read'] })).status).toBe(201);
});

test('live merchants have no sandbox', async () => {
  const live = await th.merchant({ mode: 'live' });
  expectRefusal(await th.post('/v1/sandbox/topup', live, { amount: 1, currency: 'KZT' }), 403, 'only test merchants');
  expectRefusal(await th.post('/v1/sandbox/clock', live, { advanceSeconds: 1 }), 403, 'only test merchants');
});

test('what belongs to another merchant is answered as what never was', async () => {
  const [owner, other] = [await th.merchant({ available: 1_000_00n }), await th.merchant({ available: 1_000_00n })];
  const endpoint = (await th.post('/v1/webhook-endpoints', owner, { url: 'http://127.0.0.1:9/' })).body as { id: string };
  const customer = (await th.post('/v1/customers', owner, { externalUserId: 'mine' })).body as { id: string };
  const payout = (await th.post('/v1/payout', owner, { tokenId: owner.cardToken, amount: 1, merchantReference: NOBODY })).body as { id: string };
  const key = (await th.post('/v1/api-keys', owner, { scopes: [] })).body as { id: string };
  const feed = (await th.get('/v1/events', owner)).body as { next: string; data: { id: string }[] };
  const event = feed.data[0] as { id: string };
  const before = await rowsOf(th);

  type Asked = [method: 'GET' | 'POST' | 'PATCH', path: (id: string) => string, id: string, body?: (id: string) => unknown];
  const asked: Asked[] = [
    ...['', '/history'].map((tail): Asked => ['GET', (id: string) => `/v1/transactions/${id}${tail}`, payout.id]),
    ...['', '/cards'].map((tail): Asked => ['GET', (id: string) => `/v1/customers/${id}${tail}`, customer.id]),
    ['GET', (id) => `/v1/webhook-endpoints/${id}`, endpoint.id],
    ['PATCH', (id) => `/v1/webhook-endpoints/${id}`, endpoint.id, () => ({ url: 'http://127.0.0.1:9/evil' })],
    ...['enable', 'disable', 'test', 'roll-secret'].map((verb): Asked => ['POST', (id: string) => `/v1/webhook-endpoints/${id}/${verb}`, endpoint.id]),
    ['POST', (id) => `/v1/webhook-endpoints/${id}/replay`, endpoint.id, () => ({ from: '2020-01-01T00:00:00Z' })],
    ['POST', (id) => `/v1/webhook-endpoints/${id}/deliveries/${event.id}/resend`, endpoint.id],
    ['GET', (id) => `/v1/events/${id}`, event.id],
    ...['roll', 'revoke'].map((verb): Asked => ['POST', (id: string) => `/v1/api-keys/${id}/${verb}`, key.id, () => ({})]),
    ['POST', () => '/v1/payout', owner.cardToken, (tokenId) => ({ tokenId, amount: 1 })],
    ['POST', () => '/v1/cards', customer.id, (customerId) => ({ customerId })],
    ...['endpointId', 'eventId', 'objectId'].map((name): Asked => [
      'GET',
      (id: string) => `/v1/webhook-endpoints/deliveries?${name}=${id}`,
      { endpointId: endpoint.id, eventId: event.id, objectId: payout.id }[name] as string,
    ]),
  ];
  for (const [method, path, id, body] of asked) {
    const [foreign, unknown] = [await th.request(method, path(id), other, body?.(id)), await th.request(method, path(NOBODY), other, body?.(NOBODY))];
    if (!path(id).includes('?')) expectRefusal(foreign, 404);
    expect(plain(foreign, id)).toEqual(plain(unknown, NOBODY));
  }
  expectRefusal(await th.get(`/v1/transactions/by-order-reference/${NOBODY}`, other), 404);
  const cursors = await Promise.all(
    [feed.next, `${feed.next.slice(0, -2)}AA`, 'x'.repeat(feed.next.length)].map((after) => th.get(`/v1/events?after=${after}`, other)),
  );
  for (const heard of cursors) expectRefusal(heard, 400, 'after: this is not a cursor that was given to you');
  expect(new Set(cursors.map(({ text }) => text)).size).toBe(1);
  expect(await rowsOf(th)).toEqual(before);
  expect((await th.get(`/v1/webhook-endpoints/${endpoint.id}`, owner)).body).toMatchObject({ url: 'http://127.0.0.1:9/', enabled: true });
});

/** An answer, but for the id that was asked for and what every answer has of its own. */
function plain({ status, text, headers }: Heard, id: string) {
  const { 'x-request-id': _request, date: _date, ...rest } = headers;
  return { status, text: text.replaceAll(id, 'ID'), headers: rest };
}

test('who asks too often is told when to come back, and others are not kept waiting', async () => {
  const [busy, calm] = [await th.merchant({ available: 100n }), await th.merchant()];
  await withOwner(th.url, (session) => session.exec(`update tolem.merchant set requests_per_second = 3 where merchant_id = '${busy.merchantId}'`));
  await sleep(450); // what is known of a key is believed for so long
  const began = performance.now();
  const heard = await Promise.all(Array.from({ length: 30 }, () => th.post('/v1/payout', busy, { tokenId: busy.cardToken, amount: 0.01 })));
  const refused = heard.filter(({ status }) => status === 429);
  expect(heard.length - refused.length).toBeLessThanOrEqual(3 + 3 * ((performance.now() - began) / 1000)); // as many as fit into the bucket, and as flow in meanwhile
  expect(refused.length).toBeGreaterThan(0);
  for (const one of refused) expectRefusal(one, 429, 'more than 3 requests a second');
  expect((await th.get('/v1/payout', { apiKey: `Bearer ${busy.token}` })).status).toBe(200); // each key has its own measure
  expect((await th.get('/v1/payout', calm)).status).toBe(200);
  await sleep(Number(refused[0]?.headers['retry-after']) * 1000);
  const { status, body } = await th.get('/v1/payout', busy);
  expect([status, body.total]).toEqual([200, heard.length - refused.length]);
});

test('who guesses keys is slowed down, and whoever has one is not', async () => {
  const began = performance.now();
  const guesses = await Promise.all(Array.from({ length: 60 }, (_, i) => th.get('/v1/merchants/me', { apiKey: `pr_test_${'x'.repeat(20)}${i}` })));
  const statuses = guesses.map(({ status }) => status);
  expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(20 + 20 * ((performance.now() - began) / 1000));
  for (const one of guesses.filter(({ status }) => status === 429)) expectRefusal(one, 429);
  expect((await th.get('/v1/merchants/me', m)).status).toBe(200);
});
