import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Tolem, TolemConnectionError, TolemError } from './index.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());

interface Sent {
  at: number;
  url: string;
  init: RequestInit & { headers: Record<string, string> };
}
type Step = Response | Error | 'never';

/** A client whose network does as it is told, and the last step for ever. */
function client(steps: Step[], options: Partial<ConstructorParameters<typeof Tolem>[0]> = {}) {
  const sent: Sent[] = [];
  const tolem = new Tolem({
    ...{ apiKey: 'pr_test_secret', baseUrl: 'https://pay.example/' },
    fetch: (async (url: string, init: Sent['init']) => {
      sent.push({ at: Date.now(), url, init });
      const step = steps[Math.min(sent.length, steps.length) - 1] as Step;
      if (step === 'never') return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error)));
      if (step instanceof Error) throw step;
      return step.clone();
    }) as typeof fetch,
    ...options,
  });
  return { tolem, sent };
}
const ok = (body: unknown = { id: 'x' }) => new Response(JSON.stringify(body), { status: 200 });
const refusal = (status: number, code: number, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify({ code, message: `words of ${code}`, source: 'payouts', type: 'apiError' }), {
    status,
    headers: { 'x-request-id': 'r-1', ...headers },
  });
const broken = () => new TypeError('fetch failed', { cause: new Error('ECONNRESET') });
/** Lets all waits pass. @returns what came of it, good or bad */
async function settled<T>(promise: Promise<T>): Promise<T | Error> {
  const outcome = promise.catch((error: unknown) => error as Error);
  await vi.runAllTimersAsync();
  return outcome;
}
const payout = { tokenId: 't', amount: 100.05 };

test('a request has the key, the body and an Idempotency-Key of its own', async () => {
  const { tolem, sent } = client([ok()]);
  await tolem.payouts.create(payout);
  await tolem.payouts.create(payout);
  await tolem.payouts.create(payout, { idempotencyKey: 'mine' });
  const [first, second, third] = sent as [Sent, Sent, Sent];
  expect(first).toMatchObject({
    url: 'https://pay.example/v1/payout',
    init: {
      method: 'POST',
      body: '{"tokenId":"t","amount":100.05}',
      redirect: 'manual',
      headers: { authorization: 'pr_test_secret', 'content-type': 'application/json' },
    },
  });
  const [one, other] = [first, second].map(({ init }) => init.headers['idempotency-key']);
  expect(one).toMatch(/^[0-9a-f-]{36}$/);
  expect(other).not.toBe(one);
  expect(third.init.headers['idempotency-key']).toBe('mine');
});

test('a token goes behind Bearer, a key raw', async () => {
  const { tolem, sent } = client([ok({ data: [] })], { apiKey: 'tk_test_x' });
  await tolem.webhookEndpoints.list();
  expect(sent[0]?.init.headers.authorization).toBe('Bearer tk_test_x');
});

test.each([
  ['a broken connection', broken],
  ['503', () => refusal(503, 1)],
  ['500', () => refusal(500, 2)],
  ['502 of a proxy', () => new Response('<html>', { status: 502 })],
  ['half an answer', () => new Response('{"id":', { status: 201 })],
])('after %s it is asked again, with the same key and the same bytes', async (_, step) => {
  const { tolem, sent } = client([step(), step(), ok({ id: 'done' })]);
  expect(await settled(tolem.payouts.create(payout))).toEqual({ id: 'done' });
  expect(sent).toHaveLength(3);
  expect(new Set(sent.map(({ init }) => `${init.headers['idempotency-key']} ${init.body as string}`)).size).toBe(1);
});

test('retries end, further and further apart, and the error has the key to ask again with', async () => {
  const { tolem, sent } = client([broken()]);
  const error = (await settled(tolem.payouts.create(payout))) as TolemConnectionError;
  expect(error).toBeInstanceOf(TolemConnectionError);
  expect(error.message).toBe('no answer: fetch failed: ECONNRESET');
  expect(error.idempotencyKey).toBe(sent[0]?.init.headers['idempotency-key']);
  const waits = sent.slice(1).map(({ at }, i) => at - (sent[i] as Sent).at);
  expect(waits).toHaveLength(3);
  waits.forEach((wait, i) => expect([wait >= 125 * 2 ** i, wait <= 250 * 2 ** i]).toEqual([true, true]));
});

