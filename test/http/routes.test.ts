/** Addresses: those that there are, those that there are not, and what every answer has. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../harness/house.ts';
import { operations } from './description.ts';
import { expectRefusal } from './refusals.ts';

let th: TestHouse;
let m: TestMerchant;
beforeAll(async () => {
  th = await openTestHouse();
  m = await th.merchant();
});
afterAll(() => th.close());

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'] as const;
const ask = async (method: string, url: string) => {
  const answer = await th.app.inject({ method: method as 'GET', url, headers: { authorization: m.apiKey } });
  return { status: answer.statusCode, text: answer.body, headers: answer.headers };
};

test('another method is refused, and Allow names those that there are', async () => {
  const all = (await operations()).map(({ method, path }) => ({
    method,
    path: path.replaceAll(/\{\w+\}/g, 'x'),
    pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  }));
  for (const path of new Set(all.map((one) => one.path))) {
    const known = new Set(all.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method));
    for (const method of METHODS.filter((one) => !known.has(one))) {
      const heard = await ask(method, path);
      expectRefusal(heard, 405, `${method} is not a method of this route`);
      expect(new Set(String(heard.headers.allow).split(', ')), path).toEqual(known);
    }
  }
});

test.each([
  '/',
  '/v1',
  '/v1/',
  '/v2/sessions',
  '/v1/payouts',
  '/v1/payout/x',
  '/v1/transactions/x/y',
  '/favicon.ico',
  '/.env',
  '/admin',
  '/metrics',
  '/v1/webhook-endpoints/x/deliveries',
  '/v1/payout%00',
  '/v1/payout/%2e%2e',
])('%s is not found, by any method', async (path) => {
  for (const method of METHODS) expectRefusal(await ask(method, path), 404, 'no such route');
});

test('slashes may be doubled, and one may stand at the end', async () => {
  for (const path of ['//v1/merchants/me', '/v1//merchants///me', '/v1/merchants/me/', '/v1/merchants/me//']) expect((await ask('GET', path)).status).toBe(200);
});

test('every answer has a request id of its own, and is stored nowhere', async () => {
  const heard = [
    await ask('GET', '/v1/merchants/me'),
    await ask('GET', '/v1/nothing'),
    await ask('PUT', '/v1/payout'),
    await ask('POST', '/v1/payout'),
    await ask('GET', '/v1/transactions/%zz'),
    await th.get('/v1/payout', null),
  ];
  expect(heard.map(({ status }) => status)).toEqual([200, 404, 405, 400, 400, 401]);
  for (const { headers } of heard) {
    expect(headers['x-request-id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}$/);
    expect([headers['cache-control'], headers['x-content-type-options'], headers['content-type']]).toEqual([
      'no-store',
      'nosniff',
      'application/json; charset=utf-8',
    ]);
    expect(Object.keys(headers).filter((name) => ['server', 'x-powered-by', 'access-control-allow-origin'].includes(name))).toEqual([]);
  }
  expect(new Set(heard.map(({ headers }) => headers['x-request-id'])).size).toBe(heard.length);
});

test('what there is is given, whatever the caller says it accepts', async () => {
  for (const accept of ['text/html', 'application/xml', 'nonsense', '*/*;q=0']) {
    const answer = await th.app.inject({ method: 'GET', url: '/v1/merchants/me', headers: { authorization: m.apiKey, accept } });
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
  }
});

test('the processor’s callback is believed only with its signature', async () => {
  const send = (headers: Record<string, string>, payload = '{}') =>
    th.app.inject({ method: 'POST', url: '/callbacks/processor', headers: { 'content-type': 'application/json', ...headers }, payload });
  const now = String(Math.floor(Date.now() / 1000));
  for (const headers of [
    {},
    { authorization: m.apiKey },
    { 'webhook-id': 'msg_1', 'webhook-timestamp': now, 'webhook-signature': `v1,${'A'.repeat(43)}=` },
    { 'webhook-id': 'msg_1', 'webhook-timestamp': '1', 'webhook-signature': 'v1,x' },
  ] as Record<string, string>[]) {
    const answer = await send(headers);
    expectRefusal({ status: answer.statusCode, text: answer.body, headers: answer.headers }, 401, 'the signature does not fit');
  }
  const answer = await th.app.inject({ method: 'POST', url: '/callbacks/processor' });
  expectRefusal({ status: answer.statusCode, text: answer.body, headers: answer.headers }, 401);
});
