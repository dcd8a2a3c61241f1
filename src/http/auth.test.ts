import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse, type TestMerchant } from '../../test/harness/house.ts';
import { withOwner } from '../db/session.ts';
import { VirtualClock } from '../sandbox/testing.ts';
import { ApiError } from '../errors.ts';
import { RateLimiter } from './auth.ts';

let h: TestHouse;
let m: TestMerchant;
beforeAll(async () => {
  h = await openTestHouse();
  m = await h.merchant({ available: 100_000n });
});
afterAll(() => h.close());

let callers = 0;
/** What a header opens. Whoever asks does so from an address of his own, unless told otherwise: guesses are counted by address. */
async function ask(authorization: string | undefined, house = h, remoteAddress = `10.1.${callers >> 8}.${callers++ & 255}`) {
  const {
    statusCode,
    headers: answered,
    body,
  } = await house.app.inject({ method: 'GET', url: '/v1/payout', remoteAddress, headers: authorization === undefined ? {} : { authorization } });
  return { status: statusCode, retryAfter: answered['retry-after'], body: JSON.parse(body) as { message: string; code: number } };
}

test('a key goes raw, a token after "Bearer"', async () => {
  expect((await ask(m.apiKey)).status).toBe(200);
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) expect((await ask(`${scheme} ${m.token}`)).status).toBe(200);
  const bearer = await ask(`Bearer ${m.apiKey}`);
  expect(bearer).toMatchObject({ status: 401, body: { code: 6, message: 'unauthorized: send the raw key, without "Bearer "', type: 'apiError' } });
  expect((await ask(m.token)).status).toBe(401);
});

test('a client key opens nothing here, raw or as a Bearer', async () => {
  for (const header of [m.clientKey, `Bearer ${m.clientKey}`]) expect((await ask(header)).status).toBe(401);
  expect((await ask(m.clientKey)).body.message).toMatch(/a client key is for browsers/);
});

test('everything else is 401 in one format, and repeats nothing of what was sent', async () => {
  const near = `${m.apiKey.slice(0, -1)}${m.apiKey.endsWith('A') ? 'B' : 'A'}`;
  const wrong = [
    undefined,
    '',
    ' ',
    'x',
    'Basic dXNlcjpwYXNz',
    'Bearer ',
    `Bearer  `,
    'Bearer a b',
    near,
    m.apiKey.toUpperCase(),
    m.apiKey.slice(0, -1),
    `${m.apiKey} `.repeat(2).trim(),
    m.webhookToken,
    `Bearer ${m.webhookToken}`,
    'pr_test_'.padEnd(5_000, 'x'),
    "' or 1=1 --",
    '4111111111111111',
  ];
  for (const header of wrong) {
    const { status, body } = await ask(header);
    expect([header, status, body.code]).toEqual([header, 401, 6]);
    expect(body.message).toMatch(/^unauthorized: /);
    if (header && header.trim().length > 3) expect(body.message).not.toContain(header.slice(0, 200));
  }
});

test('a wrong, a revoked and an expired key are answered alike', async () => {
  const make = async (more: object) => (await h.post('/v1/api-keys', m, { scopes: ['read'], ...more })).body as { id: string; secret: string };
  const [revoked, expired] = [await make({}), await make({ expiresInSeconds: 1 })];
  await h.post(`/v1/api-keys/${revoked.id}/revoke`, m, undefined);
  await h.later(2);
  const answers = [await ask(revoked.secret), await ask(expired.secret), await ask('pr_test_0123456789ABCDEFGHIJKLMNOPabcdef')];
  await h.later(-2);
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(answers[0]?.body.message).toBe('unauthorized: the key is unknown, expired or revoked');
});

test('more than a key may ask for is 429 with the seconds to wait, for that key alone', async () => {
  const limited = await openTestHouse({ url: h.url, config: { requestsPerSecond: 5 } });
  const answers = await Promise.all(Array.from({ length: 12 }, () => ask(m.apiKey, limited)));
  const refused = answers.filter(({ status }) => status === 429);
  expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(7); // five, and what grew back meanwhile
  expect(refused.length).toBeGreaterThanOrEqual(5);
  expect(refused[0]).toEqual({
    status: 429,
    retryAfter: '1',
    body: expect.objectContaining({ code: 9, message: 'too many requests: more than 5 requests a second' }),
  });
  expect((await ask(`Bearer ${m.token}`, limited)).status).toBe(200);
  await limited.close();
});

test('a merchant may have a number of its own', async () => {
  const own = await h.merchant();
  await withOwner(h.url, (session) => session.exec(`update tolem.merchant set requests_per_second = 2 where merchant_id = '${own.merchantId}'`));
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask(own.apiKey)));
  expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(4);
  expect((await ask(m.apiKey)).status).toBe(200);
});

test('who guesses keys is slowed down by address; a good key from there still works', async () => {
  const fresh = await openTestHouse({ url: h.url });
  const guesses = await Promise.all(Array.from({ length: 200 }, (_, i) => ask(`pr_test_${String(i).padStart(32, '0')}`, fresh, '203.0.113.7')));
  const slowed = guesses.filter(({ status }) => status === 429);
  expect(new Set(guesses.map(({ status }) => status))).toEqual(new Set([401, 429]));
  expect(slowed.length).toBeGreaterThan(20);
  expect(slowed[0]?.retryAfter).toMatch(/^\d+$/);
  expect((await ask(m.apiKey, fresh, '203.0.113.7')).status).toBe(200);
  expect((await ask('pr_test_another', fresh, '203.0.113.8')).status).toBe(401);
  await fresh.close();
});

test('a limiter’s bucket fills up again by the second, and never beyond a second’s worth', async () => {
  const clock = new VirtualClock();
  const limiter = new RateLimiter(clock);
  const taken = (name: string, rate: number) => {
    for (let count = 0; ; count++) {
      try {
        limiter.take(name, rate);
      } catch (error) {
        expect(error).toBeInstanceOf(ApiError);
        return count;
      }
    }
  };
  expect([taken('a', 10), taken('b', 10), taken('a', 10)]).toEqual([10, 10, 0]);
  await clock.advance(500);
  expect(taken('a', 10)).toBe(5);
  await clock.advance(60_000);
  expect(taken('a', 10)).toBe(10);
  expect(() => limiter.take('a', 10)).toThrow('more than 10 requests a second');
});