test('Retry-After is kept to, in seconds or as a date; beyond a minute the caller decides', async () => {
  const { tolem, sent } = client([
    refusal(429, 9, { 'retry-after': '7' }),
    refusal(503, 1, { 'retry-after': new Date(Date.now() + 20_000).toUTCString() }),
    ok(),
  ]);
  await settled(tolem.payouts.create(payout));
  const waits = sent.slice(1).map(({ at }, i) => at - (sent[i] as Sent).at);
  expect(waits[0]).toBe(7_000);
  expect(waits[1]).toBeGreaterThan(11_000);
  const long = client([refusal(429, 9, { 'retry-after': '61' })]);
  expect(await settled(long.tolem.payouts.create(payout))).toMatchObject({ status: 429, retryAfter: 61 });
  expect(long.sent).toHaveLength(1);
});

test('a refusal is an error with everything the answer said, and is not asked again', async () => {
  const body = {
    code: 3,
    message: 'invalid request params: amount must be a number',
    source: 'payouts',
    type: 'apiError',
    details: [{ field: 'amount', message: 'must be a number' }],
  };
  const { tolem, sent } = client([new Response(JSON.stringify(body), { status: 400, headers: { 'x-request-id': 'r-9' } })]);
  const error = (await settled(tolem.payouts.create(payout))) as TolemError;
  expect(error).toBeInstanceOf(TolemError);
  expect(error).toMatchObject({
    status: 400,
    code: 3,
    message: body.message,
    source: 'payouts',
    type: 'apiError',
    details: body.details,
    requestId: 'r-9',
    idempotencyKey: sent[0]?.init.headers['idempotency-key'],
  });
  for (const status of [401, 403, 404, 409, 413, 415, 422]) {
    const other = client([refusal(status, 4)]);
    expect(await settled(other.tolem.payouts.create(payout))).toMatchObject({ status });
    expect(other.sent).toHaveLength(1);
  }
});

test('409 with Retry-After means that the first request is still being worked on', async () => {
  const { tolem, sent } = client([refusal(409, 8, { 'retry-after': '1' }), ok()]);
  await settled(tolem.payouts.create(payout));
  expect(sent).toHaveLength(2);
});

test('what takes no key is not done twice: only 429, which is said before any work, is asked again', async () => {
  for (const step of [broken(), refusal(500, 2), refusal(503, 1)]) {
    const { tolem, sent } = client([step, ok()]);
    expect(await settled(tolem.webhookEndpoints.update('1', { enabled: true }))).toBeInstanceOf(Error);
    expect(sent).toHaveLength(1);
    expect(sent[0]?.init.headers['idempotency-key']).toBeUndefined();
  }
  const { tolem, sent } = client([refusal(429, 9), ok({ id: 'x' })]);
  expect(await settled(tolem.webhookEndpoints.update('1', { enabled: true }))).toEqual({ id: 'x' });
  expect(sent).toHaveLength(2);
});

test('a redirect is not followed: the key goes nowhere else', async () => {
  const { tolem, sent } = client([new Response(null, { status: 302, headers: { location: 'https://evil.example/' } })]);
  expect(await settled(tolem.merchant.get())).toMatchObject({ status: 302, code: undefined });
  expect(sent).toHaveLength(1);
});

test('an attempt has an end, and the caller may end all of it', async () => {
  vi.useRealTimers();
  const slow = client(['never'], { timeoutMs: 20, maxRetries: 0 });
  await expect(slow.tolem.payouts.create(payout)).rejects.toThrow('no answer: none within 20 ms');
  const stop = new AbortController();
  const { tolem, sent } = client(['never']);
  const asked = tolem.payouts.create(payout, { signal: stop.signal });
  stop.abort(new Error('enough'));
  await expect(asked).rejects.toThrow('enough');
  const waiting = client([broken()]);
  const later = waiting.tolem.payouts.create(payout, { signal: AbortSignal.timeout(30) });
  await expect(later).rejects.toMatchObject({ name: 'TimeoutError' });
  expect([sent.length, waiting.sent.length]).toEqual([1, 1]);
});

test('an id goes into the path as one piece, and never as another path', async () => {
  const { tolem, sent } = client([ok()]);
  await tolem.transactions.byReference('a/b ?#é');
  expect(sent[0]?.url).toBe('https://pay.example/v1/transactions/by-order-reference/a%2Fb%20%3F%23%C3%A9');
  for (const bad of ['', '.', '..', undefined as unknown as string]) await expect(tolem.transactions.get(bad)).rejects.toThrow('an id is needed');
  expect(sent).toHaveLength(1);
});

test('a list is asked for with what was given, and nothing more', async () => {
  const { tolem, sent } = client([ok({ data: [], page: 1, size: 20, total: 0 })]);
  await tolem.payouts.list({ status: 'settled', from: new Date('2026-01-02T03:04:05.678Z'), size: 5 });
  await tolem.payouts.list();
  expect(sent.map(({ url }) => url.slice('https://pay.example'.length))).toEqual([
    '/v1/payout?status=settled&size=5&from=2026-01-02T03%3A04%3A05.678Z',
    '/v1/payout',
  ]);
});

test('all of a list comes once each, whatever is made meanwhile', async () => {
  const page = (ids: string[], size: number) => ok({ data: ids.map((id) => ({ id })), page: 1, size, total: 5 });
  const { tolem } = client([page(['5', '4'], 2), page(['4', '3'], 2), page(['2'], 2)]);
  const seen: string[] = [];
  for await (const { id } of tolem.customers.all()) seen.push(id);
  expect(seen).toEqual(['5', '4', '3', '2']);
});

test('the feed goes on from where it was, looks again for what is new, and ends when it is told to', async () => {
  vi.useRealTimers();
  const part = (ids: string[], next: string, hasMore: boolean) => ok({ data: ids.map((id) => ({ id })), next, hasMore });
  const { tolem, sent } = client([part(['1', '2'], 'b', true), part([], 'b', false), part(['3'], 'c', false), part([], 'c', false)]);
  const stop = new AbortController();
  const seen: string[] = [];
  const follow = async () => {
    for await (const { data, next } of tolem.events.parts({ after: 'a', pollMs: 1 }, { signal: stop.signal })) {
      seen.push(...data.map(({ id }) => id), next);
      if (next === 'c') stop.abort(new Error('that is all'));
    }
  };
  await expect(follow()).rejects.toThrow('that is all');
  expect(seen).toEqual(['1', '2', 'b', '3', 'c']);
  expect(sent.slice(0, 3).map(({ url }) => new URL(url).searchParams.get('after'))).toEqual(['a', 'b', 'b']);
});

test('every answer is told of, and the key is nowhere to be seen', async () => {
  const told: unknown[] = [];
  const { tolem } = client([refusal(503, 1), new Response('{"id":"x"}', { status: 201, headers: { 'x-request-id': 'r-2', 'idempotent-replayed': 'true' } })], {
    onAnswer: (answer) => void told.push(answer),
  });
  await settled(tolem.payouts.create(payout, { idempotencyKey: 'k' }));
  expect(told).toEqual([
    { operation: 'POST /v1/payout', status: 503, requestId: 'r-1', idempotencyKey: 'k', replayed: false, attempt: 1 },
    { operation: 'POST /v1/payout', status: 201, requestId: 'r-2', idempotencyKey: 'k', replayed: true, attempt: 2 },
  ]);
  const { inspect } = await import('node:util');
  expect(inspect(tolem, { depth: 10, showHidden: true }) + JSON.stringify(tolem)).not.toContain('pr_test_secret');
});

test('a client that cannot work says so at once', () => {
  expect(() => new Tolem({ apiKey: '', baseUrl: 'https://pay.example' })).toThrow('apiKey');
  expect(() => new Tolem({ apiKey: undefined as unknown as string, baseUrl: 'https://pay.example' })).toThrow('apiKey');
  expect(() => new Tolem({ apiKey: 'pr_test_x', baseUrl: 'pay.example' })).toThrow('baseUrl');
});
